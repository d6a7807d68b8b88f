/**
 * Elsewhere: a sync was stuck for hours behind a pod that could never start, its retries pinned to the broken commit, and
 * nobody said why. Here: what cannot succeed fails at once, with its reason, and a newer commit goes ahead at any time.
 */
import { afterEach, describe, expect, it } from "vitest";
import type { PodStatus } from "../../src/model/workload.ts";
import type { AppReconciler } from "../../src/reconcile/app-reconciler.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { deployment, image, until, World } from "../reconcile/world.ts";
import { crashLoop, hasEnded, notReady, passTime, waitingFor } from "./support.ts";

let world: World;

afterEach(() => world.close());

const CASES: [what: string, tag: string, status: PodStatus, reason: RegExp][] = [
  [
    "a missing image",
    "v9",
    waitingFor("ErrImagePull", "no directory images/hello-server/v9"),
    /^deployment\/web: pod web-\S+: container web: ErrImagePull: no directory images\/hello-server\/v9, from web\.json:1:\d+ \(spec\.template\.spec\.containers\[0\]\.image\)$/,
  ],
  [
    "an image whose pull is backed off",
    "v9",
    waitingFor("ImagePullBackOff", 'Back-off pulling image "hello-server:v9"'),
    /^deployment\/web: pod web-\S+: container web: ImagePullBackOff: Back-off pulling image "hello-server:v9", from web\.json:1:\d+ \(.*image\)$/,
  ],
  [
    "configuration that is not there",
    "v2",
    waitingFor("CreateContainerConfigError", 'configmap "settings" not found'),
    /^deployment\/web: pod web-\S+: container web: CreateContainerConfigError: configmap "settings" not found, from web\.json:1:\d+ \(spec\.template\.spec\.containers\[name=web\]\.image\)$/,
  ],
  [
    "a third exit without ever being ready",
    "v2",
    crashLoop(3),
    /^deployment\/web: pod web-\S+: container web: CrashLoopBackOff: exit code 3; it ended 3 times and was never ready, from web\.json:1:\d+ \(.*image\); last log lines of pod web-\S+ \(container web\): booting ⏎ no database$/,
  ],
  [
    "a third exit whose last words are the log's: they are told once",
    "v2",
    crashLoop(3, "booting\nno database"),
    /^deployment\/web: pod web-\S+: container web: CrashLoopBackOff: exit code 3: booting\nno database; it ended 3 times and was never ready, from web\.json:1:\d+ \(.*image\)$/,
  ],
];

let reconciler: AppReconciler;

function commit(files: Record<string, string>, subject: string): void {
  world.commit(files, subject);
  reconciler.refChanged();
}

async function brokenBy(status: PodStatus): Promise<VirtualClock> {
  const clock = new VirtualClock();
  const files = { "web.json": deployment("web"), ...image("v1"), ...image("v2"), ...image("v3") };
  world = await World.create(files, { clock });
  reconciler = world.reconciler();
  await reconciler.start();
  await passTime(world, clock, hasEnded("first"));
  world.kubelet.lines = ["booting", "no database"];
  world.kubelet.onAssign = ({ pod }) => world.kubelet.reportPod(pod.metadata.name, status);
  return clock;
}

