/** Which apps a repository has at a commit: those that its `trueup.yaml` names, else the repository is one. */
import { basename } from "node:path";
import type { Repository } from "../git/repository.ts";
import { type Diagnostic, isError } from "../model/diagnostic.ts";
import type { CommitId } from "../model/source.ts";
import { parseRepositoryConfig } from "../validation/index.ts";

export const REPOSITORY_CONFIG = "trueup.yaml";

export interface AppSettings {
  name: string;
  /** Directory of the repository; "" for all of it. */
  path: string;
  namespace: string;
}

export interface AppsOutcome {
  apps: AppSettings[];
  /** What is wrong with `trueup.yaml`; with an error among them, `apps` is empty. */
  diagnostics: Diagnostic[];
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

/**
 * The apps at a commit.
 *
 * @param only Directory given by the operator: then it is the one app, and `trueup.yaml` is not asked
 * @throws {TrueupError} When git cannot be read
 */
export async function readApps(
  repository: Repository,
  commit: CommitId,
  only: { path: string; namespace: string } | undefined,
): Promise<AppsOutcome> {
  const name = defaultAppName(repository.path);
  if (only !== undefined) return { apps: [{ name, ...only }], diagnostics: [] };
  const file = (await repository.filesAt(commit, [REPOSITORY_CONFIG])).get(REPOSITORY_CONFIG);
  if (file === undefined) return { apps: [{ name, path: "", namespace: "default" }], diagnostics: [] };
  const { config, diagnostics } = parseRepositoryConfig(await repository.text(file.blob), REPOSITORY_CONFIG);
  if (config === undefined || diagnostics.some(isError)) return { apps: [], diagnostics };
  return { apps: config.apps.map(({ name: app, path, namespace }) => ({ name: app, path, namespace })), diagnostics };
}
