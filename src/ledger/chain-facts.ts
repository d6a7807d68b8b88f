/** Links facts that are already in a ledger's tables: what an older version wrote without a chain. */
import type { DatabaseSync } from "node:sqlite";
import { CHAIN_START, type FactKind, nextLink } from "./chain.ts";
import { FactReader } from "./facts.ts";

interface Waiting {
  kind: FactKind;
  fact: number;
  at: string;
  /** The fact that must be linked before this one: `attempt 3`. */
  after: string | null;
}

/** Rows in the order of their kind. The order here settles which of two facts of one moment comes first. */
const STREAMS: readonly { kind: FactKind; sql: string; parent: FactKind | null }[] = [
  {
    kind: "attempt",
    sql: "SELECT row AS fact, opened_at AS at, NULL AS parent FROM attempts ORDER BY row",
    parent: null,
  },
  {
    kind: "event",
    sql: "SELECT row AS fact, at, attempt AS parent FROM attempt_events ORDER BY row",
    parent: "attempt",
  },
  {
    kind: "revision",
    sql: "SELECT row AS fact, started_at AS at, NULL AS parent FROM revisions ORDER BY row",
    parent: null,
  },
  {
    kind: "revision-ending",
    sql: `SELECT revision_row AS fact, ended_at AS at, revision_row AS parent FROM revision_endings
          ORDER BY ended_at, revision_row`,
    parent: "revision",
  },
  {
    kind: "ending",
    sql: "SELECT attempt AS fact, ended_at AS at, attempt AS parent FROM attempt_endings ORDER BY ended_at, attempt",
    parent: "attempt",
  },
];

/**
 * Links every fact, in the order in which they must have been written: by time, as far as that agrees with the order of
 * rows of one kind and with what must be there before (a clock may have been set back).
 */
export function chainFacts(db: DatabaseSync): void {
  const facts = new FactReader(db);
  const insert = db.prepare("INSERT INTO chain (seq, kind, fact, digest, hash) VALUES (?, ?, ?, ?, ?)");
  let head = CHAIN_START;
  for (const { kind, fact } of inOrder(STREAMS.map((stream) => rowsOf(db, stream)))) {
    const link = nextLink(head, kind, facts.content(kind, fact) ?? "");
    insert.run(link.seq, kind, fact, link.digest, link.hash);
    head = link;
  }
}

function rowsOf(db: DatabaseSync, { kind, sql, parent }: (typeof STREAMS)[number]): Waiting[] {
  const rows = db.prepare(sql).all();
  return rows.map((row) => ({
    kind,
    fact: Number(row.fact),
    at: String(row.at),
    after: parent === null ? null : `${parent} ${row.parent}`,
  }));
}

function* inOrder(streams: readonly Waiting[][]): Generator<Waiting> {
  const places = streams.map(() => 0);
  const linked = new Set<string>();
  for (;;) {
    let next: { waiting: Waiting; stream: number } | null = null;
    for (const [stream, rows] of streams.entries()) {
      const waiting = rows[places[stream] ?? 0];
      if (waiting === undefined || (waiting.after !== null && !linked.has(waiting.after))) continue;
      if (next === null || waiting.at < next.waiting.at) next = { waiting, stream };
    }
    if (next === null) return;
    const { waiting, stream } = next;
    linked.add(`${waiting.kind} ${waiting.fact}`);
    places[stream] = (places[stream] ?? 0) + 1;
    yield waiting;
  }
}
