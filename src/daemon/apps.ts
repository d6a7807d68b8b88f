/** Which apps a repository has at a commit: those that its `trueup.yaml` names, else the repository is one. */
import { basename } from "node:path";
import type { Repository } from "../git/repository.ts";
import { type Diagnostic, isError } from "../model/diagnostic.ts";
import { TrueupError } from "../model/errors.ts";
import type { IgnoreRule } from "../model/ignore.ts";
import { type CommitId, type Location, type ObjectHash, shortId } from "../model/source.ts";
import type { OnFailure } from "../reconcile/course.ts";
import {
  type ImageRules,
  NO_OPERATOR,
  type OperatorFloor,
  type ParsedConfig,
  parseRepositoryConfig,
  type RepositoryConfig,
  type ValidationSettings,
} from "../validation/index.ts";

export const REPOSITORY_CONFIG = "trueup.yaml";

export interface AppSettings {
  name: string;
  /** Directory of the repository; "" for all of it. */
  path: string;
  namespace: string;
  images: ImageRules;
  /** What is done when a commit fails. */
  onFailure: OnFailure;
  /** Kubernetes version to check for; absent: the newest. */
  kubernetesVersion?: string;
  /** Files and directories of the repository with definitions of custom kinds. */
  schemas: readonly string[];
  /** Kinds that may go without a schema: all, none, or those whose `group/Kind` fits a pattern. */
  allowUnknownKinds: boolean | readonly string[];
  /** What is asked of the manifests beyond what Kubernetes asks. */
  validation: ValidationSettings;
  /** Fields that stay with whoever else sets them. */
  ignore: readonly IgnoreRule[];
}

export interface AppsOutcome {
  apps: AppSettings[];
  /** What is wrong with `trueup.yaml`; with an error among them, `apps` is empty. */
  diagnostics: Diagnostic[];
}

/** Images as a repository without `trueup.yaml` may use them: any that validation accepts. */
const ANY_IMAGE: ImageRules = { allowedRepositories: [], requireDigest: false };

/**
 * Whether an owner of objects can be an app of this repository. On a cluster others own objects, too: an app of another daemon
 * is said to be `web of 3f2a…`, and what another tool applied as a set is the set's, `applyset-…`. They are nobody's here: no
 * reconciler is to hold their deletions, and that `trueup.yaml` does not name them does not mean that they were given up.
 */
export function mayBeOwn(owner: string): boolean {
  return /^(?!applyset-)[a-z0-9][-a-z0-9]*$/.test(owner);
}

/** A name for the app that a whole repository is: its directory's, in the letters that object names allow. */
export function defaultAppName(repositoryPath: string): string {
  const name = basename(repositoryPath)
    .toLowerCase()
    .replace(/\.git$/, "")
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return name === "" ? "app" : name.slice(0, 63);
}

/** The one app that a repository is as long as it names none: only the operator asks something of it. */
export function wholeRepository(repository: Pick<Repository, "path">, operator = NO_OPERATOR): AppSettings {
  const { validation, kubernetesVersion } = operator;
  return {
    name: defaultAppName(repository.path),
    path: "",
    namespace: "default",
    images: ANY_IMAGE,
    onFailure: "keep",
    schemas: [],
    allowUnknownKinds: false,
    validation,
    ...(kubernetesVersion !== undefined && { kubernetesVersion }),
    ignore: [],
  };
}

const indexes = new WeakMap<readonly AppSettings[], ReadonlyMap<string, AppSettings>>();

/** An app by its name: each of a thousand asks for its own at each commit. */
export function appNamed(apps: readonly AppSettings[], name: string): AppSettings | undefined {
  let index = indexes.get(apps);
  if (index === undefined) {
    index = new Map(apps.map((app) => [app.name, app]));
    indexes.set(apps, index);
  }
  return index.get(name);
}

/** Reads the apps of one repository, at any of its commits; an unchanged `trueup.yaml` is read once. */
export class AppsReader {
  readonly #repository: Repository;
  readonly #only: { path: string; namespace: string } | undefined;
  readonly #operator: OperatorFloor;
  #last: { blob: ObjectHash; outcome: AppsOutcome } | null = null;
  /** The commit asked about last: every app asks about the head, and about each other's apps there. */
  #latest: { commit: CommitId; outcome: Promise<AppsOutcome> } | null = null;

