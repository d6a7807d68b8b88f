/** How the daemon gets its kubelet: the one that answers, else a new one that outlives it. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { TrueupError } from "../model/errors.ts";
import { type Clock, sleep } from "../util/clock.ts";
import { KubeletClient } from "./client.ts";
import { makeDirectory, readIfPresent } from "./files.ts";
import { silentKubelet } from "./silent.ts";

const DEFAULT_TIMEOUT_MS = 10_000;

/** How often a new kubelet is asked whether it answers, milliseconds. */
const ASK_EVERY_MS = 20;

/** How long one answer of a new kubelet may take, milliseconds: it is asked again until the deadline. */
const ANSWER_MS = 2_000;

/** How much of a failed kubelet's log is shown. */
const LOG_LINES = 5;

/** All that a kubelet needs of the environment. The rest may hold the daemon's credentials, and pods could read it there. */
const KEPT_VARIABLES = ["PATH", "HOME", "TMPDIR", "LANG", "TZ", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"];

/** Short-lived objects in 2 MB instead of 16: under load the proxy then takes 50 MB less, and is no slower. */
const NODE_OPTIONS = "--max-semi-space-size=2";

export interface LaunchKubeletOptions {
  stateDir: string;
  socketPath: string;
  /** Program and arguments of a kubelet for this state directory; it ends up in `runKubelet`. */
  argv: string[];
  clock: Clock;
  /** Milliseconds until it must answer; 10,000 when absent. */
  timeoutMs?: number;
}

/**
 * The kubelet of the state directory: the one that answers, else a new one, in a session of its own, with its output in
 * `<state>/kubelet/kubelet.log`.
 *
 * @throws {TrueupError} `unavailable` when it ends at once or does not answer in time, with its last words; `timeout` when
 *   one is there that takes connections and says nothing
 */
export async function launchKubelet(options: LaunchKubeletOptions): Promise<KubeletClient> {
  const client = new KubeletClient(options.socketPath);
  try {
    const { clock, socketPath, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const found = await ask(client, clock, timeoutMs);
    // Another one beside it could not be: the lock of the directory is held.
    if (found === "silent") throw silentKubelet(socketPath, runningKubelet(options.stateDir), timeoutMs);
    if (found === "nobody") await launch(options, client);
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

async function launch(options: LaunchKubeletOptions, client: KubeletClient): Promise<void> {
  const { stateDir, argv } = options;
  const directory = join(stateDir, "kubelet");
  makeDirectory(directory);
  const logPath = join(directory, "kubelet.log");
  const [program = "", ...args] = argv;
  const output = openSync(logPath, "a", 0o600);
  let ended: string | null = null;
  let child: ChildProcess;
  try {
    // Compiled code is kept for the next start: without it a kubelet run from its sources holds 40 MB of compiler.
    const cache = process.env.NODE_COMPILE_CACHE ?? join(directory, "cache");
    const kept = Object.fromEntries(
      KEPT_VARIABLES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    );
    const env = { ...kept, NODE_COMPILE_CACHE: cache, NODE_OPTIONS };
    child = spawn(program, args, { detached: true, stdio: ["ignore", output, output], env, cwd: directory });
    child.once("error", (error) => {
      ended = error.message;
    });
    child.once("exit", (code, signal) => {
      ended ??= signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`;
    });
  } finally {
    closeSync(output);
  }
  try {
    await untilItAnswers(client, options, () => ended, logPath);
  } finally {
    // Only now: a caller with nothing else to do would end while it waits, as timers do not keep it alive.
    child.unref();
  }
}

async function untilItAnswers(
  client: KubeletClient,
  { clock, timeoutMs = DEFAULT_TIMEOUT_MS }: LaunchKubeletOptions,
  ended: () => string | null,
  logPath: string,
): Promise<void> {
  const deadline = clock.monotonic() + timeoutMs;
  while (!(await answers(client, clock, ANSWER_MS))) {
    // Another daemon's kubelet may have been quicker: then this one ends, and that one answers.
    const end = ended();
    if (end !== null && !(await answers(client, clock, ANSWER_MS))) throw failed(logPath, end);
    if (clock.monotonic() >= deadline) throw failed(logPath, `it does not answer within ${timeoutMs} ms`);
    await sleep(clock, ASK_EVERY_MS);
  }
}

function failed(logPath: string, why: string): TrueupError {
  const words = (readIfPresent(logPath) ?? "").trim().split("\n").slice(-LOG_LINES).join("\n");
  return new TrueupError("unavailable", `Cannot start the kubelet: ${why}.${words === "" ? "" : `\n${words}`}`, {
    hint: `Its log is ${logPath}.`,
  });
}

async function answers(client: KubeletClient, clock: Clock, limitMs: number): Promise<boolean> {
  return (await ask(client, clock, limitMs)) === "answers";
}

/** A kubelet that was stopped takes connections and says nothing: that is no answer either. */
async function ask(client: KubeletClient, clock: Clock, limitMs: number): Promise<"answers" | "silent" | "nobody"> {
  const { promise: late, resolve } = Promise.withResolvers<"silent">();
  const cancel = clock.setTimer(limitMs, () => resolve("silent"));
  try {
    return await Promise.race([client.info().then(() => "answers" as const), late]);
  } catch (error) {
    if (error instanceof TrueupError && error.code === "unavailable") return "nobody";
    if (error instanceof TrueupError && error.code === "timeout") return "silent";
    throw error;
  } finally {
    cancel();
  }
}

/** Process id of the kubelet that runs, or ran last, for a message; `null` when nobody can tell. */
export function runningKubelet(stateDir: string): number | null {
  const text = readIfPresent(join(stateDir, "kubelet", "kubelet.json"));
  const pid = text === null ? undefined : /"pid":(\d+)/.exec(text)?.[1];
  return pid === undefined ? null : Number(pid);
}
