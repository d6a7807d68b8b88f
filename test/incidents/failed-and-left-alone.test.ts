/**
 * Elsewhere: a rollout failed, nobody rolled it back and nobody explained it; or rolling back was impossible, as automatic
 * sync applied the bad commit again. Here: an app may ask to go back by itself; the bad commit is left alone until the ref
 * moves, and people can try it again, or revert it.
 */
import { afterEach, describe, expect, it } from "vitest";
import type { Attempt } from "../../src/model/ledger.ts";
import type { CommitId } from "../../src/model/source.ts";
import type { Deployment } from "../../src/model/workload.ts";
import type { AppReconciler } from "../../src/reconcile/app-reconciler.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { configMap, deployment, image, World } from "../reconcile/world.ts";
import { crashLoop, hasEnded, passTime } from "./support.ts";

let world: World;
let clock: VirtualClock;
let reconciler: AppReconciler;

afterEach(() => world.close());

const FILES = {
  "web.json": deployment("web"),
  "c.json": configMap("c", { level: "info" }),
  ...image("v1"),
  ...image("v2"),
};
/** The bad commit changes all that a rollback of a Deployment alone would leave behind. */
const BAD = {
  "web.json": deployment("web", "v2", { replicas: 3 }),
  "c.json": configMap("c", { level: "debug" }),
  "d.json": configMap("d"),
};

/** Pods of v2 crash; those of v1 get ready. */
function crashOn(tag: string): void {
  world.kubelet.onAssign = ({ pod }) => {
    const isBad = pod.spec.containers[0]?.image === `hello-server:${tag}`;
    if (isBad) world.kubelet.reportPod(pod.metadata.name, crashLoop(7));
    else world.getReady(pod.metadata.name);
  };
}

async function start(
  onFailure: "keep" | "rollback",
  files: Record<string, string> = FILES,
  fault: (step: string) => void = () => {},
): Promise<CommitId> {
  clock = new VirtualClock();
  world = await World.create(files, { clock });
  crashOn("v2");
  reconciler = world.reconciler({ onFailure, fault });
  await reconciler.start();
  const { attempt } = await passTime(world, clock, hasEnded("first"));
  return attempt.commit;
}

async function push(files: Record<string, string | null>, subject: string): Promise<Attempt> {
  world.commit(files, subject);
  reconciler.refChanged();
  return (await passTime(world, clock, hasEnded(subject))).attempt;
}

async function runs(): Promise<{ image: unknown; replicas: unknown; level: unknown }> {
  const web = (await world.object("Deployment", "web")) as Deployment | undefined;
  const data = (await world.data("c")) as { level?: string } | undefined;
  return { image: web?.spec.template.spec.containers[0]?.image, replicas: web?.spec.replicas, level: data?.level };
}

const GOOD = { image: "hello-server:v1", replicas: 2, level: "info" };

