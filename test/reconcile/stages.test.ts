/** Stages: waves, hooks and what depends on what are waited for, one after the other, whoever is killed in between. */
import { afterEach, describe, expect, it } from "vitest";
import { TrueupError } from "../../src/model/errors.ts";
import type { PodStatus } from "../../src/model/workload.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { configMap, deployment, image, NO_ABORT, until, untilStatus, World, type WorldOptions } from "./world.ts";

let world: World;

afterEach(() => world.close());

const WAVE = "argocd.argoproj.io/sync-wave";
const HOOK = "argocd.argoproj.io/hook";
const POLICY = "argocd.argoproj.io/hook-delete-policy";

function withNotes(manifest: string, annotations: Record<string, string>): string {
  const object = JSON.parse(manifest) as { metadata: Record<string, unknown> };
  object.metadata.annotations = annotations;
  return `${JSON.stringify(object)}\n`;
}

const inWave = (manifest: string, wave: number): string => withNotes(manifest, { [WAVE]: String(wave) });

function hook(name: string, phase: string, more: Record<string, string> = {}): string {
  const spec = { restartPolicy: "Never", containers: [{ name: "c", image: "hello-server:v1" }] };
  const metadata = { name, annotations: { [HOOK]: phase, ...more } };
  return `${JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata, spec })}\n`;
}

function ended(exitCode: number): PodStatus {
  const state = { terminated: { exitCode, reason: exitCode === 0 ? "Completed" : "Error" } };
  const container = { name: "c", image: "hello-server:v1", imageID: "", ready: false, started: true, restartCount: 0 };
  return {
    phase: exitCode === 0 ? "Succeeded" : "Failed",
    containerStatuses: [{ ...container, state, lastState: {} }],
  };
}

/** Pods whose names begin with `hook` end with the code that is given for them, when it is; others get ready, unless they are to wait. */
async function create(files: Record<string, string>, options: WorldOptions = {}): Promise<Script> {
  world = await World.create({ ...image("v1"), ...image("v2"), ...files }, options);
  const script: Script = { codes: new Map(), waiting: new Set() };
  world.kubelet.onAssign = ({ pod }) => {
    const { name } = pod.metadata;
    const code = script.codes.get(name);
    if (name.startsWith("hook")) {
      if (code !== undefined) world.kubelet.reportPod(name, ended(code));
    } else if (![...script.waiting].some((prefix) => name.startsWith(prefix))) world.getReady(name);
  };
  return script;
}

interface Script {
  codes: Map<string, number>;
  waiting: Set<string>;
}

const applied = (): string[] => world.backend.writes;

async function eventsOf(): Promise<string[]> {
  return (await world.newest()).events.map(({ type, message }) => `${type}: ${message}`);
}

async function podNamed(prefix: string): Promise<string> {
  return (await world.objects("Pod")).find(({ metadata }) => metadata.name.startsWith(prefix))?.metadata.name ?? "";
}

