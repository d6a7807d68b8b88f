/** Has the ledger remove what it need not keep: when the daemon starts, and once a day. */
import { messageOf } from "../model/errors.ts";
import type { DurableLedger, RetentionRules } from "../model/ledger.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";
import type { DaemonLog } from "./log.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Attempts removed at once: the daemon does nothing else meanwhile. */
const MOST = 100;

export interface RetentionOptions {
  ledger: Pick<DurableLedger, "retain">;
  rules: RetentionRules;
  clock: Clock;
  log: DaemonLog;
}

/** @returns What ends it; it waits for a removal under way */
export function keepRetention({ ledger, rules, clock, log }: RetentionOptions): () => Promise<void> {
  if (rules.keepAttempts === undefined && rules.keepDays === undefined) return async () => undefined;
  let cancel: CancelTimer = () => undefined;
  let isClosed = false;
  let removed = 0;
  let pass: Promise<void> = Promise.resolve();
  const plan = (ms: number): void => {
    if (isClosed) return;
    cancel = clock.setTimer(ms, () => {
      pass = run();
    });
  };
  const run = async (): Promise<void> => {
    try {
      const count = await ledger.retain(rules, clock.now(), MOST);
      removed += count;
      if (count === MOST) {
        plan(0);
        return;
      }
      if (removed > 0)
        log.info(`removed ${removed} old attempts from the ledger, as ledger: in the configuration says`);
    } catch (error) {
      // What is too old today is so tomorrow: nothing depends on it.
      log.error(`Cannot remove old attempts from the ledger: ${messageOf(error)}`);
    }
    removed = 0;
    plan(DAY_MS);
  };
  plan(0);
  return async () => {
    isClosed = true;
    cancel();
    await pass;
  };
}