describe("a commit that fails", () => {
  it("is kept by default: the old pods serve, and the status says why", async () => {
    await start("keep");
    const failed = await push(BAD, "bad");
    expect(failed.ending?.outcome).toBe("failed");
    expect(failed.ending?.reason).toContain("exit code 7");
    expect(reconciler.status()).toMatchObject({ phase: "Failed", reason: failed.ending?.reason });
    expect(await runs()).toEqual({ image: "hello-server:v2", replicas: 3, level: "debug" });
    expect((await world.object("Deployment", "web"))?.status).toMatchObject({ availableReplicas: 3 });
  });

  it("is rolled back as a unit where the app asks for it: template, replicas, configuration, and what it added", async () => {
    const first = await start("rollback");
    const bad = await push(BAD, "bad");
    expect(bad.ending?.outcome).toBe("rolled back");
    expect(bad.ending?.reason).toMatch(
      /^deployment\/web: pod \S+: container web: CrashLoopBackOff: exit code 7; .*from web\.json:1:\d+/,
    );
    expect(bad.ending?.reason).toMatch(new RegExp(`; commit ${first.slice(0, 7)} was applied again$`));
    expect(bad.events.map(({ type }) => type)).toEqual(["planned", "applied", "rollback", "held"]);
    expect(bad.events[2]?.detail).toMatchObject({ to: first });
    expect(await runs()).toEqual(GOOD);
    // What the bad commit added is one of four objects, more than the budget lets go: it waits, and harms nobody.
    expect(reconciler.status()).toMatchObject({ phase: "RolledBack", applied: first, held: [{ id: { name: "d" } }] });
    expect(reconciler.status().head?.commit).toBe(bad.commit);
  });

  it("stays quarantined: neither drift, nor a restart, nor time brings it back", async () => {
    const first = await start("rollback");
    await push(BAD, "bad");
    await reconciler.close();
    reconciler = world.reconciler({ onFailure: "rollback" });
    await reconciler.start();
    const live = await world.object("ConfigMap", "c");
    if (live === undefined) throw new Error("it is there");
    world.cluster.store.update({ ...live, data: { level: "by hand" } });
    await passTime(world, clock, ({ commit, events }) => commit !== first && events.length === 4);
    for (let turn = 0; turn < 200 && (await runs()).level !== "info"; turn++) {
      await world.repository.head();
      await clock.advance(1_000);
    }
    expect(await runs()).toEqual(GOOD);
    expect(await world.outcomes()).toEqual(["first #1: deployed", "bad #1: rolled back"]);
    const [, good] = await world.ledger.attempts({});
    // The repair belongs to the commit that is kept true.
    const repairs = good?.events.filter(({ type }) => type === "drift");
    expect(repairs).toMatchObject([{ detail: { changes: [{ object: "configmap/c", fields: ["data.level"] }] } }]);
    expect(reconciler.status()).toMatchObject({ phase: "RolledBack", applied: first });
  });

  it("is not tried in turns with the last good one when that fails, too", async () => {
    const first = await start("rollback");
    // Whatever starts from now on crashes, of both versions.
    world.kubelet.onAssign = ({ pod }) => world.kubelet.reportPod(pod.metadata.name, crashLoop(9));
    const pods = await world.objects("Pod");
    world.commit({ "web.json": deployment("web", "v2", { strategy: { type: "Recreate" } }) }, "bad");
    reconciler.refChanged();
    const { attempt } = await passTime(world, clock, hasEnded("bad"));
    expect(attempt.ending?.outcome).toBe("failed");
    expect(attempt.ending?.reason).toContain(
      `; going back to commit ${first.slice(0, 7)} failed, too: deployment/web: `,
    );
    expect(attempt.events.filter(({ type }) => type === "rollback")).toHaveLength(1);
    const writes = world.backend.writes.length;
    await clock.advance(3_600_000);
    expect(world.backend.writes).toHaveLength(writes);
    expect(await world.outcomes()).toEqual(["first #1: deployed", "bad #1: failed"]);
    expect(pods.length).toBeGreaterThan(0);
  });

  it("that is the first there ever was has nothing to go back to, and says so", async () => {
    clock = new VirtualClock();
    world = await World.create({ ...FILES, ...BAD }, { clock });
    crashOn("v2");
    reconciler = world.reconciler({ onFailure: "rollback" });
    await reconciler.start();
    const { attempt } = await passTime(world, clock, hasEnded("first"));
    expect(attempt.ending?.outcome).toBe("failed");
    expect(attempt.ending?.reason).toMatch(/; there is no commit to go back to: none was deployed before$/);
  });

  it("goes back past commits that failed themselves, to the last good one", async () => {
    const first = await start("rollback");
    await push(BAD, "bad");
    const worse = await push({ "web.json": deployment("web", "v2", { replicas: 5 }) }, "worse");
    expect(worse.ending?.reason).toMatch(new RegExp(`; commit ${first.slice(0, 7)} was applied again$`));
    expect(await runs()).toEqual(GOOD);
  });

  it("is overtaken amid its rollback by a newer commit", async () => {
    await start("rollback");
    world.commit(BAD, "bad");
    reconciler.refChanged();
    await passTime(world, clock, ({ events }) => events.some(({ type }) => type === "rollback"));
    const mended = await push({ "web.json": deployment("web", "v1", { replicas: 4 }) }, "mended");
    expect(mended.ending?.outcome).toBe("deployed");
    expect((await runs()).replicas).toBe(4);
    const [, bad] = await world.ledger.attempts({});
    expect(["superseded", "rolled back"]).toContain(bad?.ending?.outcome);
  });

  it("is gone back from, though an invalid commit comes before anything of that is done", async () => {
    let left = 2;
    await start("rollback", FILES, (step) => {
      // The first was deployed; of the bad one it has just been written down that it is gone back from.
      if (step === "ended" && --left === 0) world.commit({ "web.json": "kind: Deployment" }, "invalid");
    });
    world.commit(BAD, "bad");
    reconciler.refChanged();
    const { attempt } = await passTime(world, clock, hasEnded("invalid"));
    expect(attempt.ending?.outcome).toBe("rejected");
    for (let turn = 0; turn < 200 && (await runs()).level !== "info"; turn++) {
      await world.repository.head();
      await clock.advance(1_000);
    }
    expect(await runs()).toEqual(GOOD);
    expect(await world.outcomes()).toEqual(["first #1: deployed", "bad #1: superseded", "invalid #1: rejected"]);
  });
});

describe("retry", () => {
  it("tries the quarantined commit again, as an attempt of its own, and says who asked", async () => {
    await start("rollback");
    await push(BAD, "bad");
    crashOn("nothing");
    await reconciler.retry({ by: "ann@laptop" });
    const { attempt } = await passTime(world, clock, ({ ordinal, ending }) => ordinal === 2 && ending !== undefined);
    expect(attempt).toMatchObject({ subject: "bad", ending: { outcome: "deployed" } });
    expect(await world.outcomes()).toEqual(["first #1: deployed", "bad #1: rolled back", "bad #2: deployed"]);
    const [, before] = await world.ledger.attempts({});
    expect(before?.events.at(-1)).toMatchObject({ type: "retry", detail: { by: "ann@laptop" } });
    expect(await runs()).toEqual({ image: "hello-server:v2", replicas: 3, level: "debug" });
  });

  it("of what was deployed is refused, with what to do instead", async () => {
    await start("keep");
    await expect(reconciler.retry({ by: "ann" })).rejects.toMatchObject({
      code: "conflict",
      message: "Cannot retry the head of shop as it must have failed: it ended as deployed.",
    });
  });
});
