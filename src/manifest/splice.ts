/** Text operations on one field of a document: each returns the new text and leaves every other byte alone. */
import { TrueupError } from "../model/errors.ts";
import { type FieldPath, formatFieldPath } from "../model/manifest.ts";
import type { Json } from "../model/object.ts";
import { columnOf, cut, lineEndOf, lineStartOf, newlineOf, type Reached, reach, stepOf, type Target } from "./reach.ts";
import { resolvePlain } from "./schema.ts";
import {
  type MappingEntry,
  type MappingNode,
  type SequenceNode,
  scalarText,
  skipBlank,
  type YamlNode,
} from "./tree.ts";
import { isBlock, type Style, writeInline, writeJsonLines, writeLines, writeScalar } from "./write.ts";

/** Whether a value written at this place stands inside brackets. */
function isFlow(parent: YamlNode | undefined): boolean {
  return parent !== undefined && (parent.kind === "mapping" || parent.kind === "sequence") && parent.flow;
}

/** JSON habits, by the document or by the mapping's own keys. */
function isJsonLike(target: Target, parent: YamlNode | undefined): boolean {
  if (target.json) return true;
  if (parent?.kind !== "mapping" || !parent.flow) return false;
  return (
    parent.entries.length > 0 && parent.entries.every(({ key }) => key.kind === "scalar" && key.style === "double")
  );
}

function isNull(text: string, node: YamlNode): boolean {
  if (node.kind !== "scalar" || node.tagged || node.anchor !== undefined) return false;
  return (node.style === "plain" || node.style === "empty") && resolvePlain(scalarText(text, node) ?? "") === null;
}

/** Sets a field, creating the mappings on the way to it. */
export function setField(target: Target, path: FieldPath, value: Json): string {
  const reached = reach(target, path);
  if (reached.depth === path.length) return replaceValue(target, reached, value);
  const rest = path.slice(reached.depth);
  const { node } = reached;
  if (rest.some((step) => typeof step === "number")) throw absentError(path.slice(0, reached.depth + 1));
  if (node.kind === "mapping") return insertEntry(target, node, String(rest[0]), nest(rest.slice(1), value));
  if (isNull(target.text, node)) return replaceValue(target, reached, nest(rest, value));
  throw new TrueupError(
    "invalid",
    `Cannot set ${formatFieldPath(path)} as ${formatFieldPath(path.slice(0, reached.depth))} must be a mapping: it is not`,
  );
}

function absentError(path: FieldPath): TrueupError {
  return new TrueupError(
    "invalid",
    `Cannot set ${formatFieldPath(path)} as it must be an item of a list: there is none`,
  );
}

function nest(path: FieldPath, value: Json): Json {
  return path.reduceRight<Json>((inner, step) => ({ [String(step)]: inner }), value);
}

/** Replaces the value that a path leads to. */
function replaceValue(target: Target, { node, entry, parent }: Reached, value: Json): string {
  const { text } = target;
  const flow = isFlow(parent);
  const json = isJsonLike(target, parent);
  const quotes =
    node.kind === "scalar" && (node.style === "single" || node.style === "double") ? node.style : undefined;
  const style: Style = {
    flow,
    json,
    step: stepOf(target),
    ...(quotes !== undefined && typeof value === "string" && { quotes }),
  };
  const from = node.tagged ? node.outer : node.start;
  if (flow || json || target.json)
    return cut(text, from, node.end, separated(text, node, indentedJson(target, from, value, style)));
  if (!isBlock(value)) {
    if (entry !== undefined && isBlockCollection(node))
      return replaceBlock(text, entry, node, ` ${writeInline(value, style)}`, []);
    return cut(text, from, node.end, separated(text, node, writeInline(value, style)));
  }
  const lines = writeLines(value, style.step);
  if (isBlockCollection(node) || entry === undefined) {
    const column = columnOf(text, node.start);
    const pad = newlineOf(text) + " ".repeat(column);
    if (entry === undefined || onSameLine(text, entry.key.end, node.start))
      return cut(text, from, node.end, lines.join(pad));
    const indent = Array.isArray(value) ? column : Math.max(column, columnOf(text, entry.key.outer) + 1);
    return replaceBlock(
      text,
      entry,
      node,
      "",
      lines.map((line) => " ".repeat(indent) + line),
    );
  }
  const indent = columnOf(text, entry.key.outer) + style.step;
  return replaceBlock(
    text,
    entry,
    node,
    "",
    lines.map((line) => " ".repeat(indent) + line),
  );
}

function onSameLine(text: string, from: number, to: number): boolean {
  return !text.slice(from, to).includes("\n");
}