describe("waves", () => {
  it("are applied one after the other, each when the one before is well", async () => {
    const script = await create({
      "a.json": inWave(configMap("after"), 1),
      "db.json": inWave(deployment("db"), -1),
      "web.json": deployment("web"),
    });
    script.waiting.add("db");
    const reconciler = world.reconciler();
    await reconciler.start();
    const status = await untilStatus(reconciler, ({ reason }) => reason.startsWith("wave -1: deployment/db: "));
    expect(status).toMatchObject({ phase: "Progressing", applied: null });
    expect(applied()).toEqual(["apply Deployment db"]);
    for (const { metadata } of await world.objects("Pod")) world.getReady(metadata.name);
    await reconciler.settled();
    expect(reconciler.status()).toMatchObject({ phase: "Synced", applied: reconciler.status().head?.commit });
    expect(applied()).toEqual(["apply Deployment db", "apply Deployment web", "apply ConfigMap after"]);
    expect(await eventsOf()).toEqual([
      "planned: 3 to create, 0 unchanged",
      "stage: wave -1 begins",
      "stage: wave 0 begins",
      "stage: wave 1 begins",
      "applied: all changes made",
    ]);
  });

  it("that do not get well in time fail the attempt, and what comes after is never applied, nor by a later pass", async () => {
    const clock = new VirtualClock();
    const script = await create({ "p.json": inWave(pod("slow"), -1), "c.json": configMap("c") }, { clock });
    script.waiting.add("slow");
    const reconciler = world.reconciler();
    await reconciler.start();
    await untilClock(clock, () => reconciler.status().reason.startsWith("wave -1: pod/slow"));
    await clock.advance(599_000);
    expect(reconciler.status().phase).toBe("Progressing");
    await clock.advance(2_000);
    await untilClock(clock, () => reconciler.status().phase === "Failed");
    expect(await world.outcomes()).toEqual(["first #1: failed"]);
    world.getReady("slow");
    await untilClock(clock, () => reconciler.status().health.status !== "Progressing");
    reconciler.refChanged();
    await untilClock(clock, () => world.backend.calls.filter((call) => call.startsWith("list")).length > 3);
    expect(applied()).toEqual(["apply Pod slow"]);
    expect(reconciler.status().phase).toBe("Failed");
  });

  it("do not hold up what mends drift once the commit was carried out", async () => {
    const script = await create({ "db.json": inWave(deployment("db"), -1), "c.json": configMap("c") });
    const reconciler = await world.settledReconciler();
    script.waiting.add("db");
    await world.backend.inner.delete(
      { id: { group: "", kind: "Pod", namespace: "default", name: await podNamed("db") } },
      NO_ABORT,
    );
    await world.backend.inner.delete(
      { id: { group: "", kind: "ConfigMap", namespace: "default", name: "c" } },
      NO_ABORT,
    );
    await until(async () => (await world.data("c")) !== undefined);
    expect((await world.newest()).events.map(({ type }) => type)).toContain("drift");
    await reconciler.close();
  });

  it("are overtaken by a newer commit while they wait", async () => {
    const script = await create({ "db.json": inWave(deployment("db"), -1), "c.json": configMap("c") });
    script.waiting.add("db");
    const reconciler = world.reconciler();
    await reconciler.start();
    await untilStatus(reconciler, ({ reason }) => reason.startsWith("wave -1"));
    await world.push(reconciler, { "db.json": null, "c.json": configMap("c", { a: "2" }), ...keep(8) }, "second");
    expect(await world.outcomes()).toEqual(["first #1: superseded", "second #1: deployed"]);
    expect(await world.data("c")).toEqual({ a: "2" });
  });
});

