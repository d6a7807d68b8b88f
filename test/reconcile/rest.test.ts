/** An app at rest: a pass looks at the ref and at nothing else, and whatever could make it find otherwise ends that. */
import { execFileSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TrueupError } from "../../src/model/errors.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { Deployment } from "../../src/model/workload.ts";
import type { AppReconciler } from "../../src/reconcile/app-reconciler.ts";
import type { AppSettings } from "../../src/reconcile/types.ts";
import { ClusterView } from "../../src/reconcile/view.ts";
import { configMap, deployment, image, untilStatus, World } from "./world.ts";

const SETTINGS: AppSettings = {
  ...{ path: "", namespace: "default", images: { allowedRepositories: [], requireDigest: false } },
  ...{ onFailure: "keep", isGone: false, diagnostics: [] },
};

let world: World;
let reconciler: AppReconciler;
/** How often the app's settings were asked for: once in each pass that looks. */
let looks: number;
let ledgerReads: number;
let refs: string[];

beforeEach(() => {
  looks = 0;
  ledgerReads = 0;
  refs = [];
});
afterEach(() => world.close());

async function start(files: Record<string, string>, ref = "main"): Promise<void> {
  world = await World.create(files, { ref });
  const attempts = world.ledger.attempts.bind(world.ledger);
  world.ledger.attempts = (query) => {
    ledgerReads++;
    return attempts(query);
  };
  reconciler = await world.settledReconciler({
    settingsAt: async () => {
      looks++;
      return SETTINGS;
    },
    distrust: (of) => {
      refs.push(of);
      return null;
    },
  });
  // What its own writes bring about is seen by now.
  await reconciler.settled();
  await reconciler.settled();
}

/** What a pass costs: looks at the commit, reads of the ledger, calls of the backend. */
async function costs(doIt: () => unknown = () => {}): Promise<number[]> {
  const before = [looks, ledgerReads, world.backend.calls.length];
  await doIt();
  await reconciler.settled();
  return [looks, ledgerReads, world.backend.calls.length].map((value, at) => value - (before[at] ?? 0));
}

describe("an app at rest", () => {
  beforeEach(() => start({ "a.json": configMap("a"), "b.json": configMap("b") }));

  it("costs a look at the ref", async () => {
    for (let pass = 0; pass < 5; pass++) expect(await costs()).toEqual([0, 0, 0]);
    expect(reconciler.status()).toMatchObject({ phase: "Synced", reason: "" });
  });

  it("takes a commit up that changes nothing of it without asking the backend, and rests again", async () => {
    expect(await costs(() => world.commit({ "README.md": "other\n" }, "second"))).toEqual([1, 1, 0]);
    expect(await world.outcomes()).toEqual(["first #1: deployed", "second #1: no-op"]);
    expect(await costs()).toEqual([0, 0, 0]);
  });

  it("sees a commit that changes something, and one that is taken back", async () => {
    await costs(() => world.commit({ "a.json": configMap("a", { a: "2" }) }, "second"));
    expect(await world.data("a")).toEqual({ a: "2" });
    execFileSync("git", ["-C", world.path, "reset", "--quiet", "--hard", "HEAD~1"]);
    await costs();
    expect(await world.outcomes()).toEqual(["first #1: deployed", "second #1: deployed", "first #2: deployed"]);
  });

  it("mends what somebody changes or deletes, and rests again", async () => {
    const live = await world.object("ConfigMap", "a");
    if (live === undefined) throw new Error("there must be one");
    const mended = untilStatus(reconciler, ({ phase }) => phase === "Progressing");
    world.cluster.store.update({ ...live, data: { a: "by hand" } });
    await mended;
    await reconciler.settled();
    expect(await world.data("a")).toEqual({ a: "1" });
    expect((await world.newest()).events.at(-1)?.type).toBe("drift");
    await costs();
    expect(await costs()).toEqual([0, 0, 0]);
  });

  it("says that the repository is away", async () => {
    const readRef = world.repository.readRef.bind(world.repository);
    world.repository.readRef = () => Promise.reject(new TrueupError("unavailable", "Cannot read it."));
    const away = untilStatus(reconciler, ({ phase }) => phase === "Unreadable");
    reconciler.refChanged();
    expect(await away).toMatchObject({ reason: "Cannot read it." });
    world.repository.readRef = readRef;
    expect(await reconciler.settled()).toMatchObject({ phase: "Synced" });
  });
});

