/** Objects that move between apps, when one of the two fails or changes its mind. */
import { afterEach, describe, expect, it } from "vitest";
import type { Fleet } from "../../src/daemon/fleet.ts";
import { phases, push, startFleet, waitingFor } from "../incidents/support.ts";
import { configMap, deployment, image, World } from "./world.ts";

let world: World;
let fleet: Fleet;

afterEach(async () => {
  await fleet.close();
  await world.close();
});

const APPS = "apps:\n- {name: one, path: a}\n- {name: two, path: b, onFailure: rollback}\n";
const FILES = {
  "a/web.json": deployment("web"),
  "a/c.json": configMap("ca"),
  "b/c.json": configMap("cb"),
  // So many that one deletion would go without approval.
  ...Object.fromEntries(["b1", "b2", "b3", "b4"].map((name) => [`b/${name}.json`, configMap(name)])),
  "trueup.yaml": APPS,
  ...image("v1"),
  ...image("v2"),
};

describe("an object that was to move", () => {
  it("and that its new app drops before it ever had it, is the former app's to delete", async () => {
    world = await World.create(FILES);
    fleet = await startFleet(world);
    const invalid = deployment("other", "v1", { replicas: "many" });
    await push(world, fleet, { "a/c.json": null, "b/ca.json": configMap("ca"), "b/other.json": invalid }, "move");
    expect(phases(fleet)).toMatchObject({ one: "Synced", two: expect.stringMatching(/^Rejected/) });
    await push(world, fleet, { "b/ca.json": null, "b/other.json": null }, "drop");
    // One of its two objects is more than goes without approval.
    expect(fleet.statuses().map(({ app, phase, held }) => [app, phase, held.map(({ id }) => id.name)])).toEqual([
      ["one", "Held", ["ca"]],
      ["two", "Synced", []],
    ]);
  });

  it("and fails in its new app, which goes back, is nobody's leftover: it stays", async () => {
    world = await World.create(FILES);
    fleet = await startFleet(world);
    const uid = (await world.object("Deployment", "web"))?.metadata.uid;
    world.kubelet.onAssign = ({ pod }) =>
      world.kubelet.reportPod(pod.metadata.name, waitingFor("CreateContainerConfigError", "no such configuration"));
    await push(world, fleet, { "a/web.json": null, "b/web.json": deployment("web", "v2") }, "move");
    expect(phases(fleet)).toMatchObject({ one: "Synced", two: expect.stringMatching(/^RolledBack/) });
    expect((await world.object("Deployment", "web"))?.metadata.uid).toBe(uid);
    expect(world.backend.writes.filter((call) => call.startsWith("delete"))).toEqual([]);
  });
});
