/** Reads the operator's `trueup.config.yaml`. */
import {
  DEFAULT_LIMITS,
  type OperatorConfig,
  type RepositoryTracking,
  type TargetConfig,
  texts,
  versionOf,
} from "./config.ts";
import { ConfigReader, type ParsedConfig } from "./config-reader.ts";
import type { Field } from "./field.ts";
import * as operatorSchema from "./generated/operator-config.js";
import { quote } from "./report.ts";
import { readFloor } from "./validation-section.ts";

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
