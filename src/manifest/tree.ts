/** A document's syntax tree with source offsets, built from the parser's events only when places are asked for. */
import {
  CHOMPING_MODE,
  COLLECTION_STYLE,
  EVENT_ID,
  type Event,
  getScalarValue,
  SCALAR_STYLE,
  type ScalarEvent,
} from "js-yaml";
import { resolvePlain } from "./schema.ts";

interface NodeBase {
  /** Offset at which the node begins, its tag and anchor included. */
  outer: number;
  /** Offset at which its own text begins: the quote, the bracket, the first key, the `|`. */
  start: number;
  /** Offset just behind it; of a block scalar without its last line break. */
  end: number;
  anchor?: string;
  tagged: boolean;
}

export interface ScalarNode extends NodeBase {
  kind: "scalar";
  style: "plain" | "single" | "double" | "block" | "empty";
  event: ScalarEvent;
}

export interface MappingEntry {
  key: YamlNode;
  value: YamlNode;
}

export interface MappingNode extends NodeBase {
  kind: "mapping";
  flow: boolean;
  entries: MappingEntry[];
}

export interface SequenceNode extends NodeBase {
  kind: "sequence";
  flow: boolean;
  items: YamlNode[];
}

export interface AliasNode extends NodeBase {
  kind: "alias";
  /** The node that bears the anchor; `undefined` when there is none before. */
  target: YamlNode | undefined;
}

export type YamlNode = ScalarNode | MappingNode | SequenceNode | AliasNode;

/** Where blanks, line breaks and comments that begin at `offset` end. */
export function skipBlank(text: string, offset: number): number {
  let at = offset;
  for (;;) {
    const char = text[at];
    if (char === " " || char === "\t" || char === "\n" || char === "\r" || char === "\uFEFF") at++;
    else if (char === "#" && (at === 0 || /\s/.test(text[at - 1] ?? ""))) {
      while (at < text.length && text[at] !== "\n" && text[at] !== "\r") at++;
    } else return at;
  }
}

class TreeBuilder {
  readonly #text: string;
  readonly #events: readonly Event[];
  #at: number;
  readonly #anchors = new Map<string, YamlNode>();

  constructor(text: string, events: readonly Event[], first: number) {
    this.#text = text;
    this.#events = events;
    this.#at = first;
  }

  /** @param from Offset behind which the node's text must be looked for */
  node(from: number): YamlNode {
    const event = this.#events[this.#at++];
    if (event === undefined) throw new RangeError("the event stream ends inside a document");
    switch (event.type) {
      case EVENT_ID.SCALAR:
        return this.#anchored(event, this.#scalar(event, from));
      case EVENT_ID.ALIAS: {
        const name = this.#text.slice(event.anchorStart, event.anchorEnd);
        const start = event.anchorStart - 1;
        const target = this.#anchors.get(name);
        return { kind: "alias", outer: start, start, end: event.anchorEnd, tagged: false, target };
      }
      case EVENT_ID.SEQUENCE: {
        const flow = event.style === COLLECTION_STYLE.FLOW;
        const node: SequenceNode = { ...this.#base(event, event.start), kind: "sequence", flow, items: [] };
        this.#anchored(event, node);
        let end = flow ? event.start + 1 : event.start;
        while (this.#events[this.#at]?.type !== EVENT_ID.POP) {
          const item = this.node(end);
          node.items.push(item);
          end = item.end;
        }
        this.#at++;
        node.end = flow ? this.#closing(end, "]") : end;
        return node;
      }
      case EVENT_ID.MAPPING: {
        const flow = event.style === COLLECTION_STYLE.FLOW;
        const node: MappingNode = { ...this.#base(event, event.start), kind: "mapping", flow, entries: [] };
        this.#anchored(event, node);
        const bracket = flow && this.#text[event.start] === "{";
        let end = bracket ? event.start + 1 : event.start;
        while (this.#events[this.#at]?.type !== EVENT_ID.POP) {
          const key = this.node(end);
          const value = this.node(key.end);
          node.entries.push({ key, value });
          end = value.end;
        }
        this.#at++;
        node.end = bracket ? this.#closing(end, "}") : end;
        return node;
      }
      default:
        throw new RangeError("the event stream has no node where one must be");
    }
  }

  #base(event: { anchorStart: number; tagStart: number }, start: number): Omit<YamlNode, "kind"> & NodeBase {
    let outer = start;
    if (event.anchorStart >= 0) outer = Math.min(outer, event.anchorStart - 1);
    if (event.tagStart >= 0) outer = Math.min(outer, event.tagStart);
    return { outer, start, end: start, tagged: event.tagStart >= 0 };
  }

  #anchored<N extends YamlNode>(event: { anchorStart: number; anchorEnd: number }, node: N): N {
    if (event.anchorStart >= 0) {
      node.anchor = this.#text.slice(event.anchorStart, event.anchorEnd);
      this.#anchors.set(node.anchor, node);
    }
    return node;
  }

