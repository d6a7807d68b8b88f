/** Takes a field's source text, comments included, from one version of a file and puts it into another. */
import type { FieldPath } from "../model/manifest.ts";
import { columnOf, lineEndOf, reach, type Target } from "./reach.ts";
import { blockRegionEnd, colonEnd, insertLines, replaceBlock } from "./splice.ts";
import type { MappingNode, YamlNode } from "./tree.ts";
import { writeScalar } from "./write.ts";

/** A field's value as text. */
export interface Extract {
  /** What stands behind the colon: a scalar or a collection in brackets; "" when the value stands below. */
  inline: string;
  /** Lines below the key, without the indentation that they share. */
  lines: string[];
  /** Spaces by which the lines stand further in than the key. */
  offset: number;
}

/**
 * The source text of a mapping entry's value. `null` when it cannot stand elsewhere as it is: it is no entry of a block
 * mapping, or it holds anchors or aliases, or lines that stand further out than the value itself.
 */
export function extractSubtree(source: Target, path: FieldPath): Extract | null {
  const { node, entry, parent, depth } = reach(source, path);
  if (depth < path.length || entry === undefined || parent?.kind !== "mapping" || parent.flow) return null;
  if (hasAnchors(node)) return null;
  const { text } = source;
  const keyColumn = columnOf(text, entry.key.outer);
  const keyLineEnd = lineEndOf(text, colonEnd(text, entry));
  if (node.start <= keyLineEnd) {
    const value = text.slice(node.outer, node.end);
    if (value.includes("\n") || node.start === node.end) return null;
    return { inline: value, lines: [], offset: 0 };
  }
  const column = columnOf(text, node.start);
  const lines = text
    .slice(keyLineEnd, blockRegionEnd(text, entry, node))
    .split(/\r?\n/)
    .slice(1);
  const shifted: string[] = [];
  for (const line of lines) {
    const indent = line.length - line.trimStart().length;
    const isBlank = line.trim() === "";
    if (indent < column && !isBlank && !line.trimStart().startsWith("#")) return null;
    shifted.push(isBlank ? line.slice(column) : line.slice(Math.min(indent, column)));
  }
  return { inline: "", lines: shifted, offset: column - keyColumn };
}

/** Puts an extracted value at a path, replacing what is there. `null` when the place is not in block style. */
export function replaceSubtree(target: Target, path: FieldPath, extract: Extract): string | null {
  const { text } = target;
  const { node, entry, parent, depth } = reach(target, path);
  if (depth === path.length) {
    if (entry === undefined || parent?.kind !== "mapping" || parent.flow) return null;
    const indent = columnOf(text, entry.key.outer) + extract.offset;
    const inline = extract.inline === "" ? "" : ` ${extract.inline}`;
    return replaceBlock(text, entry, node, inline, indented(extract.lines, indent));
  }
  if (depth !== path.length - 1 || node.kind !== "mapping" || node.flow) return null;
  return insertExtract(text, node, String(path.at(-1)), extract);
}

function insertExtract(text: string, mapping: MappingNode, key: string, extract: Extract): string {
  const head = `${writeScalar(key, { flow: false, json: false, step: 2 })}:`;
  const first = extract.inline === "" ? head : `${head} ${extract.inline}`;
  return insertLines(text, mapping, [first, ...indented(extract.lines, extract.offset)], extract.lines.length === 0);
}

function indented(lines: readonly string[], columns: number): string[] {
  return lines.map((line) => (line === "" ? line : " ".repeat(columns) + line));
}

function hasAnchors(node: YamlNode): boolean {
  if (node.kind === "alias" || node.anchor !== undefined) return true;
  if (node.kind === "sequence") return node.items.some(hasAnchors);
  return node.kind === "mapping" && node.entries.some(({ key, value }) => hasAnchors(key) || hasAnchors(value));
}
