/** `trueup status`: what the daemon does, app by app. */
import type { Command } from "../command.ts";
import { dataFormat, OUTPUT_OPTION, printData } from "../options.ts";
import { formatStatus } from "../print/status.ts";

export const command: Command = {
  options: [{ flags: "-w, --watch", summary: "go on and print each change" }, OUTPUT_OPTION],
  examples: [
    { line: "trueup status", does: "commit, phase, health, and why it waits" },
    { line: "trueup status -o json", does: "the same for a script" },
  ],
  async run(context, invocation) {
    const client = await context.connect();
    const format = dataFormat(invocation);
    const print = async (status: Awaited<ReturnType<typeof client.status>>): Promise<void> => {
      if (format !== undefined) await printData(context.out, format, status);
      else await context.out.write(formatStatus(status, context.clock.now(), context.out.style));
    };
    if (!invocation.flag("watch")) {
      await print(await client.status(context.signal));
      return 0;
    }
    let printed = false;
    for await (const status of client.watchStatus(context.signal)) {
      if (printed && format === undefined) await context.out.line();
      await print(status);
      printed = true;
    }
    await context.err.line("The daemon has ended.");
    return 0;
  },
};
