/** Containers as processes of this machine: each in a group of its own, with a clean environment and a log file. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { join } from "node:path";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { ContainerExit, ContainerLaunch, ProbeOutcome, ProbeTarget, RunningContainer } from "../model/runtime.ts";
import { type CancelTimer, type Clock, settle, sleep } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import { AdoptedProcess } from "./adopted-process.ts";
import { runCommand } from "./command.ts";
import { DEFAULT_LOG_LIMITS, type LogLimits, logPath, openLog, readLog, rotateLog, tailLog } from "./container-logs.ts";
import { makeDirectory, podDirectory, removeDirectory, workDirectory } from "./files.ts";
import { probeHttp, probeTcp } from "./network-probe.ts";
import type { KubeletLog, LogReadOptions, PodRuntime } from "./pod-runtime.ts";
import { PortAllocator } from "./port-allocator.ts";
import { type PodProcess, type ProcessTable, processTable } from "./process-table.ts";
import { findProgram } from "./program.ts";
import { signalGroup, signalProcess } from "./signal.ts";

/** How often log sizes are looked at while something runs, milliseconds. */
const ROTATE_EVERY_MS = 10_000;

/** How often what is left of a pod is looked for after it was killed, and the wait in between, milliseconds. */
const SWEEP_ROUNDS = 20;
const SWEEP_WAIT_MS = 25;

export interface ProcessRuntimeOptions {
  /** `<state>/kubelet` */
  directory: string;
  clock: Clock;
  random: Random;
  logLimits?: LogLimits;
  log?: KubeletLog;
}

/** A process that this kubelet started: its end is told by the system. */
class SpawnedProcess implements RunningContainer {
  readonly id: string;
  readonly pid: number;
  readonly exited: Promise<ContainerExit>;
  #ended = false;

  constructor(child: ChildProcess, pid: number) {
    this.pid = pid;
    this.id = `process://${pid}`;
    this.exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#ended = true;
        // A container ends with its first process: what that one left in its group goes too.
        signalGroup(pid, "SIGKILL");
        resolve(signal === null ? { exitCode: code ?? 0 } : { signal });
      });
    });
  }

  signal(name: "SIGTERM" | "SIGKILL"): void {
    if (!this.#ended) signalGroup(this.pid, name);
  }
}

export class ProcessRuntime implements PodRuntime {
  readonly name = "process";
  readonly #options: ProcessRuntimeOptions;
  readonly #table: ProcessTable = processTable();
  readonly #ports: PortAllocator;
  /** Log file to the run that writes it. */
  readonly #writers = new Map<string, RunningContainer>();
  #cancelRotation: CancelTimer | null = null;
  #lastStart: Promise<void> = Promise.resolve();

  constructor(options: ProcessRuntimeOptions) {
    this.#options = options;
    this.#ports = new PortAllocator(options.random);
  }

  async start(launch: ContainerLaunch): Promise<RunningContainer> {
    const { directory } = this.#options;
    refuseNullBytes(launch);
    await this.#turn();
    const { file, directory: cwd } = this.#find(launch, launch.argv);
    makeDirectory(join(workDirectory(directory, launch.podUid, launch.container), "tmp"));
    const output = openLog(directory, launch);
    try {
      const child = spawn(file, launch.argv.slice(1), {
        argv0: launch.argv[0] ?? file,
        cwd,
        env: launch.env,
        detached: true,
        shell: false,
        stdio: ["ignore", output, output],
      });
      const pid = await spawned(child, launch);
      // The kubelet's own work keeps it alive; processes that it leaves behind must not.
      child.unref();
      return this.#track(launch, new SpawnedProcess(child, pid));
    } finally {
      closeSync(output);
    }
  }

