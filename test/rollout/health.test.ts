import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/model/object.ts";
import type { ContainerStatus, KubeEvent, Pod } from "../../src/model/workload.ts";
import { healthOf } from "../../src/rollout/health.ts";
import { deployment, NOW, type PodShape, pod, replicaSet } from "./objects.ts";

const FIXTURES = resolve(import.meta.dirname, "../fixtures/health/gitops-engine");
/** Where trueup disagrees with Argo CD, and why. */
const DISAGREEMENTS: Record<string, { status: string; because: string }> = {
  "pod-running-restart-never-with-ignore-annotation.yaml": {
    status: "Progressing",
    because:
      "an annotation of Argo CD's own, which trueup does not read, makes a pod that is to end count as one that stays",
  },
  "pod-running-restart-never-with-ignore-annotation-backoff.yaml": {
    status: "Progressing",
    because: "the same annotation; without it Argo CD too calls a pod that is to end Progressing",
  },
};

const { cases } = JSON.parse(readFileSync(resolve(FIXTURES, "expected-health.json"), "utf8")) as {
  cases: { file: string; status: string | null; message?: string }[];
};

/** Argo CD has no opinion of its own on these: a custom resource without conditions is Healthy here once it exists. */
const NO_OPINION = "Healthy";

describe("health agrees with Argo CD, for all built-in kinds", () => {
  const known = cases;

  it("has all of its cases, one of which asserts a message", () => {
    expect(known).toHaveLength(50);
    expect(known.filter(({ message }) => message !== undefined).map(({ message }) => message)).toEqual([
      "Job suspended",
    ]);
    expect(known.filter(({ status }) => status === null)).toHaveLength(3);
  });

  it.each(known)("$file is $status", ({ file, status, message }) => {
    const object = {
      metadata: { name: "" },
      // One of the files has a key twice, which Go's reader of the time let pass.
      ...(load(readFileSync(resolve(FIXTURES, file), "utf8"), { json: true }) as object),
    } as KubeObject;
    const other = DISAGREEMENTS[file.slice(file.lastIndexOf("/") + 1)];
    if (other !== undefined) expect(other.because).not.toBe("");
    const found = healthOf(object);
    expect(found.status).toBe(other?.status ?? status ?? NO_OPINION);
    if (message !== undefined) expect(found.reason).toBe(message);
  });

  it("lists only disagreements that are there", () => {
    const files = known.map(({ file }) => file.slice(file.lastIndexOf("/") + 1));
    expect(Object.keys(DISAGREEMENTS).filter((file) => !files.includes(file))).toEqual([]);
  });
});

function withContainer(shape: PodShape, container: Partial<ContainerStatus>): Pod {
  const made = pod("web-1-abcde", { owner: "web-1-uid", ...shape });
  const [first] = made.status?.containerStatuses ?? [];
  if (first === undefined || made.status === undefined) throw new Error("the pod has a container");
  return { ...made, status: { ...made.status, containerStatuses: [{ ...first, ...container }] } };
}

const crashed = { terminated: { exitCode: 1, reason: "Error" } };

describe("the reason of a pod's health", () => {
  const rows: [string, Pod, string, string][] = [
    [
      "names the wait and how the last run ended",
      withContainer(
        {},
        { state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } }, lastState: crashed },
      ),
      "Degraded",
      "container web: CrashLoopBackOff: exit code 1",
    ],
    [
      "names the wait and what it says",
      withContainer(
        { phase: "Pending" },
        { state: { waiting: { reason: "ErrImagePull", message: "looked in images/web" } } },
      ),
      "Degraded",
      "container web: ErrImagePull: looked in images/web",
    ],
    [
      "names the end of the run",
      withContainer({}, { state: { terminated: { exitCode: 137, signal: 9, reason: "OOMKilled" } } }),
      "Progressing",
      "container web: exit code 137 (signal 9, OOMKilled)",
    ],
    [
      "says when the end is not known",
      withContainer(
        {},
        { state: { terminated: { reason: "ContainerStatusUnknown", message: "the kubelet was not there" } } },
      ),
      "Progressing",
      "container web: ContainerStatusUnknown: the kubelet was not there",
    ],
    [
      "remembers the last run of one that runs again",
      withContainer({}, { state: { running: { startedAt: "" } }, lastState: crashed }),
      "Degraded",
      "container web: exit code 1",
    ],
    [
      "says what it waits for",
      withContainer({}, { state: { running: { startedAt: "" } } }),
      "Progressing",
      "container web: not ready",
    ],
    [
      "says that a start-up probe has not passed yet",
      withContainer({}, { started: false, state: { running: { startedAt: "" } } }),
      "Progressing",
      "container web: not started yet",
    ],
    [
      "names a wait that passes",
      withContainer({ phase: "Pending" }, { state: { waiting: { reason: "ContainerCreating" } } }),
      "Progressing",
      "container web: ContainerCreating",
    ],
    ["is empty when it is ready", withContainer({ ready: true }, { ready: true }), "Healthy", ""],
    [
      "names the container of a pod that failed",
      withContainer({ phase: "Failed" }, { state: crashed }),
      "Degraded",
      "container web: exit code 1",
    ],
    ["says that it is going", pod("web-1-abcde", { terminating: true }), "Progressing", "Pending deletion"],
    ["is unknown with the phase", pod("web-1-abcde", { phase: "Unknown" }), "Unknown", ""],
  ];
  it.each(rows)("%s", (_name, given, status, reason) => {
    expect(healthOf(given)).toEqual({ status, reason });
  });

  it("looks at init containers first", () => {
    const given = withContainer({ phase: "Pending" }, { state: { waiting: { reason: "PodInitializing" } } });
    const [main] = given.status?.containerStatuses ?? [];
    if (main === undefined || given.status === undefined) throw new Error("the pod has a container");
    given.status.initContainerStatuses = [
      { ...main, name: "migrate", state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: crashed },
    ];
    expect(healthOf(given).reason).toBe("container migrate: CrashLoopBackOff: exit code 1");
  });

  it("is also the latest warning about it where its containers tell little", () => {
    const given = withContainer({}, { state: { running: { startedAt: "" } } });
    const event = (message: string, seconds: number, uid = "web-1-abcde-uid"): KubeEvent => ({
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: message },
      type: "Warning",
      reason: "Unhealthy",
      message,
      count: 1,
      firstTimestamp: "",
      lastTimestamp: new Date(NOW + seconds * 1000).toISOString(),
      source: { component: "kubelet" },
      involvedObject: { apiVersion: "v1", kind: "Pod", namespace: "default", name: "web-1-abcde", uid },
    });
    const events = [event("older", 1), event("newest", 3), event("another pod's", 9, "other"), event("old", 2)];
    expect(healthOf(given, { events }).reason).toBe("container web: not ready: Unhealthy: newest");
  });
});

