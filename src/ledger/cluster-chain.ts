/**
 * The chain of a ledger in the cluster, and who may add to it.
 *
 * Whoever opens the ledger writes its name into the newest segment. Every later write asks for the segment to be as it was
 * left, and the next segment has one possible name: so whoever was there before finds, with the next thing it wants to
 * write, that it has lost the ledger, however long it slept. A write that was not answered is looked for before the next.
 */
import { TrueupError } from "../model/errors.ts";
import type { ChainHead, LedgerEntry } from "../model/ledger.ts";
import { CHAIN_START, type FactKind, nextLink } from "./chain.ts";
import { busy, contradictory, outOfOrder, takenOver, unreadable, vanished } from "./cluster-trouble.ts";
import { anchorOfContent } from "./contents.ts";
import { type Placement, PlacementMap } from "./placement.ts";
import { encodeEntry, type Segment } from "./segment.ts";
import { isUnsure, type SegmentStore } from "./segment-store.ts";

/**
 * When a segment is full. Each append has etcd write the whole segment once more (and keep it for some minutes), so large ones
 * cost it disk: with 32 KiB a thousand attempts of six facts are about 100 objects and 100 MB written.
 */
export interface SegmentLimits {
  bytes: number;
  entries: number;
}

export const SEGMENT_LIMITS: SegmentLimits = { bytes: 32 * 1024, entries: 256 };
/** A Secret has room for 1 MiB of values, and etcd for 1.5 MiB of object. */
const MOST_BYTES = 1_000_000;
/** Somebody else writes to the object all the time, then. */
const TRIES = 10;

export interface Fact {
  kind: FactKind;
  /** Canonical. */
  content: string;
}

/** Something that is to be recorded. */
export interface Wanted {
  /** Says which fact, by what is known; asked again when something else was found where it was to go. Null: it is there. */
  plan: () => Promise<Fact | null>;
  done: () => void;
  failed: (error: unknown) => void;
}

export interface ClusterChainOptions {
  store: SegmentStore;
  /** Its name among all daemons that ever open this ledger. */
  writer: string;
  limits: SegmentLimits;
  /** Hears of each entry once, in order. */
  absorb: (entry: LedgerEntry) => void;
  /** Hears, once, that another daemon has taken the ledger over. */
  onLost?: ((error: TrueupError) => void) | undefined;
}

export class ClusterChain {
  readonly placements = new PlacementMap();
  readonly #options: ClusterChainOptions;
  #newest: Segment | null = null;
  #head: ChainHead = CHAIN_START;
  /** A write was sent and not answered. */
  #isUnsure = false;
  #lost: TrueupError | null = null;

  constructor(options: ClusterChainOptions) {
    this.#options = options;
  }

  get head(): ChainHead {
    return this.#head;
  }