describe("hooks", () => {
  it("run before and after, each once, and mending drift runs none", async () => {
    const script = await create({
      "pre.json": hook("hook-pre", "PreSync"),
      "post.json": hook("hook-post", "PostSync", { [POLICY]: "HookSucceeded" }),
      "web.json": deployment("web"),
    });
    script.codes.set("hook-pre", 0).set("hook-post", 0);
    const reconciler = await world.settledReconciler();
    expect(reconciler.status()).toMatchObject({ phase: "Synced", reason: "" });
    expect(applied()).toEqual([
      "apply Pod hook-pre",
      "apply Deployment web",
      "apply Pod hook-post",
      "delete Pod hook-post",
    ]);
    expect(await eventsOf()).toEqual([
      "planned: 1 to create, 2 hooks to run, 0 unchanged",
      "stage: PreSync begins",
      "hook: PreSync pod/hook-pre has begun",
      "hook: PreSync pod/hook-pre has succeeded",
      "stage: wave 0 begins",
      "stage: PostSync begins",
      "hook: PostSync pod/hook-post has begun",
      "hook: PostSync pod/hook-post has succeeded",
      "applied: all changes made",
    ]);
    expect((await world.newest()).ending).toMatchObject({ outcome: "deployed", changes: { create: 1, hook: 2 } });
    await world.backend.inner.delete(
      { id: { group: "apps", kind: "Deployment", namespace: "default", name: "web" } },
      NO_ABORT,
    );
    await until(async () => (await world.objects("Deployment")).length === 1);
    await reconciler.settled();
    expect(applied().slice(4)).toEqual(["apply Deployment web"]);
  });

  it("run again with the next commit that changes something, made anew, and with none that changes nothing", async () => {
    const script = await create({ "pre.json": hook("hook-pre", "PreSync"), "c.json": configMap("c") });
    script.codes.set("hook-pre", 0);
    const reconciler = await world.settledReconciler();
    const first = await world.object("Pod", "hook-pre");
    await world.push(reconciler, { "README.md": "words" }, "words");
    expect((await world.object("Pod", "hook-pre"))?.metadata.uid).toBe(first?.metadata.uid);
    await world.push(reconciler, { "c.json": configMap("c", { a: "2" }) }, "second");
    expect((await world.object("Pod", "hook-pre"))?.metadata.uid).not.toBe(first?.metadata.uid);
    expect(applied().slice(2)).toEqual(["delete Pod hook-pre", "apply Pod hook-pre", "apply ConfigMap c"]);
    expect(await world.outcomes()).toEqual(["first #1: deployed", "words #1: no-op", "second #1: deployed"]);
  });

  it("that fail, fail the attempt, with their reason; those for that case run, and nothing else is applied", async () => {
    const script = await create({
      "pre.json": hook("hook-pre", "PreSync", { [POLICY]: "HookFailed" }),
      "fail.json": hook("hook-fail", "SyncFail"),
      "c.json": configMap("c"),
    });
    script.codes.set("hook-pre", 3).set("hook-fail", 0);
    const reconciler = await world.settledReconciler();
    expect(applied()).toEqual(["apply Pod hook-pre", "delete Pod hook-pre", "apply Pod hook-fail"]);
    expect(reconciler.status().phase).toBe("Failed");
    expect((await world.newest()).ending).toMatchObject({ outcome: "failed" });
    expect((await world.newest()).ending?.reason).toMatch(/^pod\/hook-pre: container c: exit code 3/);
    expect((await eventsOf()).slice(1).map((event) => event.replace(/:.*: /, ": "))).toEqual([
      "stage: PreSync begins",
      "hook: PreSync pod/hook-pre has begun",
      expect.stringMatching(/^failing: /),
      "hook: SyncFail pod/hook-fail has begun",
      "hook: SyncFail pod/hook-fail has succeeded",
    ]);
    reconciler.refChanged();
    await reconciler.settled();
    expect(await world.data("c")).toBeUndefined();
    expect(reconciler.status().phase).toBe("Failed");
  });

  it("that fail bring the last good commit back where the app says so, without its hooks", async () => {
    const script = await create({ "pre.json": hook("hook-pre", "PreSync"), "c.json": configMap("c") });
    script.codes.set("hook-pre", 0);
    const reconciler = await world.settledReconciler({ onFailure: "rollback" });
    script.codes.set("hook-pre", 1);
    const status = await world.push(reconciler, { "c.json": configMap("c", { a: "2" }) }, "second");
    expect(status.phase).toBe("RolledBack");
    expect(await world.outcomes()).toEqual(["first #1: deployed", "second #1: rolled back"]);
    expect(await world.data("c")).toEqual({ a: "1" });
    expect(applied().slice(2)).toEqual(["delete Pod hook-pre", "apply Pod hook-pre"]);
  });

  it("that are gone before anybody saw how they ended are not run twice", async () => {
    await create({ "pre.json": hook("hook-pre", "PreSync"), "c.json": configMap("c") });
    const reconciler = world.reconciler();
    await reconciler.start();
    await untilStatus(reconciler, ({ reason }) => reason.startsWith("PreSync: pod/hook-pre"));
    await world.backend.inner.delete(
      { id: { group: "", kind: "Pod", namespace: "default", name: "hook-pre" } },
      NO_ABORT,
    );
    await untilStatus(reconciler, ({ phase }) => phase === "Failed");
    expect((await world.newest()).ending?.reason).toBe(
      "Cannot go on after the hook PreSync pod/hook-pre as its end must be known: it is gone, and nobody saw how it ended.",
    );
    expect(applied()).toEqual(["apply Pod hook-pre"]);
  });

  it("that end and are gone at once have succeeded", async () => {
    await create({ "pre.json": hook("hook-pre", "PreSync"), "c.json": configMap("c") });
    const reconciler = world.reconciler();
    await reconciler.start();
    await untilStatus(reconciler, ({ reason }) => reason.startsWith("PreSync: pod/hook-pre"));
    const settled = reconciler.settled();
    world.kubelet.reportPod("hook-pre", ended(0));
    await until(async () => (await world.object("Pod", "hook-pre"))?.status !== undefined);
    const id = { group: "", kind: "Pod", namespace: "default", name: "hook-pre" };
    await world.backend.inner.delete({ id }, NO_ABORT);
    expect((await settled).phase).toBe("Synced");
    expect(applied()).toEqual(["apply Pod hook-pre", "apply ConfigMap c"]);
  });

  it("are ended by a newer commit, which runs its own", async () => {
    const script = await create({ "pre.json": hook("hook-pre", "PreSync"), "c.json": configMap("c") });
    const reconciler = world.reconciler();
    await reconciler.start();
    await untilStatus(reconciler, ({ reason }) => reason.startsWith("PreSync: pod/hook-pre"));
    script.codes.set("hook-pre", 0);
    await world.push(reconciler, { "c.json": configMap("c", { a: "2" }) }, "second");
    expect(await world.outcomes()).toEqual(["first #1: superseded", "second #1: deployed"]);
    expect(applied()).toEqual(["apply Pod hook-pre", "delete Pod hook-pre", "apply Pod hook-pre", "apply ConfigMap c"]);
  });

  it("of somebody else are not replaced", async () => {
    await create({ "pre.json": hook("hook-pre", "PreSync"), "c.json": configMap("c") });
    await world.backend.inner.apply({ desired: JSON.parse(hook("hook-pre", "x")), owner: "theirs" }, NO_ABORT);
    const reconciler = await world.settledReconciler();
    expect(reconciler.status().phase).toBe("Rejected");
    expect(applied()).toEqual([]);
  });
});