function isBlockCollection(node: YamlNode): node is MappingNode | SequenceNode {
  return (node.kind === "mapping" || node.kind === "sequence") && !node.flow;
}

/** An empty value has nothing before it yet: `key:`, `-`, `{key}`. */
function separated(text: string, node: YamlNode, written: string): string {
  if (node.start < node.end) return written;
  const before = text[node.start - 1] ?? "";
  if (before === ":" || before === "-" || before === ",") return ` ${written}`;
  return /\s|^$/.test(before) ? written : `: ${written}`;
}

function indentedJson(target: Target, at: number, value: Json, style: Style): string {
  if (!target.json) return writeInline(value, style);
  const lineStart = lineStartOf(target.text, at);
  const indent = /^[ \t]*/.exec(target.text.slice(lineStart))?.[0] ?? "";
  const isCompact = !target.text.slice(target.root.start, target.root.end).includes("\n");
  if (!isBlock(value)) return writeInline(value, style);
  if (isCompact) return JSON.stringify(value);
  return writeJsonLines(value, jsonUnit(target)).join(newlineOf(target.text) + indent);
}

/** One level of a JSON document's indentation: what stands before its first key. */
function jsonUnit({ text, root }: Target): string {
  return /^\{\s*?\n([ \t]+)/.exec(text.slice(root.start))?.[1] ?? "  ";
}

/**
 * Replaces the value of a block mapping's entry: `inline` goes behind the colon, `lines` (indented) below the key's
 * line. A comment on the key's line stays.
 */
export function replaceBlock(
  text: string,
  entry: MappingEntry,
  node: YamlNode,
  inline: string,
  lines: readonly string[],
): string {
  const colon = colonEnd(text, entry);
  const keyLineEnd = lineEndOf(text, colon);
  const newline = newlineOf(text);
  const below = lines.length === 0 ? "" : newline + lines.join(newline);
  if (node.start > keyLineEnd || (node.start === node.end && node.start === colon)) {
    // The value stands below, or there is none: what follows the colon on its line is at most a comment.
    const rest = text.slice(colon, keyLineEnd);
    const end = node.start > keyLineEnd ? blockRegionEnd(text, entry, node) : keyLineEnd;
    return cut(text, colon, end, inline + rest.trimEnd() + below);
  }
  const lastLineEnd = lineEndOf(text, node.end);
  const header = node.kind === "scalar" && node.style === "block" ? node.end : lastLineEnd;
  const comment = node.kind === "scalar" && node.style === "block" ? "" : text.slice(node.end, lastLineEnd).trimEnd();
  return cut(text, colon, header, inline + comment + below);
}

/** Behind the colon of an entry in block style. */
export function colonEnd(text: string, entry: MappingEntry): number {
  return skipBlank(text, entry.key.end) + 1;
}

/** End of the last line that belongs to a block value: its last line, and comments below it that are indented as it is. */
export function blockRegionEnd(text: string, entry: MappingEntry, node: YamlNode): number {
  const column = columnOf(text, node.start);
  let end = lineEndOf(text, node.end);
  if (column <= columnOf(text, entry.key.outer)) return end;
  for (let next = nextLine(text, end); next !== undefined; next = nextLine(text, next.end)) {
    const line = text.slice(next.start, next.end);
    if (line.trim() === "") continue;
    const indent = line.length - line.trimStart().length;
    if (!line.trimStart().startsWith("#") || indent < column) break;
    end = next.end;
  }
  return end;
}

function nextLine(text: string, end: number): { start: number; end: number } | undefined {
  const at = text.indexOf("\n", end);
  if (at < 0 || at + 1 >= text.length) return undefined;
  return { start: at + 1, end: lineEndOf(text, at + 1) };
}

/** Adds an entry to a mapping, in its own style. */
export function insertEntry(target: Target, mapping: MappingNode, key: string, value: Json): string {
  if (mapping.flow) return insertFlowEntry(target, mapping, key, value);
  const { text } = target;
  const step = stepOf(target);
  const style: Style = { flow: false, json: false, step };
  const head = `${writeScalar(key, style)}:`;
  const lines = isBlock(value)
    ? [head, ...writeLines(value, step).map((line) => (Array.isArray(value) ? line : " ".repeat(step) + line))]
    : [`${head} ${writeInline(value, style)}`];
  return insertLines(text, mapping, lines, !isBlock(value));
}

/** Adds lines as an entry of a block mapping: a scalar after the leading scalars, anything else at the end. */
export function insertLines(text: string, mapping: MappingNode, lines: readonly string[], isScalar: boolean): string {
  const pad = " ".repeat(columnOf(text, mapping.start));
  const newline = newlineOf(text);
  const leading = mapping.entries.findIndex(({ value }) => value.kind !== "scalar");
  const after = isScalar && leading > 0 ? mapping.entries[leading - 1] : mapping.entries.at(-1);
  const end = after === undefined ? mapping.start : lineEndOf(text, after.value.end);
  return cut(text, end, end, newline + lines.map((line) => pad + line).join(newline));
}

function insertFlowEntry(target: Target, mapping: MappingNode, key: string, value: Json): string {
  const { text } = target;
  const json = isJsonLike(target, mapping);
  const style: Style = { flow: true, json, step: stepOf(target) };
  const last = mapping.entries.at(-1);
  if (last === undefined)
    return cut(text, mapping.start, mapping.end, `{${writeScalar(key, style)}: ${writeInline(value, style)}}`);
  const lineStart = lineStartOf(text, last.key.outer);
  const ownLine = text.slice(lineStart, last.key.outer).trim() === "" && last.key.outer > mapping.start;
  const lead = ownLine ? newlineOf(text) + text.slice(lineStart, last.key.outer) : " ";
  const compact = json && text[last.key.end] === ":" && text[last.key.end + 1] !== " ";
  const entry = `${writeScalar(key, style)}:${compact ? "" : " "}${ownLine ? indentedJson(target, last.key.outer, value, style) : compact ? JSON.stringify(value) : writeInline(value, style)}`;
  const comma = skipBlank(text, last.value.end);
  if (text[comma] === ",") return cut(text, comma + 1, comma + 1, lead + entry);
  return cut(text, last.value.end, last.value.end, `,${compact && !ownLine ? "" : lead}${entry}`);
}

/** Removes a field; the text as it is when there is none. */
export function removeField(target: Target, path: FieldPath): string {
  const reached = reach(target, path);
  const { text } = target;
  const { node, entry, parent } = reached;
  if (reached.depth < path.length || parent === undefined) return text;
  if (parent.kind === "mapping" && entry !== undefined) {
    return parent.flow
      ? removeFlow(
          text,
          parent.entries.map(({ key, value }) => ({ start: key.outer, end: value.end })),
          parent.entries.indexOf(entry),
        )
      : removeBlockEntry(target, path, parent, entry);
  }
  if (parent.kind !== "sequence") return text;
  const at = parent.items.indexOf(node);
  if (parent.flow)
    return removeFlow(
      text,
      parent.items.map(({ outer, end }) => ({ start: outer, end })),
      at,
    );
  return removeBlockItem(target, path, parent, at);
}

function removeFlow(text: string, parts: readonly { start: number; end: number }[], at: number): string {
  const part = parts[at];
  const before = parts[at - 1];
  const after = parts[at + 1];
  if (part === undefined) return text;
  if (after !== undefined) return cut(text, part.start, after.start);
  if (before !== undefined) return cut(text, before.end, part.end);
  const comma = skipBlank(text, part.end);
  return cut(text, part.start, text[comma] === "," ? comma + 1 : part.end);
}

function removeBlockEntry(target: Target, path: FieldPath, parent: MappingNode, entry: MappingEntry): string {
  const { text } = target;
  if (parent.entries.length === 1) return setField(target, path.slice(0, -1), {});
  const end = lineEndOf(text, entry.value.end);
  const lineStart = lineStartOf(text, entry.key.outer);
  const lead = text.slice(lineStart, entry.key.outer);
  if (lead.trim() === "") return cut(text, lineStart, Math.min(text.length, skipNewline(text, end)));
  // The first entry of a list item stands behind the dash: the next entry takes its place.
  const next = parent.entries[parent.entries.indexOf(entry) + 1];
  return next === undefined ? text : cut(text, entry.key.outer, next.key.outer);
}

function removeBlockItem(target: Target, path: FieldPath, parent: SequenceNode, at: number): string {
  const { text } = target;
  const item = parent.items[at];
  if (item === undefined) return text;
  if (parent.items.length === 1) return setField(target, path.slice(0, -1), []);
  const lineStart = lineStartOf(text, item.outer);
  const lead = text.slice(lineStart, item.outer);
  const next = parent.items[at + 1];
  if (/^\s*-\s+$/.test(lead)) return cut(text, lineStart, skipNewline(text, lineEndOf(text, item.end)));
  // The first item stands behind the dash of an outer list: the next one takes its place.
  if (at === 0 && next !== undefined) return cut(text, item.outer, next.outer);
  throw new TrueupError(
    "invalid",
    `Cannot remove ${formatFieldPath(path)} as each item must begin its own line: it does not`,
  );
}

function skipNewline(text: string, offset: number): number {
  if (text[offset] === "\r" && text[offset + 1] === "\n") return offset + 2;
  return text[offset] === "\n" ? offset + 1 : offset;
}
