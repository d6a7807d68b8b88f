/** The shared view: who hears of what, whoever subscribes when, and what a failure or a circle of controllers does. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TrueupError } from "../../src/model/errors.ts";
import { type KubeObject, keyOf, type OwnerReference } from "../../src/model/object.ts";
import type { Observed } from "../../src/model/plan.ts";
import { ClusterView, type ViewSubscription } from "../../src/reconcile/view.ts";
import { settle, VirtualClock } from "../../src/util/clock.ts";
import { ScriptedBackend } from "./scripted-backend.ts";

function object(kind: string, name: string, controller?: KubeObject): KubeObject {
  const apiVersion = kind === "Pod" || kind === "ConfigMap" ? "v1" : "apps/v1";
  const owner: OwnerReference[] =
    controller === undefined
      ? []
      : [
          {
            apiVersion: controller.apiVersion,
            kind: controller.kind,
            name: controller.metadata.name,
            uid: controller.metadata.uid ?? "",
            controller: true,
          },
        ];
  return { apiVersion, kind, metadata: { name, namespace: "default", uid: `uid-${name}`, ownerReferences: owner } };
}

const seen = (of: KubeObject, owner: string | null = null): Observed => ({ object: of, applied: null, owner });

const DEPLOYMENT = object("Deployment", "web");
const REPLICA_SET = object("ReplicaSet", "web-1", DEPLOYMENT);
const POD = object("Pod", "web-1-x", REPLICA_SET);
const CONFIG = object("ConfigMap", "settings");

let backend: ScriptedBackend;
let clock: VirtualClock;
let view: ClusterView;
let heard: string[];
let subscriptions: Map<string, ViewSubscription>;

function subscribe(app: string, ...keys: KubeObject[]): void {
  const subscription = view.subscribe(app, {
    onObject: ({ object: { metadata } }, present, before) => {
      heard.push(`${app}: ${metadata.name} ${present ? "is" : "went"}${before === undefined ? "" : ", was"}`);
    },
    onListed: () => heard.push(`${app}: listed`),
    onError: (error) => heard.push(`${app}: ${error.message}`),
  });
  subscription.declare(keys.map((each) => keyOf(each)));
  subscriptions.set(app, subscription);
}

/** What was heard since it was asked last. */
function told(): string[] {
  return heard.splice(0);
}

beforeEach(() => {
  backend = new ScriptedBackend();
  clock = new VirtualClock();
  view = new ClusterView({ backend, clock, backoff: { baseMs: 10, maxMs: 10 } });
  heard = [];
  subscriptions = new Map();
});

afterEach(async () => {
  await view.close();
});

async function start(...items: Observed[]): Promise<void> {
  backend.items = items;
  view.start();
  await settle();
  told();
}

