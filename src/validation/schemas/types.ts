/** The shapes of schemas: the part of JSON Schema that Kubernetes uses, what a kind's schema offers, and its faults. */
import type { FieldPath } from "../../model/manifest.ts";

/** A place in a schema. Of built-in kinds, `$ref` is a definition's short name (`core.v1.PodSpec`). */
export interface SchemaNode {
  $ref?: string;
  type?: string | string[];
  /** `int32`, `int64`, `byte`, `date-time`; ours: `quantity`. */
  format?: string;
  required?: string[];
  enum?: unknown[];
  default?: unknown;
  properties?: { [name: string]: SchemaNode };
  /** What other fields hold, or `false` where there may be none; absent: anything. */
  additionalProperties?: SchemaNode | boolean;
  items?: SchemaNode;
  /** `x-kubernetes-list-map-keys` and the like. */
  [extension: `x-kubernetes-${string}`]: unknown;
}

export type Scope = "Namespaced" | "Cluster";

/** A kind in one of its API versions. */
export interface KindEntry {
  /** "" for the core group. */
  group: string;
  /** `v1`, `v1beta1`. */
  version: string;
  kind: string;
  scope: Scope;
  /** Whether it can be listed; a question to the server (`TokenReview`) is answered and forgotten. */
  isStored: boolean;
  /** Name of its definition. */
  root: string;
  /** Kubernetes versions that serve it, oldest first. */
  in: string[];
}

/** `schemas/kubernetes.json`: all versions, each distinct definition once. */
export interface SchemaFile {
  $comment: string;
  /** Kubernetes version to the Go module that it was taken from; oldest first. */
  releases: { [version: string]: string };
  kinds: KindEntry[];
  definitions: { [name: string]: { in: string[]; schema: SchemaNode }[] };
}

/** One thing that a schema refuses. `path` leads to the value, for `required` and `unknown` to the field by its name. */
export interface SchemaFault {
  path: FieldPath;
  keyword: "type" | "required" | "unknown" | "format" | "enum" | "limit";
  /** For `type`: JSON Schema's names of the types that it may have. */
  types?: readonly string[];
  /** For `format`: `int32`, `int64`, `byte`, `date-time` or `quantity`. */
  format?: string;
  /** For `enum`: what it may be. */
  values?: readonly unknown[];
  /** For `limit`, which only custom kinds have: "it must be at least 1". */
  clause?: string;
  /** For `limit`: it is about the value as a whole, which a sentence does not quote. */
  isWhole?: boolean;
}

/** The schema of a kind in one of its API versions, as one Kubernetes version has it. */
export interface KindSchema {
  /** Kubernetes version. */
  readonly version: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly scope: Scope;
  readonly isStored: boolean;
  /** Whether the object fits. Fast; a field that is `null` counts as not given. */
  check(object: unknown): boolean;
  /** Everything that is wrong with the object; none exactly when `check` holds. Slow: for objects that failed it. */
  faults(object: unknown): SchemaFault[];
  /** The schema itself, for whoever reads lists' keys or looks for a field. */
  readonly root: SchemaNode;
  /** The node with its `$ref`, if any, followed; extensions beside the `$ref` are kept. */
  resolve(node: SchemaNode): SchemaNode;
}
