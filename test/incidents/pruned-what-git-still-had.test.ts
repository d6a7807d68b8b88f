/**
 * Elsewhere: objects were pruned that git still had, as they had moved to another application, or theirs was renamed; or an
 * approval given for one set of deletions was used for another. Here: what moves is handed over in place, what is held is
 * approved by the digest of the very plan, and an object that two apps want is an error in both.
 */
import { afterEach, describe, expect, it } from "vitest";
import type { Fleet } from "../../src/daemon/fleet.ts";
import { configMap, deployment, image, NO_ABORT, World } from "../reconcile/world.ts";
import { phases, push, startFleet } from "./support.ts";

let world: World;
const fleets: Fleet[] = [];

async function start(): Promise<Fleet> {
  const fleet = await startFleet(world);
  fleets.push(fleet);
  return fleet;
}

afterEach(async () => {
  for (const fleet of fleets.splice(0)) await fleet.close();
  await world.close();
});

const APPS = "apps:\n- {name: one, path: a}\n- {name: two, path: b}\n";
const FILES = {
  "a/web.json": deployment("web"),
  "a/c.json": configMap("ca"),
  "b/c.json": configMap("cb"),
  "trueup.yaml": APPS,
  ...image("v1"),
};

async function owners(): Promise<Record<string, string | null>> {
  const { items } = await world.backend.inner.list({}, NO_ABORT);
  const declared = items.filter(({ object }) => object.kind === "ConfigMap" || object.kind === "Deployment");
  return Object.fromEntries(declared.map(({ object, owner }) => [object.metadata.name, owner]));
}

async function pods(): Promise<string[]> {
  return (await world.objects("Pod")).map(({ metadata }) => metadata.uid ?? "").sort();
}

const deletions = (): string[] => world.backend.calls.filter((call) => call.startsWith("delete "));