  /**
   * @param only Directory given by the operator: then it is the one app, and `trueup.yaml` is not asked
   * @param operator What every `trueup.yaml` must keep to
   */
  constructor(
    repository: Repository,
    only: { path: string; namespace: string } | undefined,
    operator: OperatorFloor = NO_OPERATOR,
  ) {
    this.#repository = repository;
    this.#only = only;
    this.#operator = operator;
  }

  /** @throws {TrueupError} When git cannot be read; never for what `trueup.yaml` says */
  at(commit: CommitId): Promise<AppsOutcome> {
    if (this.#latest?.commit === commit) return this.#latest.outcome;
    const outcome = this.#read(commit);
    const asked = { commit, outcome };
    this.#latest = asked;
    // A read that failed says nothing about the next one.
    outcome.catch(() => {
      if (this.#latest === asked) this.#latest = null;
    });
    return outcome;
  }

  async #read(commit: CommitId): Promise<AppsOutcome> {
    const whole = wholeRepository(this.#repository, this.#operator);
    if (this.#only !== undefined) return { apps: [{ ...whole, ...this.#only }], diagnostics: [] };
    const file = (await this.#repository.filesAt(commit, [REPOSITORY_CONFIG])).get(REPOSITORY_CONFIG);
    if (file === undefined) return { apps: [whole], diagnostics: [] };
    if (this.#last?.blob !== file.blob) {
      const outcome = appsOf(await this.#parse(file.blob));
      this.#last = { blob: file.blob, outcome };
    }
    return this.#last.outcome;
  }

  async #parse(blob: ObjectHash): Promise<ParsedConfig<RepositoryConfig>> {
    try {
      return parseRepositoryConfig(await this.#repository.text(blob), REPOSITORY_CONFIG, this.#operator);
    } catch (error) {
      // Too large or no text: a fault of the file. Whatever else keeps it from being read is a fault of the reading.
      if (!(error instanceof TrueupError && error.code === "invalid")) throw error;
      return { diagnostics: [fault("error", error.message)], locate: () => TOP };
    }
  }
}

/**
 * The apps at a commit, for a command that cannot go on without them.
 *
 * @throws {TrueupError} `invalid` when `trueup.yaml` is; what git throws
 */
export async function readApps(repository: Repository, commit: CommitId): Promise<AppSettings[]> {
  const { apps, diagnostics } = await new AppsReader(repository, undefined).at(commit);
  const error = diagnostics.find(isError);
  if (error === undefined) return apps;
  const { file, line, column } = error.location;
  throw new TrueupError(
    "invalid",
    `Cannot read the apps of commit ${shortId(commit)}: ${file}:${line}:${column}: ${error.message}`,
    error.hint === undefined ? {} : { hint: error.hint },
  );
}

/**
 * What a `trueup.yaml` says, of which only the text is known.
 *
 * @returns Also `placeOf`: where the file says in which directory its nth app is
 */
export function parseApps(
  text: string,
  operator: OperatorFloor = NO_OPERATOR,
): AppsOutcome & { placeOf(app: number): Location } {
  const parsed = parseRepositoryConfig(text, REPOSITORY_CONFIG, operator);
  return { ...appsOf(parsed), placeOf: (app) => parsed.locate(["apps", app, "path"]) };
}

function appsOf({ config, diagnostics }: ParsedConfig<RepositoryConfig>): AppsOutcome {
  if (config === undefined || diagnostics.some(isError)) return { apps: [], diagnostics };
  const { images, kubernetesVersion, schemas, allowUnknownKinds, validation } = config;
  const version = kubernetesVersion === undefined ? {} : { kubernetesVersion };
  const ordered = config.apps.filter(({ after }) => after.length > 0).map(({ name }) => name);
  const note = `"after" is checked but not followed yet: ${ordered.join(", ")} is deployed beside the others`;
  return {
    apps: config.apps.map(({ name, path, namespace, onFailure, ignore }) => ({
      name,
      path,
      namespace,
      images,
      onFailure,
      schemas,
      allowUnknownKinds,
      validation,
      ignore,
      ...version,
    })),
    diagnostics: ordered.length === 0 ? diagnostics : [...diagnostics, fault("warning", note)],
  };
}

const TOP: Location = { file: REPOSITORY_CONFIG, line: 1, column: 1 };

function fault(severity: Diagnostic["severity"], message: string): Diagnostic {
  return { severity, rule: "config-invalid", message, location: TOP };
}
