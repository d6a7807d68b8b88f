/** The reconciler, end to end on a real repository: what each commit becomes, what runs afterwards, what is written down. */
import { isDeepStrictEqual } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { TrueupError } from "../../src/model/errors.ts";
import { gitIn } from "../git/support.ts";
import { configMap, deployment, image, NO_ABORT, until, untilStatus, World } from "./world.ts";

let world: World;

afterEach(() => world.close());

describe("a commit", () => {
  it("is applied, waited for, and ends as deployed with its plan", async () => {
    world = await World.create({ "web.json": deployment("web"), "c.json": configMap("c"), ...image("v1") });
    const reconciler = await world.settledReconciler();
    const status = reconciler.status();
    const head = gitIn(world.path, ["rev-parse", "HEAD"]);
    expect(status).toMatchObject({ phase: "Synced", reason: "", applied: head, health: { status: "Healthy" } });
    expect(status.head).toMatchObject({ commit: head, subject: "first", author: "Test Author" });
    const attempt = await world.newest();
    expect(attempt).toMatchObject({ ordinal: 1, subject: "first", ref: "refs/heads/main" });
    expect(attempt.events.map(({ type }) => type)).toEqual(["planned", "applied"]);
    expect(attempt.ending).toMatchObject({
      outcome: "deployed",
      reason: "",
      planDigest: status.planDigest,
      changes: { create: 2 },
    });
    expect(world.backend.writes).toEqual(["apply ConfigMap c", "apply Deployment web"]);
    const web = await world.object("Deployment", "web");
    expect(web?.metadata.annotations).toMatchObject({
      "trueup/commit": head,
      "trueup/source": "web.json:1",
      "kubernetes.io/change-cause": `${head.slice(0, 7)} first (Test Author)`,
    });
  });

  it("that touches no manifest ends as no-op without a write", async () => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1") });
    const reconciler = await world.settledReconciler();
    const { writes, length } = { writes: world.backend.writes.length, length: reconciler.counters.blobsRead };
    const status = await world.push(reconciler, { "README.md": "words" }, "words");
    expect(status.phase).toBe("Synced");
    expect(await world.outcomes()).toEqual(["first #1: deployed", "words #1: no-op"]);
    expect(world.backend.writes).toHaveLength(writes);
    expect(reconciler.counters.blobsRead).toBe(length);
    const calls = world.backend.calls.length;
    await world.push(reconciler, { "README.md": "more words" }, "more words");
    expect(world.backend.calls).toHaveLength(calls);
  });

  it("that changes one object writes that object only, and keeps the cause of what it leaves alone", async () => {
    world = await World.create({
      "web.json": deployment("web"),
      "api.json": deployment("api"),
      ...image("v1"),
      ...image("v2"),
    });
    const reconciler = await world.settledReconciler();
    const before = world.backend.writes.length;
    await world.push(reconciler, { "web.json": deployment("web", "v2") }, "web v2");
    await world.push(reconciler, { "web.json": deployment("web", "v2", { replicas: 3 }) }, "three of them");
    expect(world.backend.writes.slice(before)).toEqual(["apply Deployment web", "apply Deployment web"]);
    const web = await world.object("Deployment", "web");
    expect(web?.metadata.annotations?.["kubernetes.io/change-cause"]).toMatch(/^[0-9a-f]{7} web v2 \(Test Author\)$/);
    expect(web?.metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("2");
    expect(web?.metadata.annotations?.["trueup/commit"]).toBe(reconciler.status().head?.commit);
    expect(await world.outcomes()).toEqual(["first #1: deployed", "web v2 #1: deployed", "three of them #1: deployed"]);
  });

  it("with an error is rejected as a whole, with all its errors, and what ran stays", async () => {
    world = await World.create({ "web.json": deployment("web"), "c.json": configMap("c"), ...image("v1") });
    const reconciler = await world.settledReconciler();
    const before = world.backend.writes.length;
    const status = await world.push(
      reconciler,
      {
        "web.json": deployment("web", "v9", { replicas: "many" }),
        "c.json": "kind: Widget\n",
        "d.json": configMap("d"),
      },
      "broken",
    );
    expect(status.phase).toBe("Rejected");
    expect(status.diagnostics.filter(({ severity }) => severity === "error").length).toBeGreaterThan(1);
    expect(new Set(status.diagnostics.map(({ location }) => location.file))).toEqual(new Set(["c.json", "web.json"]));
    const [, rejected] = (await world.ledger.attempts({})).reverse();
    expect(rejected?.ending?.outcome).toBe("rejected");
    expect(rejected?.ending?.reason).toMatch(/^c\.json:\d+:\d+: .* \(and \d+ more\)$/);
    expect(world.backend.writes).toHaveLength(before);
    expect(status.applied).not.toBe(status.head?.commit);
    expect(status.health.status).toBe("Healthy");
  });

  it("removes what git no longer declares, within the budget", async () => {
    const kept = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`c-${n}.json`, configMap(`c-${n}`)]));
    world = await World.create({ ...kept, "gone.json": configMap("gone") });
    const reconciler = await world.settledReconciler();
    await world.push(reconciler, { "gone.json": null }, "remove");
    expect(world.backend.writes.at(-1)).toBe("delete ConfigMap gone");
    expect(await world.object("ConfigMap", "gone")).toBeUndefined();
    expect((await world.newest()).ending).toMatchObject({ outcome: "deployed", changes: { delete: 1, unchanged: 9 } });
  });

  it("that would delete too much is held: the rest is applied, the attempt stays open, and says why", async () => {
    const many = Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`c-${n}.json`, configMap(`c-${n}`)]));
    world = await World.create({ ...many, "kept.json": configMap("kept") });
    const reconciler = await world.settledReconciler();
    const gone = Object.fromEntries(Object.keys(many).map((name) => [name, null]));
    const status = await world.push(reconciler, { ...gone, "new.json": configMap("new") }, "too much");
    expect(status.phase).toBe("Held");
    expect(status.held.map(({ id }) => id.name)).toEqual(["c-4", "c-3", "c-2", "c-1", "c-0"]);
    expect(status.reason).toContain("5 deletions are more than the 3 that go ahead without approval");
    const attempt = await world.newest();
    expect(attempt.ending).toBeUndefined();
    expect(attempt.events.map(({ type }) => type)).toEqual(["planned", "applied", "held"]);
    expect(attempt.events.at(-1)?.detail).toEqual({ digest: status.planDigest });
    expect(await world.object("ConfigMap", "new")).toBeDefined();
    expect(await world.objects("ConfigMap")).toHaveLength(7);
    const outcome = await reconciler.plan(undefined, NO_ABORT);
    expect(outcome.kind === "planned" && outcome.plan.digest).toBe(status.planDigest);
  });

  it("never deletes what asks to be kept, and does not wait for anybody because of it", async () => {
    const kept = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: kept\n  annotations: {trueup/prune: disabled}\n`;
    world = await World.create({ "a.json": configMap("a"), "kept.yaml": kept });
    const reconciler = await world.settledReconciler();
    const status = await world.push(reconciler, { "kept.yaml": null }, "forget it");
    expect(status).toMatchObject({ phase: "Synced", held: [{ id: { name: "kept" } }] });
    expect(await world.object("ConfigMap", "kept")).toBeDefined();
    expect((await world.newest()).ending?.outcome).toBe("no-op");
  });

  it("whose directory is gone is rejected, and nothing is deleted", async () => {
    world = await World.create({ "app/c.json": configMap("c"), "other/x": "x" }, { path: "app" });
    const reconciler = await world.settledReconciler();
    const status = await world.push(reconciler, { "app/c.json": null }, "gone");
    expect(status).toMatchObject({ phase: "Rejected", diagnostics: [{ rule: "app-path" }] });
    expect(await world.object("ConfigMap", "c")).toBeDefined();
    expect((await world.push(reconciler, { "app/note": "x" }, "no manifest")).phase).toBe("Held");
  });

  it("that would change a fixed field is rejected before anything is applied", async () => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1") });
    const reconciler = await world.settledReconciler();
    const before = world.backend.writes.length;
    const other = deployment("web").replaceAll('{"app":"web"}', '{"app":"web2"}');
    const status = await world.push(reconciler, { "web.json": other, "c.json": configMap("c") }, "other selector");
    expect(status).toMatchObject({ phase: "Rejected", diagnostics: [{ rule: "immutable-field" }] });
    expect(status.reason).toContain("spec.selector.matchLabels.app");
    expect(world.backend.writes).toHaveLength(before);
  });

  it("that declares what another app owns is rejected before anything is applied", async () => {
    world = await World.create({ "a.json": configMap("a"), "theirs.json": configMap("theirs") });
    const desired = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "theirs" } };
    await world.backend.inner.apply({ desired, owner: "other" }, NO_ABORT);
    const reconciler = await world.settledReconciler();
    expect(reconciler.status()).toMatchObject({ phase: "Rejected", diagnostics: [{ rule: "refused-by-backend" }] });
    expect(reconciler.status().reason).toContain("app other applied it");
    expect(world.backend.writes).toEqual([]);
  });

  it("with a Namespace and what lives in it is applied in order", async () => {
    const namespaced = configMap("c").replace('"name":"c"', '"name":"c","namespace":"stage"');
    world = await World.create({
      "a.json": namespaced,
      "ns.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: stage}\n",
    });
    const reconciler = await world.settledReconciler();
    expect(reconciler.status()).toMatchObject({ phase: "Synced", diagnostics: [] });
    expect(world.backend.writes).toEqual(["apply Namespace stage", "apply ConfigMap c"]);
  });
});

describe("attempts", () => {
  it("of first-parent commits that were passed over are superseded; on first sight only the head counts", async () => {
    world = await World.create({ "c.json": configMap("c") });
    world.commit({ "c.json": configMap("c", { a: "2" }) }, "before the first look");
    const reconciler = await world.settledReconciler();
    world.commit({ "c.json": configMap("c", { a: "3" }) }, "passed over");
    world.commit({ "x.md": "x" }, "passed over too");
    await world.push(reconciler, { "c.json": configMap("c", { a: "4" }) }, "head");
    expect(await world.outcomes()).toEqual([
      "before the first look #1: deployed",
      "passed over #1: superseded",
      "passed over too #1: superseded",
      "head #1: deployed",
    ]);
    expect((await world.ledger.attempts({}))[1]?.ending?.reason).toMatch(/^commit [0-9a-f]{7} came to the head$/);
  });

  it("follow first parents through a merge", async () => {
    world = await World.create({ "c.json": configMap("c") });
    const reconciler = await world.settledReconciler();
    gitIn(world.path, ["checkout", "-q", "-b", "side"]);
    world.commit({ "d.json": configMap("d") }, "on the side");
    gitIn(world.path, ["checkout", "-q", "main"]);
    gitIn(world.path, ["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    reconciler.refChanged();
    await reconciler.settled();
    expect(await world.outcomes()).toEqual(["first #1: deployed", "merge #1: deployed"]);
  });

  it("open anew when the ref is reset to a commit that was there before", async () => {
    world = await World.create({ "c.json": configMap("c") });
    const reconciler = await world.settledReconciler();
    await world.push(reconciler, { "c.json": configMap("c", { a: "2" }) }, "second");
    gitIn(world.path, ["reset", "-q", "--hard", "HEAD~1"]);
    reconciler.refChanged();
    await reconciler.settled();
    expect(await world.outcomes()).toEqual(["first #1: deployed", "second #1: deployed", "first #2: deployed"]);
    expect((await world.object("ConfigMap", "c"))?.data).toEqual({ a: "1" });
  });

  it("open for the new head alone when the ref is rewritten", async () => {
    world = await World.create({ "c.json": configMap("c") });
    world.commit({ "c.json": configMap("c", { a: "2" }) }, "second");
    const reconciler = await world.settledReconciler();
    gitIn(world.path, ["reset", "-q", "--hard", "HEAD~1"]);
    world.commit({ "c.json": configMap("c", { a: "3" }) }, "other second");
    await world.push(reconciler, { "c.json": configMap("c", { a: "4" }) }, "other third");
    expect(await world.outcomes()).toEqual(["second #1: deployed", "other third #1: deployed"]);
  });

  it("of older commits are superseded while their rollout is under way", async () => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1"), ...image("v2"), ...image("v3") });
    const reconciler = await world.settledReconciler();
    world.kubelet.onAssign = () => {};
    world.commit({ "web.json": deployment("web", "v2") }, "stuck");
    reconciler.refChanged();
    const waiting = await untilStatus(
      reconciler,
      ({ phase, reason }) => phase === "Progressing" && reason.includes("1 out of 2"),
    );
    expect(waiting.reason).toContain("deployment/web: 1 out of 2 new replicas have been updated");
    world.kubelet.onAssign = ({ pod }) => world.getReady(pod.metadata.name);
    const status = await world.push(reconciler, { "web.json": deployment("web", "v3") }, "better");
    expect(status.phase).toBe("Synced");
    expect(await world.outcomes()).toEqual(["first #1: deployed", "stuck #1: superseded", "better #1: deployed"]);
    const [, stuck] = await world.ledger.attempts({});
    expect(stuck?.ending).toMatchObject({ outcome: "superseded", changes: { update: 1 } });
    expect(stuck?.ending?.planDigest).toMatch(/^sha256:/);
  });

  it("are not opened for a pinned commit when the branch moves", async () => {
    world = await World.create({ "c.json": configMap("c") });
    const pin = world.commit({ "c.json": configMap("c", { a: "pinned" }) }, "pinned");
    world.commit({ "c.json": configMap("c", { a: "later" }) }, "later");
    const app = { name: "shop", ref: "main", pin, path: "", namespace: "default", target: "local" };
    const reconciler = await world.settledReconciler({ app });
    reconciler.refChanged();
    await reconciler.settled();
    expect(await world.outcomes()).toEqual(["pinned #1: deployed"]);
    expect((await world.object("ConfigMap", "c"))?.data).toEqual({ a: "pinned" });
  });

  it("wait for a first commit", async () => {
    world = await World.create({});
    const reconciler = await world.settledReconciler();
    expect(reconciler.status()).toMatchObject({
      phase: "Starting",
      reason: "refs/heads/main has no commit yet",
      head: null,
    });
    expect((await world.push(reconciler, { "c.json": configMap("c") }, "now")).phase).toBe("Synced");
  });
});

describe("drift", () => {
  it("is mended when an object is edited, and recorded on the attempt that is long over", async () => {
    world = await World.create({ "c.json": configMap("c") });
    const reconciler = await world.settledReconciler();
    const live = await world.object("ConfigMap", "c");
    if (live === undefined) throw new Error("c is not there");
    world.cluster.store.update({ ...live, data: { a: "by hand", b: "theirs" } });
    await until(async () => isDeepStrictEqual(await world.data("c"), { a: "1", b: "theirs" }));
    await reconciler.settled();
    const { events, ending } = await world.newest();
    expect(events.map(({ type }) => type)).toEqual(["planned", "applied", "drift"]);
    expect(events.at(-1)).toMatchObject({
      message: "configmap/c differed from the commit",
      detail: { changes: [{ action: "update", object: "configmap/c", fields: ["data.a"] }] },
    });
    expect(ending?.outcome).toBe("deployed");
  });

  it("is mended when an object is deleted", async () => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1") });
    const reconciler = await world.settledReconciler();
    const mended = untilStatus(reconciler, ({ phase }) => phase === "Progressing");
    const id = { group: "apps", kind: "Deployment", namespace: "default", name: "web" };
    await world.backend.inner.delete({ id }, NO_ABORT);
    await mended;
    await untilStatus(reconciler, ({ phase }) => phase === "Synced");
    expect(await world.object("Deployment", "web")).toBeDefined();
    expect((await world.newest()).events.at(-1)).toMatchObject({ type: "drift" });
    expect(await world.outcomes()).toEqual(["first #1: deployed"]);
  });

  it("that happens while other objects are being applied is mended too", async () => {
    world = await World.create({ "a.json": configMap("a"), "b.json": configMap("b") });
    const apply = world.backend.inner.apply.bind(world.backend.inner);
    let isEdited = false;
    world.backend.inner.apply = async (request, signal) => {
      const live = await world.object("ConfigMap", "a");
      if (request.desired.metadata.name === "b" && live !== undefined && !isEdited) {
        isEdited = true;
        world.cluster.store.update({ ...live, data: { a: "by hand" } });
        await new Promise((resolve) => setImmediate(resolve));
      }
      return apply(request, signal);
    };
    const reconciler = world.reconciler();
    await reconciler.start();
    await untilStatus(reconciler, ({ phase }) => phase === "Synced");
    await until(async () => isEdited && isDeepStrictEqual(await world.data("a"), { a: "1" }));
    expect((await world.newest()).events.map(({ type }) => type)).toEqual(["planned", "applied", "drift"]);
  });

  it("is mended to the last good commit while the head is rejected", async () => {
    world = await World.create({ "c.json": configMap("c") });
    const reconciler = await world.settledReconciler();
    await world.push(reconciler, { "c.json": "kind: Widget\n" }, "broken");
    const live = await world.object("ConfigMap", "c");
    if (live === undefined) throw new Error("c is not there");
    world.cluster.store.update({ ...live, data: { a: "by hand" } });
    await until(async () => isDeepStrictEqual(await world.data("c"), { a: "1" }));
    const status = await reconciler.settled();
    expect(status.phase).toBe("Rejected");
    const [broken, first] = await world.ledger.attempts({});
    expect(broken?.events).toEqual([]);
    expect(first?.events.at(-1)?.type).toBe("drift");
  });
});

describe("what cannot be read", () => {
  const away = (): Error => new TrueupError("unavailable", "Cannot list as the cluster is away.");

  it("is never taken for empty: a list that fails prunes nothing, and is tried again", async () => {
    const kept = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`c-${n}.json`, configMap(`c-${n}`)]));
    world = await World.create({ ...kept, "gone.json": configMap("gone") });
    const reconciler = await world.settledReconciler();
    const before = world.backend.writes.length;
    world.backend.failure = (call) => (call === "list" ? away() : undefined);
    world.commit({ "gone.json": null }, "remove");
    reconciler.refChanged();
    const status = await untilStatus(reconciler, ({ phase }) => phase === "Unreadable");
    expect(status.reason).toBe("Cannot list as the cluster is away.");
    expect(world.backend.writes).toHaveLength(before);
    expect(await world.outcomes()).toEqual(["first #1: deployed", "remove #1: open"]);
    world.backend.failure = () => undefined;
    await untilStatus(reconciler, ({ phase }) => phase === "Synced");
    expect(world.backend.writes.slice(before)).toEqual(["delete ConfigMap gone"]);
    expect(await world.outcomes()).toEqual(["first #1: deployed", "remove #1: deployed"]);
  });

  it("in git leaves everything as it is, and is told until it can be read", async () => {
    world = await World.create({ "c.json": configMap("c") });
    const reconciler = await world.settledReconciler();
    const read = world.repository.readRef.bind(world.repository);
    let isAway = true;
    world.repository.readRef = (ref) =>
      isAway ? Promise.reject(new TrueupError("unavailable", "git is away")) : read(ref);
    reconciler.refChanged();
    expect((await untilStatus(reconciler, ({ phase }) => phase === "Unreadable")).reason).toBe("git is away");
    isAway = false;
    await untilStatus(reconciler, ({ phase }) => phase === "Synced");
    expect(await world.outcomes()).toEqual(["first #1: deployed"]);
  });

  it("while applying leaves the attempt open; what was applied is not applied again", async () => {
    world = await World.create({ "a.json": configMap("a"), "b.json": configMap("b") });
    let failures = 2;
    world.backend.failure = (call, about) =>
      call === "apply" && about === "ConfigMap b" && failures-- > 0 ? away() : undefined;
    const reconciler = await world.settledReconciler();
    expect(reconciler.status().phase).toBe("Synced");
    expect(world.backend.writes).toEqual([
      "apply ConfigMap a",
      "apply ConfigMap b",
      "apply ConfigMap b",
      "apply ConfigMap b",
    ]);
    const attempt = await world.newest();
    expect(attempt.events.map(({ type }) => type)).toEqual(["planned", "retry", "applied"]);
    expect(attempt.ending).toMatchObject({ outcome: "deployed", changes: { create: 2 } });
  });

  it("ends the attempt as failed when trying again cannot help", async () => {
    world = await World.create({ "a.json": configMap("a") });
    const refusal = new TrueupError("invalid", "Cannot apply a as the cluster says no.");
    world.backend.failure = (call) => (call === "apply" ? refusal : undefined);
    const reconciler = await world.settledReconciler();
    expect(reconciler.status()).toMatchObject({ phase: "Failed", reason: "Cannot apply a as the cluster says no." });
    expect((await world.newest()).ending).toMatchObject({ outcome: "failed", reason: refusal.message });
  });
});

describe("images", () => {
  it("of a tag that was used again for other content reject the commit, and what runs keeps its image", async () => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1") });
    const reconciler = await world.settledReconciler();
    const before = world.images.digests(["hello-server:v1"]);
    const status = await world.push(reconciler, image("v1", "rebuilt"), "rebuilt under the same tag");
    expect(status.phase).toBe("Rejected");
    expect(status.diagnostics).toMatchObject([
      {
        severity: "error",
        rule: "image-tag-reused",
        field: "spec.template.spec.containers[0].image",
        hint: "Use a new tag for every build.",
      },
    ]);
    expect(status.reason).toContain("in revision 1 (commit");
    expect(world.images.digests(["hello-server:v1"])).toEqual(before);
    expect(
      (
        await world.push(
          reconciler,
          { ...image("v1"), ...image("v2", "rebuilt"), "web.json": deployment("web", "v2") },
          "new tag",
        )
      ).phase,
    ).toBe("Synced");
  });
});

describe("a plan for people", () => {
  it("is made at any revision and changes nothing", async () => {
    world = await World.create({ "web.json": deployment("web"), ...image("v1"), ...image("v2") });
    const reconciler = await world.settledReconciler();
    const before = world.backend.writes.length;
    gitIn(world.path, ["checkout", "-q", "-b", "next"]);
    world.commit({ "web.json": deployment("web", "v2"), "c.json": configMap("c") }, "next");
    world.commit({ "web.json": '{"apiVersion": "apps/v1", "ki' }, "broken");
    const planned = await reconciler.plan("next~1", NO_ABORT);
    expect(planned).toMatchObject({
      kind: "planned",
      plan: {
        app: "shop",
        changes: [
          { action: "create", id: { name: "c" } },
          { action: "update", restartsPods: true, fields: [{ path: "spec.template.spec.containers[name=web].image" }] },
        ],
      },
    });
    expect(await reconciler.plan("next", NO_ABORT)).toMatchObject({ kind: "rejected", app: "shop" });
    await expect(reconciler.plan("nowhere", NO_ABORT)).rejects.toMatchObject({ code: "not-found" });
    expect(await reconciler.plan(undefined, NO_ABORT)).toMatchObject({
      kind: "planned",
      plan: { changes: [], unchanged: 1 },
    });
    expect(world.backend.writes).toHaveLength(before);
    expect(await world.outcomes()).toEqual(["first #1: deployed"]);
  });
});