describe("an object that moves between apps", () => {
  it("is handed over: the same object, its pods untouched, nothing deleted and nothing held", async () => {
    world = await World.create(FILES);
    const fleet = await start();
    const uid = (await world.object("Deployment", "web"))?.metadata.uid;
    const before = await pods();
    await push(world, fleet, { "a/web.json": null, "b/web.json": deployment("web") }, "move");
    expect(phases(fleet)).toEqual({ one: "Synced", two: "Synced" });
    expect(await owners()).toEqual({ web: "two", ca: "one", cb: "two" });
    expect((await world.object("Deployment", "web"))?.metadata.uid).toBe(uid);
    expect(await pods()).toEqual(before);
    expect(deletions()).toEqual([]);
    expect(fleet.statuses().flatMap(({ held }) => held)).toEqual([]);
  });

  it("is what the new app declares; what only the former one had declared goes", async () => {
    world = await World.create({ ...FILES, "a/c.json": configMap("ca", { kept: "1", dropped: "1" }) });
    const fleet = await start();
    await push(world, fleet, { "a/c.json": null, "b/ca.json": configMap("ca", { kept: "1", added: "1" }) }, "move");
    expect(await world.data("ca")).toEqual({ kept: "1", added: "1" });
    expect(await owners()).toMatchObject({ ca: "two" });
  });

  it("is in the plan of a commit that is not applied yet, as what it is", async () => {
    world = await World.create(FILES);
    const fleet = await start();
    world.commit({ "a/c.json": null, "b/ca.json": configMap("ca") }, "move");
    const { head } = fleet.statuses()[0] ?? {};
    const plans = await Promise.all(["one", "two"].map((app) => fleet.plan(app, "main", NO_ABORT)));
    expect(head).toBeDefined();
    const changes = plans.map((plan) => (plan.kind === "planned" ? plan.plan.changes : null));
    expect(changes[0]).toEqual([]);
    expect(changes[1]).toMatchObject([{ action: "update", id: { name: "ca" }, from: "one" }]);
  });

  it("waits while a manifest of the app that had it cannot be read: that app may still declare it", async () => {
    world = await World.create(FILES);
    const fleet = await start();
    const torn = { "a/c.json": null, "a/torn.yaml": "kind: [", "b/ca.json": configMap("ca") };
    await push(world, fleet, torn, "move, torn");
    expect(phases(fleet)).toEqual({
      one: expect.stringMatching(/^Rejected a\/torn\.yaml/),
      two: expect.stringMatching(/^Rejected b\/ca\.json:1:1: .*app one applied it/),
    });
    expect(await owners()).toMatchObject({ ca: "one" });
    await push(world, fleet, { "a/torn.yaml": null }, "mended");
    expect(phases(fleet)).toEqual({ one: "Synced", two: "Synced" });
    expect(await owners()).toMatchObject({ ca: "two" });
  });

  it("is not deleted while a manifest of another app cannot be read: it may have moved there", async () => {
    world = await World.create(FILES);
    const fleet = await start();
    await push(world, fleet, { "a/c.json": null, "b/ca.yaml": "kind: [" }, "move, torn");
    expect(fleet.statuses()[0]).toMatchObject({
      app: "one",
      phase: "Held",
      held: [
        {
          id: { name: "ca" },
          reason: "app two may declare it: a manifest of that app cannot be read at this commit",
        },
      ],
    });
    expect(deletions()).toEqual([]);
  });

  it("stays with its new app when the former one is rejected, and keeps true to an older commit", async () => {
    world = await World.create(FILES);
    const fleet = await start();
    const invalid = deployment("web", "v1", { replicas: "many" });
    await push(
      world,
      fleet,
      { "a/c.json": null, "a/web.json": invalid, "b/ca.json": configMap("ca") },
      "move, invalid",
    );
    expect(phases(fleet)).toEqual({ one: expect.stringMatching(/^Rejected a\/web\.json/), two: "Synced" });
    expect(await owners()).toEqual({ web: "one", ca: "two", cb: "two" });
    // Drift of the rejected app is still mended, without a fight over what is no more its own.
    const writes = world.backend.writes.length;
    await fleet.settled();
    expect(world.backend.writes).toHaveLength(writes);
  });
});

describe("an app that is renamed", () => {
  it("hands everything over to its new name; what the new one does not declare is held", async () => {
    world = await World.create(FILES);
    const fleet = await start();
    const before = await pods();
    await push(world, fleet, { "trueup.yaml": APPS.replace("name: one", "name: shop"), "a/c.json": null }, "rename");
    await fleet.settled();
    expect(await owners()).toEqual({ web: "shop", ca: "one", cb: "two" });
    expect(phases(fleet)).toMatchObject({ shop: "Synced", two: "Synced", one: expect.stringMatching(/^Held /) });
    expect(await pods()).toEqual(before);
    expect(deletions()).toEqual([]);
  });

  it("does so also when no daemon ran at the time", async () => {
    world = await World.create(FILES);
    await (await start()).close();
    world.commit({ "trueup.yaml": APPS.replace("name: one", "name: shop") }, "rename");
    const fleet = await start();
    expect(await owners()).toEqual({ web: "shop", ca: "shop", cb: "two" });
    expect(deletions()).toEqual([]);
    expect(phases(fleet)).toMatchObject({ shop: "Synced", two: "Synced" });
  });
});

