/** Pod losses: what counts as one, how often it is told, and that a rollout's own are forgotten. */
import { beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/model/object.ts";
import type { ContainerState, Pod } from "../../src/model/workload.ts";
import { PodLosses } from "../../src/reconcile/pod-losses.ts";
import type { Workloads } from "../../src/reconcile/workloads.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { declaredOf, deployment } from "../plan/declared.ts";
import { pod as makePod, replicaSet } from "../rollout/objects.ts";

const running: ContainerState = { running: { startedAt: "2026-01-01T00:00:00Z" } };
const killed: ContainerState = { terminated: { exitCode: 137, signal: 9, reason: "Error" } };

function pod(name: string, state: ContainerState, ready = true, restartCount = 0): Pod {
  const made = makePod(name, { ready });
  const container = { name: "web", image: "", imageID: "", ready, started: true, restartCount, state, lastState: {} };
  return { ...made, status: { ...made.status, phase: "Running", containerStatuses: [container] } };
}

const going = (of: Pod): Pod => ({ ...of, metadata: { ...of.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } });

let clock: VirtualClock;
let losses: PodLosses;
let left: Pod[];
let isOurs: boolean;

beforeEach(() => {
  clock = new VirtualClock();
  left = [];
  isOurs = true;
  const workloads: Pick<Workloads, "workloadOf" | "controllerOf" | "podsOf" | "masked"> = {
    workloadOf: () => (isOurs ? declaredOf(deployment("web")) : undefined),
    controllerOf: () => replicaSet("web-1", { replicas: 2 }),
    podsOf: () => left,
    masked: (text, namespace) => text.replaceAll(`hunter22-of-${namespace}`, "***"),
  };
  losses = new PodLosses(workloads as Workloads, clock);
});

const told = (): string[] =>
  losses.take().map(({ workload, action, object, why, count }) => [workload, action, object, why, count].join(" | "));

describe("a pod", () => {
  const up = pod("p", running);
  const rows: {
    name: string;
    now: KubeObject;
    present: boolean;
    before: Pod | undefined;
    left: Pod[];
    told: RegExp | null;
  }[] = [
    { name: "that is new", now: up, present: true, before: undefined, left: [], told: null },
    {
      name: "whose container ended",
      now: pod("p", killed, false),
      present: true,
      before: up,
      left: [],
      told: /^deployment\/web \| restart \| pod\/p \| .*137.* \| 1$/,
    },
    {
      name: "whose last words are a Secret",
      now: pod("p", { terminated: { exitCode: 3, reason: "Error", message: "no hunter22-of-default" } }, false),
      present: true,
      before: up,
      left: [],
      told: /exit code 3: no \*\*\* \| 1$/,
    },
    {
      name: "whose container runs again",
      now: pod("p", running, true, 1),
      present: true,
      before: up,
      left: [],
      told: /restart/,
    },
    {
      name: "that was not ready",
      now: pod("p", killed, false),
      present: true,
      before: pod("p", running, false),
      left: [],
      told: null,
    },
    {
      name: "that is ended by its deletion",
      now: going(pod("p", killed, false)),
      present: true,
      before: going(up),
      left: [],
      told: null,
    },
    {
      name: "that is deleted though it is wanted",
      now: going(up),
      present: true,
      before: up,
      left: [up],
      told: /recreate \| pod\/p \| it was deleted \| 1$/,
    },
    {
      name: "that is deleted as there are enough",
      now: going(up),
      present: true,
      before: up,
      left: [up, up],
      told: null,
    },
    { name: "that vanishes", now: up, present: false, before: up, left: [up], told: /recreate/ },
    {
      name: "that vanishes after it was told to go",
      now: going(up),
      present: false,
      before: going(up),
      left: [up],
      told: null,
    },
    { name: "that is none", now: deployment("web"), present: false, before: up, left: [], told: null },
  ];
  it.each(rows)("$name", ({ now, present, before, left: others, told: wanted }) => {
    left = others;
    losses.see(now, present, before);
    const lines = told();
    expect(lines.length).toBe(wanted === null ? 0 : 1);
    if (wanted !== null) expect(lines[0]).toMatch(wanted);
  });

  it("of nobody of ours is no loss", () => {
    isOurs = false;
    losses.see(pod("p", killed, false), true, up);
    expect(told()).toEqual([]);
  });
});

describe("losses that follow each other", () => {
  const lose = (): void => losses.see(pod("p", killed, false), true, pod("p", running));
  const counts = (): number[] => losses.take().map(({ count }) => count);

  it("are told once in ten minutes, and counted", async () => {
    for (let time = 0; time < 1_000; time++) lose();
    expect(counts()).toEqual([1]);
    await clock.advance(599_999);
    lose();
    expect(counts()).toEqual([]);
    await clock.advance(1);
    lose();
    expect(counts()).toEqual([1_001]);
  });

  it("are told though a rollout had some a moment ago", () => {
    lose();
    losses.drop();
    lose();
    expect(counts()).toEqual([1]);
  });
});
