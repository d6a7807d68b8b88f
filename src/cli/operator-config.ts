/** `trueup.config.yaml`: what the operator decides about one repository, turned into a daemon's options. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { FleetPolicy } from "../daemon/fleet.ts";
import { SYSTEM_NAMESPACE, type TargetSettings } from "../daemon/target.ts";
import type { RetentionRules } from "../ledger/retention.ts";
import { type Diagnostic, isError } from "../model/diagnostic.ts";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { Declared } from "../model/manifest.ts";
import { asCommitId, type CommitId } from "../model/source.ts";
import { DEFAULT_PRUNE_BUDGET } from "../plan/prune-guard.ts";
import {
  formatDiagnostics,
  type OperatorConfig,
  parseOperatorConfig,
  type RepositoryTracking,
} from "../validation/index.ts";
import { readDefinitions } from "./validate/check.ts";
import { DiskSource } from "./validate/sources.ts";

export interface OperatorOptions {
  repository: string;
  ref: string;
  pin?: CommitId;
  imagePaths: string[];
  policy: FleetPolicy;
  /** Where it is applied; absent: the embedded cluster. */
  target?: TargetSettings;
  /** What the ledger keeps at least; absent: everything. */
  retention?: RetentionRules;
  /** Absolute; absent: the default one. */
  state?: string;
}

/** What the command line says about the choice that a file leaves. */
export interface OperatorChoice {
  /** Absolute path of a repository. */
  repository?: string;
  /** Name of a target. */
  target?: string;
}

/**
 * Reads the file. One daemon follows one repository, and applies it to one target: of several, `chosen` says which.
 *
 * @param file Absolute path; paths in it are relative to its directory
 * @throws {TrueupError} `usage` when it cannot be read, is invalid (with all that is wrong), or leaves the choice open
 */
export async function readOperatorConfig(file: string, chosen: OperatorChoice = {}): Promise<OperatorOptions> {
  const { config, definitions } = await readOperatorFile(file);
  return optionsOf(config, definitions, file, chosen);
}

/**
 * What the file says, for any of its repositories.
 *
 * @throws {TrueupError} `usage` when it, or what it names under `schemas`, cannot be read, or when it is invalid
 */
export async function readOperatorFile(file: string): Promise<{ config: OperatorConfig; definitions: Declared[] }> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const why = isMissing ? " as it must be there: it is not." : `: ${messageOf(error)}`;
    throw new TrueupError("usage", `Cannot read ${file}${why}`, { cause: error });
  }
  const { config, diagnostics } = parseOperatorConfig(text, file);
  if (config === undefined) {
    const report = formatDiagnostics(diagnostics.filter(isError), { color: false, sourceOf: () => text });
    throw new TrueupError("usage", `Cannot use ${file} as it must be valid:\n${report}`);
  }
  return { config, definitions: await readDefinitions(new DiskSource(dirname(file)), config.schemas) };
}

function optionsOf(
  config: OperatorConfig,
  definitions: readonly Declared[],
  file: string,
  chosen: OperatorChoice,
): OperatorOptions {
  const below = (path: string): string => resolve(dirname(file), path);
  const entry = choose(config, file, chosen, below);
  const target = targetOf(config, entry, below);
  const { ref, commit, apps, adopt } = entry;
  const { deletions, manifestBytes, manifests } = config.limits;
  const { refs } = config.trust;
  return {
    repository: below(entry.path),
    ref: ref ?? "HEAD",
    ...(commit !== undefined && { pin: asCommitId(commit) }),
    ...(target !== undefined && { target }),
    imagePaths: config.images.paths.map(below),
    policy: {
      ...(apps !== undefined && { apps }),
      ...(adopt !== undefined && { adopt }),
      // What the operator pinned, the operator trusts.
      ...(refs !== undefined && commit === undefined && { distrust: (seen: string) => distrust(seen, refs, file) }),
      prune: { ...DEFAULT_PRUNE_BUDGET, maxObjects: deletions },
      limits: { manifestBytes, manifests },
      operator: config.floor,
      ...(definitions.length > 0 && { definitions: definitions.map(({ object }) => object) }),
    },
    ...(Object.keys(config.ledger).length > 0 && { retention: config.ledger }),
    ...(config.state !== undefined && { state: below(config.state) }),
  };
}

/** The target of a repository: the one that it names, else the only one. */
function targetOf(
  { targets }: OperatorConfig,
  { target }: RepositoryTracking,
  below: (path: string) => string,
): TargetSettings | undefined {
  const found = target === undefined ? targets[0] : targets.find(({ name }) => name === target);
  if (found === undefined || found.kind === "embedded") return found;
  const { kubeconfig, namespace = SYSTEM_NAMESPACE, ...rest } = found;
  return { ...rest, namespace, ...(kubeconfig !== undefined && { kubeconfig: below(kubeconfig) }) };
}

function choose(
  { repositories, targets }: OperatorConfig,
  file: string,
  { repository: chosen, target }: OperatorChoice,
  below: (path: string) => string,
): RepositoryTracking {
  const fitting = repositories.filter(
    (each) =>
      (chosen === undefined || below(each.path) === chosen) &&
      (target === undefined || (each.target ?? targets[0]?.name) === target),
  );
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  if (target !== undefined && !targets.some(({ name }) => name === target)) {
    const names = targets.map(({ name }) => name).join(", ") || "none";
    throw new TrueupError("usage", `Cannot apply to ${target} as ${file} must name it as a target: it names ${names}.`);
  }
  const paths = [...new Set(repositories.map(({ path }) => path))].join(", ");
  if (only === undefined) {
    const what = chosen ?? "a repository";
    const to = target === undefined ? "" : ` to ${target}`;
    throw new TrueupError("usage", `Cannot follow ${what}${to} as ${file} must name it: it names ${paths}.`);
  }
  throw new TrueupError(
    "usage",
    `Cannot follow ${fitting.length} repositories as one daemon must follow one: ${file} names ${paths}.`,
    {
      hint:
        "Start a daemon for each: trueup run --config FILE REPO, with --target NAME for each target, and one file for " +
        "each ref of a repository.",
    },
  );
}

/** Names match with or without `refs/heads/`; a `*` at the end stands for the rest. */
function distrust(ref: string, trusted: readonly string[], file: string): Diagnostic | null {
  const isTrusted = trusted.some((pattern) => {
    const full = pattern === "HEAD" || pattern.startsWith("refs/") ? pattern : `refs/heads/${pattern}`;
    return full.endsWith("*") ? ref.startsWith(full.slice(0, -1)) : ref === full;
  });
  if (isTrusted) return null;
  return {
    severity: "error",
    rule: "ref-untrusted",
    message: `Cannot run pods of ${ref} as trust.refs must name it: it names ${trusted.join(", ") || "none"}`,
    location: { file, line: 1, column: 1 },
    hint: "Whoever can push to a ref decides what runs: add it only if you trust them. The process runtime is no sandbox.",
  };
}
