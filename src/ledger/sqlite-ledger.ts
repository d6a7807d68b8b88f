/** The ledger of the embedded cluster: append-only tables in a database file of its own. */
import type {
  Attempt,
  AttemptEnding,
  AttemptEvent,
  AttemptKey,
  AttemptOpening,
  AttemptQuery,
  DurableLedger,
  LedgerEntry,
  LedgerProof,
  RetentionRules,
  Revision,
  RevisionEnding,
  RevisionRecord,
} from "../model/ledger.ts";
import type { Clock } from "../util/clock.ts";
import type { Fault } from "../util/fault.ts";
import {
  attemptContent,
  contentOf,
  endingContent,
  eventContent,
  type RevisionKey,
  revisionContent,
  revisionEndingContent,
} from "./chain.ts";
import { LedgerConnection } from "./connection.ts";
import {
  neverOpened,
  neverRecorded,
  requireOrdinal,
  requireSameEnding,
  requireSameOpening,
  requireSameRevision,
  requireSameRevisionEnding,
} from "./refusals.ts";
import { removeAttempts } from "./remove.ts";
import { attemptEndingOf, attemptOf, eventOf, type Row, revisionEndingOf, revisionOf } from "./rows.ts";
import { readEntries, verifyLedgerFile } from "./verify.ts";

export interface SqliteLedgerOptions {
  /** Absolute path of the database file; created with mode 0600. */
  path: string;
  /** Not read: every row carries its own time. Accepted so that the daemon opens all of its stores alike. */
  clock?: Clock;
  /** Hears of every append. */
  fault?: Fault;
}

const ATTEMPTS = "SELECT * FROM attempts LEFT JOIN attempt_endings ON attempt_endings.attempt = attempts.row";
const REVISIONS = "SELECT * FROM revisions LEFT JOIN revision_endings ON revision_endings.revision_row = revisions.row";

/**
 * A ledger in one SQLite file. Several handles may be open on it, in one process or several.
 *
 * What makes two calls "the same": attempts, their key (and their details, once ended); events, all of their parts; endings,
 * all but the time; revisions, all but the time. Events may follow an ending: drift is found on commits long deployed.
 */
export class SqliteLedger implements DurableLedger {
  readonly path: string;
  readonly #db: LedgerConnection;

