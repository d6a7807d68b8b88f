/** The schemas of all built-in kinds: found by Kubernetes version, API version and kind. */

import { groupOf } from "../../model/object.ts";
import { KINDS, VERSIONS } from "../generated/kinds.js";
import { definitionsOf, resolveIn } from "./definitions.ts";
import { findFaults } from "./faults.ts";
import { checkTable } from "./table.ts";
import type { KindSchema, SchemaFault, SchemaNode, Scope } from "./types.ts";

/** Kubernetes versions that there are schemas of, oldest first. */
export const KUBERNETES_VERSIONS: readonly string[] = VERSIONS;

/** What manifests are checked against where nobody says: the newest. */
export const DEFAULT_KUBERNETES_VERSION: string = VERSIONS.at(-1) ?? "";

export function isKubernetesVersion(text: string): boolean {
  return VERSIONS.includes(text);
}

export interface KindQuery {
  /** Kubernetes version (`1.37`). */
  version: string;
  apiVersion: string;
  kind: string;
}

/** A kind in one API version, as the generated list has it. */
interface KindRow {
  readonly apiVersion: string;
  readonly kind: string;
  readonly scope: Scope;
  readonly isStored: boolean;
  readonly definition: number;
  readonly rootName: string;
  /** The bit of each Kubernetes version that serves it. */
  readonly servedBits: number;
}

const ROWS: ReadonlyMap<string, KindRow> = new Map(
  KINDS.map(([apiVersion, kind, cluster, stored, definition, rootName, servedBits]) => [
    `${apiVersion} ${kind}`,
    {
      apiVersion,
      kind,
      scope: cluster === 1 ? "Cluster" : "Namespaced",
      isStored: stored === 1,
      definition,
      rootName,
      servedBits,
    },
  ]),
);

/** A kind in one of the API versions that it is or was served in. */
export interface KnownKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly scope: Scope;
  /** Kubernetes versions that serve it, oldest first. */
  readonly in: readonly string[];
}

/** Every built-in kind in each of its API versions. */
export function knownKinds(): KnownKind[] {
  return [...ROWS.values()].map(({ apiVersion, kind, scope, servedBits }) => ({
    apiVersion,
    kind,
    scope,
    in: VERSIONS.filter((_, at) => isServed(servedBits, at)),
  }));
}

function isServed(bits: number, version: number): boolean {
  return version >= 0 && ((bits >> version) & 1) === 1;
}

let builtInGroups: ReadonlySet<string> | undefined;

/** Whether a group ("" for the core group) is one of Kubernetes' own, in any version. */
export function isBuiltInGroup(group: string): boolean {
  builtInGroups ??= new Set(KINDS.map(([apiVersion]) => groupOf(apiVersion)));
  return builtInGroups.has(group);
}

const schemas = new Map<string, KindSchema>();

/** The schema of a built-in kind; `undefined` where that Kubernetes version does not serve it. */
export function kindSchema({ version, apiVersion, kind }: KindQuery): KindSchema | undefined {
  const key = `${version} ${apiVersion} ${kind}`;
  const known = schemas.get(key);
  if (known !== undefined) return known;
  const row = ROWS.get(`${apiVersion} ${kind}`);
  if (row === undefined || !isServed(row.servedBits, VERSIONS.indexOf(version))) return undefined;
  const schema = new BuiltInSchema(version, row);
  schemas.set(key, schema);
  return schema;
}

class BuiltInSchema implements KindSchema {
  readonly version: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly scope: Scope;
  readonly isStored: boolean;
  readonly check: (object: unknown) => boolean;
  readonly #rootName: string;

  constructor(version: string, { apiVersion, kind, scope, isStored, definition, rootName }: KindRow) {
    this.version = version;
    this.apiVersion = apiVersion;
    this.kind = kind;
    this.scope = scope;
    this.isStored = isStored;
    this.#rootName = rootName;
    const table = checkTable(version);
    const check = table[definition];
    if (check === undefined) throw new Error(`the checks of Kubernetes ${version} lack ${rootName}`);
    this.check = (object) => check(object, table);
  }

  get root(): SchemaNode {
    return this.resolve({ $ref: this.#rootName });
  }

  faults(object: unknown): SchemaFault[] {
    return findFaults(object, this.root, (node) => this.resolve(node));
  }

  resolve(node: SchemaNode): SchemaNode {
    return resolveIn(definitionsOf(this.version), node);
  }
}
