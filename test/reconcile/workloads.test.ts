/** How objects do that only a real cluster runs: with the reason from below, and what is given up, waited for, or left alone. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeObject, keyOf } from "../../src/model/object.ts";
import type { KubeEvent } from "../../src/model/workload.ts";
import { ClusterView } from "../../src/reconcile/view.ts";
import { Workloads } from "../../src/reconcile/workloads.ts";
import { settle, VirtualClock } from "../../src/util/clock.ts";
import { declaredOf } from "../plan/declared.ts";
import { ScriptedBackend } from "./scripted-backend.ts";

type Rest = Record<string, unknown>;

function object(apiVersion: string, kind: string, name: string, rest: Rest = {}, controller?: KubeObject): KubeObject {
  const { apiVersion: of, kind: by, metadata } = controller ?? { apiVersion: "", kind: "", metadata: { name: "" } };
  const owner = { apiVersion: of, kind: by, name: metadata.name, uid: metadata.uid ?? "", controller: true };
  const { labels, annotations, ...fields } = rest as { labels?: Record<string, string> } & Rest;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      generation: 1,
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations: annotations as Record<string, string> }),
      ...(controller !== undefined && { ownerReferences: [owner] }),
    },
    ...fields,
  };
}

const web = { containers: [{ name: "web", image: "web:v1" }] };

function pod(name: string, controller: KubeObject, container: Rest, rest: Rest = {}): KubeObject {
  const status = {
    name: "web",
    image: "web:v1",
    imageID: "",
    ready: false,
    restartCount: 0,
    lastState: {},
    ...container,
  };
  return object(
    "v1",
    "Pod",
    name,
    { spec: web, status: { phase: "Pending", containerStatuses: [status] }, ...rest },
    controller,
  );
}

const waitingFor = (reason: string, message = ""): Rest => ({ state: { waiting: { reason, message } } });
const CRASHED = {
  restartCount: 2,
  state: { waiting: { reason: "CrashLoopBackOff" } },
  lastState: { terminated: { exitCode: 3, reason: "Error" } },
};

function warning(about: KubeObject, reason: string, message: string, rest: Rest = {}): KubeObject {
  const { apiVersion, kind, metadata } = about;
  const involvedObject = { apiVersion, kind, namespace: "default", name: metadata.name, uid: metadata.uid };
  return object("v1", "Event", `${metadata.name}.${reason}`, {
    type: "Warning",
    reason,
    message,
    involvedObject,
    ...rest,
  });
}

let backend: ScriptedBackend;
let view: ClusterView;

beforeEach(() => {
  backend = new ScriptedBackend();
  view = new ClusterView({ backend, clock: new VirtualClock() });
});
afterEach(() => view.close());

/** Watches over the first object; the others are there, too. */
async function watch(
  objects: KubeObject[],
  hasImage: ((reference: string) => boolean) | null = null,
): Promise<Workloads> {
  backend.items = objects.map((each) => ({ object: each, applied: null, owner: null }));
  const workloads = new Workloads(view, hasImage);
  view
    .subscribe("shop", {
      onObject: ({ object: changed }, present) => workloads.touched(changed, present),
      onListed: () => workloads.allDirty(),
      onError: (error) => expect.unreachable(error.message),
    })
    .declare(objects.slice(0, 1).map((each) => keyOf(each)));
  workloads.declare(objects.slice(0, 1).map((each) => declaredOf(each)));
  view.start();
  await settle();
  workloads.refresh();
  return workloads;
}

function said(workloads: Workloads): string {
  const { status, reason } = workloads.worst();
  return `${status} ${reason}`.trim();
}

const STATEFUL_SET = object("apps/v1", "StatefulSet", "db", {
  spec: { replicas: 1 },
  status: { observedGeneration: 1, updateRevision: "db-2", currentRevision: "db-1" },
});
const DAEMON_SET = object("apps/v1", "DaemonSet", "agent", {
  annotations: { "deprecated.daemonset.template.generation": "2" },
  status: { observedGeneration: 1, desiredNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 0 },
});
const JOB = object("batch/v1", "Job", "migrate", { spec: {}, status: {} });
const FAILED_JOB = object("batch/v1", "Job", "migrate", {
  status: { conditions: [{ type: "Failed", status: "True", message: "Job has reached the specified backoff limit" }] },
});
const CRON_JOB = object("batch/v1", "CronJob", "nightly", { spec: {} });
const CUSTOM = object("x.example.org/v1", "Database", "pg", {
  status: { conditions: [{ type: "Ready", status: "False", reason: "NotYet", message: "no primary" }] },
});
const CUSTOM_SET = object("apps/v1", "StatefulSet", "pg", { spec: {}, status: {} }, CUSTOM);
const DEPLOYMENT = object("apps/v1", "Deployment", "web", {
  spec: { replicas: 1, selector: {}, template: { metadata: {}, spec: web } },
  status: { observedGeneration: 1 },
});
const REPLICA_SET = object(
  "apps/v1",
  "ReplicaSet",
  "web-1",
  { spec: { replicas: 1, template: { metadata: {}, spec: web } }, status: {} },
  DEPLOYMENT,
);

