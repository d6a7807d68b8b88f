/** From a commit whose pods crash to the word that it failed, with its reason, and to the last good state again. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT as HOUSE } from "../scripts/bundle.ts";
import { trueup } from "../test/support/processes.ts";
import { machineLine, printTable } from "./support.ts";
import { bundledMain, git, inHome, pause, until } from "./trueup.ts";

interface Row {
  openedAt: string;
  subject: string;
  events: { at: string; type: string }[];
  ending?: { endedAt: string; outcome: string; reason: string };
}

const CASES = [
  { name: "a missing image", tag: "v9", entrypoint: null },
  { name: "a container that crashes", tag: "v3", entrypoint: ["node", "-e", "process.exit(41)"] },
] as const;

const main = await bundledMain();
const rows: string[][] = [];
for (const { name, tag, entrypoint } of CASES) {
  await inHome(async (home, start) => {
    const repository = join(home.dir, "hello");
    cpSync(join(HOUSE, "sample-repo"), repository, { recursive: true });
    writeFileSync(join(repository, "trueup.yaml"), "apps:\n- { name: hello, onFailure: rollback }\n");
    if (entrypoint !== null) {
      mkdirSync(join(repository, "images/hello-server", tag));
      const config = JSON.stringify({ config: { Entrypoint: entrypoint } });
      writeFileSync(join(repository, "images/hello-server", tag, "config.json"), config);
    }
    git(home.dir, "init", "-q", "-b", "main", repository);
    git(repository, "add", "-A");
    git(repository, "commit", "-q", "-m", "good");
    const daemon = start([main, "run", repository]);
    await daemon.waitFor(/runs: what is in git is what runs/);
    const file = join(repository, "hello-deployment.yaml");
    const { readFileSync } = await import("node:fs");
    writeFileSync(file, readFileSync(file, "utf8").replace("hello-server:v1", `hello-server:${tag}`));
    git(repository, "commit", "-q", "-a", "-m", "bad");
    const committed = Date.now();
    await until("the rollback", () => (/is rolled back/.test(daemon.output) ? true : undefined));
    await pause(50);
    const { stdout } = await trueup(["log", "-o", "json"], home, repository);
    const [bad] = JSON.parse(stdout) as Row[];
    const failed = bad?.events.find(({ type }) => type === "rollback")?.at ?? "";
    const at = (time: string): string => `${((Date.parse(time) - committed) / 1_000).toFixed(2)} s`;
    rows.push([name, at(failed), at(bad?.ending?.endedAt ?? ""), bad?.ending?.outcome ?? ""]);
  });
}
console.log(machineLine());
printTable(["a commit with", "failed, with its reason", "the last good state again", "outcome"], rows);
console.log("A container fails at its third exit; the kubelet waits 0 s and then 10 s before it starts one again.");
