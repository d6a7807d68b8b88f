/** What has been begun, to be ended in reverse order, also when a later beginning fails. */
import { messageOf } from "../model/errors.ts";
import type { DaemonLog } from "./log.ts";

export class Begun {
  readonly #ends: { what: string; end: () => void | Promise<void> }[] = [];
  readonly #log: DaemonLog;

  constructor(log: DaemonLog) {
    this.#log = log;
  }

  /** @param what For the log, when its end fails: `the ledger` */
  add(what: string, end: () => void | Promise<void>): void {
    this.#ends.push({ what, end });
  }

  /** Ends all of it; a failing end is logged and does not keep the others from ending. */
  async end(): Promise<void> {
    for (let next = this.#ends.pop(); next !== undefined; next = this.#ends.pop()) {
      try {
        await next.end();
      } catch (error) {
        this.#log.error(`Cannot end ${next.what} cleanly: ${messageOf(error)}`);
      }
    }
  }
}
