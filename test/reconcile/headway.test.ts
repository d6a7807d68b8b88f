/** A rollout gets further when a mark is passed, and not when pods come and go. */
import { describe, expect, it } from "vitest";
import type { KubeObject, ObjectKey } from "../../src/model/object.ts";
import type { Deployment, ReplicaSet } from "../../src/model/workload.ts";
import { Headway } from "../../src/reconcile/headway.ts";

const WEB = "apps/Deployment/default/web" as ObjectKey;
const API = "apps/Deployment/default/api" as ObjectKey;

function deployment(replicas: number, updatedReplicas: number): Deployment {
  return { status: { replicas, updatedReplicas } } as Deployment;
}

function available(availableReplicas: number): ReplicaSet {
  return { status: { availableReplicas } } as ReplicaSet;
}

describe("a rollout", () => {
  it("got further last when more is new, more of that is available, or less is old", () => {
    const headway = new Headway();
    const rows: [at: number, replicas: number, updated: number, available: number, last: number][] = [
      [0, 3, 0, 0, 0],
      [1, 4, 1, 0, 1],
      [2, 4, 1, 0, 1],
      [3, 4, 1, 1, 3],
      [4, 4, 1, 0, 3],
      [5, 4, 1, 1, 3],
      [6, 3, 1, 0, 6],
      [7, 4, 1, 0, 6],
      [8, 4, 2, 0, 8],
      [9, 3, 1, 0, 8],
    ];
    for (const [at, replicas, updated, ready, last] of rows) {
      expect(headway.of(WEB, deployment(replicas, updated), available(ready), at), `at ${at}`).toBe(last);
    }
  });

  it("has marks of its own, and new ones when another begins", () => {
    const headway = new Headway();
    expect(headway.of(WEB, deployment(3, 3), available(3), 1)).toBe(1);
    expect(headway.of(API, deployment(3, 1), undefined, 2)).toBe(2);
    expect(headway.of(WEB, deployment(3, 1), available(0), 3)).toBe(1);
    headway.restart();
    expect(headway.of(WEB, deployment(3, 1), available(0), 4)).toBe(4);
  });

  it("is also that of what counts its pods itself, and never of what counts none", () => {
    const headway = new Headway();
    const counted = (status?: object): KubeObject => ({ status }) as unknown as KubeObject;
    const rows: [at: number, status: object | undefined, last: number][] = [
      [0, undefined, 0],
      [1, { updatedReplicas: 1, readyReplicas: 0 }, 1],
      [2, { updatedReplicas: 1, readyReplicas: 1 }, 2],
      [3, { updatedReplicas: 1, readyReplicas: 0 }, 2],
      [4, { updatedNumberScheduled: 2, numberAvailable: 1 }, 4],
      [5, { succeeded: 3 }, 5],
      [6, { succeeded: "4" }, 5],
    ];
    for (const [at, status, last] of rows) expect(headway.ofCounts(WEB, counted(status), at), `at ${at}`).toBe(last);
  });
});