  #scalar(event: ScalarEvent, from: number): ScalarNode {
    const make = (style: ScalarNode["style"], start: number, end: number): ScalarNode => ({
      ...this.#base(event, start),
      kind: "scalar",
      style,
      end,
      event,
    });
    if (event.valueStart < 0) {
      const at =
        event.tagStart < 0 && event.anchorStart < 0 ? this.#emptyPlace(from) : Math.max(event.tagEnd, event.anchorEnd);
      return make("empty", at, at);
    }
    switch (event.style) {
      case SCALAR_STYLE.SINGLE_QUOTED:
        return make("single", event.valueStart - 1, event.valueEnd + 1);
      case SCALAR_STYLE.DOUBLE_QUOTED:
        return make("double", event.valueStart - 1, event.valueEnd + 1);
      case SCALAR_STYLE.LITERAL_BLOCK:
      case SCALAR_STYLE.FOLDED_BLOCK:
        return make("block", this.#blockHeader(event, from), this.#blockEnd(event));
      default:
        return make("plain", event.valueStart, event.valueEnd);
    }
  }

  /** Behind the colon or the dash that introduces an empty value. */
  #emptyPlace(from: number): number {
    const at = skipBlank(this.#text, from);
    const char = this.#text[at];
    return char === ":" || char === "-" ? at + 1 : from;
  }

  /** The `|` or `>`: the first in its line, behind `from`, with nothing but indicators and a comment after it. */
  #blockHeader(event: ScalarEvent, from: number): number {
    const text = this.#text;
    let lineEnd = event.valueStart;
    if (text[lineEnd - 1] === "\n") lineEnd--;
    if (text[lineEnd - 1] === "\r") lineEnd--;
    const lineStart = Math.max(text.lastIndexOf("\n", lineEnd - 1), text.lastIndexOf("\r", lineEnd - 1)) + 1;
    const begin = Math.max(lineStart, from, event.tagEnd, event.anchorEnd);
    const match = /[|>][-+0-9]*(?:[ \t]+#.*|[ \t]*)$/.exec(text.slice(begin, lineEnd));
    return match === null ? event.valueStart : begin + match.index;
  }

  #blockEnd(event: ScalarEvent): number {
    let end = event.valueEnd;
    // With `|+` blank lines at the end belong to the value.
    if (event.chomping === CHOMPING_MODE.KEEP)
      return end > event.valueStart && this.#text[end - 1] === "\n" ? end - 1 : end;
    while (end > event.valueStart && /[\s]/.test(this.#text[end - 1] ?? "")) end--;
    return Math.max(end, event.valueStart - 1);
  }

  #closing(from: number, bracket: string): number {
    let at = skipBlank(this.#text, from);
    while (at < this.#text.length && this.#text[at] !== bracket) at = skipBlank(this.#text, at + 1);
    return Math.min(at + 1, this.#text.length);
  }
}

/** Builds the tree of the document whose DOCUMENT event has index `first`. */
export function buildTree(text: string, events: readonly Event[], first: number): YamlNode {
  return new TreeBuilder(text, events, first + 1).node(0);
}

/** Follows aliases to the node that bears the anchor. */
export function resolveAlias(node: YamlNode): YamlNode | undefined {
  let at: YamlNode | undefined = node;
  while (at?.kind === "alias") at = at.target;
  return at;
}

/** A scalar's value as plain text; `undefined` of other nodes. */
export function scalarText(text: string, node: YamlNode): string | undefined {
  return node.kind === "scalar" ? getScalarValue(text, node.event) : undefined;
}

/** A key as the object has it: `on:` is "true", `0755:` is "493". `undefined` when it is no scalar. */
export function keyText(text: string, node: YamlNode): string | undefined {
  const resolved = resolveAlias(node);
  if (resolved?.kind !== "scalar") return undefined;
  const value = getScalarValue(text, resolved.event);
  const plain = resolved.style === "plain" && !resolved.tagged;
  return plain ? String(resolvePlain(value)) : value;
}

/** Whether an entry is a merge (`<<: *base`). */
export function isMerge(text: string, entry: MappingEntry): boolean {
  return entry.key.kind === "scalar" && entry.key.style === "plain" && scalarText(text, entry.key) === "<<";
}

/** What leads to a value: the mapping entry or list item, and whether an alias or a merge was crossed on the way. */
export interface Found {
  entry?: MappingEntry;
  value: YamlNode;
  /** The value comes from another place through an alias, an anchor's merge, or both. */
  shared: boolean;
}

/** The entry of a mapping with this key, its own before merged ones; the last of merged sources never wins. */
export function findEntry(text: string, mapping: MappingNode, key: string): Found | undefined {
  for (const entry of mapping.entries) {
    if (!isMerge(text, entry) && keyText(text, entry.key) === key) return { entry, value: entry.value, shared: false };
  }
  for (const entry of mapping.entries) {
    if (!isMerge(text, entry)) continue;
    const source = resolveAlias(entry.value);
    const sources = source?.kind === "sequence" ? source.items.map(resolveAlias) : [source];
    for (const candidate of sources) {
      const found = candidate?.kind === "mapping" ? findEntry(text, candidate, key) : undefined;
      if (found !== undefined) return { ...found, shared: true };
    }
  }
  return undefined;
}