describe("the reason comes from below", () => {
  const rows: { name: string; objects: KubeObject[]; says: string }[] = [
    {
      name: "a StatefulSet's pod of the new revision crashes",
      objects: [STATEFUL_SET, pod("db-0", STATEFUL_SET, CRASHED, { labels: { "controller-revision-hash": "db-2" } })],
      says: "Degraded statefulset/db: pod db-0: container web: CrashLoopBackOff: exit code 3; it ended 3 times and was never ready",
    },
    {
      name: "a StatefulSet's pod of the old revision crashes: that is no failure of the new one",
      objects: [STATEFUL_SET, pod("db-0", STATEFUL_SET, CRASHED, { labels: { "controller-revision-hash": "db-1" } })],
      says: "Progressing statefulset/db: 0 of 1 pods are ready: pod db-0: container web: CrashLoopBackOff: exit code 3",
    },
    {
      name: "a DaemonSet's new pod crashes",
      objects: [DAEMON_SET, pod("agent-x", DAEMON_SET, CRASHED, { labels: { "pod-template-generation": "2" } })],
      says: "Degraded daemonset/agent: pod agent-x: container web: CrashLoopBackOff: exit code 3; it ended 3 times and was never ready",
    },
    {
      name: "a quota refuses a StatefulSet's pods, which only an event says",
      objects: [STATEFUL_SET, warning(STATEFUL_SET, "FailedCreate", "exceeded quota: pods")],
      says: "Progressing statefulset/db: 0 of 1 pods are ready: FailedCreate: exceeded quota: pods",
    },
    {
      name: "a quota refuses a Deployment's pods, which its condition says",
      objects: [
        {
          ...DEPLOYMENT,
          status: {
            observedGeneration: 1,
            conditions: [{ type: "ReplicaFailure", status: "True", message: "exceeded quota: pods" }],
          },
        },
        REPLICA_SET,
      ],
      says: "Progressing deployment/web: 0 out of 1 new replicas have been updated: exceeded quota: pods",
    },
    {
      name: "no node takes a pod",
      objects: [
        DEPLOYMENT,
        REPLICA_SET,
        object(
          "v1",
          "Pod",
          "web-1-x",
          {
            spec: web,
            status: {
              phase: "Pending",
              conditions: [
                { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes are available" },
              ],
            },
          },
          REPLICA_SET,
        ),
      ],
      says: "Progressing deployment/web: 0 out of 1 new replicas have been updated: pod web-1-x: Unschedulable: 0/3 nodes are available",
    },
    {
      name: "a volume cannot be mounted, which only an event says",
      objects: [
        DEPLOYMENT,
        REPLICA_SET,
        pod("web-1-x", REPLICA_SET, waitingFor("ContainerCreating")),
        warning(object("v1", "Pod", "web-1-x"), "FailedMount", 'secret "tls" not found', {
          series: { count: 4, lastObservedTime: "2026-01-01T00:00:00Z" },
        }),
      ],
      says: 'Progressing deployment/web: 0 out of 1 new replicas have been updated: pod web-1-x: container web: ContainerCreating: FailedMount: secret "tls" not found',
    },
    {
      name: "a Job has failed, and its pod says how",
      objects: [
        FAILED_JOB,
        pod(
          "migrate-x",
          FAILED_JOB,
          { state: { terminated: { exitCode: 2, reason: "Error" } } },
          {
            status: {
              phase: "Failed",
              containerStatuses: [
                {
                  name: "web",
                  restartCount: 0,
                  state: { terminated: { exitCode: 2, reason: "Error" } },
                  lastState: {},
                },
              ],
            },
          },
        ),
      ],
      says: "Degraded job/migrate: Job has reached the specified backoff limit: pod migrate-x: container web: exit code 2",
    },
    {
      name: "a Job's pod ended three times: how often it may is the Job's to say",
      objects: [JOB, pod("migrate-x", JOB, CRASHED)],
      says: "Progressing job/migrate: 0 of 1 completions: pod migrate-x: container web: CrashLoopBackOff: exit code 3",
    },
    {
      name: "a custom resource's own conditions come first, then the pods below what it controls",
      objects: [CUSTOM, CUSTOM_SET, pod("pg-0", CUSTOM_SET, waitingFor("ContainerCreating"))],
      says: "Degraded database/pg: no primary: pod pg-0: container web: ContainerCreating",
    },
    { name: "nothing is wrong with a CronJob that waits for its time", objects: [CRON_JOB], says: "Healthy" },
  ];
  it.each(rows)("when $name", async ({ objects, says }) => {
    expect(said(await watch(objects))).toBe(says);
  });
});

describe("an image that is not to be had", () => {
  const failing = (reason: string): KubeObject => pod("web-1-x", REPLICA_SET, waitingFor(reason, "no such image"));
  const told = (count: number, message = 'Failed to pull image "web:v1": not found', container = "web"): KubeObject => {
    const event = warning(object("v1", "Pod", "web-1-x"), "Failed", message, { count });
    (event as KubeEvent).involvedObject.fieldPath = `spec.containers{${container}}`;
    return event;
  };
  const rows: { name: string; objects: KubeObject[]; hasImage?: () => boolean; failed: boolean }[] = [
    { name: "at once where images are local", objects: [failing("ErrImagePull")], hasImage: () => false, failed: true },
    { name: "not at the first try of a node", objects: [failing("ErrImagePull")], failed: false },
    { name: "nor while it backs off", objects: [failing("ImagePullBackOff")], failed: false },
    { name: "nor after two", objects: [failing("ImagePullBackOff"), told(2)], failed: false },
    { name: "but after three", objects: [failing("ImagePullBackOff"), told(3)], failed: true },
    {
      name: "of its own container",
      objects: [failing("ImagePullBackOff"), told(3, undefined, "other")],
      failed: false,
    },
    {
      name: "not by what is said of the same try again",
      objects: [failing("ImagePullBackOff"), told(9, "Error: ImagePullBackOff")],
      failed: false,
    },
    { name: "at once when its name is none", objects: [failing("InvalidImageName")], failed: true },
    {
      name: "not when a Secret is missing that another controller may be about to make",
      objects: [failing("CreateContainerConfigError")],
      failed: false,
    },
    {
      name: "but when it stays away",
      objects: [failing("CreateContainerConfigError"), told(3, 'Error: secret "s" not found')],
      failed: true,
    },
  ];
  it.each(rows)("fails a rollout $name", async ({ objects, hasImage, failed }) => {
    const workloads = await watch([DEPLOYMENT, REPLICA_SET, ...objects], hasImage ?? null);
    expect(workloads.with("Degraded").map(({ failure }) => failure?.container)).toEqual(failed ? ["web"] : []);
  });

  it("fails it after three tries that were seen, also when no event tells of them", async () => {
    const workloads = await watch([DEPLOYMENT, REPLICA_SET]);
    const states = ["ErrImagePull", "ErrImagePull", "ImagePullBackOff", "ErrImagePull", "ImagePullBackOff"];
    for (const reason of [...states, "ErrImagePull"]) {
      expect(workloads.with("Degraded"), `before ${reason}`).toEqual([]);
      await backend.tell("modified", { object: failing(reason), applied: null, owner: null });
      workloads.refresh();
    }
    expect(workloads.with("Degraded")).toHaveLength(1);
    await backend.tell("deleted", { object: failing("ErrImagePull"), applied: null, owner: null });
    await backend.tell("added", { object: failing("ErrImagePull"), applied: null, owner: null });
    workloads.refresh();
    expect(workloads.with("Degraded")).toEqual([]);
  });
});

describe("a volume claim", () => {
  const claim = object("v1", "PersistentVolumeClaim", "data", { status: { phase: "Pending" } });
  const volumes = [{ name: "d", persistentVolumeClaim: { claimName: "data" } }];
  const user = object("v1", "Pod", "user", { spec: { ...web, volumes }, status: { phase: "Pending" } });

  it("is waited for only once a pod is to have it", async () => {
    const workloads = await watch([claim]);
    expect(said(workloads)).toBe("Suspended persistentvolumeclaim/data: no pod mounts it yet");
    await backend.tell("added", { object: user, applied: null, owner: null });
    workloads.refresh();
    expect(said(workloads)).toBe("Progressing persistentvolumeclaim/data: not bound to a volume yet");
    await backend.tell("deleted", { object: user, applied: null, owner: null });
    workloads.refresh();
    expect(said(workloads)).toMatch(/^Suspended/);
  });

  it("says why it is not bound, when only an event does", async () => {
    const refused = warning(claim, "ProvisioningFailed", 'storageclass "fast" not found');
    expect(said(await watch([claim, user, refused]))).toBe(
      'Progressing persistentvolumeclaim/data: not bound to a volume yet: ProvisioningFailed: storageclass "fast" not found',
    );
  });
});

it("what says that it is not to be waited for is left alone", async () => {
  const ingress = object("networking.k8s.io/v1", "Ingress", "web", { annotations: { "trueup/wait": "disabled" } });
  expect(said(await watch([ingress]))).toBe("Healthy");
  await view.close();
  view = new ClusterView({ backend, clock: new VirtualClock() });
  const { annotations: _none, ...metadata } = ingress.metadata;
  expect(said(await watch([{ ...ingress, metadata }]))).toBe("Progressing ingress/web: no address serves it yet");
});
