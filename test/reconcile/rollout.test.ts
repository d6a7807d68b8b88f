/** Rollouts as the reconciler sees them: revisions with their commits, failures with their reason, on a virtual clock. */
import { afterEach, describe, expect, it } from "vitest";
import type { Attempt } from "../../src/model/ledger.ts";
import type { PodStatus } from "../../src/model/workload.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { deployment, image, World } from "./world.ts";

let world: World;

afterEach(() => world.close());

/** A pod whose container has ended so often. */
function crashed(restartCount: number): PodStatus {
  return {
    phase: "Running",
    conditions: [{ type: "Ready", status: "False" }],
    containerStatuses: [
      {
        name: "web",
        image: "hello-server:v2",
        imageID: "",
        ready: false,
        started: false,
        restartCount,
        state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 20s restarting failed container" } },
        lastState: { terminated: { exitCode: 3, reason: "Error" } },
      },
    ],
  };
}

/** Not often enough to be given up before its deadline. */
const crashing = crashed(1);

/**
 * Lets virtual time pass, a step at a time, until the newest attempt is as wanted. git answers in real time: each step waits
 * for an answer that stands behind all earlier questions in git's one queue, lest the clock run ahead of the reconciler.
 */
async function passTime(clock: VirtualClock, wanted: (attempt: Attempt) => boolean): Promise<Attempt> {
  for (let turn = 0; turn < 20_000; turn++) {
    const [attempt] = await world.ledger.attempts({ limit: 1 });
    if (attempt !== undefined && wanted(attempt)) return attempt;
    await world.repository.head();
    await clock.advance(100);
  }
  throw new Error("it never came");
}

const hasEnded = (subject: string) => (attempt: Attempt) => attempt.subject === subject && attempt.ending !== undefined;

