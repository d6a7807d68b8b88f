/** Promise 7 on the tutorial: the daemon is killed in mid-rollout; the next one adopts the pods and finishes. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Pod } from "../../src/model/workload.ts";
import { endHome, synced } from "../support/daemon.ts";
import { Load } from "../support/load.ts";
import { Child, type Home, isAlive, MAIN, makeHome, ROOT, run, trueup } from "../support/processes.ts";

const DEPLOYMENT = "deployment/hello-deployment";

let home: Home;
let repository: string;
const children: Child[] = [];

beforeEach(async () => {
  home = makeHome();
  repository = join(home.dir, "hello");
  cpSync(join(ROOT, "sample-repo"), repository, { recursive: true });
  for (const args of [
    ["init", "-q", "-b", "main"],
    ["config", "user.name", "Ada"],
    ["config", "user.email", "ada@example.com"],
    ["add", "-A"],
    ["commit", "-q", "-m", "Version 1"],
  ]) {
    expect((await run(["git", ...args], { cwd: repository, env: home.env })).code).toBe(0);
  }
});
afterEach(() => endHome(home, children.splice(0)));

function startRun(): Child {
  const child = new Child([process.execPath, MAIN, "run"], { cwd: repository, env: home.env });
  children.push(child);
  return child;
}

async function ok(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await trueup(args, home, repository);
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

/** Process id by pod uid, of the pods that are not being ended. */
async function pods(): Promise<Map<string, number>> {
  const { items } = JSON.parse(await ok(["get", "pods", "-o", "json"])) as { items: Pod[] };
  const live = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return new Map(
    live.map(({ metadata, status }) => {
      const id = status?.containerStatuses?.[0]?.containerID ?? "";
      return [metadata.uid ?? "", Number(id.replace("process://", ""))];
    }),
  );
}

it("finishes a rollout that a killed daemon had begun: no failed request, the same processes", async () => {
  const first = startRun();
  await first.waitFor(/runs: what is in git is what runs/);
  const wide = await ok(["get", "svc", "hello-deployment-svc", "-o", "wide"]);
  const url = /http:\/\/\S+/.exec(wide)?.[0] ?? "";
  const load = new Load(url);

  const mark = first.output.length;
  await ok(["set", "image", DEPLOYMENT, "hello-deployment=hello-server:v2"]);
  await first.waitFor(/Scaled down replica set \S+ from 3 to 2/, mark);
  const before = await pods();
  first.kill("SIGKILL");
  await first.exited;
  for (const pid of before.values()) expect(isAlive(pid)).toBe(true);

  const second = startRun();
  await second.waitFor(/runs: what is in git is what runs/);
  const status = await ok(["rollout", "status", DEPLOYMENT]);
  expect(status).toContain("successfully rolled out");
  const after = await pods();
  const { failures, bodies } = await load.stop();

  expect(failures).toEqual([]);
  expect(bodies.get("Hello World! I'm Server version 2")).toBeGreaterThan(0);
  expect(after.size).toBe(3);
  const adopted = [...after].filter(([uid]) => before.has(uid));
  expect(adopted.length).toBeGreaterThanOrEqual(1);
  for (const [uid, pid] of adopted) expect(pid).toBe(before.get(uid));
  await synced(home);
  const rows = JSON.parse(await ok(["log", "-o", "json"])) as { ending?: { outcome: string } }[];
  expect(rows.map((row) => row.ending?.outcome)).toEqual(["deployed", "deployed"]);
});
