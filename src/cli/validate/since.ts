/** `validate --changed-since`: of all findings, those that a change brought. */
import { posix } from "node:path";
import type { Repository } from "../../git/repository.ts";
import type { Diagnostic } from "../../model/diagnostic.ts";
import { TrueupError } from "../../model/errors.ts";
import { keyOfId } from "../../model/object.ts";
import type { CommitId } from "../../model/source.ts";
import type { SourceFile } from "../manifests.ts";
import { type Checked, type CheckRequest, checkSource } from "./check.ts";
import { CommitSource } from "./sources.ts";

/** The commit at which two lines of history parted; the first commit itself where they never met. */
export async function partingPoint(repository: Repository, revision: CommitId, head: CommitId): Promise<CommitId> {
  const { code, stdout } = await repository.run(["merge-base", revision, head]);
  return code === 0 ? repository.resolve(stdout.trim()) : revision;
}

/**
 * Leaves out what was found in files that the base has, too, unless the base has not that finding: another file's change
 * may have brought it (a ConfigMap deleted, a Service's selector changed).
 */
export async function changedOnly(
  { files, diagnostics }: Checked,
  repository: Repository,
  base: CommitId,
  prefix: string,
  request: CheckRequest,
): Promise<Checked> {
  const unchanged = await unchangedFiles(files, repository, base, prefix);
  const inUnchanged = diagnostics.filter(({ location }) => unchanged.has(location.file));
  const known = inUnchanged.length === 0 ? new Set<string>() : await findingsAt(repository, base, prefix, request);
  return {
    files: files.filter(({ file }) => !unchanged.has(file)),
    diagnostics: diagnostics.filter((each) => !unchanged.has(each.location.file) || !known.has(keyOf(each))),
  };
}

async function unchangedFiles(
  files: readonly SourceFile[],
  repository: Repository,
  base: CommitId,
  prefix: string,
): Promise<Set<string>> {
  const inRepository = files.filter(({ file }) => !file.startsWith("/") && !file.startsWith("("));
  const paths = new Map(inRepository.map((each) => [posix.join(prefix, each.file), each]));
  const found = await repository.filesAt(base, [...paths.keys()]);
  const same = [...paths].filter(([path, { blob }]) => found.get(path)?.blob === blob);
  return new Set(same.map(([, { file }]) => file));
}

/** What was wrong at the base; nothing when what is named was not there yet. */
async function findingsAt(
  repository: Repository,
  base: CommitId,
  prefix: string,
  request: CheckRequest,
): Promise<Set<string>> {
  try {
    const { diagnostics } = await checkSource(new CommitSource(repository, base, prefix), request);
    return new Set(diagnostics.map(keyOf));
  } catch (error) {
    if (error instanceof TrueupError && error.code === "usage") return new Set();
    throw error;
  }
}

function keyOf({ rule, location: { file }, object, field, message }: Diagnostic): string {
  return JSON.stringify([rule, file, object === undefined ? "" : keyOfId(object), field ?? "", message]);
}
