/** `trueup log`: the commits that were tried, and how each ended; or the proof that this record was not changed. */
import { join } from "node:path";
import { readTargetRecord } from "../../daemon/target-record.ts";
import { verifyLedgerFile } from "../../ledger/verify.ts";
import { TrueupError } from "../../model/errors.ts";
import { withRevisions } from "../audit.ts";
import type { Command, CommandContext, ExitCode, Invocation } from "../command.ts";
import { dataFormat, printData, WIDE_OUTPUT_OPTION } from "../options.ts";
import { formatAttempts } from "../print/log.ts";
import { formatProof } from "../print/proof.ts";
import { stateDirMeant } from "../state-dirs.ts";

const SHOWN_BY_DEFAULT = 20;

export const command: Command = {
  options: [
    { flags: "--app <name>", summary: "only of this app", completes: "app" },
    { flags: "-l, --limit <count>", summary: `at most so many (default: ${SHOWN_BY_DEFAULT})` },
    { flags: "--verify", summary: "prove that no entry was changed, removed or put in" },
    { flags: "--expect <hash>", summary: "with --verify: the chain must still have the head with this hash" },
    WIDE_OUTPUT_OPTION,
  ],
  examples: [
    { line: "trueup log", does: "the latest attempts, newest first, with the reason of each failure" },
    { line: "trueup log -l 1 -o json", does: "the latest attempt with its changes, approvals and revisions" },
    {
      line: "trueup log --verify",
      does: "check the whole record, and print its head's hash: write that down elsewhere",
    },
    {
      line: "trueup log --verify --expect HASH",
      does: "check too that nothing before that head was cut off or rewritten",
    },
  ],
  details:
    "As data, an attempt says who (author, committer, approvals), what (changed objects and fields, revisions with image " +
    "digests), when (opened, each event, ended) and why (subject, reason).",
  async run(context, invocation) {
    if (invocation.flag("verify")) return verify(context, invocation);
    if (invocation.text("expect") !== undefined) {
      throw new TrueupError("usage", "Cannot use --expect as --verify must be given too: it is not.");
    }
    const app = invocation.text("app");
    const limit = invocation.count("limit") ?? SHOWN_BY_DEFAULT;
    const ofApp = app !== undefined && { app };
    const client = await context.connect();
    const attempts = await client.attempts({ limit, ...ofApp }, context.signal);
    const format = dataFormat(invocation);
    if (format !== undefined) {
      const revisions = await client.revisions({ ...ofApp }, context.signal);
      await printData(context.out, format, withRevisions(attempts, revisions));
    } else if (attempts.length === 0) await context.err.line("No attempts yet.");
    else await context.out.write(formatAttempts(attempts, invocation.text("output") === "wide", context.out.style));
    return 0;
  },
};

async function verify(context: CommandContext, invocation: Invocation): Promise<ExitCode> {
  const expect = invocation.text("expect")?.toLowerCase();
  if (expect !== undefined && !/^[0-9a-f]{64}$/.test(expect)) {
    throw new TrueupError(
      "usage",
      `Cannot use --expect as it must be a head's hash, 64 hexadecimal digits: it is "${expect}".`,
    );
  }
  const stateDir = await stateDirMeant(context);
  const isElsewhere = (await readTargetRecord(stateDir))?.ledger === "cluster";
  const proof = isElsewhere
    ? // Only the daemon can reach it.
      await (await context.connect()).proof({ ...(expect !== undefined && { expect }) }, context.signal)
    : verifyLedgerFile(join(stateDir, "ledger.db"), expect);
  const format = dataFormat(invocation);
  if (format !== undefined) await printData(context.out, format, proof);
  else await context.out.write(formatProof(proof, context.out.style));
  return proof.intact ? 0 : 1;
}
