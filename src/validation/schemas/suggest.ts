/** Guesses what was meant by a field that a schema does not have: a misspelt name, or one on the wrong level. */
import { type FieldPath, formatFieldPath } from "../../model/manifest.ts";
import { nearest } from "../names.ts";
import { KUBERNETES_VERSIONS, kindSchema } from "./index.ts";
import type { KindSchema, SchemaNode } from "./types.ts";

/** Levels below a field at which a misplaced one is looked for: from a Deployment's spec to its pods', in a CronJob to its pods'. */
const DEEPEST_PLACE = 4;

/** What to write instead of the field at a path, as a sentence; `undefined` when nothing is near. */
export function unknownFieldHint(schema: KindSchema, path: FieldPath): string | undefined {
  const unknown = String(path.at(-1));
  const parent = path.slice(0, -1);
  const elsewhere = versionWith(schema, parent, unknown);
  if (elsewhere !== undefined) return `Kubernetes ${elsewhere} has it: this is checked for ${schema.version}.`;
  const close = nearest(unknown, fieldsAt(schema, parent));
  if (close !== undefined) return `Did you mean ${close}?`;
  for (let length = parent.length - 1; length >= 0; length--) {
    const outer = parent.slice(0, length);
    if (typeof outer.at(-1) === "number" || !fieldsAt(schema, outer).includes(unknown)) continue;
    const place = outer.length === 0 ? "the object itself" : formatFieldPath(outer);
    return `It belongs in ${place}: check the indentation.`;
  }
  const inner = placeBelow(schema, parent, unknown);
  if (inner === undefined) return undefined;
  return `It belongs in ${formatFieldPath([...parent, ...inner])}: check the indentation.`;
}

/** The Kubernetes version nearest to the schema's that has the field. */
function versionWith({ version, apiVersion, kind }: KindSchema, parent: FieldPath, field: string): string | undefined {
  const at = KUBERNETES_VERSIONS.indexOf(version);
  const others = KUBERNETES_VERSIONS.map((name, index) => ({ name, distance: Math.abs(index - at) }))
    .filter(({ distance }) => distance > 0)
    .toSorted((a, b) => a.distance - b.distance);
  return others.find(({ name }) => {
    const other = kindSchema({ version: name, apiVersion, kind });
    return other !== undefined && fieldsAt(other, parent).includes(field);
  })?.name;
}

function fieldsAt(schema: KindSchema, path: FieldPath): string[] {
  return Object.keys(nodeAt(schema, path)?.properties ?? {});
}

/** The schema of the value at a path, through lists and maps; `undefined` where nothing is known of it. */
export function nodeAt(schema: KindSchema, path: FieldPath): SchemaNode | undefined {
  let node: SchemaNode | undefined = schema.root;
  for (const step of path) {
    if (node === undefined) return undefined;
    const next: SchemaNode | undefined = typeof step === "number" ? node.items : fieldOf(node, step);
    node = next === undefined ? undefined : schema.resolve(next);
  }
  return node;
}

function fieldOf({ properties = {}, additionalProperties }: SchemaNode, name: string): SchemaNode | undefined {
  if (Object.hasOwn(properties, name)) return properties[name];
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

/** The node behind lists and maps: what has fields of its own. */
function withFields(schema: KindSchema, reference: SchemaNode): SchemaNode {
  const node = schema.resolve(reference);
  const inner = node.items ?? (typeof node.additionalProperties === "object" ? node.additionalProperties : undefined);
  return inner === undefined ? node : withFields(schema, inner);
}

/** The nearest level below that has the field, as a path of field names; where an object itself is one of a list, its first. */
function placeBelow(schema: KindSchema, path: FieldPath, unknown: string): string[] | undefined {
  const start = nodeAt(schema, path);
  let level = start === undefined ? [] : [{ path: [] as string[], node: start }];
  const seen = new Set<SchemaNode>();
  for (let depth = 0; depth < DEEPEST_PLACE; depth++) {
    level = level.flatMap((at) =>
      Object.entries(at.node.properties ?? {})
        // What the server writes is no place for what a person means.
        .filter(([field]) => field !== "status" && field !== "managedFields")
        .map(([field, part]) => ({ path: [...at.path, field], node: withFields(schema, part) }))
        .filter(({ node }) => !seen.has(node) && seen.add(node) !== undefined),
    );
    const found = level.find((at) => Object.hasOwn(at.node.properties ?? {}, unknown));
    if (found !== undefined) return found.path;
  }
  return undefined;
}
