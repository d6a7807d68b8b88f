/** What people order, at awkward moments: twice, just before a crash, after a rollback, against each other. */
import { afterEach, describe, expect, it } from "vitest";
import { TrueupError } from "../../src/model/errors.ts";
import type { AppReconciler } from "../../src/reconcile/app-reconciler.ts";
import { waitingFor } from "../incidents/support.ts";
import { configMap, deployment, image, NO_ABORT, until, untilStatus, World } from "./world.ts";

let world: World;

afterEach(() => world.close());

const BY = "ann@desk";

function failNewPods(): void {
  world.kubelet.onAssign = ({ pod }) =>
    world.kubelet.reportPod(pod.metadata.name, waitingFor("CreateContainerConfigError", "no such configuration"));
}

async function failed(): Promise<AppReconciler> {
  world = await World.create({ "web.json": deployment("web"), ...image("v1"), ...image("v2") });
  const reconciler = await world.settledReconciler();
  failNewPods();
  await world.push(reconciler, { "web.json": deployment("web", "v2") }, "bad");
  expect(await world.outcomes()).toEqual(["first #1: deployed", "bad #1: failed"]);
  return reconciler;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    return error instanceof TrueupError ? error.code : String(error);
  }
}

function fourMaps(count: 4 | 0 = 4): Record<string, string | null> {
  return Object.fromEntries([1, 2, 3, 4].map((n) => [`c${n}.json`, count === 4 ? configMap(`c${n}`) : null]));
}

/** An attempt whose four deletions are held. */
async function held(): Promise<AppReconciler> {
  world = await World.create({ "keep.json": configMap("keep"), ...(fourMaps() as Record<string, string>) });
  const reconciler = await world.settledReconciler();
  expect(await world.push(reconciler, fourMaps(0), "prune")).toMatchObject({ phase: "Held" });
  return reconciler;
}

describe("a retry", () => {
  it("ordered twice is one attempt more", async () => {
    const reconciler = await failed();
    await Promise.all([reconciler.retry({ by: BY }), reconciler.retry({ by: BY })]);
    await reconciler.settled();
    expect(await world.outcomes()).toEqual(["first #1: deployed", "bad #1: failed", "bad #2: failed"]);
  });

  it("ordered just before the daemon is killed is carried out by the next one", async () => {
    const reconciler = await failed();
    await reconciler.retry({ by: BY });
    await reconciler.close();
    world.kubelet.onAssign = ({ pod }) => world.getReady(pod.metadata.name);
    for (const { pod } of world.kubelet.assignments.values()) world.getReady(pod.metadata.name);
    await world.settledReconciler();
    const [, , third] = await world.outcomes();
    expect(third).toMatch(/^bad #2: (?:deployed|no-op)$/);
  });

  it("of a commit that has left the head meanwhile opens nothing", async () => {
    const reconciler = await failed();
    world.commit({ "web.json": deployment("web") }, "fixed");
    await reconciler.retry({ by: BY });
    reconciler.refChanged();
    await reconciler.settled();
    expect(await world.outcomes()).toEqual(["first #1: deployed", "bad #1: failed", "fixed #1: deployed"]);
  });
});

describe("held deletions", () => {
  it("of a commit that was rolled back are approved once", async () => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1"), ...image("v2") });
    const reconciler = await world.settledReconciler({ onFailure: "rollback" });
    failNewPods();
    await world.push(reconciler, { "web.json": deployment("web", "v2"), ...fourMaps() }, "bad");
    const { phase, held: waiting, planDigest } = reconciler.status();
    expect([phase, waiting.length]).toEqual(["RolledBack", 4]);
    await reconciler.approve({ digest: planDigest ?? "", by: BY }, NO_ABORT);
    await until(async () => (await world.data("c1")) === undefined && (await world.data("c4")) === undefined);
    await untilStatus(reconciler, ({ held: left }) => left.length === 0);
    expect(await world.outcomes()).toEqual(["first #1: deployed", "bad #1: rolled back"]);
  });

  it("that were approved and then discarded stay: the last word counts", async () => {
    const reconciler = await held();
    await reconciler.approve({ digest: reconciler.status().planDigest ?? "", by: BY }, NO_ABORT);
    await reconciler.discard({ by: BY });
    await reconciler.settled();
    expect(await world.outcomes()).toEqual(["first #1: deployed", "prune #1: discarded"]);
    expect(world.backend.writes.filter((call) => call.startsWith("delete"))).toEqual([]);
  });

  it("that were discarded cannot be approved any more", async () => {
    const reconciler = await held();
    const digest = reconciler.status().planDigest ?? "";
    await reconciler.discard({ by: BY });
    await reconciler.settled();
    expect(await codeOf(reconciler.approve({ digest, by: BY }, NO_ABORT))).toBe("conflict");
    expect((await world.objects("ConfigMap")).length).toBe(5);
  });

  it("of one attempt are not discarded in the name of the next", async () => {
    const reconciler = await held();
    world.backend.failure = (call) => (call === "list" ? new TrueupError("unavailable", "Cannot list.") : undefined);
    const next = world.commit({ ...fourMaps(), "note.json": configMap("note") }, "back");
    reconciler.refChanged();
    await untilStatus(reconciler, ({ head, phase }) => head?.commit === next && phase === "Unreadable");
    expect(await codeOf(reconciler.discard({ by: BY }))).toBe("conflict");
    world.backend.failure = () => undefined;
    await reconciler.settled();
    expect(await world.outcomes()).toEqual(["first #1: deployed", "prune #1: superseded", "back #1: deployed"]);
  });
});

describe("a fault that lasts", () => {
  it("is written down once, however often it is tried again", async () => {
    world = await World.create({ "c.json": configMap("c") });
    const reconciler = await world.settledReconciler();
    let tries = 0;
    world.backend.failure = (call) =>
      call === "apply" && ++tries < 20
        ? new TrueupError("unavailable", "Cannot apply as the disk is full.")
        : undefined;
    await world.push(reconciler, { "c.json": configMap("c", { a: "2" }) }, "two");
    const { events, ending } = await world.newest();
    expect(ending?.outcome).toBe("deployed");
    expect(tries).toBe(20);
    expect(events.map(({ type }) => type)).toEqual(["planned", "retry", "applied"]);
  });
});
