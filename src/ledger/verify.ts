/** Proves a ledger's file: walks its chain and its tables, without a daemon and without writing. */

import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { LedgerEntry, LedgerProof } from "../model/ledger.ts";
import { FACT_KINDS, type FactKind } from "./chain.ts";
import { openLedgerToRead } from "./database.ts";
import { FactReader, readAnchors } from "./facts.ts";
import { type DatedLink, proveChain } from "./proof.ts";

export type { LedgerProof };

/** Where the rows of a kind are, and when each was written. */
const TABLES: Readonly<Record<FactKind, { table: string; key: string; at: string; ordered: boolean }>> = {
  attempt: { table: "attempts", key: "row", at: "opened_at", ordered: true },
  event: { table: "attempt_events", key: "row", at: "at", ordered: true },
  ending: { table: "attempt_endings", key: "attempt", at: "ended_at", ordered: false },
  revision: { table: "revisions", key: "row", at: "started_at", ordered: true },
  "revision-ending": { table: "revision_endings", key: "revision_row", at: "ended_at", ordered: false },
  anchor: { table: "anchors", key: "row", at: "removed_at", ordered: true },
};

/**
 * Verifies the ledger at a path.
 *
 * @param expect A head's hash that was written down: it must still be in the chain
 * @throws {TrueupError} `not-found` when there is none, `io` when it cannot be read, `invalid` for another version
 */
export function verifyLedgerFile(path: string, expect?: string): LedgerProof {
  if (!existsSync(path)) {
    throw new TrueupError("not-found", `Cannot verify ${path} as it must be a ledger: there is no such file.`, {
      hint: "Name the state directory with --state.",
    });
  }
  const wasOpen = existsSync(`${path}-wal`);
  const proof = verifyOnce(path, expect);
  // A daemon that opened the file meanwhile may have changed it below a reader that trusted it to stand still.
  return !proof.intact && !wasOpen && existsSync(`${path}-wal`) ? verifyOnce(path, expect) : proof;
}

function verifyOnce(path: string, expect: string | undefined): LedgerProof {
  const db = openLedgerToRead(path);
  try {
    db.exec("BEGIN");
    return verify(db, expect);
  } catch (error) {
    if (error instanceof TrueupError) throw error;
    throw new TrueupError("io", `Cannot verify the ledger in ${path}: ${messageOf(error)}`, { cause: error });
  } finally {
    db.close();
  }
}

function verify(db: DatabaseSync, expect: string | undefined): LedgerProof {
  return proveChain({ anchors: readAnchors(db), links: storedLinks(db), added: () => addedRow(db), expect });
}

/**
 * Every entry of the ledger at a path, oldest first, as the file stands when the first one is asked for.
 *
 * @throws {TrueupError} As `verifyLedgerFile`
 */
export function* readEntries(path: string): Generator<LedgerEntry> {
  const db = openLedgerToRead(path);
  try {
    db.exec("BEGIN");
    for (const { seq, kind, digest, hash, content } of storedLinks(db)) yield { seq, kind, digest, hash, content };
  } finally {
    db.close();
  }
}

function* storedLinks(db: DatabaseSync): Generator<DatedLink> {
  const facts = new FactReader(db);
  const times = new Map(
    FACT_KINDS.map((kind) => {
      const { table, key, at } = TABLES[kind];
      return [kind, db.prepare(`SELECT ${at} AS at FROM ${table} WHERE ${key} = ?`)] as const;
    }),
  );
  for (const row of db.prepare("SELECT * FROM chain ORDER BY seq").iterate()) {
    const kind = String(row.kind) as FactKind;
    const fact = Number(row.fact);
    const isKnown = FACT_KINDS.includes(kind);
    yield {
      seq: Number(row.seq),
      kind,
      digest: String(row.digest),
      hash: String(row.hash),
      content: isKnown ? facts.content(kind, fact) : null,
      ...(isKnown && TABLES[kind].ordered && { position: fact }),
      at: (times.get(kind)?.get(fact)?.at ?? null) as string | null,
    };
  }
}

/** A row that no link names. */
function addedRow(db: DatabaseSync): LedgerProof["problem"] | null {
  for (const kind of FACT_KINDS) {
    const { table, key, at } = TABLES[kind];
    const found = db
      .prepare(
        `SELECT ${key} AS fact, ${at} AS at FROM ${table}
         WHERE NOT EXISTS (SELECT 1 FROM chain WHERE kind = ? AND fact = ${key}) ORDER BY ${key} LIMIT 1`,
      )
      .get(kind);
    if (found === undefined) continue;
    const message = `Row ${found.fact} of ${table}, dated ${found.at}, was put in: no entry of the chain names it.`;
    return { kind: "added", message };
  }
  return null;
}
