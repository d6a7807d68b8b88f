/** Makes values of expressions out of JSON, by schema where there is one: integers are `bigint` there, times are times. */

/** The part of a structural schema that decides what a value is in an expression. */
export interface CelSchema {
  readonly type?: string | string[] | undefined;
  readonly format?: string | undefined;
  readonly properties?: { readonly [name: string]: CelSchema } | undefined;
  readonly additionalProperties?: CelSchema | boolean | undefined;
  readonly items?: CelSchema | undefined;
  readonly nullable?: unknown;
  readonly "x-kubernetes-preserve-unknown-fields"?: unknown;
}

/** Words that an expression cannot use as a name, so that a field of that name is written `__if__`. */
const RESERVED = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

/** A field's name as expressions write it. */
export function fieldIdentifier(name: string): string {
  if (RESERVED.has(name)) return `__${name}__`;
  if (!/[-./]|__/.test(name)) return name;
  return name
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}

/**
 * A JSON value for an expression. Without a schema, whole numbers are integers, and fields keep their names. A field that is
 * null is left out, unless its schema has it nullable.
 */
export function celValue(value: unknown, schema?: CelSchema): unknown {
  if (typeof value === "number") return numberOf(value, schema);
  if (Array.isArray(value)) return value.map((item) => celValue(item, schema?.items));
  if (typeof value === "string") return textOf(value, schema?.format);
  if (typeof value !== "object" || value === null) return value;
  const fields = new Map<string, unknown>();
  for (const [name, field] of Object.entries(value)) {
    const known = schema?.properties !== undefined && Object.hasOwn(schema.properties, name);
    const inner = known ? schema.properties?.[name] : mapSchema(schema);
    if (field === undefined || (field === null && inner?.nullable !== true)) continue;
    fields.set(known ? fieldIdentifier(name) : name, celValue(field, inner));
  }
  return fields;
}

function mapSchema(schema: CelSchema | undefined): CelSchema | undefined {
  return typeof schema?.additionalProperties === "object" ? schema.additionalProperties : undefined;
}

function numberOf(value: number, schema: CelSchema | undefined): unknown {
  if (schema?.type === "number") return value;
  return Number.isInteger(value) ? BigInt(value) : value;
}

function textOf(value: string, format: string | undefined): unknown {
  if (format === "date-time" || format === "date") {
    const time = new Date(value);
    return Number.isNaN(time.getTime()) ? value : time;
  }
  if (format === "byte") return new Uint8Array(Buffer.from(value, "base64"));
  return value;
}
