/** A process that an earlier kubelet started: nobody tells of its end, so it is looked for now and then. */
import { messageOf } from "../model/errors.ts";
import type { ContainerExit, RunningContainer } from "../model/runtime.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";
import type { KubeletLog } from "./pod-runtime.ts";
import type { ProcessTable } from "./process-table.ts";
import { signalGroup } from "./signal.ts";

/** How often it is looked for, milliseconds; after a signal, first after the shorter time, then after twice it, and so on. */
const LOOK_MS = 1_000;
const FIRST_LOOK_MS = 20;

export interface AdoptedProcessOptions {
  pid: number;
  /** What tells it from a later process of the same number. */
  identity: string;
  table: ProcessTable;
  clock: Clock;
  log: KubeletLog | undefined;
}

export class AdoptedProcess implements RunningContainer {
  readonly id: string;
  readonly pid: number;
  readonly exited: Promise<ContainerExit>;
  readonly #options: AdoptedProcessOptions;
  #resolve: (exit: ContainerExit) => void = () => undefined;
  #ended = false;
  #waitMs = LOOK_MS;
  #cancel: CancelTimer;

  constructor(options: AdoptedProcessOptions) {
    this.#options = options;
    this.pid = options.pid;
    this.id = `process://${options.pid}`;
    this.exited = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#cancel = options.clock.setTimer(LOOK_MS, () => void this.#look());
  }

  signal(name: "SIGTERM" | "SIGKILL"): void {
    if (this.#ended) return;
    signalGroup(this.pid, name);
    this.#waitMs = FIRST_LOOK_MS;
    this.#cancel();
    this.#cancel = this.#options.clock.setTimer(this.#waitMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { pid, identity, table, clock, log } = this.#options;
    try {
      const now = await table.identity(pid);
      if (now !== identity) {
        this.#end(now === null);
        return;
      }
    } catch (error) {
      log?.("error", `Cannot look for process ${pid}, trying again: ${messageOf(error)}`);
    }
    if (this.#ended) return;
    this.#waitMs = Math.min(LOOK_MS, this.#waitMs * 2);
    this.#cancel();
    this.#cancel = clock.setTimer(this.#waitMs, () => void this.#look());
  }

  #end(numberIsFree: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancel();
    // What it left in its group goes too, unless the number belongs to someone else by now.
    if (numberIsFree) signalGroup(this.pid, "SIGKILL");
    this.#resolve({ message: "The kubelet that started it is gone, so its exit code is not known." });
  }
}
