/** Judges the ledger of a simulated machine: promise 6, with what 5 and 8 say about its rows. */
import type { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import { verifyLedgerFile } from "../../src/ledger/verify.ts";
import type { Attempt, Ledger } from "../../src/model/ledger.ts";
import { type CommitId, shortId } from "../../src/model/source.ts";
import type { AppPhase } from "../../src/model/status.ts";
import { SECRET } from "./app.ts";
import { MACHINE_FAULTS, type Tally } from "./tally.ts";
import type { Verdict } from "./tree.ts";
import type { Witness } from "./witness.ts";

const EXCUSES = ["reports delayed", "call slow", "link to the kubelet down", "store full"] as const;

export class Rows {
  readonly #witness: Witness;
  readonly #tally: Tally;
  readonly #verdict: (commit: CommitId, app: string) => Verdict | undefined;
  readonly #parentOf: (commit: CommitId) => CommitId | undefined;
  /** Rows as they were when they were read last; an ended one must stay so. */
  readonly #known = new Map<number, Attempt>();

  constructor(
    witness: Witness,
    tally: Tally,
    verdict: (commit: CommitId, app: string) => Verdict | undefined,
    parentOf: (commit: CommitId) => CommitId | undefined,
  ) {
    this.#witness = witness;
    this.#tally = tally;
    this.#verdict = verdict;
    this.#parentOf = parentOf;
  }

  /** What holds at any time. */
  async check(ledger: Ledger): Promise<Map<string, Attempt[]>> {
    const attempts = (await ledger.attempts({})).reverse();
    for (const attempt of attempts) this.#checkRow(attempt);
    for (const row of this.#known.keys()) {
      if (!attempts.some((attempt) => attempt.row === row)) this.#witness.violate(`row ${row} of the ledger is gone`);
    }
    for (const attempt of attempts) this.#known.set(attempt.row, attempt);
    const byApp = Map.groupBy(attempts, ({ app }) => app);
    for (const [app, rows] of byApp) this.#checkOrder(app, rows);
    const text = JSON.stringify([attempts, await ledger.revisions({})]);
    // A revision's template is what git declares: it may hold anything but what a Secret holds.
    if (text.includes(SECRET)) this.#witness.violate("the ledger tells a secret");
    return byApp;
  }

  /** What holds of a world at rest: each attempt has ended, as its commit deserves. */
  async checkRest(ledger: SqliteLedger, head: CommitId, phases: ReadonlyMap<string, AppPhase>): Promise<void> {
    for (const [app, rows] of await this.check(ledger)) {
      for (const [index, attempt] of rows.entries()) {
        const isNewest = attempt === rows.at(-1);
        if (attempt.ending === undefined) {
          if (!isNewest || phases.get(app) !== "Held") this.#witness.violate(`${nameOf(attempt)} has not ended`);
        } else this.#checkEnding(attempt, isNewest, rows.slice(0, index));
      }
      const newest = rows.at(-1)?.commit;
      // One that is named no more and owns nothing is nobody's concern.
      if (newest !== head && phases.has(app)) this.#witness.violate(`${app} is at ${newest}, and the head at ${head}`);
    }
    const { intact, problem } = verifyLedgerFile(ledger.path);
    if (!intact) this.#witness.violate(`the ledger's chain is broken: ${problem?.message}`);
  }

  #checkRow(attempt: Attempt): void {
    const known = this.#known.get(attempt.row);
    if (known === undefined) return;
    const { events: before, ending: endedBefore, ...opening } = known;
    const { events, ending, ...now } = attempt;
    const isSame =
      JSON.stringify(opening) === JSON.stringify(now) &&
      JSON.stringify(before) === JSON.stringify(events.slice(0, before.length)) &&
      (endedBefore === undefined || JSON.stringify(endedBefore) === JSON.stringify(ending));
    if (!isSame) this.#witness.violate(`${nameOf(attempt)} was rewritten`);
  }

  /** Each head as one row: its commit follows the row before by first parents, or the ref was rewritten. */
  #checkOrder(app: string, rows: readonly Attempt[]): void {
    const counts = new Map<CommitId, number>();
    for (const [index, attempt] of rows.entries()) {
      const { commit, ordinal } = attempt;
      const count = (counts.get(commit) ?? 0) + 1;
      counts.set(commit, count);
      if (ordinal !== count) this.#witness.violate(`${nameOf(attempt)} has number ${ordinal}, not ${count}`);
      const before = rows[index - 1];
      if (before === undefined) continue;
      if (before.commit === commit && isRetried(before)) continue;
      if (before.commit === commit) this.#witness.violate(`${nameOf(attempt)} was opened again at the same head`);
      if (this.#parentOf(commit) === before.commit || !this.#isBehind(before.commit, commit)) continue;
      this.#witness.violate(`commits of ${app} between ${shortId(before.commit)} and ${shortId(commit)} have no rows`);
    }
  }

  #isBehind(ancestor: CommitId, commit: CommitId): boolean {
    for (let at = this.#parentOf(commit); at !== undefined; at = this.#parentOf(at)) if (at === ancestor) return true;
    return false;
  }

  #checkEnding(attempt: Attempt, isNewest: boolean, before: readonly Attempt[]): void {
    const { commit, app, ending } = attempt;
    const verdict = this.#verdict(commit, app);
    if (verdict === undefined || ending === undefined) return;
    const { outcome, reason } = ending;
    if (outcome === "superseded") {
      if (isNewest) this.#witness.violate(`${nameOf(attempt)} is superseded, and nothing came after it`);
      return;
    }
    const isWrong = verdict.validity !== "maybe" && (outcome === "rejected") !== (verdict.validity === "invalid");
    if (isWrong) this.#witness.violate(`${nameOf(attempt)} is ${verdict.validity}, and ended as ${outcome}: ${reason}`);
    if (outcome === "failed" || outcome === "rolled back") {
      // What was broken already may have no pod that could say why, as when all of them were just deleted: a row before says it.
      const isTold = before.some(({ ending: { reason: earlier = "" } = {} }) => earlier.startsWith(`${reason}: `));
      if (!isTold) this.#checkReason(attempt, reason);
      this.#checkCause(attempt, verdict);
    }
    // Without a change it may say what was broken before.
    if (outcome !== "no-op" && (outcome === "deployed") !== (reason === ""))
      this.#witness.violate(`${nameOf(attempt)} ended as ${outcome}: "${reason}"`);
  }

  /** On a machine in order, a commit whose pods get ready in good time does not fail, whatever ran before it. */
  #checkCause(attempt: Attempt, { app }: Verdict): void {
    const isGood =
      app?.workloads.every(({ image, deadline }) => /^good:/.test(image) && (deadline ?? 60) >= 60) === true;
    // A clock set forward, as a machine that slept, is no reason to give a rollout up.
    const isCalm = MACHINE_FAULTS.every((fault) => fault === "clock set forward" || this.#tally.of(fault) === 0);
    if (isGood && isCalm) this.#witness.violate(`${nameOf(attempt)} failed, though nothing is wrong with it`);
  }

  /** Who is at fault: pod and container, and with what code it exits if it does. */
  #checkReason(attempt: Attempt, reason: string): void {
    // Pods that were heard of late have nothing to say when it is told.
    const isExcused = EXCUSES.some((fault) => this.#tally.of(fault) > 0);
    const isPlain = isExcused && /exceeded its progress deadline/.test(reason);
    // New pods that come and go may all be ready when an old one has stayed for too long.
    const isWaiting = /old replicas are pending termination/.test(reason);
    const names = isPlain || isWaiting || /pod \S+(?:: container \S+: \S| is still ending)/.test(reason);
    const isWithoutCode =
      /CrashLoopBackOff/.test(reason) && !/exit code \d|exit code is not known|unknown/.test(reason);
    if (!names || isWithoutCode) this.#witness.violate(`${nameOf(attempt)} does not say what is at fault: ${reason}`);
  }
}

/** Somebody asked to try its commit again. */
function isRetried({ events }: Attempt): boolean {
  return events.some(({ type, detail }) => type === "retry" && detail?.by !== undefined);
}

function nameOf({ row, app, commit, subject }: Attempt): string {
  return `row ${row} (${app} at ${shortId(commit)}, ${subject})`;
}
