/** A backup of a daemon that works, and a daemon on what was restored: the same history, each pod once. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Pod } from "../../src/model/workload.ts";
import { endHome, startDemo, synced } from "../support/daemon.ts";
import { type Child, type Home, makeHome, trueup } from "../support/processes.ts";

const DEPLOYMENT = "deployment/hello-deployment";

let home: Home;
const children: Child[] = [];

beforeEach(() => {
  home = makeHome();
});
afterEach(() => endHome(home, children.splice(0)));

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await trueup(args, home);
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

async function demo(): Promise<Child> {
  const { child } = await startDemo(home, ["--port", "18380"]);
  children.push(child);
  return child;
}

async function uids(): Promise<string[]> {
  const { items } = JSON.parse(await ok("get", "pods", "-o", "json")) as { items: Pod[] };
  return items.map(({ metadata }) => metadata.uid ?? "").sort();
}

it("goes on with a restored state as if nothing had been, and starts no pod twice", async () => {
  const first = await demo();
  await ok("set", "image", DEPLOYMENT, "hello-deployment=hello-server:v2", "--wait");
  const { stateDir } = await synced(home);
  const before = await uids();
  const saved = await ok("backup", "saved");
  const [, hash = ""] = /hash ([0-9a-f]{64})/.exec(saved) ?? [];
  const log = JSON.parse(await ok("log", "-o", "json")) as { revisions: unknown[]; ending?: object }[];
  expect(log.map(({ revisions, ending }) => ({ revisions: revisions.length, ending }))).toEqual([
    { revisions: 1, ending: expect.objectContaining({ outcome: "deployed" }) },
    { revisions: 1, ending: expect.objectContaining({ outcome: "deployed" }) },
  ]);
  // What comes after the backup is lost with the state.
  await ok("scale", DEPLOYMENT, "--replicas", "2", "--wait");
  const inUse = await trueup(["restore", "saved", "--force"], home);
  expect(inUse).toMatchObject({ code: 1, stderr: expect.stringContaining("as nobody must use it") });
  first.kill("SIGINT");
  expect(await first.exited).toEqual({ code: 0, signal: null });

  await ok("restore", "saved", "--force");
  const again = await demo();
  await ok("rollout", "status", DEPLOYMENT);
  expect(again.output).toContain("answers: Hello World! I'm Server version 2.");
  expect(await ok("log", "--verify", "--expect", hash)).toMatch(/^Intact: /);
  const subjects = (JSON.parse(await ok("log", "-o", "json")) as { subject: string }[]).map(({ subject }) => subject);
  expect(subjects).toEqual([
    expect.stringMatching(/^Scale /),
    expect.stringMatching(/^Set image /),
    expect.stringMatching(/^Run version 1 /),
  ]);
  expect(await ok("rollout", "history", DEPLOYMENT)).toMatch(/\n1 +.*Run version 1.*\n2 +.*Set image of /);
  const after = await uids();
  expect(after).toHaveLength(2);
  expect(after.filter((uid) => before.includes(uid))).toEqual([]);
  expect(readdirSync(join(stateDir, "kubelet", "pods")).sort()).toEqual(after);
});
