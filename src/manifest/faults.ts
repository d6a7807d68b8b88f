/** What keeps a document from being read: the limits, and aliases that expand without end or measure. */
import { type AliasEvent, EVENT_ID, type Event } from "js-yaml";
import type { Position } from "../model/source.ts";
import { positionOf } from "./lines.ts";

/**
 * Nesting of collections, characters and parser events of a file, nodes that aliases may expand to in one document, line breaks added to read the documents of a
 * file with a broken one each by itself, and how many broken documents are told
 * of, and how many faults and surprises of a kind in each. Together they keep the worst file under a second.
 */
export const LIMITS = {
  depth: 100,
  aliases: 1000,
  expandedNodes: 100_000,
  characters: 4 * 1024 * 1024,
  events: 500_000,
  padding: 2 * 1024 * 1024,
  brokenDocuments: 20,
  duplicates: 100,
  surprises: 100,
} as const;

/** Whether a text may declare a Secret, also one that cannot be read: then nothing of it is quoted. Escapes could hide the word. */
export function mayHoldSecret(text: string): boolean {
  if (latest.text !== text) latest = { text, holds: /\bSecret|\\[xuU]/.test(text) };
  return latest.holds;
}

/** The text asked about last: each of its broken documents asks again. */
let latest = { text: "", holds: false };

export interface Fault {
  rule: "yaml-syntax" | "yaml-duplicate-key" | "yaml-limits";
  message: string;
  hint?: string;
  position: Position;
}

/** Counts what the aliases of a document expand to, and finds aliases of a collection inside itself. */
class ExpansionCount {
  readonly #text: string;
  readonly #sizes = new Map<string, number>();
  readonly #open: { name: string; before: number }[] = [];
  #total = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Takes the next event; a fault when the document must not be read. */
  add(event: Event): Fault | null {
    switch (event.type) {
      case EVENT_ID.SCALAR:
        this.#total++;
        this.#sizes.set(this.#name(event), 1);
        return null;
      case EVENT_ID.SEQUENCE:
      case EVENT_ID.MAPPING:
        this.#open.push({ name: this.#name(event), before: this.#total++ });
        return null;
      case EVENT_ID.POP: {
        const frame = this.#open.pop();
        if (frame !== undefined) this.#sizes.set(frame.name, this.#total - frame.before);
        return null;
      }
      case EVENT_ID.ALIAS:
        return this.#alias(event);
      default:
        return null;
    }
  }

  #alias(event: AliasEvent): Fault | null {
    const name = this.#name(event);
    const fault = (message: string): Fault => ({
      rule: "yaml-limits",
      message: `Cannot read the document as ${message}`,
      position: positionOf(this.#text, event.anchorStart - 1),
    });
    if (this.#open.some((frame) => frame.name === name)) {
      return fault(`an alias must not stand inside its own anchor: it is *${name}`);
    }
    this.#total += this.#sizes.get(name) ?? 1;
    if (this.#total <= LIMITS.expandedNodes) return null;
    return fault(`its aliases must expand to at most ${LIMITS.expandedNodes} nodes: *${name} goes beyond`);
  }

  /** The anchor's name; "" of a node without one, which no alias can have. */
  #name(event: { anchorStart: number; anchorEnd: number }): string {
    return event.anchorStart < 0 ? "" : this.#text.slice(event.anchorStart, event.anchorEnd);
  }
}

/** A fault when the aliases among events `first` to `end` expand beyond the limit, or without end. */
export function expansionFault(
  text: string,
  events: readonly Event[],
  { first, end }: { first: number; end: number },
): Fault | null {
  const count = new ExpansionCount(text);
  for (let at = first; at < end; at++) {
    const event = events[at];
    const fault = event === undefined ? null : count.add(event);
    if (fault !== null) return fault;
  }
  return null;
}
