/** Attempts as text, newest first: one line each, and the reason below where there is one. */
import { ATTEMPT_EVENTS, type Attempt, type Outcome } from "../../model/ledger.ts";
import type { JsonObject } from "../../model/object.ts";
import { shortId } from "../../model/source.ts";
import type { Style } from "../output.ts";
import { tookText } from "./age.ts";
import { printable, printableLine } from "./escape.ts";
import { columnWidths, formatRow } from "./table.ts";

const COLOUR: Readonly<Record<Outcome, "green" | "dim" | "red" | "yellow">> = {
  deployed: "green",
  "no-op": "green",
  superseded: "dim",
  rejected: "red",
  failed: "red",
  "rolled back": "yellow",
  discarded: "dim",
};

/** @param wide Adds app (shown anyway when there are several), author, changes and plan digest */
export function formatAttempts(attempts: readonly Attempt[], wide: boolean, style: Style): string {
  const named = wide || new Set(attempts.map(({ app }) => app)).size > 1;
  const header = [
    "TIME",
    "COMMIT",
    "OUTCOME",
    "TOOK",
    ...(named ? ["APP"] : []),
    ...(wide ? ["AUTHOR", "CHANGES", "PLAN"] : []),
    "SUBJECT",
  ];
  const rows = attempts.map((attempt) => rowOf(attempt, named, wide, style));
  const widths = columnWidths({ header, rows });
  const lines = [formatRow(header, widths)];
  for (const [index, attempt] of attempts.entries()) {
    lines.push(formatRow(rows[index] ?? [], widths));
    const reason = attempt.ending?.reason ?? "";
    if (reason !== "") lines.push(...reason.split("\n").map((line) => style.dim(`  ${printable(line)}`)));
    const approvers = approversOf(attempt);
    if (approvers.length > 0) lines.push(style.dim(`  approved by ${approvers.join(", ")}`));
  }
  return lines.map((line) => `${line}\n`).join("");
}

function rowOf(attempt: Attempt, named: boolean, wide: boolean, style: Style): string[] {
  const { ending, openedAt } = attempt;
  const took = ending === undefined ? "" : tookText(Date.parse(ending.endedAt) - Date.parse(openedAt));
  const outcome =
    ending === undefined ? style.yellow(progressOf(attempt)) : style[COLOUR[ending.outcome]](ending.outcome);
  return [
    openedAt.slice(0, 19).replace("T", " "),
    shortId(attempt.commit),
    outcome,
    took,
    ...(named ? [attempt.app] : []),
    ...(wide ? [printableLine(attempt.authorName), changesText(attempt), digestText(attempt)] : []),
    printableLine(attempt.subject),
  ];
}

function approversOf({ events }: Attempt): string[] {
  const names = events.filter(({ type }) => type === "approved").map(({ detail }) => String(detail?.by ?? "somebody"));
  return [...new Set(names)].map(printableLine);
}

/** What an attempt that has not ended is doing: what its last event says. */
function progressOf({ events }: Attempt): string {
  return events.at(-1)?.type === "held" ? "held" : "under way";
}

/** The changes of its first plan; nothing when none was made, and said when not all of them were carried out. */
function changesText(attempt: Attempt): string {
  const changes = attempt.ending?.changes ?? plannedDetail(attempt).changes;
  if (typeof changes !== "object" || changes === null) return "";
  const counted = Object.entries(changes).filter(([action, count]) => Number(count) > 0 && action !== "unchanged");
  if (counted.length === 0) return "none";
  const text = counted.map(([action, count]) => `${count} ${action}`).join(", ");
  return attempt.ending?.outcome === "superseded" && !isApplied(attempt) ? `${text}, not all made` : text;
}

function isApplied({ events }: Attempt): boolean {
  return events.some(({ type }) => type === ATTEMPT_EVENTS.applied);
}

function digestText(attempt: Attempt): string {
  const digest = attempt.ending?.planDigest ?? plannedDetail(attempt).digest;
  return typeof digest === "string" ? digest.replace(/^sha256:/, "").slice(0, 12) : "";
}

/** Superseded attempts of an older trueup, and those under way, have it only here. */
function plannedDetail({ events }: Attempt): JsonObject {
  return events.find(({ type }) => type === ATTEMPT_EVENTS.planned)?.detail ?? {};
}
