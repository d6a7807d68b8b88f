/** Reads the two configurations, the repository's `trueup.yaml` and the operator's `trueup.config.yaml`, into typed values. */

import { type FieldPattern, type IgnoreRule, parseFieldPattern } from "../model/ignore.ts";
import { ConfigReader, type ParsedConfig } from "./config-reader.ts";
import type { Field } from "./field.ts";
import * as operatorSchema from "./generated/operator-config.js";
import * as repositorySchema from "./generated/repository-config.js";
import { quote } from "./report.ts";
import { NO_OPERATOR, type OperatorFloor, type ValidationSettings } from "./settings.ts";
import { readFloor, readValidation } from "./validation-section.ts";
import { covers } from "./wildcard.ts";

export type { ParsedConfig } from "./config-reader.ts";

export interface AppConfig {
  name: string;
  /** Directory, relative to the repository's root; "" for the root. */
  path: string;
  namespace: string;
  /** Apps that must be deployed before this one. */
  after: string[];
  /** When a commit fails: stop there (`keep`), or apply the last good commit again (`rollback`). */
  onFailure: "keep" | "rollback";
  /** Fields that stay with whoever else sets them. */
  ignore: IgnoreRule[];
}

export interface ImageRules {
  /** Patterns (`*` within a part, `**` across parts) of image repositories allowed; empty: all. */
  allowedRepositories: string[];
  /** Whether every image must carry a digest. */
  requireDigest: boolean;
}

export interface RepositoryConfig {
  apps: AppConfig[];
  images: ImageRules;
  /** Kubernetes version to check for; absent: the newest. */
  kubernetesVersion?: string;
  /** Files and directories of the repository with definitions of custom kinds. */
  schemas: string[];
  /** Kinds that may go without a schema: all, none, or those whose `group/Kind` fits a pattern. */
  allowUnknownKinds: boolean | string[];
  /** What is asked of the manifests, by the operator and by the repository together. */
  validation: ValidationSettings;
}

export interface RepositoryTracking {
  /** A path on this machine, absolute or relative to the configuration's file. */
  path: string;
  /** A branch or full ref; absent when `commit` is given or HEAD is followed. */
  ref?: string;
  /** A full commit id to stay at. */
  commit?: string;
  /** Apps of this repository to run, by name; absent: all. */
  apps?: string[];
  /** Name of the target; absent: the only one. */
  target?: string;
  /** Apps that take over what is there and no app applied, or all; absent: none. */
  adopt?: boolean | string[];
}

/** Where objects live. */
export type TargetConfig =
  | { kind: "embedded"; name: string }
  | {
      kind: "kubernetes";
      name: string;
      /** A path on this machine, absolute or relative to the configuration's file. */
      kubeconfig?: string;
      context?: string;
      inCluster: boolean;
      /** Of trueup's own objects. */
      namespace?: string;
      /** Only these are read; absent: all. */
      namespaces?: string[];
      /** Where the history is kept. */
      ledger: "local" | "cluster";
      /** Id under which objects are owned. */
      owner?: string;
    };

export interface OperatorConfig {
  repositories: RepositoryTracking[];
  /** Empty: the embedded one. */
  targets: TargetConfig[];
  images: { paths: string[] };
  /** Refs (`*` at the end stands for the rest) whose pods may run as processes; absent: those tracked. */
  trust: { refs?: string[] };
  /** State directory; absent: the XDG one. */
  state?: string;
  limits: { deletions: number; manifestBytes: number; manifests: number };
  /** What the ledger keeps at least; empty: everything. */
  ledger: { keepAttempts?: number; keepDays?: number };
  /** Files and directories of this machine with definitions of custom kinds, as `path` has them. */
  schemas: string[];
  /** What every repository must keep to. */
  floor: OperatorFloor;
}

/** Limits where the operator sets none. */
export const DEFAULT_LIMITS: OperatorConfig["limits"] = {
  deletions: 3,
  manifestBytes: 1024 * 1024,
  manifests: 20_000,
};

/**
 * Reads `trueup.yaml`. All that is wrong is reported at once.
 *
 * @param operator What the operator asks: the repository may ask for more, and what would be less is an error
 */
export function parseRepositoryConfig(
  text: string,
  file: string,
  operator: OperatorFloor = NO_OPERATOR,
): ParsedConfig<RepositoryConfig> {
  const reader = new ConfigReader(text, file, repositorySchema);
  const { root } = reader;
  const apps = root.at("apps").items.map(
    (app): AppConfig => ({
      name: app.at("name").text ?? "",
      path: reader.directory(app.at("path")),
      namespace: app.at("namespace").text ?? "default",
      after: texts(app.at("after")),
      onFailure: app.at("onFailure").text === "rollback" ? "rollback" : "keep",
      ignore: app.at("ignore").items.map((rule) => ignoreRule(reader, rule)),
    }),
  );
  checkApps(reader, apps);
  const images = root.at("images");
  const kubernetesVersion = versionOf(root) ?? operator.kubernetesVersion;
  checkFloor(reader, operator);
  const allowed = root.at("allowUnknownKinds");
  return reader.result({
    apps,
    schemas: root.at("schemas").items.map((path) => reader.directory(path)),
    allowUnknownKinds: allowed.items.length > 0 ? texts(allowed) : allowed.value === true,
    ...(kubernetesVersion !== undefined && { kubernetesVersion }),
    validation: readValidation(reader, root.at("validation"), operator.validation),
    images: {
      allowedRepositories: texts(images.at("allowedRepositories")),
      requireDigest: images.at("requireDigest").value === true,
    },
  });
}

