/** Promise 2, measured on the tutorial: no request fails and no pod is missed while v1 becomes v2 and goes back. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { daemonRecords, endHome, startDemo } from "../support/daemon.ts";
import { Load } from "../support/load.ts";
import { type Child, type Home, makeHome, trueup } from "../support/processes.ts";
import { RolloutWitness } from "../support/rollout-witness.ts";

const REQUESTS = 20_000;
const DEPLOYMENT = "deployment/hello-deployment";

let home: Home;
const children: Child[] = [];

beforeEach(() => {
  home = makeHome();
});
afterEach(() => endHome(home, children.splice(0)));

async function ok(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await trueup(args, home);
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

it("answers every one of 20,000 requests during v1 → v2 → undo, with 3 pods available and at most 4 at a time", async () => {
  const { child, url } = await startDemo(home, ["--port", "18080"]);
  children.push(child);
  await ok(["rollout", "status", DEPLOYMENT]);
  const socket = daemonRecords(home)[0]?.socket ?? "";
  const witness = new RolloutWitness(socket, "hello-deployment");
  const load = new Load(url);

  expect(await ok(["set", "image", DEPLOYMENT, "hello-deployment=hello-server:v2"])).toContain("image updated");
  await ok(["rollout", "status", DEPLOYMENT]);
  expect(await ok(["rollout", "undo", DEPLOYMENT])).toContain("rolled back");
  await ok(["rollout", "status", DEPLOYMENT]);
  while (load.result.sent < REQUESTS) await ok(["get", "pods"]);
  const { sent, bodies, failures } = await load.stop();
  await witness.stop();

  expect(failures).toEqual([]);
  expect(sent).toBeGreaterThanOrEqual(REQUESTS);
  expect([...bodies.keys()].sort()).toEqual(["Hello World! I'm Server version 1", "Hello World! I'm Server version 2"]);
  expect([...bodies.values()].reduce((sum, count) => sum + count, 0)).toBe(sent);
  expect(witness.changes).toBeGreaterThan(12);
  expect(witness.lowestAvailable).toBe(3);
  expect(witness.lowestReady).toBeGreaterThanOrEqual(3);
  expect(witness.mostPods).toBe(4);

  const history = await ok(["rollout", "history", DEPLOYMENT]);
  expect(history).toMatch(/^2 {9}[0-9a-f]{7} .*v2/m);
  expect(history).toMatch(/^3 {9}[0-9a-f]{7} /m);
  expect(history).not.toMatch(/^1 {9}/m);
  const described = await ok(["describe", DEPLOYMENT]);
  for (const step of ["from 0 to 3", "from 0 to 1", "from 3 to 2", "from 1 to 0"]) expect(described).toContain(step);

  child.kill("SIGINT");
  expect(await child.exited).toEqual({ code: 0, signal: null });
});
