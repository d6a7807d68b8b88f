/** Which segment of a ledger in the cluster has which entry, and what in it is due to be taken out. Pure. */
import type { Segment } from "./segment.ts";

export interface Placement {
  name: string;
  uid: string;
  first: number;
  edition: number;
  isSealed: boolean;
  /** Numbers of entries that have their contents, ascending. */
  held: number[];
  /** Those of them that an anchor covers. */
  due: number[];
  /** The last anchor that covers one of them. */
  dueTo: number;
}

export class PlacementMap {
  readonly #placements: Placement[] = [];

  /** Puts a segment after all others; its entries are told one by one. */
  add({ name, uid, first, edition, isSealed }: Segment): void {
    this.#placements.push({ name, uid, first, edition, isSealed, held: [], due: [], dueTo: 0 });
  }

  /** The last segment was read or written again. */
  update({ name, uid, isSealed }: Segment): void {
    const last = this.#placements.at(-1);
    if (last !== undefined) Object.assign(last, { name, uid, isSealed });
  }

  /** The last segment has this entry with its content. */
  hold(seq: number): void {
    this.#placements.at(-1)?.held.push(seq);
  }

  /** What was due was taken out; the segment may be another object now. */
  bared(placement: Placement, { name, uid, edition }: Segment): void {
    const due = new Set(placement.due);
    Object.assign(placement, { name, uid, edition, held: placement.held.filter((seq) => !due.has(seq)), due: [] });
  }

  /** Notes what an anchor covers. */
  cover(links: readonly (readonly [number, number])[], anchor: number): void {
    for (const [first, last] of links) {
      for (let at = this.#indexOf(first); at < this.#placements.length; at++) {
        const placement = this.#placements[at];
        if (placement === undefined || placement.first > last) break;
        const due = placement.held.filter((seq) => seq >= first && seq <= last);
        if (due.length === 0) continue;
        placement.due = [...new Set([...placement.due, ...due])];
        placement.dueTo = anchor;
      }
    }
  }

  due(): Placement[] {
    return this.#placements.filter(({ due }) => due.length > 0);
  }

  /** Entries by the segment that has them. */
  grouped(seqs: readonly number[]): Map<Placement, number[]> {
    const groups = new Map<Placement, number[]>();
    for (const seq of seqs) {
      const placement = this.#placements[this.#indexOf(seq)];
      if (placement === undefined) continue;
      const known = groups.get(placement);
      if (known === undefined) groups.set(placement, [seq]);
      else known.push(seq);
    }
    return groups;
  }

  /** Of the last segment that begins at this entry or before; 0 when there is none. */
  #indexOf(seq: number): number {
    let low = 0;
    let high = this.#placements.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#placements[middle]?.first ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}