function versionOf(root: Field): string | undefined {
  const given = root.at("kubernetesVersion");
  // Without quotes YAML makes a number of it.
  return given.isGiven ? String(given.value) : undefined;
}

/** What the operator says of Kubernetes' version and of kinds without a schema, a repository may not say otherwise. */
function checkFloor(reader: ConfigReader, operator: OperatorFloor): void {
  const { root } = reader;
  const version = versionOf(root);
  const { kubernetesVersion: theirs = version, allowUnknownKinds: most = true } = operator;
  if (version !== undefined && version !== theirs) {
    const message = `Cannot check for Kubernetes ${version} as it must be the version that the operator names: that is ${theirs}`;
    reader.say(["kubernetesVersion"], message, "Remove it here.");
  }
  const field = root.at("allowUnknownKinds");
  if (most === true || !field.isGiven || field.value === false) return;
  const patterns = most === false ? [] : most;
  const what = patterns.length === 0 ? "none" : `only ${patterns.join(", ")}`;
  const tooMuch = Array.isArray(field.value)
    ? field.items.filter(({ text = "" }) => !patterns.some((pattern) => covers(pattern, text)))
    : [field];
  for (const each of tooMuch) {
    reader.say(each.path, `Cannot let ${String(each.value)} pass without a schema as the operator allows ${what}`);
  }
}

/** Reads `trueup.config.yaml`. All that is wrong is reported at once. */
export function parseOperatorConfig(text: string, file: string): ParsedConfig<OperatorConfig> {
  const reader = new ConfigReader(text, file, operatorSchema);
  const { root } = reader;
  const repositories = root.at("repositories").items.map((repository): RepositoryTracking => {
    const ref = repository.at("ref").text;
    const commit = repository.at("commit").text;
    const adopt = repository.at("adopt");
    if (ref !== undefined && commit !== undefined) {
      reader.say(
        repository.at("commit").path,
        "Cannot follow a ref and stay at a commit as only one of ref and commit may be given",
        "Remove one of the two.",
      );
    }
    return {
      path: repository.at("path").text ?? "",
      ...(ref !== undefined && { ref }),
      ...(commit !== undefined && { commit }),
      ...(repository.at("apps").isGiven && { apps: texts(repository.at("apps")) }),
      ...(repository.at("target").text !== undefined && { target: repository.at("target").text }),
      ...(adopt.isGiven && { adopt: adopt.items.length > 0 ? texts(adopt) : adopt.value === true }),
    };
  });
  const targets = readTargets(reader);
  checkChosenTargets(reader, repositories, targets);
  const seen = new Set<string>();
  for (const [at, { path, ref, commit, target }] of repositories.entries()) {
    const key = JSON.stringify([path, ref, commit, target]);
    if (path !== "" && seen.has(key))
      reader.say(
        ["repositories", at, "path"],
        "Cannot follow a repository twice at the same ref",
        "Name all its apps in one entry.",
      );
    seen.add(key);
  }
  const limits = root.at("limits");
  const limit = (name: keyof OperatorConfig["limits"]): number => limits.at(name).integer ?? DEFAULT_LIMITS[name];
  const state = root.at("state").text;
  const refs = root.at("trust", "refs");
  const keepAttempts = root.at("ledger", "keepAttempts").integer;
  const keepDays = root.at("ledger", "keepDays").integer;
  const version = versionOf(root);
  const unknown = root.at("allowUnknownKinds");
  return reader.result({
    repositories,
    targets,
    images: { paths: texts(root.at("images", "paths")) },
    trust: refs.isGiven ? { refs: texts(refs) } : {},
    ...(state !== undefined && { state }),
    limits: { deletions: limit("deletions"), manifestBytes: limit("manifestBytes"), manifests: limit("manifests") },
    schemas: texts(root.at("schemas")),
    floor: {
      validation: readFloor(reader, root.at("validation")),
      ...(version !== undefined && { kubernetesVersion: version }),
      ...(unknown.isGiven && {
        allowUnknownKinds: Array.isArray(unknown.value) ? texts(unknown) : unknown.value === true,
      }),
    },
    ledger: { ...(keepAttempts !== undefined && { keepAttempts }), ...(keepDays !== undefined && { keepDays }) },
  });
}

/** What only a cluster has. */
const CLUSTER_SETTINGS = ["kubeconfig", "context", "inCluster", "namespace", "namespaces", "ledger", "owner"] as const;

