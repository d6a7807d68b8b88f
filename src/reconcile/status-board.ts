/** What an app's reconciler says of itself, and who hears of changes. */
import { isDeepStrictEqual } from "node:util";
import type { Attempt } from "../model/ledger.ts";
import type { Plan } from "../model/plan.ts";
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
      contested: [],
      planDigest: null,
    };
  }

  get status(): AppStatus {
    return this.#status;
  }

  /** Takes over what is given; listeners hear of it only when something is another than before. */
  set(given: Partial<AppStatus>): void {
    const isReadable = given.phase !== undefined && given.phase !== "Unreadable";
    const change = isReadable ? { ...given, trouble: undefined } : given;
    const before = this.#status as unknown as Record<string, unknown>;
    if (Object.entries(change).every(([field, value]) => isDeepStrictEqual(before[field], value))) return;
    this.#status = { ...this.#status, ...change };
    for (const listener of this.#listeners) listener();
  }

  /**
   * A commit is at the head; one that was not there before, or that is tried again, is under way from now on, whatever its
   * predecessor came to.
   */
  head(commit: CommitInfo, attempt: Attempt, isNew: boolean): void {
    const { id, subject, authorName, authoredAt } = commit;
    const head = { commit: id, subject, author: authorName, authoredAt };
    const fresh: Partial<AppStatus> = {
      phase: "Progressing",
      reason: "planning",
      diagnostics: [],
      held: [],
      contested: [],
      planDigest: null,
    };
    this.set({ head, ...attemptKey(attempt), ...(isNew && fresh) });
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

/** What of a plan waits: for a person, or for somebody else to leave it alone. */
export function waitingOf({ changes }: Plan): Pick<AppStatus, "held" | "contested"> {
  return {
    held: changes.flatMap(({ id, held }) => (held === undefined ? [] : [{ id, reason: held }])),
    contested: changes.flatMap(({ id, fields, contestedUntil }) =>
      contestedUntil === undefined ? [] : [{ id, fields: fields.map(({ path }) => path), until: contestedUntil }],
    ),
  };
}
