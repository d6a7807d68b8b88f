/** Checks an object against its kind's schema and turns what the check finds into sentences, one for each cause. */
import { type FieldPath, formatFieldPath } from "../model/manifest.ts";
import type { CustomSchema } from "./custom/kinds.ts";
import { Field } from "./field.ts";
import type { Report } from "./report.ts";
import { unknownFieldHint } from "./schemas/suggest.ts";
import type { KindSchema, SchemaFault } from "./schemas/types.ts";

/** Reports what a kind's schema refuses in an object. */
export function checkSchema(report: Report, schema: KindSchema, object: unknown): void {
  if (schema.check(object)) return;
  const root = new Field(object);
  for (const fault of schema.faults(object)) reportFault(report, schema, root, fault);
}

/** Reports what a custom kind's schema refuses and, when it refuses nothing, which of its rules do not hold. */
export function checkCustom(report: Report, schema: CustomSchema, object: unknown): void {
  const before = report.diagnostics.length;
  checkSchema(report, schema, object);
  if (report.diagnostics.length > before) return;
  const { broken, unchecked } = schema.rules(object);
  for (const { path, message } of broken) {
    const name = path.length === 0 ? "the object" : formatFieldPath(path);
    report.say("error", "cel-rule", path, `Cannot use ${name} as a rule of ${schema.kind} forbids it: ${message}`, {});
  }
  const [first] = unchecked.values();
  if (first === undefined) return;
  const count = unchecked.size === 1 ? "1 rule" : `${unchecked.size} rules`;
  report.say("warning", "cel-not-checked", ["kind"], `${count} of ${schema.kind} cannot be checked: ${first}`, {});
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

function reportFault(report: Report, schema: KindSchema, root: Field, fault: SchemaFault): void {
  const { path } = fault;
  const field = fieldAt(root, path);
  const name = field.name === "" ? "the object" : field.name;
  switch (fault.keyword) {
    case "type": {
      const types = fault.types ?? [];
      const wanted = types.map((type) => TYPE_WORDS[type] ?? type).join(" or ");
      const message = `Cannot read ${name} as it must be ${wanted}: it is ${shown(report, field)}`;
      report.say("error", "schema-type", path, message, typeHint(types, field.value));
      return;
    }
    case "required":
      report.missing("schema-required", new Field(undefined, path));
      return;
    case "unknown": {
      const owner = path.length === 1 ? `a ${schema.kind}` : formatFieldPath(path.slice(0, -1));
      const hint = unknownFieldHint(schema, path);
      report.say("error", "unknown-field", path, `Cannot read ${name} as ${owner} has no such field`, {
        at: "key",
        ...(hint !== undefined && { hint }),
      });
      return;
    }
    case "enum":
      reportEnum(report, field, fault.values ?? []);
      return;
    case "format":
      reportFormat(report, schema, field, fault.format ?? "");
      return;
    case "limit": {
      const clause = fault.clause ?? "";
      if (fault.isWhole !== true) report.error("schema-limit", field, clause);
      else report.say("error", "schema-limit", path, `Cannot use ${name} as ${clause}`, { at: "key" });
      return;
    }
    default:
      fault.keyword satisfies never;
  }
}

/** Built-in kinds have only texts to choose from; custom ones have any values. */
function reportEnum(report: Report, field: Field, values: readonly unknown[]): void {
  const texts = values.filter((value) => typeof value === "string");
  if (field.text !== undefined && texts.length === values.length) {
    report.oneOf(field, texts);
    return;
  }
  const list = values.map((value) => JSON.stringify(value)).join(", ");
  const message = `Cannot use ${field.name} as it must be one of ${list}: it is ${shown(report, field)}`;
  report.say("error", "unsupported-value", field.path, message, {});
}

interface FormatWords {
  rule: "schema-range" | "schema-format";
  what: string;
  hint?: string;
}

const FORMAT_WORDS: Readonly<Record<string, FormatWords>> = {
  int32: { rule: "schema-range", what: "a 32-bit integer" },
  int64: { rule: "schema-range", what: "a 64-bit integer" },
  quantity: { rule: "schema-format", what: "a quantity", hint: "Quantities look like 500m, 2, 64Mi or 1.5Gi." },
  "date-time": { rule: "schema-format", what: "a time", hint: "Times look like 2026-11-26T09:30:00Z." },
  byte: { rule: "schema-format", what: "base64" },
};

function reportFormat(report: Report, { apiVersion, kind }: KindSchema, field: Field, format: string): void {
  const words = FORMAT_WORDS[format];
  // The rules of these two say it better: `data-base64`.
  const isData = apiVersion === "v1" && (kind === "Secret" || kind === "ConfigMap");
  if (words === undefined && !isData) {
    report.error("schema-format", field, `it must have the format ${format}`);
    return;
  }
  if (words === undefined || (format === "byte" && isData)) return;
  const { rule, what, hint } = words;
  const message = `Cannot read ${field.name} as it must be ${what}: it is ${shown(report, field)}`;
  report.say("error", rule, field.path, message, hint === undefined ? {} : { hint });
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
