/** Which parts of a manifest's text must not be shown, as they are, or may be, values of a Secret. */
import { YAMLException } from "js-yaml";
import { readDocuments, type YamlSource } from "./documents.ts";
import { mayHoldSecret } from "./faults.ts";
import { lineStarts, positionIn } from "./lines.ts";
import { treeOf } from "./locate.ts";
import { type MappingNode, resolveAlias, scalarText, type YamlNode } from "./tree.ts";

/** A part of one line: columns from 0, the end not included. */
export interface HiddenSpan {
  from: number;
  to: number;
}

/** By line, from 1, in order and without overlaps. `all`: nothing of the text may be shown. */
export type HiddenSpans = ReadonlyMap<number, readonly HiddenSpan[]> | "all";

/** Words without which no text holds a Secret: most files need no second look. Also how Secrets are misspelt. */
const SUSPICIOUS = /secret|stringdata|\\[xuU]|opaque/i;
/** Fields of a Secret that say nothing of its values. */
const OPEN_FIELDS: ReadonlySet<string> = new Set(["apiVersion", "kind", "type", "immutable"]);
const OPEN_METADATA: ReadonlySet<string> = new Set(["name", "namespace", "labels", "generateName"]);

interface Range {
  start: number;
  end: number;
}

/**
 * Finds what to hide in a text: the values and unknown fields of each Secret, its annotations (kubectl keeps the whole
 * object in one), text that itself looks like a Secret, whatever an anchor could carry into one, and all comments beside
 * them. A document that cannot be parsed and may hold a Secret is hidden as a whole.
 */
