/** Checks of both databases, and of the clock against what the ledger has seen. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { STATE_VERSION } from "../../cluster/state-file.ts";
import { LEDGER_VERSION, NEWEST_TIME } from "../../ledger/database.ts";
import { type LedgerProof, verifyLedgerFile } from "../../ledger/verify.ts";
import { messageOf } from "../../model/errors.ts";
import { databaseTrouble } from "../../util/database-trouble.ts";
import { type DatabaseReport, inspectDatabase } from "../../util/inspect-database.ts";
import { type DoctorWorld, type Finding, ok, problem, warning } from "./check.ts";
import { podCount } from "./records.ts";

const MEGABYTE = 1024 * 1024;
const LARGE_JOURNAL = 256 * MEGABYTE;
/** Clocks of machines that are kept in time differ by less. */
const CLOCK_SLACK_MS = 60_000;
const RESTORE = "trueup restore brings back a backup. Until then nothing starts on it; pods run on.";
const NEW_HISTORY =
  "If somebody removed it, trueup restore brings back a backup; trueup run begins a new one, whose chain no older head fits.";

/** Each in its file. */
export const DATABASES = [
  { name: "cluster.db", version: STATE_VERSION },
  { name: "ledger.db", version: LEDGER_VERSION },
] as const;

export function judgeDatabase(name: string, known: number, report: DatabaseReport): Finding[] {
  const { version, faults, dangling, journalBytes } = report;
  const findings: Finding[] = [];
  if (version > known) {
    const message = `its version is ${version}: this trueup knows ${known}`;
    findings.push(problem(name, message, "A newer trueup wrote it: use that one."));
  }
  for (const fault of faults) findings.push(problem(name, `damaged: ${fault.replaceAll(/\s+/g, " ")}`, RESTORE));
  if (dangling > 0) findings.push(problem(name, `${dangling} rows refer to rows that are not there`, RESTORE));
  if (journalBytes > LARGE_JOURNAL) {
    const message = `its journal has ${Math.round(journalBytes / MEGABYTE)} MB`;
    findings.push(warning(name, message, "It is written back when the daemon ends: restart the daemon."));
  }
  return findings.length > 0 ? findings : [ok(name, `version ${version}, sound`)];
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

export function checkDatabase({ stateDir }: Pick<DoctorWorld, "stateDir">, name: string, known: number): Finding[] {
  const path = join(stateDir, name);
  if (sizeOf(path) === 0) {
    // Both are made at the first start: the history of objects that are there was there, too.
    if (name === "ledger.db" && sizeOf(join(stateDir, "cluster.db")) > 0) {
      return [warning(name, "it is missing or empty, though cluster.db is in use: the history is gone", NEW_HISTORY)];
    }
    const pods = name === "cluster.db" ? podCount(stateDir) : 0;
    if (pods === 0) return [ok(name, "not there yet")];
    return [problem(name, `it is missing or empty, and ${pods} pods are recorded`, RESTORE)];
  }
  try {
    return judgeDatabase(name, known, inspectDatabase(path));
  } catch (error) {
    const { kind, says, hint } = databaseTrouble(error);
    return [problem(name, says, kind === "damaged" ? RESTORE : hint)];
  }
}

/** Whether the ledger's rows are those that were written, by their chain. */
export function checkChain({ stateDir }: Pick<DoctorWorld, "stateDir">): Finding[] {
  const path = join(stateDir, "ledger.db");
  if (sizeOf(path) === 0) return [ok("ledger chain", "not there yet")];
  try {
    return [judgeChain(verifyLedgerFile(path))];
  } catch (error) {
    return [warning("ledger chain", `it cannot be walked: ${messageOf(error)}`, "See what is said of ledger.db.")];
  }
}

export function judgeChain({ intact, entries, head, problem: found }: LedgerProof): Finding {
  if (intact) return ok("ledger chain", `${entries} entries, head ${head.hash.slice(0, 12)}`);
  const where = found?.seq === undefined ? "" : `entry ${found.seq}: `;
  const message = `${where}${found?.message ?? "it is broken"}`;
  return problem(
    "ledger chain",
    message,
    "trueup log --verify says more. What is wrong there was changed from outside.",
  );
}

/** @param newest RFC 3339, of the newest thing that the ledger knows; `null` when it is empty */
export function judgeClock(now: number, newest: string | null): Finding {
  const ahead = newest === null ? 0 : Date.parse(newest) - now;
  if (!(ahead > CLOCK_SLACK_MS)) return ok("clock", new Date(now).toISOString());
  const message = `it says ${new Date(now).toISOString()}, and the ledger has ${newest}`;
  return warning("clock", message, "Set the clock. Rows stay in their order; waits go by a clock that cannot be set.");
}

export function checkClock({ stateDir, now }: Pick<DoctorWorld, "stateDir" | "now">): Finding[] {
  const path = join(stateDir, "ledger.db");
  if (sizeOf(path) === 0) return [judgeClock(now, null)];
  try {
    return [judgeClock(now, inspectDatabase(path, NEWEST_TIME).answer)];
  } catch (error) {
    const { says } = databaseTrouble(error);
    return [warning("clock", `it cannot be compared with the ledger: ${says}`, "See what is said of ledger.db.")];
  }
}