function readTargets(reader: ConfigReader): TargetConfig[] {
  const names = new Set<string>();
  return reader.root.at("targets").items.map((target): TargetConfig => {
    const name = target.at("name").text ?? "";
    if (name !== "" && names.has(name)) {
      reader.say(
        target.at("name").path,
        `Cannot name a target ${name} as names must be unique: another target has it too`,
        "Rename one of the two.",
      );
    }
    names.add(name);
    if (target.at("kind").text !== "kubernetes") {
      for (const setting of CLUSTER_SETTINGS) {
        if (!target.at(setting).isGiven) continue;
        reader.say(
          target.at(setting).path,
          `Cannot use ${target.at(setting).name} as kind must be kubernetes: it is embedded`,
          "Say kind: kubernetes, or remove it.",
          "key",
        );
      }
      return { kind: "embedded", name };
    }
    return readCluster(reader, target, name);
  });
}

function readCluster(reader: ConfigReader, target: Field, name: string): TargetConfig {
  const inCluster = target.at("inCluster").value === true;
  for (const setting of ["kubeconfig", "context"] as const) {
    if (!inCluster || !target.at(setting).isGiven) continue;
    reader.say(
      target.at(setting).path,
      `Cannot use ${target.at(setting).name} as inCluster must not be true beside it: a pod's credentials are no kubeconfig's`,
      "Remove one of the two.",
      "key",
    );
  }
  const text = (setting: "kubeconfig" | "context" | "namespace" | "owner"): Record<string, string> => {
    const value = target.at(setting).text;
    return value === undefined ? {} : { [setting]: value };
  };
  const given = { ...text("kubeconfig"), ...text("context"), ...text("namespace"), ...text("owner") };
  const namespaces = target.at("namespaces");
  return {
    kind: "kubernetes",
    name,
    inCluster,
    ledger: target.at("ledger").text === "cluster" ? "cluster" : "local",
    ...given,
    ...(namespaces.isGiven && { namespaces: texts(namespaces) }),
  };
}

function checkChosenTargets(
  reader: ConfigReader,
  repositories: readonly RepositoryTracking[],
  targets: readonly TargetConfig[],
): void {
  const names = targets.map(({ name }) => name);
  for (const [at, { target }] of repositories.entries()) {
    if (target === undefined) {
      if (targets.length < 2) continue;
      reader.say(
        ["repositories", at],
        `Cannot choose a target for the repository as target must be given where there are several: ${names.join(", ")}`,
      );
    } else if (!names.includes(target)) {
      const known = names.length === 0 ? "there is none" : `there are ${names.join(", ")}`;
      reader.say(
        ["repositories", at, "target"],
        `Cannot use target ${quote(target)} as it must be one of targets: ${known}`,
      );
    }
  }
}

/** What makes an object the one that it is cannot be left to others. */
const IDENTITY = /^(?:apiVersion|kind|metadata(?:\.(?:name|namespace|uid))?)$/;

function ignoreRule(reader: ConfigReader, rule: Field): IgnoreRule {
  const fields = rule.at("fields").items.flatMap((field): FieldPattern[] => {
    const { text } = field;
    if (text === undefined) return [];
    const pattern = parseFieldPattern(text);
    if (pattern !== null && !IDENTITY.test(text)) return [pattern];
    reader.say(
      field.path,
      `Cannot ignore ${quote(text)} as it must be the path of a field that others may set: it is ${pattern === null ? "no path" : "what names the object"}`,
      "Write it as plans show it, such as spec.replicas.",
    );
    return [];
  });
  return { kind: rule.at("kind").text ?? "*", name: rule.at("name").text ?? "*", fields };
}

function texts(field: Field): string[] {
  return field.items.flatMap(({ text }) => (text === undefined ? [] : [text]));
}

function checkApps(reader: ConfigReader, apps: readonly AppConfig[]): void {
  const names = new Map<string, number>();
  for (const [at, app] of apps.entries()) {
    if (app.name !== "" && names.has(app.name)) {
      reader.say(
        ["apps", at, "name"],
        `Cannot name an app ${app.name} as names must be unique: another app has it too`,
        "Rename one of the two.",
      );
    } else names.set(app.name, at);
  }
  for (const [at, app] of apps.entries()) {
    for (const [index, before] of app.after.entries()) {
      if (!names.has(before))
        reader.say(
          ["apps", at, "after", index],
          `Cannot deploy ${app.name} after ${before} as it must be an app of this file: there is none`,
        );
    }
    const circle = circleFrom(app.name, apps);
    if (circle !== undefined)
      reader.say(
        ["apps", at, "after"],
        `Cannot order the apps as none may wait for itself: ${circle.join(" waits for ")}`,
      );
  }
}

/** The way from an app back to itself through `after`, if there is one. */
function circleFrom(name: string, apps: readonly AppConfig[]): string[] | undefined {
  const after = new Map(apps.map((app) => [app.name, app.after]));
  const visited = new Set<string>();
  const visit = (at: string, way: readonly string[]): string[] | undefined => {
    for (const next of after.get(at) ?? []) {
      if (next === name) return [...way, next];
      if (visited.has(next)) continue;
      visited.add(next);
      const found = visit(next, [...way, next]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(name, [name]);
}