describe("an app whose workload somebody scales by an autoscaler", () => {
  it("makes the size git's again as soon as the autoscaler goes, though nothing of its own changes then", async () => {
    const subscribe = vi.spyOn(ClusterView.prototype, "subscribe");
    await start({ "web.json": deployment("web"), ...image("v1") });
    const listener = subscribe.mock.calls[0]?.[1];
    subscribe.mockRestore();
    // The local cluster has no autoscalers; to the reconciler it is any backend.
    const capabilities = { ...world.backend.capabilities, kinds: null };
    Object.defineProperty(world.backend, "capabilities", { value: capabilities });
    const object: KubeObject = {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "web", namespace: "default" },
      spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" }, maxReplicas: 9 },
    };
    const observed = { object, applied: null, owner: null };
    let items = [observed];
    const list = world.backend.list.bind(world.backend);
    world.backend.list = (query, signal) =>
      query.kind === object.kind ? Promise.resolve({ items, version: "1" }) : list(query, signal);
    const size = async (): Promise<unknown> => ((await world.object("Deployment", "web")) as Deployment).spec.replicas;
    const live = (await world.object("Deployment", "web")) as Deployment;
    world.cluster.store.update({ ...live, spec: { ...live.spec, replicas: 7 } } as KubeObject);
    await reconciler.settled();
    await untilStatus(reconciler, ({ phase }) => phase === "Synced");
    expect(await size()).toBe(7);
    items = [];
    listener?.onObject(observed, false, object);
    await reconciler.settled();
    expect(await size()).toBe(2);
  });
});

describe("what does not rest", () => {
  it("is an app whose images may come and go, on a backend that keeps them itself", async () => {
    await start({ "web.json": deployment("web"), ...image("v1") });
    expect((await costs())[0]).toBe(1);
  });

  it("is an app whose commit is rejected", async () => {
    await start({ "a.json": configMap("a") });
    await costs(() => world.commit({ "a.json": "kind: ConfigMap\n" }, "bad"));
    expect(reconciler.status().phase).toBe("Rejected");
    expect((await costs())[0]).toBeGreaterThan(0);
  });

  it("is an app whose deletions wait for a person", async () => {
    await start({ "a.json": configMap("a") });
    await costs(() => world.commit({ "a.json": null, "b.json": configMap("b") }, "moved"));
    expect(await costs(() => world.commit({ "b.json": null, "README.md": "none\n" }, "none left"))).not.toEqual([
      0, 0, 0,
    ]);
    expect(reconciler.status().phase).toBe("Held");
    expect((await costs())[0]).toBeGreaterThan(0);
  });

  it("is HEAD when it goes to another branch at the same commit: that one may be trusted less", async () => {
    await start({ "a.json": configMap("a") }, "HEAD");
    expect(await costs()).toEqual([0, 0, 0]);
    execFileSync("git", ["-C", world.path, "checkout", "--quiet", "-b", "other"]);
    expect((await costs())[0]).toBe(1);
    expect(refs.at(-1)).toBe("refs/heads/other");
    expect(await costs()).toEqual([0, 0, 0]);
  });

  it("is an app of which it is not known what was written: the ledger is asked", async () => {
    await start({ "a.json": configMap("a") });
    const end = world.ledger.end.bind(world.ledger);
    world.ledger.end = async (...args) => {
      await end(...args);
      world.ledger.end = end;
      throw new TrueupError("io", "Cannot hear of it.");
    };
    const failed = untilStatus(reconciler, ({ phase }) => phase === "Unreadable");
    world.commit({ "README.md": "other\n" }, "second");
    reconciler.refChanged();
    await failed;
    await untilStatus(reconciler, ({ phase }) => phase === "Synced");
    await reconciler.settled();
    expect(await world.outcomes()).toEqual(["first #1: deployed", "second #1: no-op"]);
    await costs();
    expect(await costs()).toEqual([0, 0, 0]);
  });
});
