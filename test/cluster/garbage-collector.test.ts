import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GarbageCollector } from "../../src/cluster/controllers/garbage-collector.ts";
import { SqliteObjectStore } from "../../src/cluster/store.ts";
import { type KubeObject, keyOf } from "../../src/model/object.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";

let clock: VirtualClock;
let store: SqliteObjectStore;
let collector: GarbageCollector;
let errors: unknown[];

beforeEach(() => {
  clock = new VirtualClock();
  store = new SqliteObjectStore(":memory:", { clock, random: seededRandom(1) });
  errors = [];
  collector = new GarbageCollector({ store, clock, onError: (error) => errors.push(error) });
});

afterEach(() => {
  collector.close();
  store.close();
  expect(errors).toEqual([]);
});

function make(kind: string, name: string, owners: KubeObject[] = [], metadata: object = {}): KubeObject {
  const ownerReferences = owners.map((owner, index) => ({
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? "",
    controller: index === 0,
  }));
  const spec = kind === "Pod" ? { spec: { containers: [], nodeName: "local" } } : {};
  return store.create({ apiVersion: "v1", kind, metadata: { name, ownerReferences, ...metadata }, ...spec });
}

function present(): string[] {
  return store
    .list({})
    .filter(({ metadata }) => metadata.name !== "default")
    .map(
      ({ kind, metadata }) => `${kind} ${metadata.name}${metadata.deletionTimestamp === undefined ? "" : " (going)"}`,
    )
    .sort();
}

describe("garbage collection", () => {
  it("follows ownership down, and waits for pods to end", async () => {
    collector.start();
    const top = make("ConfigMap", "top");
    const middle = make("ConfigMap", "middle", [top]);
    const pod = make("Pod", "pod", [middle]);
    make("ConfigMap", "bystander");
    await clock.advance(0);
    store.delete(keyOf(top));
    await clock.advance(0);
    expect(present()).toEqual(["ConfigMap bystander", "Pod pod (going)"]);
    store.remove(keyOf(pod), pod.metadata.uid ?? "");
    expect(present()).toEqual(["ConfigMap bystander"]);
  });

  it("keeps what has another owner, without the reference to the one that is gone", async () => {
    collector.start();
    const [one, two] = [make("ConfigMap", "one"), make("ConfigMap", "two")];
    const shared = make("ConfigMap", "shared", [one, two]);
    store.delete(keyOf(one));
    await clock.advance(0);
    expect(store.get(keyOf(shared))?.metadata.ownerReferences?.map(({ name }) => name)).toEqual(["two"]);
    store.delete(keyOf(two));
    await clock.advance(0);
    expect(present()).toEqual([]);
  });

  it("forgets an ownership that was given up", async () => {
    collector.start();
    const owner = make("ConfigMap", "owner");
    const free = make("ConfigMap", "free", [owner]);
    store.update({ ...free, metadata: { ...free.metadata, ownerReferences: [] } });
    store.delete(keyOf(owner));
    await clock.advance(0);
    expect(present()).toEqual(["ConfigMap free"]);
  });

  it("collects what lost its owner while nobody collected, and what is made for an owner that is gone", async () => {
    const owner = make("ConfigMap", "owner");
    make("ConfigMap", "early", [owner]);
    store.delete(keyOf(owner));
    collector.start();
    make("ConfigMap", "late", [owner]);
    await clock.advance(0);
    expect(present()).toEqual([]);
  });

  it("takes an object of the same name for another one", async () => {
    collector.start();
    const owner = make("ConfigMap", "owner");
    make("ConfigMap", "dependent", [owner]);
    store.delete(keyOf(owner));
    make("ConfigMap", "owner");
    await clock.advance(0);
    expect(present()).toEqual(["ConfigMap owner"]);
  });
});

describe("deleting a Namespace", () => {
  it("removes its objects, then itself, and nothing else", async () => {
    collector.start();
    const namespace = make("Namespace", "shop");
    make("ConfigMap", "settings", [], { namespace: "shop" });
    const pod = make("Pod", "web", [], { namespace: "shop" });
    make("ConfigMap", "elsewhere");
    store.delete(keyOf(namespace));
    await clock.advance(0);
    expect(present()).toEqual(["ConfigMap elsewhere", "Namespace shop (going)", "Pod web (going)"]);
    store.remove(keyOf(pod), pod.metadata.uid ?? "");
    await clock.advance(0);
    expect(present()).toEqual(["ConfigMap elsewhere"]);
  });

  it("goes on after a restart, and is at once done when it is empty", async () => {
    const namespace = make("Namespace", "shop");
    make("ConfigMap", "settings", [], { namespace: "shop" });
    store.delete(keyOf(namespace));
    store.delete(keyOf(make("Namespace", "empty")));
    expect(present()).toEqual(["ConfigMap settings", "Namespace empty (going)", "Namespace shop (going)"]);
    collector.start();
    await clock.advance(0);
    expect(present()).toEqual([]);
  });
});
