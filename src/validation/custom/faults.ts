/** Finds everything that a structural schema refuses in a value that has its defaults. */
import type { FieldPath } from "../../model/manifest.ts";
import { hasType, typesOf } from "../schemas/faults.ts";
import type { SchemaFault } from "../schemas/types.ts";
import { findLimits } from "./limits.ts";
import { type Fields, isFields, type StructuralNode } from "./node.ts";

/** Checks the metadata of a whole object inside another one. */
export type CheckMetadata = (metadata: unknown, path: FieldPath) => SchemaFault[];

interface Walk {
  readonly faults: SchemaFault[];
  readonly metadata: CheckMetadata;
  /** Within `anyOf` and the like only values are checked: which fields there are is said outside of it. */
  readonly isPartial: boolean;
}

/** All faults, in the order of the value's fields; what is below a value of the wrong type is not looked at. */
export function structuralFaults(
  value: unknown,
  node: StructuralNode,
  metadata: CheckMetadata,
  path: FieldPath = [],
): SchemaFault[] {
  const faults: SchemaFault[] = [];
  walk({ faults, metadata, isPartial: false }, value, node, path);
  return faults;
}

function walk(at: Walk, value: unknown, node: StructuralNode, path: FieldPath): void {
  if (value === null && node.nullable === true) return;
  const types = node["x-kubernetes-int-or-string"] === true ? ["integer", "string"] : typesOf(node);
  if (types.length > 0 && !types.some((type) => hasType(value, type))) {
    at.faults.push({ path, keyword: "type", types });
    return;
  }
  at.faults.push(...findLimits(value, node, path));
  if (Array.isArray(value)) {
    const { items } = node;
    if (items !== undefined) for (const [index, item] of value.entries()) walk(at, item, items, [...path, index]);
  } else if (isFields(value)) walkFields(at, value, node, path);
  for (const part of node.allOf ?? []) walk({ ...at, isPartial: true }, value, part, path);
  walkChoices(at, value, node, path);
}

function walkFields(at: Walk, value: Fields, node: StructuralNode, path: FieldPath): void {
  const { properties = {}, additionalProperties } = node;
  const isEmbedded = node["x-kubernetes-embedded-resource"] === true;
  const isOpen = at.isPartial || additionalProperties === true || node["x-kubernetes-preserve-unknown-fields"] === true;
  for (const [name, field] of Object.entries(value)) {
    const place = [...path, name];
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const inner = known ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
    const isOfObject = isEmbedded && (name === "apiVersion" || name === "kind" || name === "metadata");
    if (inner !== undefined && field !== undefined) walk(at, field, inner, place);
    else if (!isOpen && !isOfObject) at.faults.push({ path: place, keyword: "unknown" });
  }
  for (const name of node.required ?? []) {
    if (!Object.hasOwn(value, name) || value[name] === undefined) {
      at.faults.push({ path: [...path, name], keyword: "required" });
    }
  }
  if (isEmbedded) checkEmbedded(at, value, path);
}

function checkEmbedded(at: Walk, value: Fields, path: FieldPath): void {
  for (const name of ["apiVersion", "kind"]) {
    const field = value[name];
    const place = [...path, name];
    if (field === undefined || field === null || field === "") at.faults.push({ path: place, keyword: "required" });
    else if (typeof field !== "string") at.faults.push({ path: place, keyword: "type", types: ["string"] });
  }
  if (value.metadata !== undefined && value.metadata !== null) {
    at.faults.push(...at.metadata(value.metadata, [...path, "metadata"]));
  }
}

function walkChoices(at: Walk, value: unknown, node: StructuralNode, path: FieldPath): void {
  const fits = (part: StructuralNode): boolean => {
    const faults: SchemaFault[] = [];
    walk({ ...at, faults, isPartial: true }, value, part, path);
    return faults.length === 0;
  };
  const { anyOf = [], oneOf = [], not } = node;
  if (anyOf.length > 0 && !anyOf.some(fits)) {
    at.faults.push(choice(path, `it must fit at least one of ${choices(anyOf)}`));
  }
  if (oneOf.length > 0) {
    const count = oneOf.filter(fits).length;
    if (count !== 1) at.faults.push(choice(path, `it must fit exactly one of ${choices(oneOf)}, and fits ${count}`));
  }
  if (not !== undefined && fits(not)) at.faults.push(choice(path, `it must not fit ${choices([not])}`));
}

function choice(path: FieldPath, clause: string): SchemaFault {
  return { path, keyword: "limit", clause, isWhole: true };
}

/** What the alternatives ask for, where that is short. */
function choices(parts: readonly StructuralNode[]): string {
  const words = parts.map(({ required, type, enum: values, ...rest }) => {
    if (Object.keys(rest).length > 0) return undefined;
    if (required !== undefined) return `${required.join(" and ")} given`;
    return values === undefined ? type?.toString() : values.map((value) => JSON.stringify(value)).join(" or ");
  });
  if (words.every((word) => word !== undefined)) return `(${words.join("; ")})`;
  return parts.length === 1 ? "what its schema excludes" : `the ${parts.length} alternatives of its schema`;
}
