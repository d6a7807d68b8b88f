import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pod, ReplicaSet } from "../../src/model/workload.ts";
import { BURST_REPLICAS, planReplicaSet, withFailure } from "../../src/rollout/plan-replicaset.ts";
import { inDeletionOrder, untilAvailableMs } from "../../src/rollout/pods.ts";
import { NOW, type PodShape, pod, replicaSet } from "./objects.ts";

function rs(replicas: number, minReadySeconds = 0): ReplicaSet {
  const made = replicaSet("rs", { replicas });
  return { ...made, spec: { ...made.spec, minReadySeconds } };
}

function plan(replicas: number, pods: Pod[], minReadySeconds = 0) {
  return planReplicaSet({ replicaSet: rs(replicas, minReadySeconds), pods, now: NOW });
}

const names = (pods: Pod[]): string[] => pods.map(({ metadata }) => metadata.name);

describe("pods are deleted in this order", () => {
  // Each row: what goes first, what goes later, and nothing else differs.
  const rows: [string, PodShape, PodShape][] = [
    ["not assigned to a node", { node: "" }, { node: "here" }],
    ["Pending before Unknown", { phase: "Pending" }, { phase: "Unknown" }],
    ["Unknown before Running", { phase: "Unknown" }, { phase: "Running" }],
    ["not ready before ready", { ready: false }, { ready: true }],
    ["lower deletion cost", { ready: true, cost: "-5" }, { ready: true }],
    ["cost as a number, not a text", { ready: true, cost: "9" }, { ready: true, cost: "10" }],
    ["a cost that is no number counts as none", { ready: true, cost: "cheap" }, { ready: true, cost: "1" }],
    ["ready for less time", { ready: true, readyFor: 10 }, { ready: true, readyFor: 20 }],
    ["more restarts", { ready: true, restarts: 3 }, { ready: true, restarts: 1 }],
    ["newer", { ready: true, age: 61, readyFor: 5 }, { ready: true, age: 62, readyFor: 5 }],
  ];
  it.each(rows)("%s", (_name, first, later) => {
    expect(names(inDeletionOrder([pod("b", later), pod("c", first)]))).toEqual(["c", "b"]);
    expect(names(inDeletionOrder([pod("c", later), pod("b", first)]))).toEqual(["b", "c"]);
  });

  it("each rule beats all that follow it", () => {
    rows.forEach(([, first, later], index) => {
      for (const [, weakFirst, weakLater] of rows.slice(index + 1)) {
        const winner = { ...weakLater, ...first };
        const loser = { ...weakFirst, ...later };
        // Rules about the same field cannot be set against each other.
        if (Object.keys(first).some((key) => key in weakFirst)) continue;
        expect(names(inDeletionOrder([pod("b", loser), pod("c", winner)]))).toEqual(["c", "b"]);
      }
    });
  });

  it("on the node with more pods of the owner before others", () => {
    const pods = [pod("a", { ready: true, node: "one" }), pod("b", { ready: true, node: "two" })];
    const related = [...pods, pod("c", { ready: true, node: "two" })];
    expect(names(inDeletionOrder(pods, related))).toEqual(["b", "a"]);
  });

  it("by name where all is equal", () => {
    expect(names(inDeletionOrder([pod("c"), pod("a"), pod("b")]))).toEqual(["a", "b", "c"]);
  });
});

describe("a pod is available", () => {
  it.each([
    ["at once without minReadySeconds", 0, 0, 0],
    ["not while it is too young", 10, 4, 6000],
    ["exactly after minReadySeconds", 10, 10, 0],
    ["at once when the clock was set back since it was ready", 10, -100, 0],
    ["and from then on", 10, 11, 0],
  ])("%s", (_name, minReadySeconds, readyFor, left) => {
    expect(untilAvailableMs(pod("a", { ready: true, readyFor }), minReadySeconds, NOW)).toBe(left);
  });

  it("never while it is not ready", () => {
    expect(untilAvailableMs(pod("a"), 0, NOW)).toBeUndefined();
  });
});