describe("a rollout that cannot succeed", () => {
  it.each(CASES)("%s fails at once, says why, and the old pods serve on", async (_what, tag, status, reason) => {
    const clock = await brokenBy(status);
    commit({ "web.json": deployment("web", tag) }, "bad");
    const { attempt, tookMs } = await passTime(world, clock, hasEnded("bad"));
    expect(attempt.ending?.outcome).toBe("failed");
    expect(attempt.ending?.reason).toMatch(reason);
    // Not the ten minutes of its deadline. (Virtual time runs on while git and the disk take real time.)
    expect(tookMs).toBeLessThan(300_000);
    const web = await world.object("Deployment", "web");
    expect(web?.status).toMatchObject({ availableReplicas: 2, updatedReplicas: 1 });
  });

  it("for want of an image gets another chance with the commit that brings it, which is waited for", async () => {
    const clock = await brokenBy(waitingFor("ErrImagePull", "no directory images/hello-server/v4"));
    commit({ "web.json": deployment("web", "v4") }, "too early");
    await passTime(world, clock, hasEnded("too early"));
    commit(image("v4"), "the image");
    await passTime(world, clock, ({ subject, events }) => subject === "the image" && events.length === 1);
    await clock.advance(1_000);
    expect((await world.newest()).ending).toBeUndefined();
    for (const { pod } of world.kubelet.assignments.values()) world.getReady(pod.metadata.name);
    world.kubelet.onAssign = ({ pod }) => world.getReady(pod.metadata.name);
    expect((await passTime(world, clock, hasEnded("the image"))).attempt.ending?.outcome).toBe("deployed");
    expect(await world.outcomes()).toEqual(["first #1: deployed", "too early #1: failed", "the image #1: deployed"]);
  });

  it("whose last words are a Secret that the pod does not refer to is explained without it, everywhere", async () => {
    const status = notReady({ waiting: { reason: "CrashLoopBackOff" } }, 2, {
      terminated: { exitCode: 3, reason: "Error", message: "cannot log in with hunter22-of-another" },
    });
    const clock = await brokenBy(status);
    const data = { token: Buffer.from("hunter22-of-another").toString("base64") };
    const secret = JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data });
    commit({ "s.json": secret, "web.json": deployment("web", "v2") }, "leaky");
    const { attempt } = await passTime(world, clock, hasEnded("leaky"));
    expect(attempt.ending?.reason).toContain("exit code 3: cannot log in with ***");
    const told = [await world.ledger.attempts({}), await world.ledger.revisions({}), reconciler.status(), world.logged];
    expect(JSON.stringify(told)).not.toContain("hunter22");
  });

  it("two exits are not enough: it may still come up, until its deadline", async () => {
    const status = notReady({ waiting: { reason: "CrashLoopBackOff" } }, 1, {
      terminated: { exitCode: 3, reason: "Error" },
    });
    const clock = await brokenBy(status);
    commit({ "web.json": deployment("web", "v2", { progressDeadlineSeconds: 60 }) }, "v2");
    const { attempt, tookMs } = await passTime(world, clock, hasEnded("v2"));
    expect(attempt.ending?.reason).toContain('deployment "web" exceeded its progress deadline');
    expect(tookMs).toBeGreaterThan(59_000);
  });

  it("a pod that was ready once is not given up: it did work", async () => {
    const status = crashLoop(1);
    const conditions = [
      { type: "Initialized", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" } as const,
      { type: "Ready", status: "False", lastTransitionTime: "2026-01-01T00:00:09Z" } as const,
    ];
    const clock = await brokenBy({ ...status, conditions });
    commit({ "web.json": deployment("web", "v2", { progressDeadlineSeconds: 60 }) }, "v2");
    const { tookMs } = await passTime(world, clock, hasEnded("v2"));
    expect(tookMs).toBeGreaterThan(59_000);
  });

  it("is overtaken by a newer commit, also while it is stuck, and nothing is tried again of the broken one", async () => {
    const clock = await brokenBy(notReady({ waiting: { reason: "ContainerCreating" } }));
    commit({ "web.json": deployment("web", "v2") }, "v2");
    await passTime(world, clock, ({ subject, events }) => subject === "v2" && events.length === 2);
    world.kubelet.onAssign = ({ pod }) => world.getReady(pod.metadata.name);
    commit({ "web.json": deployment("web", "v3") }, "v3");
    const { attempt, tookMs } = await passTime(world, clock, hasEnded("v3"));
    expect(attempt.ending?.outcome).toBe("deployed");
    expect(tookMs).toBeLessThan(300_000);
    expect(await world.outcomes()).toEqual(["first #1: deployed", "v2 #1: superseded", "v3 #1: deployed"]);
    expect(world.backend.writes).toEqual(["apply Deployment web", "apply Deployment web", "apply Deployment web"]);
  });
});

describe("a deletion that never ends", () => {
  it("is overtaken by a newer commit, and is said to be late when none comes", async () => {
    const clock = new VirtualClock();
    const pod = (name: string): string =>
      `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"${name}"},"spec":{"containers":[{"name":"web","image":"hello-server:v1"}]}}`;
    const kept = Object.fromEntries(["a", "b", "c", "d"].map((name) => [`${name}.json`, pod(name)]));
    world = await World.create({ ...kept, ...image("v1") }, { clock });
    reconciler = world.reconciler();
    await reconciler.start();
    await passTime(world, clock, hasEnded("first"));
    // The kubelet hangs: it takes the order, and nothing comes of it.
    world.kubelet.onStop = () => {};
    world.commit({ "d.json": null }, "remove d");
    reconciler.refChanged();
    await until(async () => {
      await world.repository.head();
      await clock.advance(100);
      return world.backend.calls.includes("delete Pod d");
    });
    await passTime(world, clock, ({ events }) => events.some(({ type }) => type === "retry"));
    expect(reconciler.status()).toMatchObject({
      phase: "Unreadable",
      reason:
        "Cannot delete pod/d as the embedded backend must be done within 600 s: it was not. " +
        "It is tried again; a newer commit ends the wait.",
    });
    commit({ "README.md": "words" }, "go on");
    await passTime(world, clock, ({ subject }) => subject === "go on");
    const [, removal] = await world.outcomes();
    // The pod is on its way out: whether that was seen before the newer commit came is a matter of chance.
    expect(["remove d #1: superseded", "remove d #1: deployed"]).toContain(removal);
  });
});
