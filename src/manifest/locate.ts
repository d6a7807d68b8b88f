/** Finds the place of a field in the source, building the syntax tree only when it is asked for. */
import type { FieldPath } from "../model/manifest.ts";
import type { Location, Position } from "../model/source.ts";
import { eventsOf, type YamlSource } from "./documents.ts";
import { paddedStarts } from "./indent.ts";
import { positionIn } from "./lines.ts";
import { buildTree, findEntry, resolveAlias, type YamlNode } from "./tree.ts";

/** Where in a source an object is declared. */
export interface ObjectPlace {
  source: YamlSource;
  firstEvent: number;
  /** Path from the document's root to the object: `["items", 2]` inside a List. */
  within: FieldPath;
}

interface Indexed {
  source: YamlSource;
  events: ReturnType<typeof eventsOf>;
  starts: number[];
  trees: Map<number, YamlNode>;
}

/** The source asked about last: questions come in runs, and keeping one keeps memory flat. */
let latest: Indexed | undefined;

function indexed(source: YamlSource): Indexed {
  if (latest?.source !== source) {
    latest = { source, events: eventsOf(source), starts: paddedStarts(source.text, source.padded), trees: new Map() };
  }
  return latest;
}

/** The tree of a place's document. */
export function treeOf({ source, firstEvent }: ObjectPlace): YamlNode {
  const index = indexed(source);
  let tree = index.trees.get(firstEvent);
  if (tree === undefined) {
    tree = buildTree(source.text, index.events, firstEvent);
    index.trees.set(firstEvent, tree);
  }
  return tree;
}

/** Places in the file of offsets in a source's text, for many of them. */
export function positionsIn(source: YamlSource): (offset: number) => Position {
  const { starts } = indexed(source);
  return (offset) => positionIn(starts, offset);
}

/**
 * Locates a field of an object: its key (`part` "key"; list items: the item) or its value. Where the source has no such
 * field, the nearest enclosing one's key.
 */
export function locateField(place: ObjectPlace, file: string, path: FieldPath, part: "key" | "value"): Location {
  const { text } = place.source;
  let node: YamlNode = treeOf(place);
  let at: { start: number; end: number } = node;
  let complete = true;
  for (const step of [...place.within, ...path]) {
    const next = stepInto(text, node, step);
    if (next === undefined) {
      complete = false;
      break;
    }
    node = next.value;
    at = next.key ?? node;
  }
  if (part === "value" && complete && node.end > node.start) at = node;
  const { starts } = indexed(place.source);
  return { file, ...positionIn(starts, at.start), end: positionIn(starts, at.end) };
}

function stepInto(
  text: string,
  node: YamlNode,
  step: string | number,
): { value: YamlNode; key?: YamlNode } | undefined {
  const target = resolveAlias(node);
  if (target?.kind === "mapping") {
    const found = findEntry(text, target, String(step));
    return found === undefined ? undefined : { value: found.value, ...(found.entry && { key: found.entry.key }) };
  }
  if (target?.kind === "sequence" && typeof step === "number") {
    const value = target.items[step];
    return value === undefined ? undefined : { value };
  }
  return undefined;
}
