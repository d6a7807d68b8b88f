/** The ledger in a Kubernetes cluster: the same rows as the embedded one, kept in Secrets, so that a daemon may run anywhere. */
import type { TrueupError } from "../model/errors.ts";
import type {
  Attempt,
  AttemptEnding,
  AttemptEvent,
  AttemptKey,
  AttemptOpening,
  AttemptQuery,
  DurableLedger,
  LedgerEntry,
  LedgerProof,
  RetentionRules,
  Revision,
  RevisionEnding,
  RevisionRecord,
} from "../model/ledger.ts";
import { type Random, randomUuid } from "../util/random.ts";
import {
  type Anchor,
  anchorContent,
  attemptContent,
  contentDigest,
  endingContent,
  eventContent,
  type RevisionKey,
  revisionContent,
  revisionEndingContent,
} from "./chain.ts";
import { type ClusterChain, SEGMENT_LIMITS, type SegmentLimits, type Wanted } from "./cluster-chain.ts";
import { loadChain } from "./cluster-load.ts";
import { unreadable } from "./cluster-trouble.ts";
import { readSegments, verifySegments } from "./cluster-verify.ts";
import {
  attemptOfContents,
  endingOfContent,
  openingOf,
  revisionEndingOfContent,
  revisionOfContent,
} from "./contents.ts";
import type { HeldAttempt, HeldFact, HeldRevision, LedgerMemory, RevisionQuery } from "./ledger-memory.ts";
import {
  neverOpened,
  neverRecorded,
  requireOrdinal,
  requireSameEnding,
  requireSameOpening,
  requireSameRevision,
  requireSameRevisionEnding,
} from "./refusals.ts";
import { planRetention, runsOf } from "./retention.ts";
import { SegmentStore, type SegmentStoreOptions } from "./segment-store.ts";

export interface ClusterLedgerOptions extends SegmentStoreOptions {
  /** Who opens it, for people: the pod's name, or the host's. A random part is added: no two openings are the same. */
  holder: string;
  random: Random;
  /** Hears, once, that another daemon has taken it over: nothing can be recorded any more. */
  onLost?: (error: TrueupError) => void;
  /** For tests; absent: what `cluster-chain.ts` says. */
  limits?: SegmentLimits;
  /** Attempts of each app whose contents are held; absent: what `ledger-memory.ts` says. */
  keptOfApp?: number;
}

/**
 * Opens the ledger, making it when it is not there, and takes it over from whoever had it.
 *
 * @throws {TrueupError} `not-found` when the namespace is not there, `invalid` when a segment is missing, changed or of a newer
 *   trueup, `unavailable` when the server is; never an empty ledger instead
 */
