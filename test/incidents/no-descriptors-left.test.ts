/** Elsewhere a controller that runs out of file descriptors dies or stays broken; here a read fails, says why, and the next one works. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeHome, ROOT, run } from "../support/processes.ts";

const SCRIPT = `
import { openSync, closeSync } from "node:fs";
import { runGit } from ${JSON.stringify(join(ROOT, "src/git/command.ts"))};
import { runCommand } from ${JSON.stringify(join(ROOT, "src/kubelet/command.ts"))};
import { SystemClock } from ${JSON.stringify(join(ROOT, "src/util/clock.ts"))};
const opened = [];
const fill = () => { try { for (;;) opened.push(openSync("/dev/null", "r")); } catch (error) { opened.splice(-4).forEach(closeSync); } };
const git = () => runGit({ cwd: process.cwd(), args: ["--version"] }).then(({ code }) => code, ({ code, message }) => code + ": " + message.replace(/ in .*?:/, ":"));
const probe = async () => (await runCommand({ clock: new SystemClock(), file: process.execPath, argv: ["node", "-e", ""], cwd: "/", env: {}, timeoutMs: 20000 })).ok;
await git();
fill();
const without = [await git(), await probe()];
opened.splice(0).forEach(closeSync);
console.log(JSON.stringify({ without, after: [await git(), await probe()] }));
`;

it("git and exec probes fail with the reason while none is left, and work again when there are some", async () => {
  const home = makeHome();
  try {
    const argv = [
      "/bin/sh",
      "-c",
      'ulimit -n 100; exec "$0" --input-type=module-typescript -e "$1"',
      process.execPath,
      SCRIPT,
    ];
    const { code, stdout, stderr } = await run(argv, { cwd: home.dir, env: home.env });
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      without: ["unavailable: Cannot run git --version: EMFILE: too many open files, open '/dev/null'", false],
      after: [0, true],
    });
  } finally {
    home.remove();
  }
});
