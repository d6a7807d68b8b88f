/**
 * Runs the program of a kubeconfig that hands out credentials: bounded in time and in what it prints, never asked to talk to
 * anybody, and gone with all that it started. client-node's own way waits for it without end (2.0.1), with its input held open, and goes on
 * without credentials when it answers `null`.
 *
 * @see Kubernetes' page "Authenticating", section "client-go credential plugins"
 */
import { type ChildProcess, spawn } from "node:child_process";
import { TrueupError } from "../../model/errors.ts";
import type { CancelTimer, Clock } from "../../util/clock.ts";
import { parseRecord } from "../../util/json.ts";
import { secretParts, withoutSecrets } from "../../util/secret-text.ts";

/** Those of clouds ask a server, and are done in seconds. */
const TIMEOUT_MS = 60_000;
/** What it started may hold its output open when it has ended. */
const DRAIN_MS = 1_000;
/** A token has a few kilobytes, with a certificate and its key. */
const MOST_BYTES = 1 << 20;
/** What it writes to its error output is shown up to here. */
const SHOWN = 500;
const MASK = "***";
/** Longer words of these letters are keys or tokens rather than words; names of hosts and paths have dots and slashes. */
const TOKEN = /[\w+=~-]{24,}(?:\.[\w+=~-]+)*/g;

export interface KubeUser {
  name: string;
  server: string;
  /** Base64, of the cluster, for plug-ins that ask for it. */
  ca?: string;
  /** `user` of the kubeconfig's entry, with absolute paths. */
  settings: Readonly<Record<string, unknown>>;
}

export interface PlugInCredential {
  /** "" when it hands out a certificate alone. */
  token: string;
  /** PEM. */
  cert?: string;
  key?: string;
  /** Milliseconds since the epoch; infinite when it does not say. */
  expiresAt: number;
}

/**
 * @throws {TrueupError} `forbidden` when it hands out nothing; of what it printed only its error output is quoted, without what
 *   looks like a secret
 */
export async function askPlugIn(user: KubeUser, clock: Clock, signal: AbortSignal): Promise<PlugInCredential> {
  const exec = settingsOf(user);
  if (exec.interactiveMode === "Always")
    throw refusal(user, exec, "it asks for a person to talk to, and nobody is there");
  const run = await runPlugIn(exec, environment(user, exec), clock, signal);
  signal.throwIfAborted();
  if (run.failure !== null) throw refusal(user, exec, run.failure);
  if (run.code !== 0) throw refusal(user, exec, saidOf(run, exec) || "it failed and said nothing");
  const credential = readCredentials(run.output, exec.apiVersion);
  if (credential === null) throw refusal(user, exec, "its answer is no ExecCredential");
  return credential;
}

interface ExecSettings {
  command: string;
  args: string[];
  env: [name: string, value: string][];
  apiVersion: string;
  interactiveMode: string;
  provideClusterInfo: boolean;
  installHint: string;
}

function settingsOf({ settings }: KubeUser): ExecSettings {
  const exec = record(settings.exec);
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
  return {
    command: text(exec.command),
    args: list(exec.args).map(String),
    env: list(exec.env).map((each) => [text(record(each).name), text(record(each).value)]),
    apiVersion: text(exec.apiVersion),
    interactiveMode: text(exec.interactiveMode),
    provideClusterInfo: exec.provideClusterInfo === true,
    installHint: text(exec.installHint),
  };
}

/** What plug-ins expect: who asks, for which cluster, and that nobody can answer. */
function environment({ server, ca }: KubeUser, exec: ExecSettings): NodeJS.ProcessEnv {
  const cluster = { server, ...(ca !== undefined && { "certificate-authority-data": ca }) };
  const spec = { interactive: false, ...(exec.provideClusterInfo && { cluster }) };
  const info = { kind: "ExecCredential", apiVersion: exec.apiVersion, spec };
  const own = exec.env.filter(([name]) => name !== "");
  return { ...process.env, ...Object.fromEntries(own), KUBERNETES_EXEC_INFO: JSON.stringify(info) };
}

