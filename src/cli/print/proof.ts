/** What walking the ledger's chain has shown, as text. */
import type { LedgerProof } from "../../ledger/verify.ts";
import type { Style } from "../output.ts";
import { printableLine } from "./escape.ts";

export function formatProof(proof: LedgerProof, style: Style): string {
  const { intact, entries, removed, attempts, revisions, from, to, head, expected, problem } = proof;
  const time = from === undefined || to === undefined ? "" : `, from ${printableLine(from)} to ${printableLine(to)}`;
  const lines = intact
    ? [
        `${style.green("Intact")}: ${count(entries, "entry", "entries")}${time}`,
        `Kept: ${count(attempts, "attempt", "attempts")}, ${count(revisions, "revision", "revisions")}`,
      ]
    : [
        `${style.red("Not intact")}: ${printableLine(problem?.message ?? "")}`,
        `Intact before it: ${count(entries, "entry", "entries")}${time}`,
      ];
  if (removed > 0) lines.push(`Removed by retention: ${count(removed, "entry", "entries")}, each still in the chain`);
  if (expected !== undefined) lines.push(`Expected: found as entry ${expected}`);
  lines.push(`Head: entry ${head.seq}, hash ${head.hash}`);
  return lines.map((line) => `${line}\n`).join("");
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
