/** Writes the schemas as plain JSON Schemas (draft-07), which editors and other validators take. */
import { groupOf } from "../../model/object.ts";
import { definitionsOf } from "./definitions.ts";
import { type KnownKind, kindSchema, knownKinds } from "./index.ts";
import type { SchemaNode } from "./types.ts";

/** A part of a plain JSON Schema. */
export type PlainSchema = { [keyword: string]: unknown };

const DRAFT = "http://json-schema.org/draft-07/schema#";
/** By a name of its own, as an object with a method `then` would be taken for a promise. */
const THEN = "then";
const QUANTITY = "^[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$";
/** Line ends may stand anywhere in base64; how the last group is filled up is left to `trueup validate`. */
const BASE64 = "^[A-Za-z0-9+/\\s]*={0,2}\\s*$";
const INT32 = { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };

/** Kinds of a Kubernetes version in each API version that it serves. */
export function plainKinds(version: string): KnownKind[] {
  return knownKinds().filter((each) => each.in.includes(version));
}

/** A file name by which other validators find the schema: `deployment-apps-v1.json`, `service-v1.json`. */
export function plainFileName({ apiVersion, kind }: Pick<KnownKind, "apiVersion" | "kind">): string {
  const group = groupOf(apiVersion);
  const version = apiVersion.slice(apiVersion.indexOf("/") + 1);
  // They know a group by its first word alone.
  const middle = group === "" ? "" : `${group.split(".")[0] ?? ""}-`;
  return `${kind.toLowerCase()}-${middle}${version}.json`;
}

/** The schema of one kind, with all that it refers to. @throws {Error} When the Kubernetes version does not serve it */
export function plainSchemaOf(version: string, kind: Pick<KnownKind, "apiVersion" | "kind">): PlainSchema {
  const writer = new PlainWriter(version);
  const reference = writer.kind(kind);
  return { $schema: DRAFT, title: `${kind.kind} of ${kind.apiVersion}`, ...reference, definitions: writer.definitions };
}

/** One schema for manifests of any kind of a Kubernetes version: `apiVersion` and `kind` say which one counts. */
export function plainSchemaOfAll(version: string): PlainSchema {
  const writer = new PlainWriter(version);
  const kinds = plainKinds(version);
  const unique = (values: string[]): string[] => [...new Set(values)].sort();
  const branches = kinds.map((each) => ({
    if: {
      required: ["apiVersion", "kind"],
      properties: { apiVersion: { const: each.apiVersion }, kind: { const: each.kind } },
    },
    [THEN]: writer.kind(each),
  }));
  return {
    $schema: DRAFT,
    title: `Manifests of Kubernetes ${version}`,
    type: "object",
    required: ["apiVersion", "kind"],
    properties: {
      apiVersion: { type: "string", enum: unique(kinds.map(({ apiVersion }) => apiVersion)) },
      kind: { type: "string", enum: unique(kinds.map(({ kind }) => kind)) },
    },
    allOf: branches,
    definitions: writer.definitions,
  };
}

/** Gathers the definitions that what it wrote refers to. */
class PlainWriter {
  readonly definitions: { [name: string]: PlainSchema } = {};
  readonly #version: string;
  readonly #source: ReadonlyMap<string, SchemaNode>;

  constructor(version: string) {
    this.#version = version;
    this.#source = definitionsOf(version);
  }

  /** A reference to a kind's definition, which takes no other apiVersion and kind. */
  kind({ apiVersion, kind }: Pick<KnownKind, "apiVersion" | "kind">): PlainSchema {
    const schema = kindSchema({ version: this.#version, apiVersion, kind });
    if (schema === undefined) throw new Error(`Kubernetes ${this.#version} has no ${kind} of ${apiVersion}`);
    const name = `${apiVersion.replace("/", ".")}.${kind}`;
    const own = this.#plain(schema.root);
    const properties = own.properties as PlainSchema;
    this.definitions[name] = {
      ...own,
      required: [...new Set(["apiVersion", "kind", ...(schema.root.required ?? [])])],
      properties: { ...properties, apiVersion: { const: apiVersion }, kind: { const: kind } },
    };
    return { $ref: `#/definitions/${name}` };
  }

  #plain(node: SchemaNode): PlainSchema {
    if (node.$ref !== undefined) return this.#reference(node.$ref);
    const { properties, items, additionalProperties, required, enum: values, default: usual } = node;
    const plain: PlainSchema = typed(node);
    if (values !== undefined) plain.enum = values;
    if (usual !== undefined) plain.default = usual;
    if (required !== undefined) plain.required = required;
    if (items !== undefined) plain.items = this.#plain(items);
    if (properties !== undefined) {
      const isNeeded = new Set(required);
      plain.properties = Object.fromEntries(
        Object.entries(properties).map(([name, field]) => {
          const schema = this.#plain(field);
          return [name, isNeeded.has(name) ? schema : orNull(schema)];
        }),
      );
    }
    if (typeof additionalProperties === "object") {
      plain.additionalProperties = orNull(this.#plain(additionalProperties));
    } else if (additionalProperties !== undefined) plain.additionalProperties = additionalProperties;
    return plain;
  }

  /** Small definitions (times, quantities) are written where they are used, so that each place may say whether null fits. */
  #reference(name: string): PlainSchema {
    const target = this.#source.get(name);
    if (target === undefined) throw new Error(`the schemas have no definition ${name}`);
    if (target.properties === undefined) return this.#plain(target);
    if (this.definitions[name] === undefined) {
      // Before it is filled: a definition may hold itself (`JSONSchemaProps`).
      const own: PlainSchema = {};
      this.definitions[name] = own;
      Object.assign(own, this.#plain(target));
    }
    return { $ref: `#/definitions/${name}` };
  }
}

function typed({ type, format }: SchemaNode): PlainSchema {
  const plain: PlainSchema = type === undefined ? {} : { type };
  switch (format) {
    case "quantity":
      return { ...plain, pattern: QUANTITY };
    case "byte":
      return { ...plain, pattern: BASE64 };
    case "int32":
      return { ...plain, ...INT32 };
    case "date-time":
      return { ...plain, format };
    default:
      return plain;
  }
}

/**
 * A field that is `null` counts as not given. Said of what has a type of its own; of a reference it would take an `anyOf`,
 * at which editors offer everything twice.
 */
function orNull(schema: PlainSchema): PlainSchema {
  const { type, enum: values } = schema;
  if (type === undefined || values !== undefined) return schema;
  return { ...schema, type: [...(Array.isArray(type) ? (type as string[]) : [type as string]), "null"] };
}
