/** A ledger in two arrays, as plain as can be: what the real one is compared with, and what reconcile tests write to. */
import { isDeepStrictEqual } from "node:util";
import { TrueupError } from "../../src/model/errors.ts";
import type {
  Attempt,
  AttemptEnding,
  AttemptEvent,
  AttemptKey,
  AttemptOpening,
  AttemptQuery,
  Ledger,
  Revision,
  RevisionEnding,
  RevisionRecord,
} from "../../src/model/ledger.ts";

function refuse(code: "conflict" | "not-found"): never {
  throw new TrueupError(code, code);
}

export class NaiveLedger implements Ledger {
  readonly #attempts: Attempt[] = [];
  readonly #revisions: RevisionRecord[] = [];

  #find(key: AttemptKey): Attempt | undefined {
    return this.#attempts.find(
      ({ app, target, commit, ordinal }) =>
        app === key.app && target === key.target && commit === key.commit && ordinal === key.ordinal,
    );
  }

  #findRevision(key: Pick<Revision, "app" | "target" | "uid" | "revision">): RevisionRecord | undefined {
    return this.#revisions.find(
      ({ app, target, uid, revision }) =>
        app === key.app && target === key.target && uid === key.uid && revision === key.revision,
    );
  }

  async open(attempt: AttemptOpening): Promise<number> {
    const found = this.#find(attempt);
    if (found === undefined) return this.#attempts.push({ ...attempt, row: this.#attempts.length + 1, events: [] });
    if (found.ending !== undefined) {
      const { row: _row, events: _events, ending: _ending, ...before } = found;
      if (!isDeepStrictEqual(before, attempt)) refuse("conflict");
    }
    return found.row;
  }

  async event(key: AttemptKey, event: AttemptEvent): Promise<void> {
    const found = this.#find(key) ?? refuse("not-found");
    if (!found.events.some((before) => isDeepStrictEqual(before, event))) found.events.push(event);
  }

  async end(key: AttemptKey, ending: AttemptEnding): Promise<void> {
    const found = this.#find(key) ?? refuse("not-found");
    if (found.ending === undefined) found.ending = ending;
    else if (!isDeepStrictEqual({ ...found.ending, endedAt: "" }, { ...ending, endedAt: "" })) refuse("conflict");
  }

  async attempts({ app, target, commit, limit, onlyOpen }: AttemptQuery): Promise<Attempt[]> {
    return this.#attempts
      .filter((attempt) => app === undefined || attempt.app === app)
      .filter((attempt) => target === undefined || attempt.target === target)
      .filter((attempt) => commit === undefined || attempt.commit === commit)
      .filter((attempt) => onlyOpen !== true || attempt.ending === undefined)
      .reverse()
      .slice(0, limit);
  }

  async startRevision(revision: Revision): Promise<void> {
    const found = this.#findRevision(revision);
    if (found === undefined) {
      this.#revisions.push({ ...revision });
      return;
    }
    const { ending: _ending, ...before } = found;
    if (!isDeepStrictEqual({ ...before, startedAt: "" }, { ...revision, startedAt: "" })) refuse("conflict");
  }

  async endRevision(key: Pick<Revision, "app" | "target" | "uid" | "revision">, ending: RevisionEnding): Promise<void> {
    const found = this.#findRevision(key) ?? refuse("not-found");
    if (found.ending === undefined) found.ending = ending;
    else if (!isDeepStrictEqual({ ...found.ending, endedAt: "" }, { ...ending, endedAt: "" })) refuse("conflict");
  }

  async revisions(query: {
    app?: string;
    target?: string;
    workload?: string;
    uid?: string;
  }): Promise<RevisionRecord[]> {
    const wanted = Object.entries(query) as ["app" | "target" | "workload" | "uid", string | undefined][];
    return this.#revisions.filter((revision) =>
      wanted.every(([field, value]) => value === undefined || revision[field] === value),
    );
  }

  async imageDigest(
    app: string,
    target: string,
    reference: string,
  ): Promise<{ digest: string; revision: RevisionRecord } | null> {
    for (const revision of (await this.revisions({ app, target })).reverse()) {
      const digest = revision.images[reference];
      if (digest !== undefined) return { digest, revision };
    }
    return null;
  }
}
