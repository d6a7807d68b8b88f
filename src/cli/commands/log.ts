/** `trueup log`: the commits that were tried, and how each ended. */
import type { Command } from "../command.ts";
import { dataFormat, printData, WIDE_OUTPUT_OPTION } from "../options.ts";
import { formatAttempts } from "../print/log.ts";

const SHOWN_BY_DEFAULT = 20;

export const command: Command = {
  options: [
    { flags: "--app <name>", summary: "only of this app" },
    { flags: "-l, --limit <count>", summary: `at most so many (default: ${SHOWN_BY_DEFAULT})` },
    WIDE_OUTPUT_OPTION,
  ],
  examples: [
    { line: "trueup log", does: "the latest attempts, newest first, with the reason of each failure" },
    { line: "trueup log -l 1 -o json", does: "the latest attempt with all its events, for a script" },
  ],
  async run(context, invocation) {
    const app = invocation.text("app");
    const limit = invocation.count("limit") ?? SHOWN_BY_DEFAULT;
    const client = await context.connect();
    const attempts = await client.attempts({ limit, ...(app !== undefined && { app }) }, context.signal);
    const format = dataFormat(invocation);
    if (format !== undefined) await printData(context.out, format, attempts);
    else if (attempts.length === 0) await context.err.line("No attempts yet.");
    else await context.out.write(formatAttempts(attempts, invocation.text("output") === "wide", context.out.style));
    return 0;
  },
};