describe("planReplicaSet", () => {
  it("creates what is missing; terminating and ended pods are no replicas", () => {
    const pods = [
      pod("a", { ready: true }),
      pod("b", { terminating: true, ready: true }),
      pod("c", { phase: "Failed" }),
    ];
    const made = plan(3, pods);
    expect(made.create).toBe(2);
    expect(made.remove).toEqual([]);
    expect(made.status).toEqual({
      replicas: 1,
      fullyLabeledReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      terminatingReplicas: 1,
      observedGeneration: 1,
    });
  });

  it("deletes what is too much, never a pod that goes anyway", () => {
    const pods = [
      pod("a", { ready: true }),
      pod("b", { terminating: true }),
      pod("c"),
      pod("d", { ready: true, readyFor: 1 }),
    ];
    expect(names(plan(1, pods).remove)).toEqual(["c", "d"]);
  });

  it("keeps pods that were ready before the clock was set back, longest of all, and counts them as available", () => {
    const pods = [
      pod("before", { ready: true, readyFor: -100 }),
      pod("long", { ready: true, readyFor: 50 }),
      pod("short", { ready: true, readyFor: 1 }),
    ];
    expect(names(plan(1, pods, 10).remove)).toEqual(["short", "long"]);
    expect(plan(3, pods, 10).status?.availableReplicas).toBe(2);
  });

  it("creates and deletes at most 500 pods a time", () => {
    expect(plan(2000, []).create).toBe(BURST_REPLICAS);
    const many = Array.from({ length: 700 }, (_, n) => pod(`p${n}`));
    expect(plan(0, many).remove).toHaveLength(500);
  });

  it("adopts matching orphans, releases pods that no longer match, and leaves what others own", () => {
    const pods = [
      pod("orphan", { owner: null }),
      pod("stray", { labels: { app: "other" } }),
      pod("foreign", { owner: "someone" }),
      pod("other-orphan", { owner: null, labels: { app: "other" } }),
      pod("ended-orphan", { owner: null, phase: "Succeeded" }),
    ];
    const made = plan(1, pods);
    expect({ adopt: names(made.adopt), release: names(made.release), create: made.create }).toEqual({
      adopt: ["orphan"],
      release: ["stray"],
      create: 0,
    });
  });

  it("counts fully labelled pods", () => {
    const made = rs(2);
    made.spec.template = { ...made.spec.template, metadata: { labels: { app: "web", tier: "front" } } };
    const pods = [pod("a"), pod("b", { labels: { app: "web", tier: "front" } })];
    expect(planReplicaSet({ replicaSet: made, pods, now: NOW }).status?.fullyLabeledReplicas).toBe(1);
  });

  it("comes back when the next ready pod becomes available", () => {
    const pods = [pod("a", { ready: true, readyFor: 4 }), pod("b", { ready: true, readyFor: 7 }), pod("c")];
    const made = plan(3, pods, 10);
    expect(made.requeueAfterMs).toBe(3000);
    expect(made.status?.availableReplicas).toBe(0);
    expect(plan(3, [pod("a", { ready: true, readyFor: 10 })], 10).requeueAfterMs).toBeUndefined();
  });

  it("creates and deletes nothing while it is being deleted", () => {
    const going = rs(3);
    going.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    const made = planReplicaSet({ replicaSet: going, pods: [pod("a", { owner: null })], now: NOW });
    expect([made.create, made.remove, made.adopt]).toEqual([0, [], []]);
  });

  const shape = fc.record({
    node: fc.constantFrom("", "here", "there"),
    phase: fc.constantFrom("Pending" as const, "Unknown" as const, "Running" as const, "Failed" as const),
    ready: fc.boolean(),
    readyFor: fc.nat(100),
    age: fc.nat(100),
    restarts: fc.nat(3),
    terminating: fc.boolean(),
  });

  it("always ends with the right number, never deletes a ready pod for one that is not, and has nothing to do twice", () => {
    fc.assert(
      fc.property(fc.array(shape, { maxLength: 12 }), fc.nat(12), (shapes, replicas) => {
        const pods = shapes.map((one, index) => pod(`p${index}`, one));
        const made = plan(replicas, pods);
        const isActive = ({ metadata, status }: Pod) =>
          metadata.deletionTimestamp === undefined && status?.phase !== "Failed";
        const active = pods.filter(isActive).length;
        expect(active + made.create - made.remove.length).toBe(replicas);
        expect(made.create === 0 || made.remove.length === 0).toBe(true);
        const gone = new Set(made.remove);
        const isReady = ({ spec, status }: Pod) =>
          status?.phase === "Running" && status.conditions?.[0]?.status === "True" && spec.nodeName !== undefined;
        const keepsUnready = pods.some(
          (one) =>
            isActive(one) &&
            !gone.has(one) &&
            one.status?.phase === "Running" &&
            one.status.conditions?.[0]?.status !== "True",
        );
        if (keepsUnready) expect(made.remove.filter(isReady)).toEqual([]);
        const kept = pods.filter((one) => !gone.has(one));
        const fresh = Array.from({ length: made.create }, (_, index) => pod(`new${index}`));
        const second = plan(replicas, [...kept, ...fresh]);
        expect([second.create, second.remove]).toEqual([0, []]);
        const third = planReplicaSet({
          replicaSet: { ...rs(replicas), status: second.status ?? { replicas: 0 } },
          pods: [...kept, ...fresh],
          now: NOW,
        });
        expect(third.status).toBeUndefined();
      }),
    );
  });
});

describe("a failure to create or delete", () => {
  const failure = { reason: "FailedCreate", message: "no room" } as const;

  it("is said in a condition, keeps its words, and goes with the failure", () => {
    const said = withFailure({ replicas: 0 }, failure, NOW);
    expect(said).toEqual({
      replicas: 0,
      conditions: [
        {
          type: "ReplicaFailure",
          status: "True",
          reason: "FailedCreate",
          message: "no room",
          lastTransitionTime: "2026-01-01T00:00:00Z",
        },
      ],
    });
    expect(withFailure(said, { reason: "FailedDelete", message: "other" }, NOW)).toBe(said);
    expect(withFailure(said, undefined, NOW)).toEqual({ replicas: 0 });
    const clean = { replicas: 1 };
    expect(withFailure(clean, undefined, NOW)).toBe(clean);
  });
});