  /**
   * Starting a process takes the system some milliseconds, in which nothing else happens here. So they are started one a
   * turn: probes and requests go on when a thousand pods exit at once.
   */
  #turn(): Promise<void> {
    this.#lastStart = this.#lastStart.then(settle);
    return this.#lastStart;
  }

  async adopt(launch: ContainerLaunch, id: string): Promise<RunningContainer | null> {
    const pid = /^process:\/\/(\d+)$/.exec(id)?.[1];
    const same = (found: PodProcess): boolean =>
      found.container === launch.container &&
      found.run === launch.run &&
      (pid === undefined ? found.pid === found.group : found.pid === Number(pid));
    const found = (await this.#table.ofPod(launch.podUid)).find(same);
    const identity = found === undefined ? null : await this.#table.identity(found.pid);
    if (found === undefined || identity === null) return null;
    const { clock, log } = this.#options;
    return this.#track(launch, new AdoptedProcess({ pid: found.pid, identity, table: this.#table, clock, log }));
  }

  async probe(launch: ContainerLaunch, target: ProbeTarget, timeoutMs: number): Promise<ProbeOutcome> {
    const { clock } = this.#options;
    switch (target.kind) {
      case "http":
        return probeHttp(clock, target, timeoutMs);
      case "tcp":
        return probeTcp(clock, target.host, target.port, timeoutMs);
      case "exec":
        try {
          const { file, directory } = this.#find(launch, target.argv);
          return await runCommand({ clock, file, argv: target.argv, cwd: directory, env: launch.env, timeoutMs });
        } catch (error) {
          if (error instanceof TrueupError) return { ok: false, message: error.message };
          throw error;
        }
      default:
        return target satisfies never;
    }
  }

  allocatePort(): Promise<number> {
    return this.#ports.allocate();
  }

  keepPort(port: number): void {
    this.#ports.keep(port);
  }

  releasePort(port: number): void {
    this.#ports.release(port);
  }

  async listensOn(running: RunningContainer, port: number): Promise<boolean | null> {
    return running.pid === undefined ? null : this.#table.listens(running.pid, port);
  }

  tail(launch: ContainerLaunch, count: number): Promise<string[]> {
    return Promise.resolve(tailLog(logPath(this.#options.directory, launch), count));
  }

  async *logs(launch: ContainerLaunch, { tail, follow }: LogReadOptions, signal: AbortSignal): AsyncGenerator<string> {
    const path = logPath(this.#options.directory, launch);
    const writer = this.#writers.get(path);
    if (follow !== true || writer === undefined) {
      yield* readLog(path, tail, null);
      return;
    }
    const ended = (): boolean => this.#writers.get(path) !== writer;
    yield* readLog(path, tail, { clock: this.#options.clock, ended, end: writer.exited, signal });
  }

  async sweep(podUid: string, container?: string): Promise<void> {
    for (let round = 0; round < SWEEP_ROUNDS; round++) {
      const left = (await this.#table.ofPod(podUid)).filter(
        (found) => container === undefined || found.container === container,
      );
      if (left.length === 0) {
        // What follows is written to disk: each pod in a turn of its own, as above.
        return this.#turn();
      }
      for (const { pid } of left) signalProcess(pid, "SIGKILL");
      await sleep(this.#options.clock, SWEEP_WAIT_MS);
    }
    this.#options.log?.("warn", `Processes of pod ${podUid} are still there after SIGKILL.`);
  }

  forget(podUid: string): Promise<void> {
    removeDirectory(podDirectory(this.#options.directory, podUid));
    return Promise.resolve();
  }

  #find(launch: ContainerLaunch, argv: readonly string[]): { file: string; directory: string } {
    const { env, workingDir, image } = launch;
    return findProgram({ argv, env, workingDir, imageDirectory: image.directory });
  }

  #track(launch: ContainerLaunch, running: RunningContainer): RunningContainer {
    const path = logPath(this.#options.directory, launch);
    this.#writers.set(path, running);
    void running.exited.then(() => this.#writers.delete(path));
    this.#cancelRotation ??= this.#options.clock.setTimer(ROTATE_EVERY_MS, () => this.#rotate());
    return running;
  }

  #rotate(): void {
    const { clock, logLimits = DEFAULT_LOG_LIMITS, log } = this.#options;
    for (const path of this.#writers.keys()) {
      try {
        rotateLog(path, logLimits);
      } catch (error) {
        log?.("error", `Cannot rotate ${path}: ${messageOf(error)}`);
      }
    }
    this.#cancelRotation = this.#writers.size === 0 ? null : clock.setTimer(ROTATE_EVERY_MS, () => this.#rotate());
  }
}

/** Here, by name: the error that Node itself throws would show the value, which may be a secret. */
function refuseNullBytes({ env, argv }: ContainerLaunch): void {
  const name = Object.keys(env).find((key) => env[key]?.includes("\0"));
  if (name !== undefined) throw new TrueupError("invalid", `environment variable "${name}" must not hold a null byte`);
  if (argv.some((word) => word.includes("\0")))
    throw new TrueupError("invalid", "an argument must not hold a null byte");
}

/** The pid, once the program runs. */
function spawned(child: ChildProcess, { argv }: ContainerLaunch): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      const wrong = error.code === "ENOENT" || error.code === "EACCES" || error.code === "ENOEXEC";
      // The program itself was found, so what is missing is what its first line names.
      const why = error.code === "ENOENT" ? "its interpreter is not on this machine" : error.message;
      reject(new TrueupError(wrong ? "invalid" : "io", `exec: "${argv[0]}": ${why}`, { cause: error }));
    });
    child.once("spawn", () => {
      if (child.pid !== undefined) resolve(child.pid);
    });
  });
}
