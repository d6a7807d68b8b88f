/** A commit that crashes, on real processes: served through, explained, rolled back, tried again, reverted; then a held deletion. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Attempt } from "../../src/model/ledger.ts";
import type { DaemonStatus } from "../../src/model/status.ts";
import { endHome } from "../support/daemon.ts";
import { Load } from "../support/load.ts";
import { Child, type Home, MAIN, makeHome, ROOT, run, trueup } from "../support/processes.ts";

const DEPLOYMENT = "deployment/hello-deployment";

let home: Home;
let repository: string;
const children: Child[] = [];

async function git(...args: string[]): Promise<void> {
  expect((await run(["git", ...args], { cwd: repository, env: home.env })).code).toBe(0);
}

beforeEach(async () => {
  home = makeHome();
  repository = join(home.dir, "hello");
  cpSync(join(ROOT, "sample-repo"), repository, { recursive: true });
  writeFileSync(join(repository, "trueup.yaml"), "apps:\n- { name: hello, onFailure: rollback }\n");
  const image = join(repository, "images/hello-server/v3");
  mkdirSync(image);
  const config = {
    config: { Entrypoint: ["node", "-e", "console.error('cannot reach the database'); process.exit(41)"] },
  };
  writeFileSync(join(image, "config.json"), JSON.stringify(config));
  for (const index of [1, 2, 3, 4]) {
    const text = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c-${index}\ndata: {a: "1"}\n`;
    writeFileSync(join(repository, `c-${index}.yaml`), text);
  }
  await git("init", "-q", "-b", "main");
  await git("config", "user.name", "Ada");
  await git("config", "user.email", "ada@example.com");
  await git("add", "-A");
  await git("commit", "-q", "-m", "Version 1");
});
afterEach(() => endHome(home, children.splice(0)));

async function ok(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await trueup(args, home, repository);
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

async function rows(): Promise<Attempt[]> {
  return JSON.parse(await ok(["log", "-o", "json"])) as Attempt[];
}

async function status(): Promise<DaemonStatus["apps"][number]> {
  const { apps } = JSON.parse(await ok(["status", "-o", "json"])) as DaemonStatus;
  const [app] = apps;
  if (app === undefined) throw new Error("the daemon has an app");
  return app;
}

it("is served through, explained, rolled back, and can be tried again and reverted", async () => {
  const daemon = new Child([process.execPath, MAIN, "run"], { cwd: repository, env: home.env });
  children.push(daemon);
  await daemon.waitFor(/runs: what is in git is what runs/);
  const url = /http:\/\/\S+/.exec(await ok(["get", "svc", "hello-deployment-svc", "-o", "wide"]))?.[0] ?? "";
  const load = new Load(url);

  await ok(["set", "image", DEPLOYMENT, "hello-deployment=hello-server:v3"]);
  await daemon.waitFor(/is rolled back: /);
  const { failures, bodies } = await load.stop();
  expect(failures).toEqual([]);
  expect([...bodies.keys()]).toEqual(["Hello World! I'm Server version 1"]);

  const [bad, good] = await rows();
  expect(bad?.ending?.outcome).toBe("rolled back");
  expect(bad?.ending?.reason).toMatch(
    /container hello-deployment: CrashLoopBackOff: exit code 41.*it ended 3 times and was never ready/,
  );
  expect(bad?.ending?.reason).toMatch(
    /from hello-deployment\.yaml:\d+:\d+ \(spec\.template\.spec\.containers\[name=hello-deployment\]\.image\)/,
  );
  // Its last words, once: what it ended with is what its log says.
  expect(bad?.ending?.reason.match(/cannot reach the database/g)).toHaveLength(1);
  expect(bad?.ending?.reason).toContain(`; commit ${good?.commit.slice(0, 7)} was applied again`);
  expect(await status()).toMatchObject({ phase: "RolledBack", applied: good?.commit });

  const mark = daemon.output.length;
  await ok(["retry"]);
  await daemon.waitFor(/is rolled back: /, mark);
  expect((await rows()).map(({ ordinal, ending }) => `${ordinal} ${ending?.outcome}`)).toEqual([
    "2 rolled back",
    "1 rolled back",
    "1 deployed",
  ]);

  await ok(["revert", "--wait"]);
  expect(await status()).toMatchObject({ phase: "Synced", head: { subject: expect.stringContaining("Revert") } });

  await git("rm", "-q", "c-1.yaml", "c-2.yaml", "c-3.yaml", "c-4.yaml");
  await git("commit", "-q", "-m", "Without configuration");
  await daemon.waitFor(/trueup approve [0-9a-f]{12}/);
  const held = await ok(["status"]);
  const digest = /trueup approve (?<digest>[0-9a-f]{12})/.exec(held)?.groups?.digest ?? "";
  const wrong = await trueup(["approve", "0123456789ab"], home, repository);
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain("Cannot approve 0123456789ab as one plan that waits must have this digest: none has.");
  await ok(["approve", digest]);
  await daemon.waitFor(/runs: what is in git is what runs/, daemon.output.lastIndexOf("trueup approve"));
  expect((await trueup(["get", "configmap", "c-1"], home, repository)).code).toBe(1);
  const [deleted] = await rows();
  expect(deleted?.ending?.outcome).toBe("deployed");
  expect(deleted?.events.find(({ type }) => type === "approved")?.detail).toMatchObject({
    by: expect.stringContaining("@"),
  });
});
