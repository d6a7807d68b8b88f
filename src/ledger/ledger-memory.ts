/**
 * What a daemon keeps in memory of a ledger that is elsewhere: where each fact is, and the contents of those that queries
 * ask for: attempts that are open, the newest of each app, and all revisions. Pure.
 */

import type { AttemptKey } from "../model/ledger.ts";
import {
  type AttemptEnding,
  type AttemptEvent,
  type AttemptQuery,
  type LedgerEntry,
  saysCarriedOut,
} from "../model/ledger.ts";
import type { RevisionKey } from "./chain.ts";
import { anchorOfContent, attemptKeyOf, type Content, parseContent, revisionKeyOf } from "./contents.ts";
import type { RetentionCandidate } from "./retention.ts";

export interface HeldFact {
  seq: number;
  digest: string;
  /** `null` when it is not in memory. */
  content: string | null;
}

export interface HeldAttempt extends AttemptKey {
  row: number;
  opening: HeldFact;
  events: HeldFact[];
  ending: HeldFact | null;
  /** What retention asks for. */
  ended: { endedAt: string; outcome: AttemptEnding["outcome"]; isPlain: boolean } | null;
  carriedOut: boolean;
}

export interface HeldRevision extends RevisionKey {
  workload: string;
  content: string;
  ending: string | null;
}

export interface RevisionQuery {
  app?: string;
  target?: string;
  workload?: string;
  uid?: string;
}

/** Attempts of one app whose contents stay: reconcilers ask for so many. */
const NEWEST_OF_APP = 500;

export class LedgerMemory {
  readonly #attempts = new Map<string, HeldAttempt>();
  readonly #bySeq = new Map<number, HeldAttempt>();
  /** Oldest first, by app and target. */
  readonly #apps = new Map<string, HeldAttempt[]>();
  readonly #revisions = new Map<string, HeldRevision>();
  /** Newest revision by app, target and image reference. */
  readonly #images = new Map<string, { digest: string; revision: HeldRevision }>();
  /** Facts about attempts that are gone: an anchor must follow that covers them. */
  readonly #orphans = new Set<number>();
  readonly #keptOfApp: number;
  #rows = 0;

  /** @param keptOfApp For tests */
  constructor(keptOfApp = NEWEST_OF_APP) {
    this.#keptOfApp = keptOfApp;
  }

  /** Takes the next entry. @throws {RangeError} When its content is no fact of its kind */
  absorb({ seq, kind, digest, content }: LedgerEntry): void {
    if (kind === "attempt") this.#rows += 1;
    if (content === null) return;
    const fact = { seq, digest, content };
    const said = parseContent(content);
    switch (kind) {
      case "attempt":
        this.#open(said, fact);
        return;
      case "event":
      case "ending":
        this.#tell(kind, said, fact);
        return;
      case "revision":
        this.#start(said, content);
        return;
      case "revision-ending":
        this.#endRevision(said, content);
        return;
      case "anchor":
        this.#forget(anchorOfContent(content).links);
        return;
      default:
        throw new RangeError(`Cannot read a fact as its kind must be known: it is ${kind}`);
    }
  }

  /** The first fact that is about nothing, `null` when there is none. */
  get orphan(): number | null {
    return this.#orphans.values().next().value ?? null;
  }

  attempt(key: AttemptKey): HeldAttempt | undefined {
    return this.#attempts.get(keyText(key));
  }

  revision(key: RevisionKey): HeldRevision | undefined {
    return this.#revisions.get(revisionText(key));
  }

  /** Newest first. */
  attempts({ app, target, commit, limit, onlyOpen }: AttemptQuery): HeldAttempt[] {
    const ofApp = app !== undefined && target !== undefined ? (this.#apps.get(mapKey(app, target)) ?? []) : null;
    const all = ofApp ?? [...this.#attempts.values()];
    const found: HeldAttempt[] = [];
    for (let at = all.length - 1; at >= 0 && found.length < (limit ?? Number.POSITIVE_INFINITY); at--) {
      const attempt = all[at];
      if (attempt === undefined || (onlyOpen === true && attempt.ending !== null)) continue;
      if (app !== undefined && attempt.app !== app) continue;
      if (target !== undefined && attempt.target !== target) continue;
      if (commit === undefined || attempt.commit === commit) found.push(attempt);
    }
    return found;
  }

  /** Oldest first. */
  revisions(query: RevisionQuery): HeldRevision[] {
    const { app, target, workload, uid } = query;
    return [...this.#revisions.values()].filter(
      (revision) =>
        (app === undefined || revision.app === app) &&
        (target === undefined || revision.target === target) &&
        (workload === undefined || revision.workload === workload) &&
        (uid === undefined || revision.uid === uid),
    );
  }

  image(app: string, target: string, reference: string): { digest: string; revision: HeldRevision } | undefined {
    return this.#images.get(mapKey(app, target, reference));
  }

  candidates(): RetentionCandidate[] {
    return [...this.#attempts.values()].map(({ row, app, target, commit, ended, carriedOut }) => ({
      ...{ row, app, target, commit, carriedOut },
      ...(ended !== null && {
        ending: { endedAt: ended.endedAt, outcome: ended.outcome, reason: ended.isPlain ? "" : "said in its ending" },
      }),
    }));
  }

