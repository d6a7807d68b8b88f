/** Deployments, ReplicaSets and pods for tests, with as little said as the case needs, and the upstream tables. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type {
  Deployment,
  DeploymentSpec,
  IntOrPercent,
  Pod,
  PodTemplate,
  ReplicaSet,
} from "../../src/model/workload.ts";

export const NOW = Date.UTC(2026, 0, 1);

export function template(image = "web:v1", labels: Record<string, string> = { app: "web" }): PodTemplate {
  return { metadata: { labels }, spec: { containers: [{ name: "web", image }] } };
}

export function deployment(
  spec: Partial<DeploymentSpec> = {},
  metadata: Partial<Deployment["metadata"]> = {},
): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default", uid: "web-uid", generation: 1, ...metadata },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: "web" } },
      template: template(),
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      ...spec,
    },
  };
}

export function rolling(
  maxSurge?: IntOrPercent | null,
  maxUnavailable?: IntOrPercent | null,
): DeploymentSpec["strategy"] {
  return {
    type: "RollingUpdate",
    rollingUpdate: {
      ...(maxSurge === undefined || maxSurge === null ? {} : { maxSurge }),
      ...(maxUnavailable === undefined || maxUnavailable === null ? {} : { maxUnavailable }),
    },
  };
}

export interface ReplicaSetShape {
  replicas?: number;
  available?: number;
  ready?: number;
  actual?: number;
  image?: string;
  revision?: number;
  created?: number;
  annotations?: Record<string, string>;
  owner?: string | null;
}

/** A ReplicaSet of the Deployment `web`; all its pods are there, and available, unless said otherwise. */
export function replicaSet(name: string, shape: ReplicaSetShape = {}): ReplicaSet {
  const { replicas = 0, image = "web:v1", created = 0, owner = "web-uid" } = shape;
  const { actual = replicas, available = actual, ready = available } = shape;
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name,
      namespace: "default",
      uid: `${name}-uid`,
      generation: 1,
      creationTimestamp: new Date(NOW - 3_600_000 + created * 1000).toISOString(),
      labels: { app: "web" },
      annotations: {
        ...(shape.revision === undefined ? {} : { "deployment.kubernetes.io/revision": String(shape.revision) }),
        ...shape.annotations,
      },
      ...(owner === null
        ? {}
        : {
            ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name: "web", uid: owner, controller: true }],
          }),
    },
    spec: { replicas, minReadySeconds: 0, selector: { matchLabels: { app: "web" } }, template: template(image) },
    status: { replicas: actual, readyReplicas: ready, availableReplicas: available, observedGeneration: 1 },
  };
}

export interface PodShape {
  node?: string;
  phase?: "Pending" | "Unknown" | "Running" | "Succeeded" | "Failed";
  ready?: boolean;
  /** Seconds before NOW. */
  readyFor?: number;
  age?: number;
  restarts?: number;
  cost?: string;
  terminating?: boolean;
  owner?: string | null;
  labels?: Record<string, string>;
}

export function pod(name: string, shape: PodShape = {}): Pod {
  const { node = "here", phase = "Running", ready = false, readyFor = 60, age = 60, restarts = 0, cost } = shape;
  const { owner = "rs-uid", labels = { app: "web" } } = shape;
  const at = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: `${name}-uid`,
      labels,
      creationTimestamp: at(age),
      ...(shape.terminating === true ? { deletionTimestamp: at(0) } : {}),
      ...(cost === undefined ? {} : { annotations: { "controller.kubernetes.io/pod-deletion-cost": cost } }),
      ...(owner === null
        ? {}
        : {
            ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "rs", uid: owner, controller: true }],
          }),
    },
    spec: { ...(node === "" ? {} : { nodeName: node }), containers: [{ name: "web" }] },
    status: {
      phase,
      conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: at(readyFor) }],
      containerStatuses: [
        {
          name: "web",
          image: "web:v1",
          imageID: "",
          ready,
          started: true,
          restartCount: restarts,
          state: {},
          lastState: {},
        },
      ],
    },
  };
}

export interface Table<In, Expect> {
  semantics?: string;
  cases: { name?: string; in: In; expect: Expect }[];
}

/** A table of `test/fixtures/deployment`; cases that upstream did not name are numbered. */
export function table<In, Expect>(name: string): { name: string; in: In; expect: Expect }[] {
  const path = resolve(import.meta.dirname, "../fixtures/deployment", `${name}.json`);
  const { cases } = JSON.parse(readFileSync(path, "utf8")) as Table<In, Expect>;
  return cases.map((row, index) => ({ ...row, name: row.name ?? `case ${index + 1}` }));
}