describe("hooks and what only a person may delete", () => {
  const space = (annotations: Record<string, string>): string =>
    `${JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: "data", annotations } })}\n`;

  it("do not make it anew: nothing of the commit is applied", async () => {
    await create({ "space.json": space({}), "c.json": configMap("c") });
    const reconciler = await world.settledReconciler();
    const before = applied().length;
    const status = await world.push(
      reconciler,
      { "space.json": space({ [HOOK]: "PreSync", "trueup/replace": "allowed" }), "c.json": configMap("c", { a: "2" }) },
      "second",
    );
    expect(status.phase).toBe("Rejected");
    expect(status.diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message)).toEqual([
      "Cannot make the hook namespace/data anew as a Namespace takes all that is in it along",
    ]);
    expect(applied().slice(before)).toEqual([]);
  });

  it("do not delete it by their policy either", async () => {
    await create({ "space.json": space({ [HOOK]: "PreSync", [POLICY]: "HookSucceeded" }), "c.json": configMap("c") });
    await world.settledReconciler();
    expect(applied()).toEqual(["apply Namespace data", "apply ConfigMap c"]);
  });
});

describe("a plan", () => {
  it("shows its stages and hooks", async () => {
    const script = await create({ "pre.json": hook("hook-pre", "PreSync"), "c.json": configMap("c") });
    script.codes.set("hook-pre", 0);
    const reconciler = await world.settledReconciler();
    const next = world.commit({ "c.json": configMap("c", { a: "2" }), "d.json": inWave(configMap("d"), 2) }, "next");
    const outcome = await reconciler.plan(next, NO_ABORT);
    if (outcome.kind !== "planned") throw new Error("rejected");
    expect(outcome.plan.stages).toEqual([
      { phase: "PreSync", wave: 0, step: 0 },
      { phase: "Sync", wave: 0, step: 0 },
      { phase: "Sync", wave: 2, step: 0 },
    ]);
    expect(
      outcome.plan.changes.map(({ action, id, stage, hook: run }) => [stage, action, id.name, run?.phase]),
    ).toEqual([
      [0, "replace", "hook-pre", "PreSync"],
      [1, "update", "c", undefined],
      [2, "create", "d", undefined],
    ]);
  });
});

