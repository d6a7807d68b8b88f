/** Kinds that CustomResourceDefinitions define: their schemas and scopes, found by API version and kind. */
import type { FieldPath } from "../../model/manifest.ts";
import { groupOf, type KubeObject } from "../../model/object.ts";
import { definitionsOf, resolveIn } from "../schemas/definitions.ts";
import { findFaults } from "../schemas/faults.ts";
import type { KindSchema, SchemaFault, SchemaNode, Scope } from "../schemas/types.ts";
import { withDefaults } from "./defaults.ts";
import { structuralFaults } from "./faults.ts";
import { isFields, type StructuralNode } from "./node.ts";
import { readNode } from "./read-node.ts";
import { checkCelRules, type RuleFindings } from "./rules.ts";

const METADATA: SchemaNode = { $ref: "meta.v1.ObjectMeta" };
const TEXT: StructuralNode = { type: "string" };

/** Whether an object defines a kind. */
export function isDefinition({ apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">): boolean {
  return kind === "CustomResourceDefinition" && apiVersion === "apiextensions.k8s.io/v1";
}

interface DefinedKind {
  scope: Scope;
  definition: KubeObject;
  /** API version to its schema; none of versions that are not served. */
  roots: Map<string, StructuralNode>;
}

/** The custom kinds that are known where an object is checked. */
export class CustomKinds {
  static readonly NONE = new CustomKinds([]);
  /** By `group kind`. */
  readonly #kinds = new Map<string, DefinedKind>();
  readonly #schemas = new Map<string, CustomSchema>();

  /** @param definitions Of two that define the same kind the first counts; what is no definition is passed over */
  constructor(definitions: Iterable<KubeObject>) {
    for (const definition of definitions) {
      const read = isDefinition(definition) ? readDefinition(definition) : undefined;
      if (read !== undefined && !this.#kinds.has(read.key)) this.#kinds.set(read.key, read.kind);
    }
  }

  /** The schema of a kind; `undefined` when nothing defines it in that API version. */
  schema(version: string, apiVersion: string, kind: string): CustomSchema | undefined {
    const key = `${version} ${apiVersion} ${kind}`;
    const known = this.#schemas.get(key);
    if (known !== undefined) return known;
    const defined = this.#kinds.get(`${groupOf(apiVersion)} ${kind}`);
    const root = defined?.roots.get(apiVersion);
    if (defined === undefined || root === undefined) return undefined;
    const schema = new CustomSchema(version, apiVersion, kind, defined.scope, root);
    this.#schemas.set(key, schema);
    return schema;
  }

  /** API versions that a kind is served in; none when it is not known. */
  apiVersions(group: string, kind: string): string[] {
    return [...(this.#kinds.get(`${group} ${kind}`)?.roots.keys() ?? [])];
  }

  isClusterScoped(group: string, kind: string): boolean {
    return this.#kinds.get(`${group} ${kind}`)?.scope === "Cluster";
  }

  /** The object that defines a kind: the same instance as long as its file is the same. */
  definition(group: string, kind: string): KubeObject | undefined {
    return this.#kinds.get(`${group} ${kind}`)?.definition;
  }
}

/** As much of a definition as can be made out: what is wrong with it is said where it is declared. */
function readDefinition(definition: KubeObject): { key: string; kind: DefinedKind } | undefined {
  const { spec } = definition;
  if (!isFields(spec) || !isFields(spec.names) || !Array.isArray(spec.versions)) return undefined;
  const { group, names, scope } = spec;
  if (typeof group !== "string" || typeof names.kind !== "string") return undefined;
  const roots = new Map<string, StructuralNode>();
  for (const version of spec.versions) {
    if (!isFields(version) || version.served === false || typeof version.name !== "string") continue;
    const schema = isFields(version.schema) ? version.schema.openAPIV3Schema : undefined;
    if (isFields(schema)) roots.set(`${group}/${version.name}`, rootOf(readNode(schema)));
  }
  const kind: DefinedKind = { scope: scope === "Cluster" ? "Cluster" : "Namespaced", definition, roots };
  return { key: `${group} ${names.kind}`, kind };
}

function rootOf(schema: StructuralNode): StructuralNode {
  const properties = { ...schema.properties, apiVersion: TEXT, kind: TEXT, metadata: { type: "object" } };
  return { ...schema, properties };
}

export class CustomSchema implements KindSchema {
  readonly version: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly scope: Scope;
  readonly isStored = true;
  readonly root: SchemaNode;
  readonly #root: StructuralNode;

  constructor(version: string, apiVersion: string, kind: string, scope: Scope, root: StructuralNode) {
    this.version = version;
    this.apiVersion = apiVersion;
    this.kind = kind;
    this.scope = scope;
    this.#root = root;
    this.root = { ...root, properties: { ...root.properties, metadata: METADATA } };
  }

  check(object: unknown): boolean {
    return this.faults(object).length === 0;
  }

  faults(object: unknown): SchemaFault[] {
    const metadata = (value: unknown, path: FieldPath): SchemaFault[] => this.#metadataFaults(value, path);
    const filled = withDefaults(object, this.#root);
    // The rest of the root's metadata is as open as the schema has it: what it is is known here.
    const { metadata: own, ...rest } = filled as { metadata?: unknown };
    return [...metadata(own, ["metadata"]), ...structuralFaults(rest, this.#root, metadata)];
  }

  /** The rules in CEL; to be asked only of objects without other faults, as the API server does. */
  rules(object: unknown): RuleFindings {
    return checkCelRules(withDefaults(object, this.#root), this.#root);
  }

  resolve(node: SchemaNode): SchemaNode {
    return node.$ref === undefined ? node : resolveIn(definitionsOf(this.version), node);
  }

  #metadataFaults(value: unknown, path: FieldPath): SchemaFault[] {
    const faults = findFaults(value, METADATA, (node) => this.resolve(node));
    return faults.map((fault) => ({ ...fault, path: [...path, ...fault.path] }));
  }
}
