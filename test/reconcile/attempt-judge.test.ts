/** What a look at an attempt's health writes down of pods that went: nothing of those that its own rollout ended. */
import { describe, expect, it } from "vitest";
import type { Attempt, AttemptEvent, Ledger } from "../../src/model/ledger.ts";
import { asCommitId } from "../../src/model/source.ts";
import { AttemptJudge, type AttemptJudgeParts } from "../../src/reconcile/attempt-judge.ts";
import type { CommitPass } from "../../src/reconcile/commit-pass.ts";
import type { Judgement } from "../../src/reconcile/health-watch.ts";
import { PodLosses } from "../../src/reconcile/pod-losses.ts";
import { AttemptRecord } from "../../src/reconcile/record.ts";
import { StatusBoard } from "../../src/reconcile/status-board.ts";
import type { Workloads } from "../../src/reconcile/workloads.ts";
import { VirtualClock } from "../../src/util/clock.ts";

const { signal } = new AbortController();
const APP = { name: "shop", path: "", namespace: "default", ref: "main", target: "cluster" };
const WELL: Judgement = { state: "healthy", reason: "", hasWaited: true, health: { status: "Healthy", reason: "" } };

/** A ReplicaSet that wants one more pod than there is, as it looks while the event that scaled it down is on its way. */
const CONTROLLER = { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: { name: "web-1" }, spec: { replicas: 1 } };
const WORKLOADS = {
  workloadOf: () => ({ id: { group: "apps", kind: "Deployment", namespace: "default", name: "web" } }),
  controllerOf: () => CONTROLLER,
  podsOf: () => [],
  masked: (text: string) => text,
} as unknown as Workloads;

describe("a pod that goes", () => {
  it("right before the look that ends the attempt is the rollout's own; one that goes later was lost", async () => {
    const events: AttemptEvent[] = [];
    const ledger = {
      event: async (_key: unknown, event: AttemptEvent) => void events.push(event),
      end: async () => {},
    } as unknown as Ledger;
    const clock = new VirtualClock();
    const losses = new PodLosses(WORKLOADS, clock);
    const parts = {
      options: { app: APP, ledger, log: { info: () => {} } },
      health: { judge: async () => WELL, restart: () => {} },
      losses,
      board: new StatusBoard(APP, "/shop"),
      onPassDue: () => {},
    } as unknown as AttemptJudgeParts;
    const attempt = { app: "shop", target: "cluster", commit: asCommitId("1".repeat(40)), ordinal: 1, events: [] };
    const record = new AttemptRecord(attempt as unknown as Attempt, ledger, clock);
    const commits = { isHeld: false, contested: "", onFailure: "keep", carried: null } as unknown as CommitPass;
    const judge = new AttemptJudge(parts);
    const goes = (name: string): void => {
      const pod = { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default" } };
      losses.see(pod, false, pod);
    };
    goes("web-1-a");
    await judge.judge(record, commits, false, signal);
    expect([record.ended, events]).toEqual([true, []]);
    goes("web-1-b");
    await judge.judge(record, commits, false, signal);
    expect(events.map(({ message }) => message)).toEqual(["pod/web-1-b was lost and is replaced: it was deleted"]);
  });
});
