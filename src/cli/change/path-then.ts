/** Where an app's files were at an earlier commit: apps are renamed, and their directories moved. */
import { posix } from "node:path";
import { type AppSettings, AppsReader } from "../../daemon/apps.ts";
import type { Repository } from "../../git/repository.ts";
import type { RevisionRecord } from "../../model/ledger.ts";

/** Whether a file lies in a directory of the repository; "" for all of it. */
export function isBelow(path: string, file: string): boolean {
  return path === "" || file.startsWith(`${path}/`);
}

/** Of apps that lie in each other, the innermost one that a file lies in. */
export function appOfFile(apps: readonly AppSettings[], file: string): AppSettings | undefined {
  return apps.filter(({ path }) => isBelow(path, file)).toSorted((a, b) => b.path.length - a.path.length)[0];
}

/**
 * The directory of the app that a revision is of, at the revision's commit.
 *
 * @param now The app's directory at the head
 */
export async function pathThen(
  repository: Repository,
  { commit, file, app }: Pick<RevisionRecord, "commit" | "file" | "app">,
  now: string,
): Promise<string> {
  if (isBelow(now, file)) return now;
  const { apps } = await new AppsReader(repository, undefined).at(commit);
  const named = apps.find(({ name, path }) => name === app && isBelow(path, file));
  const found = named ?? appOfFile(apps, file);
  if (found !== undefined) return found.path;
  // It was named by the operator, who names another one now.
  const directory = posix.dirname(file);
  return directory === "." ? "" : directory;
}

/** A path of then, where it belongs since the directory moved. */
export function movedTo(file: string, then: string, now: string): string {
  return then === now || !isBelow(then, file) ? file : posix.join(now, posix.relative(then, file));
}