describe("a rollout", () => {
  it("leaves a revision with its commit, images and plan, and how it ended", async () => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1"), ...image("v2") });
    const reconciler = await world.settledReconciler();
    await world.push(reconciler, { "web.json": deployment("web", "v2") }, "v2");
    const [first, second] = await world.ledger.revisions({});
    const [, attempt] = (await world.ledger.attempts({})).reverse();
    expect(first).toMatchObject({ revision: 1, subject: "first", ending: { outcome: "deployed", reason: "" } });
    expect(second).toMatchObject({
      app: "shop",
      target: "local",
      workload: "apps/Deployment/default/web",
      uid: first?.uid,
      revision: 2,
      commit: attempt?.commit,
      authorName: "Test Author",
      authorEmail: "author@example.org",
      subject: "v2",
      file: "web.json",
      images: world.images.digests(["hello-server:v2"]),
      planDigest: attempt?.ending?.planDigest,
      ending: { outcome: "deployed", reason: "" },
    });
    expect(Object.keys(second?.images ?? {})).toEqual(["hello-server:v2"]);
    expect(second?.template).toMatchObject({ spec: { containers: [{ name: "web", image: "hello-server:v2" }] } });
    expect(JSON.stringify(second?.template)).not.toContain("pod-template-hash");
    const [replicaSet] = (await world.objects("ReplicaSet")).filter(({ metadata }) =>
      metadata.name.endsWith(second?.templateHash ?? "?"),
    );
    expect(replicaSet?.metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("2");
  });

  it("back to an old template is a new revision, with the commit that asked for it", async () => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1"), ...image("v2") });
    const reconciler = await world.settledReconciler();
    await world.push(reconciler, { "web.json": deployment("web", "v2") }, "v2");
    await world.push(reconciler, { "web.json": deployment("web") }, "back");
    const revisions = await world.ledger.revisions({});
    expect(revisions.map(({ revision, subject }) => `${revision} ${subject}`)).toEqual(["1 first", "2 v2", "3 back"]);
    expect(revisions[2]?.templateHash).toBe(revisions[0]?.templateHash);
  });

  it("that passes its deadline fails, with pod, container, exit code and last log lines, but no secret", async () => {
    const clock = new VirtualClock();
    const key = "-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END KEY-----\n";
    const secret = JSON.stringify({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      // A value that `echo` wrote ends with a line end.
      data: { password: Buffer.from("hunter22\n").toString("base64") },
      stringData: { key },
    });
    world = await World.create(
      {
        "web.json": deployment("web", "v1", { progressDeadlineSeconds: 60 }),
        "s.json": secret,
        ...image("v1"),
        ...image("v2"),
      },
      { clock },
    );
    const reconciler = world.reconciler();
    await reconciler.start();
    await passTime(clock, hasEnded("first"));
    world.kubelet.onAssign = ({ pod }) => world.kubelet.reportPod(pod.metadata.name, crashing);
    world.kubelet.lines = [
      "starting",
      "password hunter22 is wrong",
      "MIIEvQIBADAN",
      `key=BgkqhkiG9w0B${"x".repeat(9_999)}`,
    ];
    world.commit({ "web.json": deployment("web", "v2", { progressDeadlineSeconds: 60 }) }, "v2");
    reconciler.refChanged();
    const failed = await passTime(clock, hasEnded("v2"));
    const pod = (await world.objects("Pod")).find(({ metadata }) => !world.kubelet.ready.has(metadata.name));
    expect(failed.ending?.outcome).toBe("failed");
    expect(failed.ending?.reason).toContain('deployment "web" exceeded its progress deadline');
    expect(failed.ending?.reason).toContain(`pod ${pod?.metadata.name}: container web`);
    expect(failed.ending?.reason).toContain("exit code 3");
    expect(failed.ending?.reason).toContain(
      `last log lines of pod ${pod?.metadata.name} (container web): starting ⏎ password *** is wrong ⏎ *** ⏎ key=***${"x".repeat(493)}…`,
    );
    expect(world.backend.calls).toContain("logs web previous");
    expect(reconciler.status()).toMatchObject({ phase: "Failed", reason: failed.ending?.reason });
    const revisions = await world.ledger.revisions({});
    expect(revisions.map(({ revision, ending }) => `${revision} ${ending?.outcome}`)).toEqual([
      "1 deployed",
      "2 failed",
    ]);

    world.kubelet.onAssign = ({ pod: next }) => world.getReady(next.metadata.name);
    world.commit({ "web.json": deployment("web", "v1", { progressDeadlineSeconds: 60 }) }, "fixed");
    reconciler.refChanged();
    expect((await passTime(clock, hasEnded("fixed"))).ending?.outcome).toBe("deployed");
    expect(reconciler.status().phase).toBe("Synced");
  });

  it("of what has no deadline of its own fails after ten minutes", async () => {
    const clock = new VirtualClock();
    const pod =
      '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"web","image":"hello-server:v1"}]}}';
    world = await World.create({ "p.json": pod, ...image("v1") }, { clock });
    world.kubelet.onAssign = ({ pod: { metadata } }) => world.kubelet.reportPod(metadata.name, crashing);
    const reconciler = world.reconciler();
    await reconciler.start();
    const opened = await passTime(clock, ({ events }) => events.some(({ type }) => type === "applied"));
    const appliedAt = Date.parse(opened.events.find(({ type }) => type === "applied")?.at ?? "");
    const { ending } = await passTime(clock, hasEnded("first"));
    expect(ending?.outcome).toBe("failed");
    expect(ending?.reason).toContain("pod/p: ");
    expect(Math.abs(Date.parse(ending?.endedAt ?? "") - appliedAt - 600_000)).toBeLessThan(10_000);
  });

  it("that a newer commit without manifests meets is waited for by that one", async () => {
    const clock = new VirtualClock();
    world = await World.create({ "web.json": deployment("web"), ...image("v1"), ...image("v2") }, { clock });
    const reconciler = world.reconciler();
    await reconciler.start();
    await passTime(clock, hasEnded("first"));
    world.kubelet.onAssign = () => {};
    world.commit({ "web.json": deployment("web", "v2") }, "v2");
    reconciler.refChanged();
    await passTime(clock, ({ subject, events }) => subject === "v2" && events.length === 2);
    world.commit({ "README.md": "words" }, "words");
    reconciler.refChanged();
    await passTime(clock, ({ subject, events }) => subject === "words" && events.length === 1);
    world.kubelet.onAssign = ({ pod }) => world.getReady(pod.metadata.name);
    for (const { pod } of world.kubelet.assignments.values()) world.getReady(pod.metadata.name);
    expect((await passTime(clock, hasEnded("words"))).ending?.outcome).toBe("deployed");
    expect(await world.outcomes()).toEqual(["first #1: deployed", "v2 #1: superseded", "words #1: deployed"]);
  });
});