  /** Numbers of all entries about these attempts, ascending. */
  linksOf(rows: readonly number[]): number[] {
    const wanted = new Set(rows);
    return [...this.#attempts.values()]
      .filter(({ row }) => wanted.has(row))
      .flatMap(({ opening, events, ending }) => [opening, ...events, ...(ending === null ? [] : [ending])])
      .map(({ seq }) => seq)
      .sort((a, b) => a - b);
  }

  #open(said: Content, opening: HeldFact): void {
    const key = attemptKeyOf(said);
    const { app, target } = key;
    const attempt: HeldAttempt = {
      ...{ ...key, row: this.#rows, opening, events: [], ending: null, ended: null, carriedOut: false },
    };
    this.#attempts.set(keyText(key), attempt);
    this.#bySeq.set(opening.seq, attempt);
    const ofApp = this.#apps.get(mapKey(app, target));
    if (ofApp === undefined) this.#apps.set(mapKey(app, target), [attempt]);
    else ofApp.push(attempt);
    this.#letGo(ofApp?.[ofApp.length - 1 - this.#keptOfApp]);
  }

  #tell(kind: "event" | "ending", said: Content, fact: HeldFact): void {
    const attempt = this.attempt(attemptKeyOf((said.attempt ?? {}) as Content));
    if (attempt === undefined) {
      this.#orphans.add(fact.seq);
      return;
    }
    if (kind === "event") {
      attempt.events.push(fact);
      attempt.carriedOut ||= saysCarriedOut(said as unknown as AttemptEvent);
    } else {
      attempt.ending = fact;
      const { endedAt, outcome, reason } = said as unknown as AttemptEnding;
      attempt.ended = { endedAt, outcome, isPlain: reason === "" };
    }
    const ofApp = this.#apps.get(mapKey(attempt.app, attempt.target)) ?? [];
    const isOld = (ofApp[ofApp.length - this.#keptOfApp]?.row ?? 0) > attempt.row;
    if (isOld) this.#letGo(attempt);
  }

  /** Drops the contents of an attempt that is over; of an open one, they are asked for all the time. */
  #letGo(attempt: HeldAttempt | undefined): void {
    if (attempt === undefined || attempt.ending === null) return;
    for (const fact of [attempt.opening, ...attempt.events, attempt.ending]) fact.content = null;
  }

  #start(said: Content, content: string): void {
    const key = revisionKeyOf(said);
    const revision: HeldRevision = { ...key, workload: String(said.workload), content, ending: null };
    this.#revisions.set(revisionText(key), revision);
    for (const [reference, digest] of Object.entries((said.images ?? {}) as Record<string, string>)) {
      this.#images.set(mapKey(key.app, key.target, reference), { digest, revision });
    }
  }

  #endRevision(said: Content, content: string): void {
    const revision = this.revision(revisionKeyOf((said.revision ?? {}) as Content));
    if (revision === undefined)
      throw new RangeError("Cannot read a revision's ending as it must be recorded: it is not");
    revision.ending = content;
  }

  #forget(links: readonly (readonly [number, number])[]): void {
    for (const [first, last] of links) {
      for (let seq = first; seq <= last; seq++) {
        this.#orphans.delete(seq);
        const attempt = this.#bySeq.get(seq);
        if (attempt === undefined) continue;
        this.#bySeq.delete(seq);
        this.#attempts.delete(keyText(attempt));
        const app = mapKey(attempt.app, attempt.target);
        this.#apps.set(app, this.#apps.get(app)?.filter((each) => each !== attempt) ?? []);
      }
    }
  }
}

function keyText({ app, target, commit, ordinal }: AttemptKey): string {
  return mapKey(app, target, commit, ordinal);
}

function revisionText({ app, target, uid, revision }: RevisionKey): string {
  return mapKey(app, target, uid, revision);
}

/** Of what is said, which may be no well-formed text, as of what was stored, which is. */
function mapKey(...parts: readonly (string | number)[]): string {
  return JSON.stringify(parts.map((part) => (typeof part === "string" ? part.toWellFormed() : part)));
}