  /** @throws {TrueupError} `conflict` when another daemon has taken the ledger: what this one knows is no more the ledger */
  requireOurs(): void {
    if (this.#lost !== null) throw this.#lost;
  }

  /** Takes a segment in that follows all others. */
  place(segment: Segment): void {
    if (segment.first !== this.#head.seq + 1)
      throw outOfOrder(this.#options.store.place, this.#head.seq + 1, segment.first);
    this.placements.add(segment);
    this.#newest = { ...segment, entries: [] };
    this.#absorb(segment.entries);
  }

  /**
   * Makes this daemon the one that writes.
   *
   * @throws {TrueupError} When others take the ledger all the time, too
   */
  async claim(): Promise<void> {
    const { store, writer } = this.#options;
    for (let tries = 1; ; tries++) {
      try {
        const newest = this.#newest;
        if (newest === null || newest.isSealed) await this.#begin([], false);
        else {
          const mine = { ...newest, writer };
          const { resourceVersion } = await store.append(mine, [], false);
          this.#newest = { ...mine, resourceVersion };
        }
        return;
      } catch (error) {
        if (!isConflict(error) || tries === TRIES) throw error;
        await this.#takeIn(() => undefined);
      }
    }
  }

  /** Looks for what was sent and not answered, so that what is known is what is there. */
  async settle(): Promise<void> {
    this.requireOurs();
    if (!this.#isUnsure) return;
    await this.#takeIn((segment) => this.#requireWriter(segment));
    this.#isUnsure = false;
  }

  /**
   * Records facts in their order, as many with one request as the segment has room for. None of them may be about what another
   * one is about, as all are planned by what is known before. Each hears how it went.
   */
  async record(wanted: readonly Wanted[]): Promise<void> {
    let left = wanted;
    try {
      for (let tries = 1; left.length > 0; tries++) {
        if (tries > TRIES) throw busy(this.#options.store.place, TRIES);
        await this.settle();
        left = await this.#append(await planned(left));
      }
    } catch (error) {
      // Those that are over have heard of it.
      for (const { failed } of left) failed(error);
    }
  }

  /** @returns Those that were not recorded, as something else is there instead, which was taken in */
  async #append(due: readonly Planned[]): Promise<readonly Wanted[]> {
    for (let at = 0; at < due.length; ) {
      const next = this.#nextEntries(due.slice(at));
      if (next.entries.length > 0) {
        if (!(await this.#attempt(() => this.#write(next)))) return due.slice(at).map(({ wanted }) => wanted);
        for (const { wanted } of due.slice(at, at + next.entries.length)) wanted.done();
        at += next.entries.length;
      }
      // Refused, the others take its number.
      if (next.refused !== undefined) due[at++]?.wanted.failed(next.refused);
    }
    return [];
  }

  /** The entries that go into one segment with one request: at least one, unless the very first fits nowhere. */
  #nextEntries(due: readonly Planned[]): NextEntries {
    const { limits } = this.#options;
    const newest = this.#requireNewest();
    const isOpen = !newest.isSealed;
    const next: NextEntries = { entries: [], isFirstToSeal: false, isFull: false };
    let [bytes, count, head] = [isOpen ? newest.bytes : 0, isOpen ? newest.entries.length : 0, this.#head];
    for (const { fact } of due) {
      const entry: LedgerEntry = { ...nextLink(head, fact.kind, fact.content), content: fact.content };
      const size = encodeEntry(entry).length;
      if (size > MOST_BYTES) return { ...next, refused: tooLarge(entry, size) };
      if (count > 0 && bytes + size > MOST_BYTES) {
        if (next.entries.length > 0) return next;
        [bytes, count, next.isFirstToSeal] = [0, 0, true];
      }
      next.entries.push(entry);
      bytes += size;
      count++;
      head = entry;
      next.isFull = bytes >= limits.bytes || count >= limits.entries;
      if (next.isFull) return next;
    }
    return next;
  }

  async #write({ entries, isFirstToSeal, isFull }: NextEntries): Promise<void> {
    if (isFirstToSeal) await this.#change(this.#requireNewest(), [], true);
    const newest = this.#requireNewest();
    if (newest.isSealed) await this.#begin(entries, isFull);
    else await this.#change(newest, entries, isFull);
    this.#absorb(entries);
  }

  /**
   * Takes out what anchors cover: contents go, links stay. May be ended anywhere and begun again.
   *
   * @throws {TrueupError} What the requests throw; what was not done is due still
   */
  async strip(): Promise<void> {
    for (const placement of this.placements.due()) {
      for (let tries = 1; placement.due.length > 0; tries++) {
        if (tries > TRIES) throw busy(this.#options.store.place, TRIES);
        await this.#attempt(() => (placement.isSealed ? this.#renew(placement) : this.#bare(placement)));
      }
    }
  }

  /** Entries as they are stored. @throws {TrueupError} When one is not there */
  async read(seqs: readonly number[]): Promise<Map<number, LedgerEntry>> {
    const { store } = this.#options;
    const found = new Map<number, LedgerEntry>();
    for (const [{ name }, wanted] of this.placements.grouped(seqs)) {
      const segment = await store.get(name);
      if (segment === null) throw vanished(store.place, name);
      const entries = new Map(segment.entries.map((entry) => [entry.seq, entry]));
      for (const seq of wanted) {
        const entry = entries.get(seq);
        if (entry === undefined) throw unreadable(store.place, seq);
        found.set(seq, entry);
      }
    }
    return found;
  }

  /** Makes a sealed segment anew, then deletes the old one: one of them is there at any time. */
  async #renew(placement: Placement): Promise<void> {
    const { store, writer } = this.#options;
    const { first, dueTo, due } = placement;
    const old = await store.get(placement.name);
    let next = await store.get(store.nameOf(first, dueTo));
    if (old !== null) {
      const entries = bared(old.entries, due);
      next ??= await store.create({ ledger: store.ledger, first, edition: dueTo, entries, writer, isSealed: true });
      if (!sameEntries(next.entries, entries)) throw contradictory(store.place, old.name, next.name);
      await store.remove(old);
    }
    if (next === null) throw vanished(store.place, placement.name);
    if (this.#newest?.first === first) this.#newest = { ...next, entries: bared(this.#newest.entries, due) };
    this.placements.bared(placement, next);
  }

  /** The segment that is added to is changed where it is. */
  async #bare(placement: Placement): Promise<void> {
    const { due } = placement;
    const newest = this.#requireNewest();
    const changed = bared(newest.entries, due).filter(({ seq }) => due.includes(seq));
    await this.#change(newest, changed, false);
    this.#newest = { ...this.#requireNewest(), entries: bared(newest.entries, due) };
    this.placements.bared(placement, newest);
  }

  /** Does a write; when it is refused because something changed, takes that in. @returns Whether it was done */
  async #attempt(write: () => Promise<void>): Promise<boolean> {
    try {
      await write();
      return true;
    } catch (error) {
      // To callers, what is not found is an attempt.
      if (error instanceof TrueupError && error.code === "not-found") {
        throw vanished(this.#options.store.place, this.#requireNewest().name, error);
      }
      if (isUnsure(error) || isConflict(error)) this.#isUnsure = true;
      if (!isConflict(error)) throw error;
      await this.settle();
      return false;
    }
  }

  /** Makes the next segment. */
  async #begin(entries: readonly LedgerEntry[], isSealed: boolean): Promise<void> {
    const { store, writer } = this.#options;
    const draft = { ledger: store.ledger, first: this.#head.seq + 1, entries, writer, isSealed };
    const segment = await store.create(draft);
    this.placements.add(segment);
    this.#newest = { ...segment, entries: [] };
  }

  async #change(segment: Segment, changed: readonly LedgerEntry[], isSealed: boolean): Promise<void> {
    const { resourceVersion, bytes } = await this.#options.store.append(segment, changed, isSealed);
    const isNew = changed.some(({ seq }) => seq > this.#head.seq);
    this.#newest = { ...segment, resourceVersion, isSealed, bytes: segment.bytes + (isNew ? bytes : 0) };
    this.placements.update(this.#newest);
  }

  /** Reads on from the newest segment that is known: what was added to it, and what follows it. */
  async #takeIn(check: (segment: Segment) => void): Promise<void> {
    const { store } = this.#options;
    let known = this.#newest;
    for (;;) {
      const next = store.nameOf(this.#head.seq + 1);
      const found = await store.get(known?.name ?? next);
      if (found === null) {
        if (known === null) return;
        // Whoever took the ledger over may have made the segment anew: then another follows it.
        const after = await store.get(next);
        if (after !== null) check(after);
        throw vanished(store.place, known.name);
      }
      check(found);
      if (known === null) this.place(found);
      else {
        this.#newest = { ...found, entries: known.entries };
        this.placements.update(found);
        this.#absorb(found.entries.filter(({ seq }) => seq > this.#head.seq));
      }
      if (!found.isSealed) return;
      known = null;
    }
  }

  /** Entries at the end of the newest segment that are in the cluster. */
  #absorb(entries: readonly LedgerEntry[]): void {
    for (const entry of entries) {
      if (entry.seq !== this.#head.seq + 1) throw outOfOrder(this.#options.store.place, this.#head.seq + 1, entry.seq);
      this.#head = { seq: entry.seq, hash: entry.hash };
      this.#newest?.entries.push(entry);
      if (entry.content !== null) this.placements.hold(entry.seq);
      if (entry.kind === "anchor" && entry.content !== null) {
        this.placements.cover(anchorOfContent(entry.content).links, entry.seq);
      }
      this.#options.absorb(entry);
    }
  }

  #requireWriter(segment: Segment): void {
    const { store, writer } = this.#options;
    if (segment.writer === writer) return;
    this.#lost = takenOver(store.place, writer, segment.writer);
    this.#options.onLost?.(this.#lost);
    throw this.#lost;
  }

  #requireNewest(): Segment {
    if (this.#newest !== null) return this.#newest;
    throw new TrueupError(
      "internal",
      `Cannot append to the ledger ${this.#options.store.place} as it must be claimed.`,
    );
  }
}

interface Planned {
  wanted: Wanted;
  fact: Fact;
}

interface NextEntries {
  entries: LedgerEntry[];
  /** The segment that is added to has no room for the first of them. */
  isFirstToSeal: boolean;
  /** No room is left in the segment after them. */
  isFull: boolean;
  /** Why the fact after them cannot be recorded. */
  refused?: TrueupError;
}

/** What is to be written of what is wanted; what is there already, or cannot be, is told. */
async function planned(wanted: readonly Wanted[]): Promise<Planned[]> {
  const due: Planned[] = [];
  for (const each of wanted) {
    try {
      const fact = await each.plan();
      if (fact === null) each.done();
      else due.push({ wanted: each, fact });
    } catch (error) {
      each.failed(error);
    }
  }
  return due;
}

function tooLarge({ kind, seq }: LedgerEntry, size: number): TrueupError {
  const is = `it has ${Math.ceil(size / 1_000)} kB, compressed`;
  return new TrueupError("invalid", `Cannot record ${kind} ${seq} as a fact must fit into a Secret: ${is}.`);
}

function isConflict(error: unknown): boolean {
  return error instanceof TrueupError && error.code === "conflict";
}

/** Entries without the contents of these. */
function bared(entries: readonly LedgerEntry[], due: readonly number[]): LedgerEntry[] {
  const gone = new Set(due);
  return entries.map((entry) => (gone.has(entry.seq) ? { ...entry, content: null } : entry));
}

function sameEntries(entries: readonly LedgerEntry[], wanted: readonly LedgerEntry[]): boolean {
  return (
    entries.length === wanted.length &&
    wanted.every(({ seq, hash, content }, index) => {
      const entry = entries[index];
      return entry?.seq === seq && entry.hash === hash && (entry.content === null) === (content === null);
    })
  );
}
