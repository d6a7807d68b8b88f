/** Where an app's ref stands. */
import type { Repository } from "../git/repository.ts";
import type { CommitId } from "../model/source.ts";
import type { AppConfig } from "./types.ts";

export interface HeadOfRef {
  commit: CommitId;
  /** Full name of the ref, `HEAD` when it is detached, or the pinned commit. */
  ref: string;
}

/** The ref that an app follows, as people know it: its full name, `HEAD`, or the pinned commit. */
export function refOf({ ref, pin }: AppConfig): string {
  if (pin !== undefined) return pin;
  return ref === "HEAD" || ref.startsWith("refs/") ? ref : `refs/heads/${ref}`;
}

/**
 * @returns null when the ref was looked for and has no commit
 * @throws {TrueupError} When the repository cannot be read
 */
export async function readHead(repository: Repository, app: AppConfig): Promise<HeadOfRef | null> {
  const ref = refOf(app);
  if (app.pin !== undefined) return { commit: app.pin, ref };
  if (ref !== "HEAD") {
    const commit = await repository.readRef(ref);
    return commit === null ? null : { commit, ref };
  }
  const head = await repository.head();
  return head.commit === null ? null : { commit: head.commit, ref: head.ref ?? "HEAD" };
}
