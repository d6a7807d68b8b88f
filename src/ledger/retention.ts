/** Which attempts a ledger need not keep. Pure: a table of attempts and a time in, row numbers out. */
import type { Outcome, RetentionRules } from "../model/ledger.ts";

export type { RetentionRules };

export interface RetentionCandidate {
  row: number;
  app: string;
  target: string;
  commit: string;
  /** Absent while it is open. */
  ending?: { endedAt: string; outcome: Outcome; reason: string };
  /** Whether changes were made because of it, however it ended: its own, or those of a commit gone back to. */
  carriedOut: boolean;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * Rows of the attempts that may go, ascending.
 *
 * Never one that is open; never one of the few by which the reconciler knows what it saw last, what runs, how an app was,
 * and what to go back to (`needed`).
 *
 * @param attempts All attempts of the ledger, in any order
 * @param nowMs Milliseconds since the epoch
 */
export function planRetention(
  attempts: readonly RetentionCandidate[],
  { keepAttempts, keepDays }: RetentionRules,
  nowMs: number,
): number[] {
  if (keepAttempts === undefined && keepDays === undefined) return [];
  const keepSince = keepDays === undefined ? Number.POSITIVE_INFINITY : nowMs - keepDays * DAY_MS;
  const gone: number[] = [];
  for (const ofApp of byApp(attempts).values()) {
    const newestFirst = ofApp.toSorted((a, b) => b.row - a.row);
    const kept = needed(newestFirst);
    const ended = newestFirst.filter(({ ending }) => ending !== undefined);
    for (const [index, attempt] of ended.entries()) {
      if (kept.has(attempt) || index < (keepAttempts ?? 0)) continue;
      // A time that cannot be read keeps its row.
      if (Date.parse(attempt.ending?.endedAt ?? "") < keepSince) gone.push(attempt.row);
    }
  }
  return gone.sort((a, b) => a - b);
}

/**
 * Of one app: its newest attempt; the newest that was carried out or had nothing to do; of those that say whether the app
 * was well, and of those that left it well, the newest and the newest at another commit: a commit is compared with others,
 * and goes back to one that is not itself.
 */
function needed(newestFirst: readonly RetentionCandidate[]): ReadonlySet<RetentionCandidate | undefined> {
  const telling = newestFirst.filter(({ ending }) => ending !== undefined && TELLING.has(ending.outcome));
  return new Set([
    newestFirst[0],
    newestFirst.find(({ carriedOut, ending }) => carriedOut || THROUGH.has(ending?.outcome)),
    ...newestOfTwoCommits(telling),
    ...newestOfTwoCommits(newestFirst.filter(({ ending }) => isGood(ending))),
  ]);
}

function newestOfTwoCommits(newestFirst: readonly RetentionCandidate[]): (RetentionCandidate | undefined)[] {
  const [newest] = newestFirst;
  return [newest, newestFirst.find(({ commit }) => commit !== newest?.commit)];
}

const THROUGH: ReadonlySet<Outcome | undefined> = new Set(["deployed", "no-op"]);
const TELLING: ReadonlySet<Outcome> = new Set(["deployed", "no-op", "failed", "rolled back"]);

function isGood(ending: RetentionCandidate["ending"]): boolean {
  return ending?.outcome === "deployed" || (ending?.outcome === "no-op" && ending.reason === "");
}

function byApp(attempts: readonly RetentionCandidate[]): Map<string, RetentionCandidate[]> {
  const apps = new Map<string, RetentionCandidate[]>();
  for (const attempt of attempts) {
    const key = JSON.stringify([attempt.app, attempt.target]);
    const known = apps.get(key);
    if (known === undefined) apps.set(key, [attempt]);
    else known.push(attempt);
  }
  return apps;
}

/** Ascending numbers as runs of first and last. */
export function runsOf(numbers: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}
