/** Splits a file into YAML documents and reads each by itself, so that one broken document does not hide the others' faults. */
import { constructFromEvents, EVENT_ID, type Event, parseEvents, YAMLException } from "js-yaml";
import type { Json } from "../model/object.ts";
import type { Position } from "../model/source.ts";
import { faultOf, TEMPLATE_HINT } from "./explain.ts";
import { expansionFault, type Fault, LIMITS } from "./faults.ts";
import { isDeficient, padDeficient, paddedStarts } from "./indent.ts";
import { lineStarts, positionIn } from "./lines.ts";
import { JSON_MANIFEST_SCHEMA, MANIFEST_SCHEMA, surprising } from "./schema.ts";
import { buildTree, isMerge, keyText, type YamlNode } from "./tree.ts";

export interface YamlDocument {
  /** From 0, empty documents counted. */
  index: number;
  /** Absent when a fault keeps the document from being read; `null` when it is empty. */
  value?: Json;
  /** Offset of the first node's text in `source.text`. */
  offset: number;
  faults: Fault[];
  source: YamlSource;
  /** Whether something in it may mean something else than it seems to. */
  surprising: boolean;
  /** Index of the document's first event in a new parse of `source.text`. */
  firstEvent: number;
}

/** A text whose tree can be built again when places are asked for. */
export interface YamlSource {
  text: string;
  json: boolean;
  /** Lines of `text`, from 0, that the file has further to the left. */
  padded?: readonly number[];
}

/** A place in the file, by its offset in a source's text. */
export function positionAt({ text, padded }: YamlSource, offset: number): Position {
  return positionIn(paddedStarts(text.slice(0, offset + 1), padded), offset);
}

interface Span {
  first: number;
  end: number;
  aliases: number;
}

/** Reads every document of a text, or those up to the last broken one that is told of. Never throws for what the text holds. */
export function readDocuments(text: string, json = false): YamlDocument[] {
  const whole: YamlSource = { text, json };
  try {
    return readTolerantly(whole, 0);
  } catch (thrown) {
    const pieces = splitDocuments(text);
    if (pieces === null || pieces.length < 2) return [broken(whole, 0, thrown)];
    const documents: YamlDocument[] = [];
    for (const piece of pieces) {
      if (documents.filter(({ faults }) => faults.length > 0).length >= LIMITS.brokenDocuments) break;
      const source = { text: piece, json };
      try {
        documents.push(...readTolerantly(source, documents.length));
      } catch (inner) {
        documents.push(broken(source, documents.length, inner));
      }
    }
    return documents;
  }
}

/** Events of a text that was read before. @throws {YAMLException} As the parser does */
export function eventsOf(source: YamlSource): Event[] {
  return parseEvents(source.text, { maxDepth: LIMITS.depth });
}

function readTolerantly(source: YamlSource, firstIndex: number): YamlDocument[] {
  try {
    return readSource(source, firstIndex);
  } catch (thrown) {
    const padded = isDeficient(thrown) && !source.json ? padDeficient(source.text) : null;
    if (padded === null) throw thrown;
    return readSource({ ...source, text: padded.text, padded: padded.lines }, firstIndex);
  }
}

function readSource(source: YamlSource, firstIndex: number): YamlDocument[] {
  const events = eventsOf(source);
  if (events.length > LIMITS.events) {
    const message = `Cannot read the file as it must have at most ${LIMITS.events} keys, values and brackets: it has more`;
    // Ends of collections have no place of their own.
    const last = events.findLast((event, at) => at <= LIMITS.events && startOf(event) > 0);
    const fault: Fault = { rule: "yaml-limits", message, position: positionAt(source, startOf(last)) };
    return [{ index: firstIndex, offset: 0, faults: [fault], source, surprising: false, firstEvent: 0 }];
  }
  const odd = !source.json && /<<|\t/.test(source.text);
  const documents: YamlDocument[] = [];
  let broken = 0;
  for (const span of spans(events)) {
    const document = readOne(source, events, span, firstIndex + documents.length, odd);
    documents.push(document);
    if (document.faults.length > 0 && ++broken >= LIMITS.brokenDocuments) break;
  }
  return documents;
}

/**
 * A `---` in the first column always begins a document, so pieces can be parsed alone; line breaks keep the places right.
 *
 * @returns null when these line breaks, whose number grows with the square of the file's length, would be too many
 */
function splitDocuments(text: string): string[] | null {
  const starts = [0];
  for (const match of text.matchAll(/^---(?=\s|$)/gm)) {
    if (match.index > 0 && text.slice(starts.at(-1), match.index).trim() !== "") starts.push(match.index);
  }
  const pieces: string[] = [];
  let linesBefore = 0;
  let padding = 0;
  for (const [at, start] of starts.entries()) {
    const piece = text.slice(start, starts[at + 1]);
    padding += linesBefore;
    if (padding > LIMITS.padding) return null;
    pieces.push("\n".repeat(linesBefore) + piece);
    linesBefore += lineStarts(piece).length - 1;
  }
  return pieces;
}