export async function openClusterLedger(options: ClusterLedgerOptions): Promise<DurableLedger> {
  const { holder, random, limits = SEGMENT_LIMITS, keptOfApp, onLost } = options;
  const store = new SegmentStore(options);
  const writer = `${holder}/${randomUuid(random)}`;
  try {
    return new ClusterLedger(
      store,
      ...(await loadChain({ store, writer, limits, onLost, ...(keptOfApp && { keptOfApp }) })),
    );
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Of an attempt or a revision, one thing is recorded at a time: what is asked for next is judged by it. */
interface Waiting extends Wanted {
  about: string;
}

class ClusterLedger implements DurableLedger {
  readonly #store: SegmentStore;
  readonly #chain: ClusterChain;
  readonly #memory: LedgerMemory;
  /** What is recorded with the next requests. */
  #waiting: Waiting[] = [];
  /** Calls are carried out one after the other: each link follows the one before. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: SegmentStore, chain: ClusterChain, memory: LedgerMemory) {
    this.#store = store;
    this.#chain = chain;
    this.#memory = memory;
  }

  async close(): Promise<void> {
    this.#store.close();
    await this.#last;
  }

  async open(attempt: AttemptOpening): Promise<number> {
    requireOrdinal(attempt);
    const content = attemptContent(attempt);
    await this.#record(nameOfAttempt(attempt), async () => {
      const known = this.#memory.attempt(attempt);
      if (known === undefined) return { kind: "attempt", content };
      // One that is open may be said otherwise: what was said first stands.
      if (known.ending === null || known.opening.digest === contentDigest(content)) return null;
      const [before, ending] = await this.#contentsOf([known.opening, known.ending]);
      requireSameOpening(openingOf(before ?? ""), endingOfContent(ending ?? ""), attempt);
      return null;
    });
    const opened = this.#memory.attempt(attempt);
    if (opened === undefined) throw neverOpened("open", attempt);
    return opened.row;
  }

  async event(key: AttemptKey, event: AttemptEvent): Promise<void> {
    const content = eventContent(key, event);
    const digest = contentDigest(content);
    await this.#record(nameOfAttempt(key), async () => {
      const known = this.#memory.attempt(key);
      if (known === undefined) throw neverOpened("record an event", key);
      return known.events.some((before) => before.digest === digest) ? null : { kind: "event", content };
    });
  }

  async end(key: AttemptKey, ending: AttemptEnding): Promise<void> {
    await this.#record(nameOfAttempt(key), async () => {
      const known = this.#memory.attempt(key);
      if (known === undefined) throw neverOpened("end an attempt", key);
      if (known.ending === null) return { kind: "ending", content: endingContent(key, ending) };
      const [before] = await this.#contentsOf([known.ending]);
      requireSameEnding(key, endingOfContent(before ?? ""), ending);
      return null;
    });
  }

  async attempts(query: AttemptQuery): Promise<Attempt[]> {
    return this.#read(async () => {
      const found = this.#memory.attempts(query);
      const facts = found.flatMap(factsOf);
      const contents = await this.#contentsOf(facts);
      let next = 0;
      return found.map((attempt) => {
        const [opening = "", ...rest] = contents.slice(next, next + factsOf(attempt).length);
        next += 1 + rest.length;
        const ending = attempt.ending === null ? undefined : rest.pop();
        return attemptOfContents(attempt.row, opening, rest, ending);
      });
    });
  }

  async startRevision(revision: Revision): Promise<void> {
    await this.#record(nameOfRevision(revision), async () => {
      const known = this.#memory.revision(revision);
      if (known === undefined) return { kind: "revision", content: revisionContent(revision) };
      requireSameRevision(revisionOfContent(known.content), revision);
      return null;
    });
  }

  async endRevision(key: RevisionKey, ending: RevisionEnding): Promise<void> {
    await this.#record(nameOfRevision(key), async () => {
      const known = this.#memory.revision(key);
      if (known === undefined) throw neverRecorded(key);
      if (known.ending === null) return { kind: "revision-ending", content: revisionEndingContent(key, ending) };
      requireSameRevisionEnding(key, revisionEndingOfContent(known.ending), ending);
      return null;
    });
  }

  async revisions(query: RevisionQuery): Promise<RevisionRecord[]> {
    return this.#read(async () => this.#memory.revisions(query).map(recordOf));
  }

  async imageDigest(
    app: string,
    target: string,
    reference: string,
  ): Promise<{ digest: string; revision: RevisionRecord } | null> {
    return this.#read(async () => {
      const found = this.#memory.image(app, target, reference);
      return found === undefined ? null : { digest: found.digest, revision: recordOf(found.revision) };
    });
  }

  /** What is left of an earlier call that failed on its way is done first. */
  async retain(rules: RetentionRules, nowMs: number, most: number): Promise<number> {
    let gone: number[] = [];
    await this.#record(null, async () => {
      await this.#chain.strip();
      gone = planRetention(this.#memory.candidates(), rules, nowMs).slice(0, most);
      const seqs = this.#memory.linksOf(gone);
      const last = seqs.at(-1);
      if (last === undefined) return null;
      const hash = (await this.#chain.read([last])).get(last)?.hash ?? "";
      const anchor: Anchor = {
        removedAt: new Date(nowMs).toISOString(),
        attempts: gone.length,
        links: runsOf(seqs),
        last: { seq: last, hash },
      };
      return { kind: "anchor", content: anchorContent(anchor) };
    });
    await this.#serial(() => this.#chain.strip());
    return gone.length;
  }

  async prove(expect?: string): Promise<LedgerProof> {
    return this.#read(() => verifySegments(this.#store, expect));
  }

  async *entries(): AsyncGenerator<LedgerEntry> {
    // All of one moment: retention may take segments away while the caller is busy with the first.
    for (const { entries } of await this.#read(() => readSegments(this.#store))) yield* entries;
  }

  /**
   * What is asked for while a request is under way goes with the next one: a thousand apps that note the same commit would
   * otherwise wait for thousands of requests.
   *
   * @param about What the fact is about; null: it is recorded by itself
   */
  #record(about: string | null, plan: Wanted["plan"]): Promise<void> {
    const { promise, resolve: done, reject: failed } = Promise.withResolvers<void>();
    if (about === null) {
      void this.#serial(() => this.#chain.record([{ plan, done, failed }]));
      return promise;
    }
    this.#waiting.push({ about, plan, done, failed });
    if (this.#waiting.length === 1) void this.#serial(() => this.#recordWaiting());
    return promise;
  }

  async #recordWaiting(): Promise<void> {
    const now = new Map<string, Wanted>();
    const later: Waiting[] = [];
    for (const each of this.#waiting) {
      if (now.has(each.about)) later.push(each);
      else now.set(each.about, each);
    }
    this.#waiting = later;
    if (later.length > 0) void this.#serial(() => this.#recordWaiting());
    await this.#chain.record([...now.values()]);
  }

  /** After what is on its way, and not when another daemon is known to write: what is in memory is no more the ledger then. */
  #read<T>(work: () => Promise<T>): Promise<T> {
    return this.#serial(async () => {
      await this.#chain.settle();
      return work();
    });
  }

  #serial<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #contentsOf(facts: readonly HeldFact[]): Promise<string[]> {
    const cold = facts.filter(({ content }) => content === null).map(({ seq }) => seq);
    const read = cold.length === 0 ? null : await this.#chain.read(cold);
    return facts.map(({ seq, content }) => {
      const found = content ?? read?.get(seq)?.content ?? null;
      if (found === null) throw unreadable(this.#store.place, seq);
      return found;
    });
  }
}

function nameOfAttempt({ app, target, commit, ordinal }: AttemptKey): string {
  return JSON.stringify([app, target, commit, ordinal]);
}

function nameOfRevision({ app, target, uid, revision }: RevisionKey): string {
  return JSON.stringify([app, target, uid, revision]);
}

function factsOf({ opening, events, ending }: HeldAttempt): HeldFact[] {
  return [opening, ...events, ...(ending === null ? [] : [ending])];
}

function recordOf({ content, ending }: HeldRevision): RevisionRecord {
  return { ...revisionOfContent(content), ...(ending !== null && { ending: revisionEndingOfContent(ending) }) };
}