describe("an event", () => {
  const before = [seen(DEPLOYMENT, "owner"), seen(REPLICA_SET), seen(POD), seen(CONFIG)];
  const rows: { of: string; event: Observed; hear: string[] }[] = [
    { of: "what an app owns", event: seen(DEPLOYMENT, "owner"), hear: ["owner", "declares the deployment"] },
    { of: "what its workload controls", event: seen(REPLICA_SET), hear: ["owner", "declares the deployment"] },
    { of: "a pod, up to the workload", event: seen(POD), hear: ["owner", "declares the deployment"] },
    { of: "what nobody owns and one declares", event: seen(CONFIG), hear: ["declares the settings"] },
    { of: "what nobody owns and nobody declares", event: seen(object("ConfigMap", "other")), hear: [] },
    { of: "a pod whose controller is not there", event: seen(object("Pod", "lone", object("Job", "j"))), hear: [] },
    { of: "what is handed over", event: seen(DEPLOYMENT, "heir"), hear: ["heir", "owner", "declares the deployment"] },
  ];
  it.each(rows)("of $of reaches those whom it concerns, once", async ({ event, hear }) => {
    await start(...before);
    for (const app of ["owner", "heir", "stranger"]) subscribe(app);
    subscribe("declares the deployment", DEPLOYMENT);
    subscribe("declares the settings", CONFIG);
    told();
    await backend.tell("modified", event);
    const at = event.object.metadata.name;
    const was = before.some(({ object: known }) => known.metadata.name === at) ? ", was" : "";
    expect(told().sort()).toEqual(hear.map((app) => `${app}: ${at} is${was}`).sort());
  });

  it("of an object that goes is told with what it was, and the view has it no more", async () => {
    await start(seen(CONFIG, "owner"));
    subscribe("owner");
    told();
    await backend.tell("deleted", seen(CONFIG, "owner"));
    expect(told()).toEqual(["owner: settings went, was"]);
    expect(view.get(keyOf(CONFIG))).toBeUndefined();
  });

  const autoscaler = (name: string, target = "web"): KubeObject => ({
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name, namespace: "default", uid: `uid-${name}` },
    spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: target } },
  });
  const scaling: {
    of: string;
    had: KubeObject[];
    type: "added" | "modified" | "deleted";
    event: KubeObject;
    hear: string[];
  }[] = [
    { of: "comes", had: [], type: "added", event: autoscaler("a"), hear: ["declares: a is"] },
    { of: "goes", had: [autoscaler("a")], type: "deleted", event: autoscaler("a"), hear: ["declares: a went, was"] },
    {
      of: "turns to another",
      had: [autoscaler("a")],
      type: "modified",
      event: autoscaler("a", "other"),
      hear: ["declares: a is, was"],
    },
    {
      of: "turns to it",
      had: [autoscaler("a", "other")],
      type: "modified",
      event: autoscaler("a"),
      hear: ["declares: a is, was"],
    },
    { of: "tells how it does", had: [autoscaler("a")], type: "modified", event: autoscaler("a"), hear: [] },
    { of: "is of another", had: [], type: "added", event: autoscaler("a", "other"), hear: [] },
    { of: "says not what it scales", had: [], type: "added", event: { ...autoscaler("a"), spec: {} }, hear: [] },
    {
      of: "is a custom kind of that name",
      had: [],
      type: "added",
      event: { ...autoscaler("a"), apiVersion: "x.io/v1" },
      hear: [],
    },
  ];
  it.each(scaling)(
    "of an autoscaler that $of reaches who declares what it scales",
    async ({ had, type, event, hear }) => {
      await start(...had.map((each) => seen(each)));
      subscribe("declares", DEPLOYMENT);
      subscribe("stranger");
      told();
      await backend.tell(type, seen(event));
      expect(told()).toEqual(hear);
    },
  );

  it("of objects that control each other ends", async () => {
    const [a, b] = [
      object("ReplicaSet", "a", object("ReplicaSet", "b")),
      object("ReplicaSet", "b", object("ReplicaSet", "a")),
    ];
    await start(seen(a), seen(b));
    subscribe("declares", b);
    told();
    await backend.tell("modified", seen(a));
    expect(told()).toEqual(["declares: a is, was"]);
  });

  it("is not heard any more of what is declared no more, nor after the end", async () => {
    await start(seen(CONFIG), seen(POD, "one"));
    subscribe("one", CONFIG);
    told();
    subscriptions.get("one")?.declare([]);
    await backend.tell("modified", seen(CONFIG));
    expect(told()).toEqual([]);
    subscriptions.get("one")?.close();
    subscriptions.get("one")?.declare([keyOf(CONFIG)]);
    await backend.tell("modified", seen(CONFIG));
    await backend.tell("modified", seen(POD, "one"));
    expect(told()).toEqual([]);
  });
});

describe("the Secrets of a namespace", () => {
  it("are one list until one of them comes, changes or goes", async () => {
    const [secret, other] = [object("Secret", "s"), object("Secret", "t")];
    await start(seen(secret), seen(CONFIG));
    let list = view.secretsIn("default");
    expect(list).toEqual([secret]);
    const steps = [
      { type: "modified", of: CONFIG, isSame: true, has: ["s"] },
      { type: "added", of: other, isSame: false, has: ["s", "t"] },
      { type: "modified", of: other, isSame: false, has: ["s", "t"] },
      { type: "modified", of: POD, isSame: true, has: ["s", "t"] },
      { type: "deleted", of: secret, isSame: false, has: ["t"] },
    ] as const;
    for (const { type, of, isSame, has } of steps) {
      await backend.tell(type, seen(of));
      const now = view.secretsIn("default");
      expect([now === list, now.map(({ metadata }) => metadata.name)]).toEqual([isSame, has]);
      list = now;
    }
    expect(view.secretsIn("elsewhere")).toEqual([]);
  });
});

describe("who subscribes", () => {
  it("before the first list hears of it, and after it at once", async () => {
    subscribe("early");
    expect(told()).toEqual([]);
    view.start();
    await settle();
    expect(told()).toEqual(["early: listed"]);
    subscribe("late");
    expect(told()).toEqual(["late: listed"]);
  });

  it("hears that the backend cannot be read, each of them, also who comes while it is so; one list mends it for all", async () => {
    backend.failure = new TrueupError("unavailable", "no answer");
    subscribe("one");
    subscribe("two");
    view.start();
    await settle();
    expect(told()).toEqual(["one: no answer", "two: no answer"]);
    subscribe("three");
    expect(told()).toEqual(["three: no answer"]);
    backend.failure = null;
    await clock.advance(10);
    expect(told()).toEqual(["one: listed", "two: listed", "three: listed"]);
    expect(backend.lists).toBe(2);
  });

  it("does not hear of a watch that was too old, only of the list that follows; until then the view is not current", async () => {
    await start(seen(CONFIG, "one"));
    subscribe("one");
    told();
    await backend.breakWatch(new TrueupError("not-found", "too old"));
    subscribe("two");
    expect(told()).toEqual([]);
    await clock.advance(10);
    expect(told()).toEqual(["one: listed", "two: listed"]);
  });
});