function spans(events: readonly Event[]): Span[] {
  const found: Span[] = [];
  let depth = 0;
  let span: Span = { first: 0, end: 0, aliases: 0 };
  // By index: an iterator over every event of every file is felt.
  for (let at = 0; at < events.length; at++) {
    const event = events[at] as Event;
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        span = { first: at, end: at, aliases: 0 };
        depth++;
        break;
      case EVENT_ID.SEQUENCE:
      case EVENT_ID.MAPPING:
        depth++;
        break;
      case EVENT_ID.ALIAS:
        span.aliases++;
        break;
      case EVENT_ID.POP:
        if (--depth === 0) found.push({ ...span, end: at + 1 });
        break;
    }
  }
  return found;
}

function readOne(source: YamlSource, events: readonly Event[], span: Span, index: number, odd: boolean): YamlDocument {
  const document: YamlDocument = {
    index,
    offset: startOf(events[span.first + 1]),
    faults: [],
    source,
    surprising: false,
    firstEvent: span.first,
  };
  const limit = span.aliases === 0 ? null : expansionFault(source.text, events, span);
  if (limit !== null) return { ...document, faults: [limit] };
  const own = span.first === 0 && span.end === events.length ? (events as Event[]) : events.slice(span.first, span.end);
  const schema = source.json ? JSON_MANIFEST_SCHEMA : MANIFEST_SCHEMA;
  const construct = (lenient: boolean): Json => {
    const [value] = constructFromEvents(own, {
      source: source.text,
      schema,
      maxAliases: LIMITS.aliases,
      json: lenient,
    }) as Json[];
    // Aliases make parts shared; objects are handed out as trees, so that a change in one place stays there.
    return span.aliases === 0 ? (value ?? null) : copy(value ?? null);
  };
  const before = surprising.count;
  try {
    document.value = construct(false);
    document.surprising = odd || surprising.count > before;
  } catch (thrown) {
    if (!(thrown instanceof YAMLException) || thrown.reason !== "duplicated mapping key") {
      document.faults.push(placeKeyFault(faultOf(thrown, source.text), source, events, span));
      return document;
    }
    const duplicates = duplicateKeys(source, buildTree(source.text, events, span.first));
    document.faults.push(...(duplicates.length > 0 ? duplicates : [faultOf(thrown, source.text)]));
    try {
      document.value = construct(true);
    } catch (further) {
      document.faults.push(faultOf(further, source.text));
    }
  }
  return document;
}

function startOf(event: Event | undefined): number {
  if (event === undefined) return 0;
  if ("start" in event) return event.start;
  if ("valueStart" in event) return Math.max(0, event.valueStart);
  return "anchorStart" in event ? event.anchorStart - 1 : 0;
}

function broken(source: YamlSource, index: number, thrown: unknown): YamlDocument {
  return { index, offset: 0, faults: [faultOf(thrown, source.text)], source, surprising: false, firstEvent: 0 };
}

function copy(value: Json): Json {
  if (Array.isArray(value)) return value.map(copy);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copy(part)]));
}

/** The parser has no place for a key that is a collection (`{{ name }}`, most often): finds it in the tree. */
function placeKeyFault(fault: Fault, source: YamlSource, events: readonly Event[], span: Span): Fault {
  const { text } = source;
  if (!fault.message.includes("a key must be text")) return fault;
  const find = (node: YamlNode): YamlNode | undefined => {
    if (node.kind === "sequence") return first(node.items, find);
    if (node.kind !== "mapping") return undefined;
    return first(node.entries, ({ key, value }) =>
      key.kind === "scalar" && key.style !== "empty" && !isBeyondMeasure(text, key) ? find(value) : key,
    );
  };
  const key = find(buildTree(text, events, span.first));
  if (key === undefined) return fault;
  const templated = text.startsWith("{{", key.start - 1) || text.startsWith("{{", key.start);
  return { ...fault, position: positionAt(source, key.start), ...(templated && { hint: TEMPLATE_HINT }) };
}

function isBeyondMeasure(text: string, key: YamlNode): boolean {
  const name = keyText(text, key) ?? "";
  return name === "NaN" || (/^-?\d/.test(name) && Math.abs(Number(name)) > Number.MAX_SAFE_INTEGER);
}

function first<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every key that its mapping already has; the parser stops at the first. */
function duplicateKeys({ text, padded }: YamlSource, root: YamlNode): Fault[] {
  const starts = paddedStarts(text, padded);
  const faults: Fault[] = [];
  const visit = (node: YamlNode): void => {
    if (node.kind === "sequence") node.items.forEach(visit);
    if (node.kind !== "mapping" || faults.length >= LIMITS.duplicates) return;
    const seen = new Map<string, number>();
    for (const entry of node.entries) {
      const key = keyText(text, entry.key);
      const earlier = key === undefined ? undefined : seen.get(key);
      if (key !== undefined && !isMerge(text, entry)) {
        if (earlier === undefined) seen.set(key, entry.key.start);
        else if (faults.length < LIMITS.duplicates) {
          faults.push({
            rule: "yaml-duplicate-key",
            message: `Cannot read the key "${key}" as it must be given once: line ${positionIn(starts, earlier).line} has it too`,
            hint: "Keep one of the two.",
            position: positionIn(starts, entry.key.start),
          });
        }
      }
      visit(entry.value);
    }
  };
  visit(root);
  return faults;
}
