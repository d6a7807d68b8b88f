/** `trueup restore`: a state directory made of a backup. */
import { existsSync } from "node:fs";
import { readdir, realpath, rename } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readBackup, restore } from "../../daemon/backup.ts";
import { removeTree } from "../../image/materialise.ts";
import { TrueupError } from "../../model/errors.ts";
import { takeLock } from "../../util/state-lock.ts";
import type { Command, CommandContext } from "../command.ts";
import { hasLeftovers } from "../leftovers.ts";
import { dataFormat, OUTPUT_OPTION, printData } from "../options.ts";

export const command: Command = {
  options: [{ flags: "--force", summary: "move a state directory that is not empty aside" }, OUTPUT_OPTION],
  examples: [
    {
      line: "trueup restore /srv/backup/monday",
      does: "put it back where it was made; trueup run then goes on with it",
    },
    { line: "trueup restore --state DIR /srv/backup/monday", does: "make another state directory of it" },
  ],
  details:
    "Every file is checked against the backup's manifest first. The restored state has no pods: the next trueup run starts " +
    "what it declares. A state directory in use is never replaced: trueup down ends its daemon and its pods.",
  async run(context, invocation) {
    const directory = resolve(context.cwd, invocation.args[0] ?? "");
    const manifest = await readBackup(directory);
    const stateDir = await resolved(context.stateDir ?? manifest.stateDir);
    const movedTo = await makeWay(stateDir, invocation.flag("force"), context);
    const proof = await restore({ directory, manifest, stateDir });
    if (manifest.stateDir !== stateDir && (await hasLeftovers(manifest.stateDir, context))) {
      await context.err.line(
        `trueup: pods of ${manifest.stateDir} still run; a daemon on the restored state would run them a second time.`,
      );
    }
    const format = dataFormat(invocation);
    if (format !== undefined) {
      const { madeAt } = manifest;
      await printData(context.out, format, { stateDir, madeAt, ...(movedTo !== null && { movedTo }), ledger: proof });
    } else {
      await context.out.line(`Restored ${stateDir} as it was at ${manifest.madeAt}.`);
      if (movedTo !== null) await context.out.line(`What was there is now in ${movedTo}.`);
    }
    if (proof?.intact === false) {
      await context.err.line("trueup: the ledger in the backup is not intact: see trueup log --verify.");
    }
    return 0;
  },
};

/**
 * Sees that nothing is at the state directory's path.
 *
 * @returns Where what was there is now, `null` when nothing was
 * @throws {TrueupError} `conflict` when it is in use, or not empty and may not be moved
 */
async function makeWay(stateDir: string, mayMove: boolean, context: CommandContext): Promise<string | null> {
  // By its path, not by what lies there: a kubelet outlives the directory that it was started on.
  if (await hasLeftovers(stateDir, context)) throw inUse(stateDir, "its pods run, or a kubelet does");
  if (!existsSync(stateDir)) return null;
  const attempt = takeLock(join(stateDir, "daemon.lock"), `pid ${process.pid}, trueup restore`);
  if (!attempt.held) throw inUse(stateDir, `${attempt.holder || "another process"} has it`);
  try {
    const isEmpty = (await readdir(stateDir)).every((name) => name.startsWith("daemon.lock"));
    if (!isEmpty && !mayMove) {
      throw new TrueupError("conflict", `Cannot restore to ${stateDir} as it must be empty: it is not.`, {
        hint: "--force moves what is there aside; --state names another directory.",
      });
    }
    const time = new Date(context.clock.now()).toISOString().replace(/[-:]|\.\d+/g, "");
    const aside = `${stateDir}.before-${time}`;
    await rename(stateDir, aside);
    if (!isEmpty) return aside;
    await removeTree(aside);
    return null;
  } finally {
    attempt.release();
  }
}

function inUse(stateDir: string, why: string): TrueupError {
  return new TrueupError("conflict", `Cannot restore to ${stateDir} as nobody must use it: ${why}.`, {
    hint: `trueup down --state ${stateDir} ends its daemon and its pods.`,
  });
}

/** A link to a state directory stays one: what it leads to is replaced. */
async function resolved(path: string): Promise<string> {
  return realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return path;
    throw error;
  });
}
