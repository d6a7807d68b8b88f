/** `trueup backup`: a copy of what a state directory must not lose. */
import { resolve } from "node:path";
import { backUp } from "../../daemon/backup.ts";
import type { Command } from "../command.ts";
import { dataFormat, OUTPUT_OPTION, printData } from "../options.ts";
import { stateDirMeant } from "../state-dirs.ts";
import { readVersion } from "../version.ts";

export const command: Command = {
  options: [OUTPUT_OPTION],
  examples: [
    { line: "trueup backup /srv/backup/monday", does: "back the daemon of this repository up while it runs" },
    {
      line: "trueup backup --state DIR /srv/backup/monday",
      does: "the same for a state directory, with a daemon or without",
    },
  ],
  details:
    "The directory holds the ledger, the objects (Secrets too, so it is private), the images, and a manifest with a digest " +
    "of each file. Pods, their logs and local ports belong to the machine and are not in it.",
  async run(context, invocation) {
    const directory = resolve(context.cwd, invocation.args[0] ?? "");
    const stateDir = await stateDirMeant(context);
    const manifest = await backUp({ stateDir, directory, version: readVersion(), nowMs: context.clock.now() });
    const format = dataFormat(invocation);
    if (format !== undefined) await printData(context.out, format, manifest);
    else {
      await context.out.line(`Backed up ${stateDir} to ${directory}: ${manifest.files.length} files.`);
      const { ledgerHead } = manifest;
      if (ledgerHead !== undefined) await context.out.line(`Ledger: entry ${ledgerHead.seq}, hash ${ledgerHead.hash}`);
    }
    return 0;
  },
};