describe("the reason of a workload's health comes from below", () => {
  const failing = withContainer({}, { state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: crashed });
  const current = { ...replicaSet("web-1", { replicas: 1, available: 0, actual: 1, revision: 1 }) };
  const status = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 0 };
  const context = { pods: [pod("other", { owner: "web-0-uid" }), failing], replicaSets: [current] };

  it("for a Deployment under way", () => {
    expect(healthOf({ ...deployment(), status }, context)).toEqual({
      status: "Progressing",
      reason: "0 of 1 updated replicas are available: pod web-1-abcde: container web: CrashLoopBackOff: exit code 1",
    });
  });

  it("for a Deployment out of time", () => {
    const conditions = [{ type: "Progressing", status: "False" as const, reason: "ProgressDeadlineExceeded" }];
    expect(healthOf({ ...deployment(), status: { ...status, conditions } }, context)).toEqual({
      status: "Degraded",
      reason:
        'deployment "web" exceeded its progress deadline: pod web-1-abcde: container web: CrashLoopBackOff: exit code 1',
    });
  });

  it("for a Deployment that waits for old pods before it begins", () => {
    const ending = pod("web-0-abcde", { owner: "web-0-uid" });
    const going = { ...ending, metadata: { ...ending.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    const old = replicaSet("web-0", { actual: 1, image: "web:v0" });
    const found = healthOf(
      { ...deployment(), status: { ...status, updatedReplicas: 0 } },
      { pods: [going], replicaSets: [old] },
    );
    expect(found).toEqual({
      status: "Progressing",
      reason: "0 out of 1 new replicas have been updated: pod web-0-abcde is still ending",
    });
  });

  it("for a Deployment whose pods or ReplicaSet cannot be created", () => {
    const failure = { type: "ReplicaFailure", status: "True" as const, reason: "FailedCreate", message: "no room" };
    expect(healthOf({ ...deployment(), status: { ...status, conditions: [failure] } }, context).reason).toBe(
      "0 of 1 updated replicas are available: no room",
    );
    const conditions = [
      { type: "Progressing", status: "False" as const, reason: "ReplicaSetCreateError", message: "taken" },
    ];
    expect(healthOf({ ...deployment(), status: { ...status, conditions } }, context).reason).toBe(
      "0 of 1 updated replicas are available: taken",
    );
  });

  it("for a ReplicaSet", () => {
    expect(healthOf(current, context)).toEqual({
      status: "Progressing",
      reason: "0 out of 1 new replicas are available: pod web-1-abcde: container web: CrashLoopBackOff: exit code 1",
    });
    const conditions = [
      { type: "ReplicaFailure", status: "True" as const, reason: "FailedCreate", message: "no room" },
    ];
    const refused = { ...current, status: { replicas: 0, observedGeneration: 1, conditions } };
    expect(healthOf(refused)).toEqual({ status: "Degraded", reason: "no room" });
    expect(healthOf(replicaSet("web-1", { replicas: 2 }))).toEqual({ status: "Healthy", reason: "" });
  });

  it("and says what is not observed yet, paused, or going", () => {
    expect(healthOf(deployment())).toEqual({ status: "Progressing", reason: "the new spec is not observed yet" });
    expect(healthOf(deployment({ paused: true }))).toEqual({ status: "Suspended", reason: "Deployment is paused" });
    const going = deployment({}, { deletionTimestamp: "2026-01-01T00:00:00Z" });
    expect(healthOf(going)).toEqual({ status: "Progressing", reason: "Pending deletion" });
    const unseen = replicaSet("web-1");
    unseen.metadata.generation = 2;
    expect(healthOf(unseen).reason).toBe("the new spec is not observed yet");
  });
});

describe("the health of other kinds", () => {
  const object = (kind: string, rest: object = {}): KubeObject => ({
    apiVersion: "v1",
    kind,
    metadata: { name: "a" },
    ...rest,
  });

  it.each(["ConfigMap", "Secret", "Namespace"])("%s is Healthy once it exists", (kind) => {
    expect(healthOf(object(kind))).toEqual({ status: "Healthy", reason: "" });
  });

  it("a LoadBalancer Service waits for its local port", () => {
    const service = object("Service", { spec: { type: "LoadBalancer" } });
    expect(healthOf(service)).toEqual({ status: "Progressing", reason: "nothing has given it an address yet" });
    service.metadata.annotations = { "trueup/local-ports": '{"80":8080}' };
    expect(healthOf(service)).toEqual({ status: "Healthy", reason: "" });
  });
});
