/** Takes out of a ledger's file what its retention rules do not keep, and puts an anchor in its place. */
import { ATTEMPT_EVENTS, CARRIED_OUT, type Outcome } from "../model/ledger.ts";
import { type Anchor, anchorContent, type ChainHead } from "./chain.ts";
import type { LedgerConnection } from "./connection.ts";
import { planRetention, type RetentionCandidate, type RetentionRules, runsOf } from "./retention.ts";
import type { Row } from "./rows.ts";

/** As `saysCarriedOut`. */
const SAYS_CARRIED_OUT = `(
  type IN (${[...CARRIED_OUT].map((type) => `'${type}'`).join(", ")})
  OR type = '${ATTEMPT_EVENTS.planned}' AND json_extract(detail, '$.due') = 0
)`;

const CANDIDATES = `
  SELECT attempts.row, app, target, commit_id, ended_at, outcome, reason,
    EXISTS (SELECT 1 FROM attempt_events WHERE attempt = attempts.row AND ${SAYS_CARRIED_OUT}) AS carried_out
  FROM attempts LEFT JOIN attempt_endings ON attempt_endings.attempt = attempts.row`;

/** Numbers of the links of one attempt's facts. CROSS: from its few events to their links, never the other way round. */
const LINKS = `
  SELECT seq, hash FROM chain WHERE kind IN ('attempt', 'ending') AND fact = ?1
  UNION ALL
  SELECT seq, hash FROM attempt_events CROSS JOIN chain ON chain.kind = 'event' AND chain.fact = attempt_events.row
  WHERE attempt_events.attempt = ?1`;

/**
 * Removes the oldest attempts that may go, with their events and endings; their links stay. Within a transaction.
 *
 * @returns How many were removed
 */
export function removeAttempts(db: LedgerConnection, rules: RetentionRules, nowMs: number, most: number): number {
  const gone: number[] = [];
  for (const attempt of planRetention(db.all(CANDIDATES, []).map(candidateOf), rules, nowMs)) {
    if (gone.length === most) break;
    // A row without a link was put in by somebody else: it is for log --verify to say, not for this to hide.
    if (db.all("SELECT 1 FROM chain WHERE kind = 'attempt' AND fact = ?", [attempt]).length > 0) gone.push(attempt);
  }
  const links = gone
    .flatMap((attempt) => db.all(LINKS, [attempt]))
    .map((row): ChainHead => ({ seq: Number(row.seq), hash: String(row.hash) }))
    .sort((a, b) => a.seq - b.seq);
  const last = links.at(-1);
  if (last === undefined) return 0;
  const anchor: Anchor = {
    removedAt: new Date(nowMs).toISOString(),
    attempts: gone.length,
    links: runsOf(links.map(({ seq }) => seq)),
    last,
  };
  appendAnchor(db, anchor, gone);
  for (const attempt of gone) {
    db.run("DELETE FROM attempt_events WHERE attempt = ?", [attempt]);
    db.run("DELETE FROM attempt_endings WHERE attempt = ?", [attempt]);
    db.run("DELETE FROM attempts WHERE row = ?", [attempt]);
  }
  return gone.length;
}

function appendAnchor(db: LedgerConnection, anchor: Anchor, attempts: readonly number[]): void {
  const row = db.run("INSERT INTO anchors (removed_at, attempts, links, last_seq, last_hash) VALUES (?, ?, ?, ?, ?)", [
    anchor.removedAt,
    anchor.attempts,
    JSON.stringify(anchor.links),
    anchor.last.seq,
    anchor.last.hash,
  ]);
  for (const attempt of attempts) db.run("INSERT INTO anchored (attempt, anchor) VALUES (?, ?)", [attempt, row]);
  db.link("anchor", row, anchorContent(anchor));
}

function candidateOf(row: Row): RetentionCandidate {
  return {
    row: Number(row.row),
    app: String(row.app),
    target: String(row.target),
    commit: String(row.commit_id),
    ...(row.outcome !== null && {
      ending: { endedAt: String(row.ended_at), outcome: String(row.outcome) as Outcome, reason: String(row.reason) },
    }),
    carriedOut: row.carried_out === 1,
  };
}