describe("a reconciler that is killed amid stages", () => {
  const steps = [
    "planned",
    "apply pod/hook-pre",
    "apply deployment/web",
    "apply pod/hook-post",
    "carried out",
    "applied",
    "judged",
  ];
  const rows = steps.flatMap((step) => [1, 2, 3].map((nth) => [step, nth] as const));
  it.each(rows)("at %s, time %i, comes to the same end, and no hook runs twice", async (step, nth) => {
    const script = await create({
      "pre.json": hook("hook-pre", "PreSync"),
      "post.json": hook("hook-post", "PostSync"),
      "db.json": inWave(deployment("db"), -1),
      "web.json": deployment("web"),
    });
    script.codes.set("hook-pre", 0).set("hook-post", 0);
    await dieAt(step, nth);
    const reconciler = await world.settledReconciler();
    expect(reconciler.status().phase).toBe("Synced");
    expect(await world.outcomes()).toEqual(["first #1: deployed"]);
    const writes = new Map<string, number>();
    for (const write of applied()) writes.set(write, (writes.get(write) ?? 0) + 1);
    expect(writes.get("apply Pod hook-pre")).toBe(1);
    expect(writes.get("apply Pod hook-post")).toBe(1);
    expect([...writes.keys()]).toEqual([
      "apply Pod hook-pre",
      "apply Deployment db",
      "apply Deployment web",
      "apply Pod hook-post",
    ]);
    const hooks = (await eventsOf()).filter((event) => event.startsWith("hook: "));
    expect(hooks).toEqual([
      "hook: PreSync pod/hook-pre has begun",
      "hook: PreSync pod/hook-pre has succeeded",
      "hook: PostSync pod/hook-post has begun",
      "hook: PostSync pod/hook-post has succeeded",
    ]);
  });
});

describe("a reconciler that is killed while a commit fails", () => {
  const rows = [
    ["apply pod/hook-pre", 1],
    ["apply pod/hook-fail", 1],
    ["carried out", 1],
    ["carried out", 2],
    ["planned", 2],
    ["planned", 3],
    ["judged", 1],
    ["ended", 1],
  ] as const;
  it.each(rows)("at %s, time %i, ends it as failed, with every hook run once", async (step, nth) => {
    const script = await create({
      "pre.json": hook("hook-pre", "PreSync"),
      "fail.json": hook("hook-fail", "SyncFail", { [POLICY]: "HookSucceeded" }),
      "c.json": configMap("c"),
    });
    script.codes.set("hook-pre", 3).set("hook-fail", 0);
    await dieAt(step, nth);
    const reconciler = await world.settledReconciler();
    expect(reconciler.status().phase).toBe("Failed");
    const { events, ending } = await world.newest();
    expect(ending?.outcome).toBe("failed");
    expect(ending?.reason).toMatch(/^pod\/hook-pre: container c: exit code 3/);
    expect(events.filter(({ type }) => type === "failing")).toHaveLength(1);
    expect(applied().filter((write) => write.startsWith("apply"))).toEqual([
      "apply Pod hook-pre",
      "apply Pod hook-fail",
    ]);
    expect(await world.object("Pod", "hook-fail")).toBeUndefined();
    expect(await world.data("c")).toBeUndefined();
    expect(await world.outcomes()).toEqual(["first #1: failed"]);
  });
});

/** Starts a reconciler that dies when a step is reached for the nth time, or settles. */
async function dieAt(step: string, nth: number): Promise<void> {
  let seen = 0;
  let isDead = false;
  const died = Promise.withResolvers<void>();
  const reconciler = world.reconciler({
    fault: (reached) => {
      if (isDead || (reached === step && ++seen === nth)) {
        isDead = true;
        died.resolve();
        throw new TrueupError("internal", `killed at ${step}`);
      }
    },
  });
  await reconciler.start();
  await Promise.race([died.promise, reconciler.settled()]);
  await reconciler.close();
}

function pod(name: string): string {
  const spec = { containers: [{ name: "c", image: "hello-server:v1" }] };
  return `${JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name }, spec })}\n`;
}

/** So many more objects that one of them may be deleted without approval. */
function keep(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}.json`, configMap(`k${at}`)]));
}

async function untilClock(clock: VirtualClock, holds: () => boolean): Promise<void> {
  await until(async () => {
    if (holds()) return true;
    await clock.advance(20);
    return false;
  });
}
