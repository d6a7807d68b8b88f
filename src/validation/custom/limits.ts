/** Checks one value of a custom resource against the limits of its schema: sizes, patterns, formats, unique items. */
import { isIPv4, isIPv6 } from "node:net";
import type { FieldPath } from "../../model/manifest.ts";
import { checkSubdomain } from "../names.ts";
import { compilePattern } from "../pattern.ts";
import { hasFormat } from "../schemas/formats.ts";
import type { SchemaFault } from "../schemas/types.ts";
import { isFields, type StructuralNode } from "./node.ts";
import { isSameJson } from "./same.ts";

/** What a value itself breaks, not what is inside it. */
export function findLimits(value: unknown, node: StructuralNode, path: FieldPath): SchemaFault[] {
  const faults: SchemaFault[] = [];
  if (node.enum !== undefined && !node.enum.some((each) => isSameJson(each, value))) {
    faults.push({ path, keyword: "enum", values: node.enum });
  }
  if (node.format !== undefined && !fitsFormat(value, node.format)) {
    faults.push({ path, keyword: "format", format: node.format });
  }
  const clauses = [...limitsOf(value, node)];
  faults.push(...clauses.map((clause): SchemaFault => ({ path, keyword: "limit", clause, isWhole: isSized(value) })));
  if (Array.isArray(value)) faults.push(...duplicates(value, node, path));
  return faults;
}

/** Whether a sentence shows the value's size rather than the value. */
function isSized(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function* limitsOf(value: unknown, node: StructuralNode): Generator<string> {
  if (typeof value === "number") yield* numberLimits(value, node);
  else if (typeof value === "string") yield* textLimits(value, node);
  else if (Array.isArray(value)) yield* sizeLimits(value.length, node.minItems, node.maxItems, "items");
  else if (isFields(value)) {
    yield* sizeLimits(Object.keys(value).length, node.minProperties, node.maxProperties, "fields");
  }
}

function* numberLimits(value: number, node: StructuralNode): Generator<string> {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = node;
  if (minimum !== undefined && (exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    yield `it must be ${exclusiveMinimum === true ? "greater than" : "at least"} ${minimum}`;
  }
  if (maximum !== undefined && (exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    yield `it must be ${exclusiveMaximum === true ? "less than" : "at most"} ${maximum}`;
  }
  if (multipleOf !== undefined && multipleOf > 0) {
    const times = value / multipleOf;
    if (Math.abs(times - Math.round(times)) > 1e-9) yield `it must be a multiple of ${multipleOf}`;
  }
}

function* textLimits(value: string, { minLength, maxLength, pattern }: StructuralNode): Generator<string> {
  if (minLength !== undefined || maxLength !== undefined) {
    yield* sizeLimits([...value].length, minLength, maxLength, "characters");
  }
  if (pattern === undefined) return;
  // A pattern that is none is the definition's fault, and said there.
  const compiled = compilePattern(pattern);
  if (typeof compiled !== "string" && !compiled.test(value)) yield `it must match ${pattern}`;
}

function* sizeLimits(
  size: number,
  least: number | undefined,
  most: number | undefined,
  what: string,
): Generator<string> {
  if (least !== undefined && size < least) yield `it must have at least ${least} ${what} and has ${size}`;
  if (most !== undefined && size > most) yield `it must have at most ${most} ${what} and has ${size}`;
}

/** Items of a set, or with the same keys in a map, that stand there twice. */
function duplicates(items: readonly unknown[], node: StructuralNode, path: FieldPath): SchemaFault[] {
  const kind = node["x-kubernetes-list-type"];
  const keys = node["x-kubernetes-list-map-keys"] ?? [];
  if (kind !== "set" && (kind !== "map" || keys.length === 0)) return [];
  const first = new Map<string, number>();
  const faults: SchemaFault[] = [];
  for (const [index, item] of items.entries()) {
    const key = kind === "set" ? canonical(item) : canonical(keys.map((name) => (isFields(item) ? item[name] : null)));
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, index);
    else {
      const what = kind === "set" ? "value" : keys.join(" and ");
      const clause = `the ${what} must be unique in the list: item ${earlier} has the same`;
      faults.push({ path: [...path, index], keyword: "limit", clause, isWhole: true });
    }
  }
  return faults;
}

/** JSON with the fields in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isFields(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  uri: (text) => URL.canParse(text) || /^\/[^\s]*$/.test(text),
  email: (text) => /^[^\s@]+@[^\s@]+$/.test(text),
  hostname: (text) => checkSubdomain(text.toLowerCase()) === null,
  ipv4: isIPv4,
  ipv6: (text) => isIPv6(text) && text.includes(":"),
  cidr: (text) => {
    const [address = "", length = ""] = text.split("/");
    const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
    return /^\d{1,3}$/.test(length) && Number(length) <= most && text.split("/").length === 2;
  },
  mac: (text) => /^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}(?:(?:[:-][0-9a-f]{2}){2})?$/i.test(text),
  uuid: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
  date: (text) => /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/.test(text),
  duration: (text) =>
    /^[+-]?(?:0|(?:\d+(?:\.\d*)?|\.\d+)\s*(?:[a-zµμ]+)(?:\s*(?:\d+(?:\.\d*)?|\.\d+)\s*[a-zµμ]+)*)$/i.test(text),
};

function fitsFormat(value: unknown, format: string): boolean {
  if (typeof value === "string" && Object.hasOwn(FORMATS, format)) return FORMATS[format]?.(value) === true;
  return hasFormat(value, format);
}