  /** @throws {TrueupError} `io` when the file cannot be opened, `invalid` when a newer trueup wrote it */
  constructor({ path, fault }: SqliteLedgerOptions) {
    this.path = path;
    this.#db = new LedgerConnection(path, fault);
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  async open(attempt: AttemptOpening): Promise<number> {
    requireOrdinal(attempt);
    return this.#db.write("record an attempt", () => {
      const known = this.#findAttempt(attempt);
      if (known === undefined) return this.#insertAttempt(attempt);
      const { row, events: _events, ending, ...opening } = attemptOf(known, []);
      if (ending !== undefined) requireSameOpening(opening, ending, attempt);
      return row;
    });
  }

  async event(key: AttemptKey, { at, type, message, detail }: AttemptEvent): Promise<void> {
    await this.#db.write("record an event", () => {
      const attempt = Number(this.#requireAttempt(key, "record an event").row);
      const values = [attempt, at, type, message, contentOf(detail)];
      const same = "attempt = ? AND at = ? AND type = ? AND message = ? AND detail = ?";
      if (this.#db.all(`SELECT 1 FROM attempt_events WHERE ${same}`, values).length > 0) return;
      // Numbered by its link: after the newest event was removed, its own number must not come again.
      const head = this.#db.head();
      const row = head.seq + 1;
      this.#db.run("INSERT INTO attempt_events (attempt, at, type, message, detail, row) VALUES (?, ?, ?, ?, ?, ?)", [
        ...values,
        row,
      ]);
      this.#db.link("event", row, eventContent(key, { at, type, message, detail }), head);
    });
  }

  async end(key: AttemptKey, ending: AttemptEnding): Promise<void> {
    await this.#db.write("end an attempt", () => {
      const found = this.#requireAttempt(key, "end an attempt");
      if (found.outcome !== null) {
        requireSameEnding(key, attemptEndingOf(found), ending);
        return;
      }
      const { endedAt, outcome, reason, planDigest, changes } = ending;
      this.#db.run(
        `INSERT INTO attempt_endings (attempt, ended_at, outcome, reason, plan_digest, changes) VALUES (?, ?, ?, ?, ?, ?)`,
        [
          Number(found.row),
          endedAt,
          outcome,
          reason,
          planDigest ?? null,
          changes === undefined ? null : contentOf(changes),
        ],
      );
      this.#db.link("ending", Number(found.row), endingContent(key, ending));
    });
  }

  async attempts({ app, target, commit, limit, onlyOpen }: AttemptQuery): Promise<Attempt[]> {
    const { where, values } = conditions({ app, target, commit_id: commit });
    // A commit's few attempts are found by it and then sorted; in the order of rows, all of the app's would be looked through.
    const row = commit === undefined ? "attempts.row" : "+attempts.row";
    const open = onlyOpen === true ? `${where === "" ? "WHERE" : "AND"} attempt_endings.attempt IS NULL` : "";
    return this.#db.read("read attempts", () => {
      const rows = this.#db.all(`${ATTEMPTS} ${where} ${open} ORDER BY ${row} DESC LIMIT ?`, [...values, limit ?? -1]);
      return rows.map((row) => attemptOf(row, this.#events(Number(row.row))));
    });
  }

  async retain(rules: RetentionRules, nowMs: number, most: number): Promise<number> {
    return this.#db.write("remove old attempts", () => removeAttempts(this.#db, rules, nowMs, most));
  }

  async prove(expect?: string): Promise<LedgerProof> {
    return verifyLedgerFile(this.path, expect);
  }

  async *entries(): AsyncGenerator<LedgerEntry> {
    yield* readEntries(this.path);
  }

  async startRevision(revision: Revision): Promise<void> {
    await this.#db.write("record a revision", () => {
      const known = this.#findRevision(revision);
      if (known === undefined) {
        this.#insertRevision(revision);
        return;
      }
      requireSameRevision(revisionOf(known), revision);
    });
  }

  async endRevision(key: RevisionKey, ending: RevisionEnding): Promise<void> {
    await this.#db.write("end a revision", () => {
      const found = this.#findRevision(key);
      if (found === undefined) throw neverRecorded(key);
      if (found.outcome !== null) {
        requireSameRevisionEnding(key, revisionEndingOf(found), ending);
        return;
      }
      const { endedAt, outcome, reason } = ending;
      this.#db.run("INSERT INTO revision_endings (revision_row, ended_at, outcome, reason) VALUES (?, ?, ?, ?)", [
        Number(found.row),
        endedAt,
        outcome,
        reason,
      ]);
      this.#db.link("revision-ending", Number(found.row), revisionEndingContent(key, ending));
    });
  }

  async revisions(query: {
    app?: string;
    target?: string;
    workload?: string;
    uid?: string;
  }): Promise<RevisionRecord[]> {
    const { app, target, workload, uid } = query;
    const { where, values } = conditions({ app, target, workload, uid });
    return this.#db.read("read revisions", () =>
      this.#db.all(`${REVISIONS} ${where} ORDER BY revisions.row`, values).map(revisionOf),
    );
  }

  async imageDigest(
    app: string,
    target: string,
    reference: string,
  ): Promise<{ digest: string; revision: RevisionRecord } | null> {
    return this.#db.read("look up an image", () => {
      const [row] = this.#db.all(
        `SELECT revisions.*, revision_endings.*, revision_images.digest FROM revision_images
         JOIN revisions ON revisions.row = revision_images.revision_row
         LEFT JOIN revision_endings ON revision_endings.revision_row = revisions.row
         WHERE revision_images.reference = ? AND revisions.app = ? AND revisions.target = ?
         ORDER BY revisions.row DESC LIMIT 1`,
        [reference, app, target],
      );
      return row === undefined ? null : { digest: String(row.digest), revision: revisionOf(row) };
    });
  }

  #insertAttempt(attempt: AttemptOpening): number {
    const { app, target, commit, ordinal, openedAt, ref, authorName, authorEmail, subject } = attempt;
    const { committerName = null, committerEmail = null } = attempt;
    const row = this.#db.run(
      `INSERT INTO attempts (app, target, commit_id, ordinal, opened_at, ref, author_name, author_email,
         committer_name, committer_email, subject)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      [
        ...[app, target, commit, ordinal, openedAt, ref, authorName, authorEmail],
        ...[committerName, committerEmail, subject],
      ],
    );
    this.#db.link("attempt", row, attemptContent(attempt));
    return row;
  }

  #insertRevision(revision: Revision): void {
    const { app, target, uid, workload, commit, authorName, authorEmail, subject, file, templateHash } = revision;
    const row = this.#db.run(
      `INSERT INTO revisions (app, target, uid, revision, workload, commit_id, author_name, author_email, subject, file,
         template, template_hash, images, plan_digest, started_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      [
        ...[app, target, uid, revision.revision, workload, commit, authorName, authorEmail, subject, file],
        ...[contentOf(revision.template), templateHash, contentOf(revision.images)],
        ...[revision.planDigest, revision.startedAt],
      ],
    );
    for (const [reference, digest] of Object.entries(revision.images)) {
      this.#db.run("INSERT INTO revision_images (revision_row, reference, digest) VALUES (?, ?, ?)", [
        row,
        reference,
        digest,
      ]);
    }
    this.#db.link("revision", row, revisionContent(revision));
  }

  #findAttempt({ app, target, commit, ordinal }: AttemptKey): Row | undefined {
    const values = [app, target, commit, ordinal];
    return this.#db.all(`${ATTEMPTS} WHERE app = ? AND target = ? AND commit_id = ? AND ordinal = ?`, values)[0];
  }

  #requireAttempt(key: AttemptKey, doing: string): Row {
    const found = this.#findAttempt(key);
    if (found !== undefined) return found;
    throw neverOpened(doing, key);
  }

  #findRevision({ app, target, uid, revision }: RevisionKey): Row | undefined {
    const values = [app, target, uid, revision];
    return this.#db.all(`${REVISIONS} WHERE app = ? AND target = ? AND uid = ? AND revisions.revision = ?`, values)[0];
  }

  #events(attempt: number): AttemptEvent[] {
    return this.#db.all("SELECT * FROM attempt_events WHERE attempt = ? ORDER BY row", [attempt]).map(eventOf);
  }
}

/** `WHERE` over the columns that have a value. Names are this file's own; values are bound. */
function conditions(wanted: Record<string, string | undefined>): { where: string; values: string[] } {
  const given = Object.entries(wanted).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const where = given.map(([column]) => `${column} = ?`).join(" AND ");
  return { where: where === "" ? "" : `WHERE ${where}`, values: given.map(([, value]) => value) };
}
