/** Facts read back from a ledger's tables as the contents that the chain was made over. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { AttemptKey } from "../model/ledger.ts";
import {
  type Anchor,
  anchorContent,
  attemptContent,
  endingContent,
  eventContent,
  type FactKind,
  revisionContent,
  revisionEndingContent,
} from "./chain.ts";
import { anchorOf, attemptEndingOf, attemptOf, eventOf, type Row, revisionEndingOf, revisionOf } from "./rows.ts";

const KEY = "attempts.app, attempts.target, attempts.commit_id, attempts.ordinal";

const QUERIES: Readonly<Record<FactKind, string>> = {
  attempt: "SELECT *, NULL AS outcome FROM attempts WHERE row = ?",
  event: `SELECT attempt_events.*, ${KEY} FROM attempt_events JOIN attempts ON attempts.row = attempt
          WHERE attempt_events.row = ?`,
  ending: `SELECT attempt_endings.*, ${KEY} FROM attempt_endings JOIN attempts ON attempts.row = attempt WHERE attempt = ?`,
  revision: "SELECT *, NULL AS outcome FROM revisions WHERE row = ?",
  "revision-ending": `SELECT revision_endings.*, app, target, uid, revision FROM revision_endings
          JOIN revisions ON revisions.row = revision_row WHERE revision_row = ?`,
  anchor: "SELECT * FROM anchors WHERE row = ?",
};

/** Content of a row that no trueup wrote: it has no digest that a link could have. */
const UNREADABLE = "unreadable";

export class FactReader {
  readonly #statements: ReadonlyMap<FactKind, StatementSync>;
  readonly #images: StatementSync;

  /** The tables of `db` may be those of an older version: what they lack is prepared when asked for. */
  constructor(db: DatabaseSync) {
    this.#statements = new Map(
      Object.entries(QUERIES).map(([kind, sql]) => [kind as FactKind, db.prepare(sql)] as const),
    );
    this.#images = db.prepare("SELECT reference, digest FROM revision_images WHERE revision_row = ?");
  }

  /** The canonical content of a fact; `null` when there is no such row. */
  content(kind: FactKind, fact: number): string | null {
    const row = this.#statements.get(kind)?.get(fact);
    if (row === undefined) return null;
    try {
      return this.#contentOf(kind, row);
    } catch (error) {
      // JSON that is none, a commit id that is none: somebody else wrote the row.
      if (error instanceof SyntaxError || error instanceof RangeError) return UNREADABLE;
      throw error;
    }
  }

  #contentOf(kind: FactKind, row: Row): string {
    switch (kind) {
      case "attempt":
        return attemptContent(attemptOf(row, []));
      case "event":
        return eventContent(keyOf(row), eventOf(row));
      case "ending":
        return endingContent(keyOf(row), attemptEndingOf(row));
      case "revision":
        return this.#revisionContent(row);
      case "revision-ending":
        return revisionEndingContent(
          { app: String(row.app), target: String(row.target), uid: String(row.uid), revision: Number(row.revision) },
          revisionEndingOf(row),
        );
      case "anchor":
        return anchorContent(anchorOf(row));
      default:
        return kind satisfies never;
    }
  }

  /** Images are looked up by a table of their own: it must say what the row says. */
  #revisionContent(row: Row): string {
    const revision = revisionOf(row);
    const said = new Map(Object.entries(revision.images).map(([name, digest]) => [name.toWellFormed(), digest]));
    const indexed = this.#images.all(Number(row.row));
    const isSame = indexed.every(({ reference, digest }) => said.get(String(reference)) === digest);
    return isSame && indexed.length === said.size ? revisionContent(revision) : UNREADABLE;
  }
}

function keyOf(row: Row): AttemptKey {
  const { app, target, commit, ordinal } = attemptOf({ ...row, row: 0, outcome: null }, []);
  return { app, target, commit, ordinal };
}

/** The anchors, oldest first. */
export function readAnchors(db: DatabaseSync): Anchor[] {
  return db.prepare("SELECT * FROM anchors ORDER BY row").all().map(anchorOf);
}