export function hiddenSpans(text: string, json = false): HiddenSpans {
  if (!SUSPICIOUS.test(text)) return new Map();
  const spans = new Map<number, HiddenSpan[]>();
  const readings = new Map<YamlSource, SourceReading>();
  for (const document of readDocuments(text, json)) {
    const reading = readings.get(document.source) ?? new SourceReading(document.source);
    readings.set(document.source, reading);
    try {
      reading.add(treeOf({ source: document.source, firstEvent: document.firstEvent, within: [] }));
    } catch (thrown) {
      if (!(thrown instanceof YAMLException)) throw thrown;
      if (mayHoldSecret(document.source.text) || /stringdata|kind["']?:\s*["']?secret/i.test(document.source.text)) {
        // Where a broken document ends cannot be told: what stands in the file could belong to it.
        return "all";
      }
    }
  }
  for (const reading of readings.values()) reading.addTo(spans);
  return spans;
}

class SourceReading {
  readonly #source: YamlSource;
  readonly #hidden: Range[] = [];
  /** Text that is no comment although it may have a `#`. */
  readonly #scalars: Range[] = [];
  #holdsSecret = false;

  constructor(source: YamlSource) {
    this.#source = source;
  }

  add(root: YamlNode): void {
    const anchored: YamlNode[] = [];
    const before = this.#hidden.length;
    this.#visit(root, anchored, false);
    if (this.#hidden.length === before) return;
    this.#holdsSecret = true;
    // An alias may bring any of these into the Secret.
    for (const node of anchored) this.#hide(node);
  }

  #visit(node: YamlNode, anchored: YamlNode[], listed: boolean): void {
    if (node.anchor !== undefined && node.kind !== "mapping") anchored.push(node);
    if (node.kind === "scalar") {
      this.#scalars.push({ start: node.start, end: node.end });
      if (looksLikeSecret(scalarText(this.#source.text, node) ?? "")) this.#hide(node);
    } else if (node.kind === "sequence") {
      for (const item of node.items) this.#visit(item, anchored, listed);
    } else if (node.kind === "mapping") {
      const kind = this.#kindOf(node);
      const isList = /list$/i.test(kind);
      if (!isList && (listed || /secret/i.test(kind) || this.#has(node, "stringData"))) this.#secret(node);
      for (const { key, value } of node.entries) {
        if (key.kind === "scalar") this.#scalars.push({ start: key.start, end: key.end });
        if (key.anchor !== undefined) anchored.push(key);
        const items = isList && /secret/i.test(kind) && this.#text(key) === "items";
        this.#visit(value, anchored, items);
      }
    }
  }

  /** Hides every field's value but those that are known to be harmless. */
  #secret(node: MappingNode): void {
    this.#holdsSecret = true;
    for (const { key, value } of node.entries) {
      const name = this.#text(key);
      if (OPEN_FIELDS.has(name)) continue;
      if (name !== "metadata" || value.kind !== "mapping") {
        this.#hideInside(value);
        continue;
      }
      for (const field of value.entries) {
        if (!OPEN_METADATA.has(this.#text(field.key))) this.#hideInside(field.value);
      }
    }
  }

  /** Keys stay to be seen: messages name them, too. */
  #hideInside(node: YamlNode): void {
    if (node.kind === "mapping") for (const { value } of node.entries) this.#hideInside(value);
    else if (node.kind === "sequence") for (const item of node.items) this.#hideInside(item);
    else this.#hide(node);
  }

  #hide(node: YamlNode): void {
    if (node.end > node.outer) this.#hidden.push({ start: node.outer, end: node.end });
  }

  #kindOf(node: MappingNode): string {
    return node.entries
      .filter(({ key }) => this.#text(key) === "kind")
      .map(({ value }) => this.#text(value))
      .join(" ");
  }

  #has(node: MappingNode, name: string): boolean {
    return node.entries.some(({ key }) => this.#text(key).toLowerCase() === name.toLowerCase());
  }

  #text(node: YamlNode): string {
    const resolved = resolveAlias(node);
    return resolved === undefined ? "" : (scalarText(this.#source.text, resolved) ?? "");
  }

  /** Adds, line by line, what is hidden in this source. */
  addTo(spans: Map<number, HiddenSpan[]>): void {
    if (!this.#holdsSecret && this.#hidden.length === 0) return;
    const { text } = this.#source;
    const starts = lineStarts(text);
    const ranges = [...this.#hidden, ...this.#comments(starts)].sort((a, b) => a.start - b.start);
    for (const { start, end } of ranges) {
      const last = positionIn(starts, Math.max(start, end - 1)).line;
      for (let { line } = positionIn(starts, start); line <= last; line++) {
        const lineStart = starts[line - 1] ?? 0;
        const lineEnd = (starts[line] ?? text.length + 1) - 1;
        // Of a block's further lines, the indentation is not hidden: it says what is whose.
        const indent = /^[ \t]*/.exec(text.slice(lineStart, lineEnd))?.[0].length ?? 0;
        const from = Math.max(start - lineStart, indent);
        const to = Math.min(end, lineEnd) - lineStart;
        if (to <= from) continue;
        const list = spans.get(line) ?? [];
        const previous = list.at(-1);
        if (previous !== undefined && from <= previous.to) previous.to = Math.max(previous.to, to);
        else list.push({ from, to });
        spans.set(line, list);
      }
    }
  }

  #comments(starts: readonly number[]): Range[] {
    const { text } = this.#source;
    const scalars = this.#scalars.toSorted((a, b) => a.start - b.start);
    const comments: Range[] = [];
    let at = 0;
    for (const match of text.matchAll(/(?<=^|\s)#[^\r\n]*/gm)) {
      while (at < scalars.length && (scalars[at]?.end ?? 0) <= match.index) at++;
      if ((scalars[at]?.start ?? Number.POSITIVE_INFINITY) <= match.index) continue;
      const end = Math.min(match.index + match[0].length, starts.at(-1) === undefined ? 0 : text.length);
      comments.push({ start: match.index + 1, end });
    }
    return comments;
  }
}

/** A whole object as text, as kubectl's annotation has it. */
function looksLikeSecret(text: string): boolean {
  return /stringData/.test(text) || (/\bSecret\b/.test(text) && /\bdata\b/.test(text));
}
