/** What git declares in a simulated world: workloads in a few words, and the objects that those words mean. */
import { parseScenario, type Scenario } from "../../src/kubelet/scenario.ts";
import type { KubeObject } from "../../src/model/object.ts";
import { ORDER_ANNOTATION } from "../../src/model/ordering.ts";
import type { Container, IntOrPercent, Pod } from "../../src/model/workload.ts";

/** How the pods of an image behave; the part of the reference before the colon. */
export const BEHAVIOURS = [
  "good",
  "slow",
  "heals",
  "stubborn",
  "crashes",
  "never",
  "flaps",
  "hangs",
  "missing",
] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

/** The value of a Secret that every app declares, and that its pods print: nobody else may. */
export const SECRET = "correct-horse-battery";
const LOGS = ["{pod} run {run}", `cannot log in with ${SECRET}`];

export const SCENARIO: Scenario = parseScenario({
  containers: [
    { image: "good:*", logs: LOGS, startMs: [50, 600], readyMs: [50, 1_500], drainMs: [0, 3_000] },
    { image: "slow:*", logs: LOGS, startMs: [1_000, 5_000], readyMs: [3_000, 15_000], drainMs: [5_000, 20_000] },
    { image: "heals:*", logs: LOGS, exit: { afterMs: [200, 3_000] }, exitUntilRun: 2, readyMs: [3_100, 4_000] },
    { image: "stubborn:*", logs: LOGS, drainMs: null },
    { image: "crashes:*", logs: LOGS, exit: { afterMs: [100, 3_000], code: 3 }, readyMs: null },
    { image: "never:*", logs: LOGS, readyMs: null },
    { image: "flaps:*", logs: LOGS, flap: { upMs: 9_000, downMs: 7_000 } },
    { image: "hangs:*", logs: LOGS, hangMs: [8_000, 20_000] },
    { image: "missing:*", missing: true },
  ],
});

/** The same containers for a runtime that is told to start one only when its time to start has passed. */
export const STARTED_SCENARIO: Scenario = {
  ...SCENARIO,
  containers: SCENARIO.containers.map((script) => ({ ...script, startMs: 0 })),
};

export interface Workload {
  name: string;
  replicas: number;
  /** `good:1`: the behaviour and a number that makes it another image. */
  image: string;
  /** An environment variable: changes the template and nothing else. */
  note: string;
  /** `null`: Recreate. */
  rolling: { maxSurge: IntOrPercent; maxUnavailable: IntOrPercent } | null;
  minReadySeconds: number;
  deadline: number | null;
  history: number;
  paused: boolean;
  readiness: boolean;
  liveness: boolean;
  graceSeconds: number;
}

export interface SimulatedService {
  name: string;
  /** Name of the workload whose pods it selects. */
  to: string;
  http: boolean;
  includeNotReady: boolean;
}

export interface App {
  /** Begins the names of its objects, but for those that move between apps. */
  key: string;
  /** What `trueup.yaml` asks for when a commit fails. */
  onFailure: "keep" | "rollback";
  workloads: readonly Workload[];
  services: readonly SimulatedService[];
  /** Names of ConfigMaps: something to remove. */
  configs: readonly string[];
  /** Whether its objects are applied in waves: workloads one after the other, ConfigMaps before, between and after them. */
  isStaged?: boolean;
}

const emptyContainer: Container = { name: "" };

export type Fate = "ready" | "stuck" | "either";

/** Whether such a pod gets ready for good, never does, or comes and goes. */
export function fateOf({ spec: { containers } }: { spec: Pod["spec"] }): Fate {
  const { image = "", readinessProbe, livenessProbe } = containers[0] ?? emptyContainer;
  const behaviour = image.slice(0, image.indexOf(":")) as Behaviour;
  if (behaviour === "missing") return "stuck";
  if (behaviour === "never" && readinessProbe === undefined) return livenessProbe === undefined ? "ready" : "either";
  if ((behaviour === "crashes" || behaviour === "heals") && readinessProbe === undefined) return "either";
  if (behaviour === "never" || behaviour === "crashes") return "stuck";
  return behaviour === "flaps" || behaviour === "hangs" ? "either" : "ready";
}

/** The app's objects, as a commit would declare them. */
export function objectsOf(app: App): KubeObject[] {
  const objects = [
    secret(app.key),
    ...app.configs.map((name) => config(name)),
    ...app.services.map((service) => serviceObject(service)),
    ...app.workloads.map((workload) => deploymentObject(workload)),
  ];
  return app.isStaged === true ? objects.map(inWave) : objects;
}

/** The same wave for the same object at every commit: what its name ends with says which. */
function inWave(object: KubeObject): KubeObject {
  const { metadata, kind } = object;
  const number = Number(/\d+$/.exec(metadata.name)?.[0] ?? -1);
  const wave = kind === "Deployment" ? 2 * number : 2 * (number % 3) - 1;
  return { ...object, metadata: { ...metadata, annotations: { [ORDER_ANNOTATION.wave]: String(wave) } } };
}

function secret(key: string): KubeObject {
  const metadata = { name: `${key}-secret` };
  return { apiVersion: "v1", kind: "Secret", metadata, stringData: { password: SECRET } };
}

function config(name: string): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { of: name } };
}

function serviceObject({ name, to, http, includeNotReady }: SimulatedService): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: {
      type: "LoadBalancer",
      selector: { app: to },
      ports: [{ name: http ? "http" : "data", port: 80, targetPort: 8080 }],
      ...(includeNotReady && { publishNotReadyAddresses: true }),
    },
  };
}

function deploymentObject(workload: Workload): KubeObject {
  const { name, replicas, image, note, rolling, minReadySeconds, deadline, history, paused } = workload;
  const labels = { app: name };
  const probe = { tcpSocket: { port: 8080 }, periodSeconds: 2, failureThreshold: 2 };
  const container = {
    name: "main",
    image,
    env: [
      { name: "NOTE", value: note },
      { name: "PASSWORD", valueFrom: { secretKeyRef: { name: `${name.charAt(0)}-secret`, key: "password" } } },
    ],
    ports: [{ containerPort: 8080 }],
    ...(workload.readiness && { readinessProbe: probe }),
    ...(workload.liveness && { livenessProbe: { ...probe, initialDelaySeconds: 20 } }),
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      paused,
      minReadySeconds,
      // The API's own way to say "none".
      progressDeadlineSeconds: deadline ?? 2_147_483_647,
      revisionHistoryLimit: history,
      strategy: rolling === null ? { type: "Recreate" } : { type: "RollingUpdate", rollingUpdate: rolling },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [container], terminationGracePeriodSeconds: workload.graceSeconds },
      },
    },
  };
}
