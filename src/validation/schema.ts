/** Checks an object against its kind's schema and turns what the check finds into sentences, one for each cause. */
import { type FieldPath, formatFieldPath } from "../model/manifest.ts";
import type { CheckFunction, SchemaFault } from "./check.ts";
import { Field } from "./field.ts";
import { FIELDS, KIND_TYPES } from "./generated/fields.js";
import * as kubernetes from "./generated/kubernetes.js";
import { nearest } from "./names.ts";
import type { Report } from "./report.ts";

const CHECKS: Readonly<Record<string, CheckFunction>> = {
  Deployment: kubernetes.checkDeployment,
  ReplicaSet: kubernetes.checkReplicaSet,
  Pod: kubernetes.checkPod,
  Service: kubernetes.checkService,
  ConfigMap: kubernetes.checkConfigMap,
  Secret: kubernetes.checkSecret,
  Namespace: kubernetes.checkNamespace,
};

/** Reports what the schema of a supported kind refuses. `root` is the object without nulls. */
export function checkSchema(report: Report, kind: string, root: Field): void {
  const check = CHECKS[kind];
  if (check === undefined || check(root.value)) return;
  const faults = check.errors ?? [];
  const typed = new Set(faults.filter(({ keyword }) => keyword === "type").map(({ instancePath }) => instancePath));
  for (const fault of faults) {
    if (fault.keyword !== "type" && typed.has(fault.instancePath)) continue;
    reportFault(report, kind, root, fault);
  }
}

/** A JSON pointer as a path; parts that index a list become numbers. */
export function pathOf(root: unknown, pointer: string): FieldPath {
  const path: (string | number)[] = [];
  let at = root;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const step = Array.isArray(at) ? Number(key) : key;
    path.push(step);
    at = typeof at === "object" && at !== null ? (at as Record<string | number, unknown>)[step] : undefined;
  }
  return path;
}

/** The field at a path. */
export function fieldAt(root: Field, path: FieldPath): Field {
  let value = root.value;
  for (const step of path) {
    value =
      typeof value === "object" && value !== null && Object.hasOwn(value, step)
        ? (value as Record<string | number, unknown>)[step]
        : undefined;
  }
  return new Field(value, path);
}

export const TYPE_WORDS: Readonly<Record<string, string>> = {
  integer: "an integer",
  number: "a number",
  string: "text",
  boolean: "true or false",
  object: "a mapping",
  array: "a list",
};

function reportFault(report: Report, kind: string, root: Field, fault: SchemaFault): void {
  const path = pathOf(root.value, fault.instancePath);
  const field = fieldAt(root, path);
  const name = field.name === "" ? "the object" : field.name;
  const { params } = fault;
  switch (fault.keyword) {
    case "type": {
      const types = typesOf(params.type);
      const wanted = types.map((type) => TYPE_WORDS[type] ?? type).join(" or ");
      report.say(
        "error",
        "schema-type",
        path,
        `Cannot read ${name} as it must be ${wanted}: it is ${shown(report, field)}`,
        typeHint(types, field.value),
      );
      return;
    }
    case "required": {
      const missing = String(params.missingProperty);
      report.missing("schema-required", new Field(undefined, [...path, missing]));
      return;
    }
    case "additionalProperties": {
      const unknown = String(params.additionalProperty);
      const at = [...path, unknown];
      const hint = unknownFieldHint(kind, path, unknown);
      report.say(
        "error",
        "unknown-field",
        at,
        `Cannot read ${formatFieldPath(at)} as ${name === "the object" ? `a ${kind}` : name} has no such field`,
        { at: "key", ...hint },
      );
      return;
    }
    case "minimum":
    case "maximum":
      report.say(
        "error",
        "schema-range",
        path,
        `Cannot read ${name} as it must be a 32-bit integer: it is ${shown(report, field)}`,
        {},
      );
      return;
    default:
      report.say(
        "error",
        "schema-format",
        path,
        `Cannot read ${name} as it must be a quantity: it is ${shown(report, field)}`,
        {
          hint: "Quantities look like 500m, 2, 64Mi or 1.5Gi.",
        },
      );
  }
}

export function typesOf(type: unknown): string[] {
  return Array.isArray(type) ? type.map(String) : String(type).split(",");
}

function shown(report: Report, field: Field): string {
  if (Array.isArray(field.value)) return "a list";
  return field.record === undefined ? report.quoted(field) : "a mapping";
}

function typeHint(types: readonly string[], value: unknown): { hint?: string } {
  const scalar = typeof value === "number" || typeof value === "boolean";
  if (types.length === 1 && types[0] === "string" && scalar) return { hint: "Put the value in quotes." };
  if (typeof value === "string" && (types.includes("integer") || types.includes("boolean"))) {
    if (/^-?\d+$/.test(value) || value === "true" || value === "false") return { hint: "Remove the quotes." };
  }
  if (types.includes("array") && scalar === false && value !== null && typeof value === "object") {
    return { hint: 'Begin each item with "- ".' };
  }
  return {};
}

/** The definition of the value at a path, "" when it has none. */
function definitionAt(kind: string, path: FieldPath): string {
  let type = KIND_TYPES[kind] ?? "";
  for (const step of path) {
    // An index, and a key of a map, keep the type: it is the items' already.
    if (typeof step === "number") continue;
    const fields = FIELDS[type];
    if (fields !== undefined && Object.hasOwn(fields, step)) type = fields[step] ?? "";
  }
  return type;
}

function unknownFieldHint(kind: string, path: FieldPath, unknown: string): { hint?: string } {
  const here = FIELDS[definitionAt(kind, path)] ?? {};
  const close = nearest(unknown, Object.keys(here));
  if (close !== undefined) return { hint: `Did you mean ${close}?` };
  for (let length = path.length - 1; length >= 0; length--) {
    const outer = path.slice(0, length);
    if (typeof outer.at(-1) === "number" || path.length === 0) continue;
    if (Object.hasOwn(FIELDS[definitionAt(kind, outer)] ?? {}, unknown)) {
      return {
        hint: `It belongs in ${outer.length === 0 ? "the object itself" : formatFieldPath(outer)}: check the indentation.`,
      };
    }
  }
  const inner = placeBelow(definitionAt(kind, path), unknown);
  return inner === undefined
    ? {}
    : { hint: `It belongs in ${formatFieldPath([...path, ...inner])}: check the indentation.` };
}

/** Levels below a field at which a misplaced one is looked for: from a Deployment's spec to its pods' spec. */
const DEEPEST_PLACE = 2;

/** The nearest definition below that has the field, as a path of field names. */
function placeBelow(type: string, unknown: string): string[] | undefined {
  let level: { path: string[]; type: string }[] = [{ path: [], type }];
  for (let depth = 0; depth < DEEPEST_PLACE; depth++) {
    level = level.flatMap((at) =>
      Object.entries(FIELDS[at.type] ?? {}).map(([field, next]) => ({ path: [...at.path, field], type: next })),
    );
    const found = level.find((at) => Object.hasOwn(FIELDS[at.type] ?? {}, unknown));
    if (found !== undefined) return found.path;
  }
  return undefined;
}
