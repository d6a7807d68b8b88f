/** A control plane of our own: etcd, API server, controller manager and scheduler as processes that live no longer than we do. */
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Agent, request } from "undici";
import { writeKubeconfig } from "./access.ts";
import {
  AUDIT_POLICY,
  commandLines,
  FILES,
  kubeconfigName,
  PARTS,
  type Part,
  type Ports,
  readiness,
  USERS,
  type User,
} from "./parts.ts";

/** Longest wait for one part, on a machine that has much else to do. */
const READY_WITHIN_MS = 120_000;
const ASK_EVERY_MS = 20;
const LAST_LOG_LINES = 15;
/** Free ports can be taken by others before a part listens there. */
const TRIES = 3;

export class ControlPlane {
  readonly directory: string;
  readonly ports: Ports;
  readonly #program: string;
  readonly #tokens = new Map<User, string>();
  readonly #processes = new Map<Part, ChildProcess>();

  private constructor(program: string, directory: string, ports: Ports) {
    this.#program = program;
    this.directory = directory;
    this.ports = ports;
  }

  /**
   * Starts one and waits until each part says that it is ready. Takes three seconds.
   *
   * @param program From `controlPlaneProgram`
   * @throws When a part ends or is not ready in time, with its last words; nothing is left running then
   */
  static async start(program: string): Promise<ControlPlane> {
    for (let tries = 1; ; tries++) {
      const directory = realpathSync(mkdtempSync(join(tmpdir(), "trueup-cluster-")));
      const plane = new ControlPlane(program, directory, await freePorts());
      try {
        await plane.#start();
        return plane;
      } catch (error) {
        await plane.stop();
        if (tries === TRIES || !String(error).includes("address already in use")) throw error;
      }
    }
  }

  /** Process ids, by part. */
  get pids(): Record<string, number> {
    return Object.fromEntries([...this.#processes].map(([part, { pid }]) => [part, pid ?? -1]));
  }

  /** Files of the certificate that all parts show, and of its key. */
  get certificate(): { certificate: string; key: string } {
    return { certificate: join(this.directory, FILES.certificate), key: join(this.directory, FILES.key) };
  }

  get auditLog(): string {
    return join(this.directory, FILES.audit);
  }

  /** Path of the user's kubeconfig. */
  kubeconfig(user: User): string {
    return join(this.directory, kubeconfigName(user));
  }

  /** What the part has written so far. */
  log(part: Part): string {
    return readFileSync(join(this.directory, `${part}.log`), "utf8");
  }

  /** Ends every process at once, by its id, and removes the directory: there is nothing that anybody would want to keep. */
  async stop(): Promise<void> {
    const running = [...this.#processes.values()].filter(
      (child) => child.exitCode === null && child.signalCode === null,
    );
    const ended = running.map((child) => once(child, "close"));
    for (const child of running) child.kill("SIGKILL");
    await Promise.all(ended);
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  async #start(): Promise<void> {
    this.#writeSecrets();
    const commands = commandLines(this.directory, this.ports);
    await this.#startPart("etcd", commands.etcd);
    await this.#startPart("kube-apiserver", commands["kube-apiserver"]);
    this.#writeKubeconfigs();
    const others = PARTS.slice(2).map((part) => this.#startPart(part, commands[part]));
    // All are waited for: none may be starting still when the caller cleans up after the first that failed.
    for (const { reason } of (await Promise.allSettled(others)).filter((end) => end.status === "rejected"))
      throw reason;
  }

  #writeSecrets(): void {
    const write = (name: string, text: string): void =>
      writeFileSync(join(this.directory, name), text, { mode: 0o600 });
    const lines = Object.entries(USERS).map(([user, groups]) => {
      const token = randomBytes(24).toString("hex");
      this.#tokens.set(user as User, token);
      return `${token},${user},${user},"${groups.join(",")}"\n`;
    });
    write(FILES.tokens, lines.join(""));
    write(FILES.auditPolicy, JSON.stringify(AUDIT_POLICY));
    const { privateKey, publicKey } = generateKeyPairSync("ec", {
      namedCurve: "P-256",
      privateKeyEncoding: { type: "sec1", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    write(FILES.accountKey, privateKey);
    write(FILES.accountPublicKey, publicKey);
  }

  #writeKubeconfigs(): void {
    const server = `https://127.0.0.1:${this.ports.api}`;
    const ca = this.#certificate();
    for (const [user, token] of this.#tokens) writeKubeconfig(this.kubeconfig(user), { server, ca, token });
  }

  /** The API server's certificate, followed by that of the authority it made itself. */
  #certificate(): string {
    return readFileSync(join(this.directory, FILES.certificate), "utf8");
  }

  async #startPart(part: Part, args: readonly string[]): Promise<void> {
    const log = openSync(join(this.directory, `${part}.log`), "a", 0o600);
    const env: Record<string, string> = {
      PATH: process.env.PATH ?? "",
      HOME: this.directory,
      TRUEUP_TIED_TO_STDIN: "1",
    };
    if (part === "etcd") env.TRUEUP_REMOVE_AT_END = this.directory;
    const child = spawn(this.#program, [part, ...args], { cwd: this.directory, env, stdio: ["pipe", log, log] });
    closeSync(log);
    this.#processes.set(part, child);
    await once(child, "spawn");
    await this.#ready(part, child);
  }

  /** Asks until the answer is yes. */
  async #ready(part: Part, child: ChildProcess): Promise<void> {
    const url = readiness(this.ports)[part];
    const limit = performance.now() + READY_WITHIN_MS;
    let answer = "";
    while (performance.now() < limit) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw this.#failure(part, `it ended with ${child.signalCode ?? child.exitCode}`);
      }
      answer = await this.#ask(url);
      if (answer === "200") return;
      await pause(ASK_EVERY_MS);
    }
    throw this.#failure(part, `after ${READY_WITHIN_MS / 1000} s it answers: ${answer}`);
  }

  /** The status of the answer, or the code of what went wrong on the way. */
  async #ask(url: string): Promise<string> {
    const dispatcher = new Agent({ connect: url.startsWith("https:") ? { ca: this.#certificateIfMade() } : {} });
    try {
      const { statusCode, body } = await request(url, { dispatcher });
      await body.dump();
      return String(statusCode);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    } finally {
      await dispatcher.destroy();
    }
  }

  #certificateIfMade(): string {
    try {
      return this.#certificate();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw error;
    }
  }

  #failure(part: Part, what: string): Error {
    const last = this.log(part).trimEnd().split("\n").slice(-LAST_LOG_LINES).join("\n");
    return new Error(`Cannot start a control plane as ${part} must become ready: ${what}.\n${last}`);
  }
}

/** Ports that nobody listens on now. All are held until all are known, so that they differ. */
async function freePorts(): Promise<Ports> {
  const names = ["etcd", "peer", "api", "controllers", "scheduler"] as const;
  const servers = await Promise.all(
    names.map(async (): Promise<Server> => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return Object.fromEntries(names.map((name, index) => [name, ports[index]])) as unknown as Ports;
}
