/** What the `validation` sections of the two configurations say, as plain data. */
import type { Severity } from "../model/diagnostic.ts";
import type { Location } from "../model/source.ts";
import type { PolicyId } from "./rules.ts";

/** How much a rule's finding counts. */
export type Level = Severity | "off";

/** A policy that is switched on, and how. One policy may stand here twice: as the operator and as the repository asks for it. */
export interface PolicySetting {
  rule: PolicyId;
  level: Severity;
  /** `image-registry`: patterns, of which one must fit. */
  allowed?: readonly string[];
  /** `drop-capabilities` */
  capabilities?: readonly string[];
  /** `required-labels`: keys. */
  labels?: readonly string[];
  /** `required-labels`: kinds that it is about; workloads when absent. */
  kinds?: readonly string[];
  /** `minimum-replicas` */
  replicas?: number;
  /** `unset-cpu-requirements` and `unset-memory-requirements`: `requests`, `limits` or both. */
  require?: readonly string[];
}

/** A rule of somebody's own, in CEL. */
export interface OwnRule {
  id: string;
  /** What must hold of `object`. */
  expression: string;
  level: Severity;
  /** Patterns of kinds (`Kind` or `group/Kind`); absent: all. */
  kinds?: readonly string[];
  message?: string;
  messageExpression?: string;
  /** Where a finding points to, such as `.spec.replicas`; the object's name when absent. */
  field?: string;
  hint?: string;
}

/** An object of which a rule is not asked for a while. */
export interface Exception {
  rule: string;
  kind: string;
  /** Absent: any. */
  namespace?: string;
  name: string;
  reason: string;
  /** The last day on which it counts, `2027-03-31`, UTC. */
  until: string;
  /** Where it stands. */
  location: Location;
}

/** What decides about an object by itself: told to other threads, and part of the keys by which results are kept. */
export interface Checks {
  policies: readonly PolicySetting[];
  rules: readonly OwnRule[];
}

export interface ValidationSettings extends Checks {
  /** By rule. */
  levels: Readonly<Record<string, Level>>;
  exceptions: readonly Exception[];
}

/** As the operator has it: the least that is asked of every repository. */
export interface ValidationFloor extends ValidationSettings {
  /** Patterns of rules to which no repository may make an exception. */
  noExceptions: readonly string[];
}

export const NO_FLOOR: ValidationFloor = { policies: [], rules: [], levels: {}, exceptions: [], noExceptions: [] };

/** What a repository's `trueup.yaml` must keep to. */
export interface OperatorFloor {
  validation: ValidationFloor;
  /** The only version that a repository may name; absent: any. */
  kubernetesVersion?: string;
  /** What a repository may let go without a schema, at most; absent: anything. */
  allowUnknownKinds?: boolean | readonly string[];
}

export const NO_OPERATOR: OperatorFloor = { validation: NO_FLOOR };