describe("an approval", () => {
  const MANY = Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`c-${n}.json`, configMap(`c-${n}`)]));
  const NONE = Object.fromEntries(Object.keys(MANY).map((file) => [file, null]));

  it("by the digest of the plan lets exactly its deletions go ahead, and is written down with who gave it", async () => {
    world = await World.create({ ...MANY, "kept.json": configMap("kept") });
    const reconciler = await world.settledReconciler();
    const { planDigest } = await world.push(reconciler, NONE, "too much");
    await reconciler.approve({ digest: planDigest ?? "", by: "ann@laptop" }, NO_ABORT);
    const status = await reconciler.settled();
    expect(status).toMatchObject({ phase: "Synced", held: [] });
    expect(deletions()).toHaveLength(5);
    const attempt = await world.newest();
    expect(attempt.events.map(({ type }) => type)).toEqual(["planned", "held", "approved", "deleting"]);
    expect(attempt.events[2]).toMatchObject({
      message: "ann@laptop approved 5 deletions",
      detail: { digest: planDigest, by: "ann@laptop" },
    });
    expect(attempt.ending).toMatchObject({ outcome: "deployed", planDigest });
  });

  it("of a plan that is another by now is refused, and nothing is deleted", async () => {
    world = await World.create({ ...MANY, "kept.json": configMap("kept") });
    const reconciler = await world.settledReconciler();
    const { planDigest } = await world.push(reconciler, NONE, "too much");
    await world.push(reconciler, { "kept.json": configMap("kept", { a: "2" }) }, "meanwhile");
    await expect(reconciler.approve({ digest: planDigest ?? "", by: "ann" }, NO_ABORT)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("as planning again must give the same: it gives sha256:"),
    });
    await reconciler.settled();
    expect(deletions()).toEqual([]);
  });

  it("holds for the rest of its deletions when the daemon dies amid them", async () => {
    world = await World.create({ ...MANY, "kept.json": configMap("kept") });
    const first = await world.settledReconciler();
    const { planDigest } = await world.push(first, NONE, "too much");
    await first.approve({ digest: planDigest ?? "", by: "ann" }, NO_ABORT);
    await first.close();
    const died = Promise.withResolvers<void>();
    let isDead = false;
    const doomed = world.reconciler({
      fault: (step) => {
        if (!isDead && step !== "apply configmap/c-2") return;
        isDead = true;
        died.resolve();
        throw new Error("killed");
      },
    });
    await doomed.start();
    await died.promise;
    await doomed.close();
    expect(deletions().length).toBeLessThan(5);
    const next = await world.settledReconciler();
    expect(next.status()).toMatchObject({ phase: "Synced", held: [] });
    expect(new Set(deletions()).size).toBe(5);
    expect(await world.objects("ConfigMap")).toHaveLength(1);
  });

  it("never deletes what asks to be kept", async () => {
    const kept = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: precious\n  annotations: {trueup/prune: disabled}\n`;
    world = await World.create({ ...MANY, "precious.yaml": kept, "other.json": configMap("other") });
    const reconciler = await world.settledReconciler();
    const { planDigest } = await world.push(reconciler, { ...NONE, "precious.yaml": null }, "too much");
    await reconciler.approve({ digest: planDigest ?? "", by: "ann" }, NO_ABORT);
    await reconciler.settled();
    expect((await world.objects("ConfigMap")).map(({ metadata }) => metadata.name).sort()).toEqual([
      "other",
      "precious",
    ]);
  });
});

describe("discard", () => {
  it("ends the attempt without its deletions; the next commit holds them again", async () => {
    const many = Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`c-${n}.json`, configMap(`c-${n}`)]));
    world = await World.create({ ...many, "kept.json": configMap("kept") });
    const reconciler = await world.settledReconciler();
    await world.push(reconciler, Object.fromEntries(Object.keys(many).map((file) => [file, null])), "too much");
    await reconciler.discard({ by: "ann@laptop" });
    const status = await reconciler.settled();
    expect(status.phase).toBe("Synced");
    expect((await world.newest()).ending).toMatchObject({
      outcome: "discarded",
      reason: expect.stringMatching(
        /^ann@laptop discarded the deletions: configmap\/c-4, .* and 2 more: 5 deletions are/,
      ),
    });
    expect(await world.objects("ConfigMap")).toHaveLength(6);
    await expect(reconciler.discard({ by: "ann" })).rejects.toMatchObject({ code: "conflict" });
    expect((await world.push(reconciler, { "README.md": "words" }, "next")).phase).toBe("Held");
  });
});
