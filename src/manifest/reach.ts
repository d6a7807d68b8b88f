/** Follows a path into a document that is to be edited, and measures the text around what it finds. */
import { TrueupError } from "../model/errors.ts";
import { type FieldPath, formatFieldPath } from "../model/manifest.ts";
import { findEntry, type MappingEntry, type YamlNode } from "./tree.ts";

/** A document to change. */
export interface Target {
  text: string;
  root: YamlNode;
  json: boolean;
  /** Which document of the file it is. */
  document: number;
}

/** How far a path leads into a document. */
export interface Reached {
  /** The last node reached. */
  node: YamlNode;
  /** Its entry, when it is a mapping's value. */
  entry: MappingEntry | undefined;
  parent: YamlNode | undefined;
  /** How many steps of the path were found. */
  depth: number;
}

/** Follows a path as far as the document has it. @throws {TrueupError} `invalid` where an alias or anchor is on the way */
export function reach(target: Target, path: FieldPath): Reached {
  const shared = aliasTargets(target.root);
  let reached: Reached = { node: target.root, entry: undefined, parent: undefined, depth: 0 };
  for (const [depth, step] of path.entries()) {
    refuseShared(reached.node, shared, path.slice(0, depth));
    const { node } = reached;
    if (node.kind === "mapping") {
      const found = findEntry(target.text, node, String(step));
      if (found === undefined) return reached;
      if (found.shared) throw sharedError(path.slice(0, depth + 1), "comes in through a merge (<<)");
      reached = { node: found.value, entry: found.entry, parent: node, depth: depth + 1 };
    } else if (node.kind === "sequence" && typeof step === "number") {
      const item = node.items[step];
      if (item === undefined) return reached;
      reached = { node: item, entry: undefined, parent: node, depth: depth + 1 };
    } else return reached;
  }
  refuseShared(reached.node, shared, path);
  return reached;
}

function refuseShared(node: YamlNode, shared: ReadonlySet<YamlNode>, path: FieldPath): void {
  if (node.kind === "alias") throw sharedError(path, "is an alias (*) of another place");
  if (shared.has(node)) throw sharedError(path, `has an anchor (&${node.anchor ?? ""}) that other places use`);
}

function sharedError(path: FieldPath, why: string): TrueupError {
  const field = formatFieldPath(path) || "the object";
  return new TrueupError("invalid", `Cannot edit ${field} as its value must stand in one place: it ${why}`, {
    hint: "Write the value out where it is used, or edit the file by hand.",
  });
}

function aliasTargets(root: YamlNode): ReadonlySet<YamlNode> {
  const targets = new Set<YamlNode>();
  const visit = (node: YamlNode): void => {
    if (node.kind === "alias" && node.target !== undefined) targets.add(node.target);
    if (node.kind === "sequence") node.items.forEach(visit);
    if (node.kind === "mapping") {
      for (const { key, value } of node.entries) {
        visit(key);
        visit(value);
      }
    }
  };
  visit(root);
  return targets;
}

export function cut(text: string, start: number, end: number, insert = ""): string {
  return text.slice(0, start) + insert + text.slice(end);
}

export function lineStartOf(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

/** End of the line, before its line break. */
export function lineEndOf(text: string, offset: number): number {
  const at = text.indexOf("\n", offset);
  const end = at < 0 ? text.length : at;
  return end > offset && text[end - 1] === "\r" ? end - 1 : end;
}

export function columnOf(text: string, offset: number): number {
  return offset - lineStartOf(text, offset);
}

export function newlineOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

/** Spaces per level, as the document has them; 2 when it shows none. */
export function stepOf({ text, root }: Target): number {
  const visit = (node: YamlNode): number | undefined => {
    if (node.kind !== "mapping" || node.flow) return undefined;
    for (const { key, value } of node.entries) {
      if (value.kind === "mapping" && !value.flow) return columnOf(text, value.start) - columnOf(text, key.outer);
      const inner = visit(value);
      if (inner !== undefined) return inner;
    }
    return undefined;
  };
  return Math.max(1, visit(root) ?? 2);
}