interface Run {
  code: number | null;
  output: string;
  errors: string;
  /** Why it came to no end of its own; `null` when it did. */
  failure: string | null;
}

function runPlugIn(exec: ExecSettings, env: NodeJS.ProcessEnv, clock: Clock, signal: AbortSignal): Promise<Run> {
  return new Promise((resolve) => {
    // In a group of its own, so that it ends with all that it started.
    const options = { env, stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"], detached: true };
    let child: ReturnType<typeof start>;
    const start = () => spawn(exec.command, exec.args, options);
    let failure: string | null = null;
    try {
      child = start();
    } catch (error) {
      // A name with a zero byte, too many arguments: it never was a process.
      resolve({
        code: null,
        output: "",
        errors: "",
        failure: (error as NodeJS.ErrnoException).code ?? "it cannot be run",
      });
      return;
    }
    const stop = (why: string): void => {
      failure ??= why;
      killGroup(child);
    };
    const output = gather(child.stdout, () => stop(`it printed more than ${MOST_BYTES >> 20} MiB`));
    const errors = gather(child.stderr, () => undefined);
    const timers: CancelTimer[] = [
      clock.setTimer(TIMEOUT_MS, () => stop(`it did not answer within ${TIMEOUT_MS / 1_000} s`)),
    ];
    const onAbort = (): void => stop("it was not waited for");
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const end = (code: number | null): void => {
      for (const cancel of timers) cancel();
      signal.removeEventListener("abort", onAbort);
      resolve({ code, output: output(), errors: errors(), failure });
    };
    child.on("error", ({ code }: NodeJS.ErrnoException) => {
      failure ??= code === "ENOENT" ? "there is no such program" : `it cannot be run (${code})`;
      if (child.pid === undefined) end(null);
    });
    child.on("exit", () => {
      const drain = (): void => {
        child.stdout.destroy();
        child.stderr.destroy();
      };
      timers.push(clock.setTimer(DRAIN_MS, drain));
    });
    child.on("close", (code) => {
      killGroup(child);
      end(code);
    });
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // Nobody of the group is left, or what is left has become somebody else's.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}

/** Collects what a stream says, up to a bound. @returns What it said so far */
function gather(stream: NodeJS.ReadableStream, onTooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on("data", (chunk: Buffer) => {
    if (bytes > MOST_BYTES) return;
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > MOST_BYTES) onTooMuch();
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

/** What the plug-in answered; `null` when it is no credential. */
function readCredentials(output: string, apiVersion: string): PlugInCredential | null {
  const answer = parseRecord(output.trim());
  if (answer === null || answer.kind !== "ExecCredential") return null;
  if (apiVersion !== "" && answer.apiVersion !== apiVersion) return null;
  const status = record(answer.status);
  const [token, cert, key] = [status.token, status.clientCertificateData, status.clientKeyData].map(text);
  const until = status.expirationTimestamp;
  const expiresAt = until === undefined || until === null ? Number.POSITIVE_INFINITY : Date.parse(text(until));
  if (!token && !(cert && key)) return null;
  if (Number.isNaN(expiresAt)) return null;
  return { token: token ?? "", ...(cert && key ? { cert, key } : {}), expiresAt };
}

/** Its error output, without values that the kubeconfig gives it, and without what looks like a token. */
function saidOf({ errors }: Run, { env }: ExecSettings): string {
  const plain = withoutSecrets(errors, secretParts(env.map(([, value]) => value)), MASK);
  return plain.replace(TOKEN, MASK).trim().slice(0, SHOWN);
}

function refusal({ name }: KubeUser, { command, installHint }: ExecSettings, why: string): TrueupError {
  const hint = "`kubectl get namespaces` with the same context shows whether the plug-in works.";
  return new TrueupError(
    "forbidden",
    `Cannot sign in as "${name}" as the plug-in ${command} must hand out credentials: ${why}.`,
    {
      hint: installHint === "" ? hint : installHint.slice(0, SHOWN),
    },
  );
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
