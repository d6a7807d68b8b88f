/** What an app's reconciler says of itself, and who hears of changes. */
import { isDeepStrictEqual } from "node:util";
import type { Attempt } from "../model/ledger.ts";
import type { CommitInfo } from "../model/source.ts";
import type { AppStatus } from "../model/status.ts";
import type { AppConfig } from "./types.ts";

export class StatusBoard {
  #status: AppStatus;
  readonly #listeners = new Set<() => void>();

  constructor(app: AppConfig, repository: string) {
    this.#status = {
      app: app.name,
      target: app.target,
      repository,
      ref: app.pin ?? app.ref,
      path: app.path,
      head: null,
      applied: null,
      phase: "Starting",
      reason: "nothing read yet",
      health: { status: "Unknown", reason: "nothing read yet" },
      diagnostics: [],
      attempt: null,
      held: [],
      planDigest: null,
    };
  }

  get status(): AppStatus {
    return this.#status;
  }

  /** Takes over what is given; listeners hear of it only when something is another than before. */
  set(change: Partial<AppStatus>): void {
    const before = this.#status as unknown as Record<string, unknown>;
    if (Object.entries(change).every(([field, value]) => isDeepStrictEqual(before[field], value))) return;
    this.#status = { ...this.#status, ...change };
    for (const listener of this.#listeners) listener();
  }

  /** A commit is at the head; one that was not there before is under way from now on, whatever its predecessor came to. */
  head(commit: CommitInfo, attempt: Attempt): void {
    const { id, subject, authorName, authoredAt } = commit;
    const head = { commit: id, subject, author: authorName, authoredAt };
    const isNew = this.#status.head?.commit !== id;
    this.set({
      head,
      ...attemptKey(attempt),
      ...(isNew && { phase: "Progressing", reason: "planning", diagnostics: [], held: [], planDigest: null }),
    });
  }

  attempt(attempt: Attempt): void {
    this.set(attemptKey(attempt));
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function attemptKey({ app, target, commit, ordinal }: Attempt): Pick<AppStatus, "attempt"> {
  return { attempt: { app, target, commit, ordinal } };
}
