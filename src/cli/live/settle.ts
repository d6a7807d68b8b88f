/** How long `run --once` waits: until every app's attempt has ended, or until waiting is of no use any more. */
import type { RunningDaemon } from "../../daemon/daemon.ts";
import { ERROR_CLASSES, TrueupError } from "../../model/errors.ts";
import type { AppStatus, DaemonStatus } from "../../model/status.ts";
import type { Clock } from "../../util/clock.ts";

/** A right that is missing is not given by waiting; but a server needs some seconds to hear of one that was just given. */
const REFUSED_MS = 10_000;
/** Whoever is away for so long keeps a pipeline from saying that it failed. */
const AWAY_MS = 300_000;

export interface Settled {
  status: DaemonStatus;
  /** Why nobody waits any longer, though not all has ended; `null` when all has. */
  givenUp: string | null;
}

/**
 * Waits for the daemon's apps. Rollouts have deadlines of their own; what cannot be read has not, so it gets one here.
 *
 * @throws {TrueupError} What ended the daemon, when it ends
 * @param limitMs Waits no longer than this, whatever is under way; absent: as long as it takes
 */
export function untilSettled(
  daemon: Pick<RunningDaemon, "service" | "settled" | "ended">,
  clock: Clock,
  limitMs?: number,
): Promise<Settled> {
  const { service } = daemon;
  const ends: (() => void)[] = [];
  /** Since when an app has been in trouble, and what ends the wait for it. */
  const troubled = new Map<string, { isRefused: boolean; cancel: () => void }>();
  return new Promise<Settled>((resolve, reject) => {
    const giveUp = (why: string): void => resolve({ status: service.status(), givenUp: why });
    const look = (): void => {
      for (const app of service.status().apps) {
        const isRefused = isRefusal(app);
        const before = troubled.get(app.app);
        if (app.phase === "Unreadable" && before?.isRefused === isRefused) continue;
        before?.cancel();
        troubled.delete(app.app);
        if (app.phase !== "Unreadable") continue;
        const ms = isRefused ? REFUSED_MS : AWAY_MS;
        const said = isRefused ? "refused" : "kept from reading";
        const cancel = clock.setTimer(ms, () => giveUp(`${app.app} was ${said} for ${ms / 1_000} s`));
        troubled.set(app.app, { isRefused, cancel });
      }
    };
    ends.push(service.onChange(look));
    if (limitMs !== undefined) {
      ends.push(clock.setTimer(limitMs, () => giveUp(`--timeout allows ${limitMs / 1_000} s`)));
    }
    look();
    const gone = (): void =>
      reject(new TrueupError("aborted", "Cannot wait for the outcome as the daemon must run: somebody ended it."));
    daemon.ended.then(gone, reject);
    daemon.settled().then((status) => resolve({ status, givenUp: null }), reject);
  }).finally(() => {
    for (const end of [...ends, ...[...troubled.values()].map(({ cancel }) => cancel)]) end();
  });
}

/** Whether trying again with the same input cannot help. */
function isRefusal({ trouble }: AppStatus): boolean {
  return trouble !== undefined && !ERROR_CLASSES[trouble].retryable;
}
