/** `trueup doctor`: looks at a state directory and the machine, one check after the other, and says what to do. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { connect } from "node:net";
import type { ClusterReport } from "../../backend/kubernetes/examine.ts";
import { readDaemonRecord, runtimeRoot, socketPaths, userId } from "../../daemon/paths.ts";
import type { TargetRecord } from "../../daemon/target-record.ts";
import { processTable } from "../../kubelet/process-table.ts";
import { TrueupError } from "../../model/errors.ts";
import type { DaemonRecord } from "../../model/status.ts";
import type { Clock } from "../../util/clock.ts";
import { withDeadline } from "../../util/deadline.ts";
import { systemRandom } from "../../util/random.ts";
import type { Command, CommandContext } from "../command.ts";
import { runningOf } from "../connect.ts";
import type { DoctorWorld, Finding, FindingLevel } from "../doctor/check.ts";
import { checksFor, fix, runCheck } from "../doctor/run.ts";
import { dataFormat, OUTPUT_OPTION, printData } from "../options.ts";
import type { Output } from "../output.ts";
import { printableLine } from "../print/escape.ts";
import { knownStateDirs, ownStateDir } from "../state-dirs.ts";

/** How long a daemon or a kubelet has to answer, milliseconds. */
const ANSWER_MS = 3_000;
/** The same of a cluster, which is asked some hundred questions. */
const EXAMINE_MS = 15_000;

export const command: Command = {
  options: [
    { flags: "--fix", summary: "remove stale sockets and unfinished files, nothing else; say which" },
    OUTPUT_OPTION,
  ],
  examples: [
    { line: "trueup doctor", does: "check the state of the daemon of this repository; changes nothing" },
    { line: "trueup doctor --state DIR -o json", does: "the same for a state directory, for a script" },
  ],
  details:
    "Each check prints one line: ok, warning or problem, and what to do. Exit code 0 without a problem, else 1.\n" +
    "Nothing is guessed: what cannot be proved to be of no use is left as it is.",
  async run(context, invocation) {
    const world = await worldOf(context);
    const format = dataFormat(invocation);
    const findings: Finding[] = [];
    for (const check of await checksFor(world.stateDir)) {
      const found = await runCheck(check, world);
      findings.push(...found);
      if (format === undefined) await printFindings(context.out, found);
    }
    const fixed = invocation.flag("fix") ? await fix(findings, world.stateDir) : [];
    if (format === undefined) for (const path of fixed) await context.out.line(`removed  ${printableLine(path)}`);
    else {
      const plain = findings.map(({ removable: _removable, ...finding }) => finding);
      await printData(context.out, format, { stateDir: world.stateDir, findings: plain, fixed });
    }
    return findings.some(({ level }) => level === "problem") ? 1 : 0;
  },
};

async function worldOf(context: CommandContext): Promise<DoctorWorld> {
  const { env, clock } = context;
  const given = await chosenStateDir(context);
  if (!existsSync(given)) {
    throw new TrueupError("not-found", `Cannot look at the state directory ${given} as it must exist: it does not.`, {
      hint: "Name another with --state.",
    });
  }
  const stateDir = realpathSync(given);
  const uid = userId();
  const sockets = socketPaths(runtimeRoot(env, uid), stateDir);
  const record = await readDaemonRecord(sockets.daemonRecord);
  return {
    stateDir,
    sockets,
    repository: record?.repository ?? null,
    userId: uid,
    now: clock.now(),
    nodeVersion: process.versions.node,
    openFiles: openFilesLimit(),
    table: processTable(),
    answers: (socket) => answers(socket, clock),
    examine: (of) => examine(of, context),
  };
}

/** The one named, else that of the repository here, else the only one there is; of several the only one whose daemon runs. */
async function chosenStateDir(context: CommandContext): Promise<string> {
  if (context.stateDir !== undefined) return context.stateDir;
  const { near, all } = await knownStateDirs(context);
  const own = near.length > 0 ? null : await ownStateDir(context);
  if (own !== null) return own;
  const records = near.length > 0 ? near : all;
  const isOne = (them: readonly DaemonRecord[]): boolean => new Set(them.map(({ stateDir }) => stateDir)).size === 1;
  const running = isOne(records) ? records : await runningOf(records);
  const [only] = running;
  if (only !== undefined && isOne(running)) return only.stateDir;
  const candidates = [...new Set(records.map(({ stateDir }) => stateDir))].sort();
  const list = candidates.map((stateDir) => `\n  --state ${stateDir}`).join("");
  const count = candidates.length === 0 ? "none is recorded" : `${candidates.length} are recorded.${list}`;
  throw new TrueupError("usage", `Cannot choose a state directory as exactly one must be recorded: ${count}`, {
    hint: "Name it with --state.",
  });
}

/** The soft limit of this process, which a daemon started from the same shell has too. */
function openFilesLimit(): number | null {
  if (process.platform !== "linux") return null;
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return soft === undefined ? null : Number(soft);
}

/** Sends a request that anyone who listens there answers, be it with an error. */
function answers(socket: string, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    const done = (answered: boolean): void => {
      cancel();
      probe.destroy();
      resolve(answered);
    };
    const cancel = clock.setTimer(ANSWER_MS, () => done(false));
    probe.once("connect", () => probe.write("GET / HTTP/1.1\r\nHost: trueup\r\nConnection: close\r\n\r\n"));
    probe.once("data", () => done(true));
    probe.once("error", () => done(false));
    probe.once("close", () => done(false));
  });
}

/** With the credentials that the record leads to, as the daemon has them. */
function examine(record: TargetRecord, { env, clock, signal }: CommandContext): Promise<ClusterReport> {
  const { context, kubeconfig, namespace, namespaces, ownerId, ledger } = record;
  const options = {
    ...{ env, clock, random: systemRandom, ownerId, namespace, isLedgerThere: ledger === "cluster" },
    ...(context === undefined ? { inCluster: true } : { context }),
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(namespaces !== undefined && { namespaces }),
  };
  const ask = async (limit: AbortSignal): Promise<ClusterReport> => {
    const { examineCluster } = await import("../../backend/kubernetes/examine.ts");
    return examineCluster(options, limit);
  };
  const late = (): Error => new TrueupError("timeout", `it has not answered within ${EXAMINE_MS / 1_000} s`);
  return withDeadline(clock, EXAMINE_MS, signal, ask, late);
}

/** What is to be done about several findings of one check is said once, below the last of them. */
async function printFindings(out: Output, found: readonly Finding[]): Promise<void> {
  for (const [at, finding] of found.entries()) {
    const next = found[at + 1];
    const { hint, ...rest } = finding;
    const isSaidBelow = hint !== undefined && next?.hint === hint && next.check === finding.check;
    await printFinding(out, isSaidBelow ? rest : finding);
  }
}

async function printFinding(out: Output, { check, level, message, hint }: Finding): Promise<void> {
  const colour = { ok: out.style.green, warning: out.style.yellow, problem: out.style.red }[level];
  await out.line(`${colour(level.padEnd(WIDEST_LEVEL))}  ${check}: ${printableLine(message)}`);
  if (hint !== undefined)
    await out.line(`${" ".repeat(WIDEST_LEVEL)}  ${out.style.dim("hint:")} ${printableLine(hint)}`);
}

const WIDEST_LEVEL = ("warning" satisfies FindingLevel).length;
