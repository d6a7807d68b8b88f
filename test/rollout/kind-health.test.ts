/** Kinds that other controllers run, and custom resources: what their status says, and the reason with it. */
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/model/object.ts";
import { healthOf } from "../../src/rollout/health.ts";
import { isFinal } from "../../src/rollout/kind-health.ts";

const parse = (apiVersion: string, kind: string, rest: string): KubeObject =>
  ({ apiVersion, kind, metadata: { name: "a", generation: 2 }, ...(load(rest) as object) }) as KubeObject;

type Row = [what: string, apiVersion: string, kind: string, rest: string, status: string, reason: string];

const rows: Row[] = [
  [
    "new spec",
    "apps/v1",
    "StatefulSet",
    "{status: {observedGeneration: 1}}",
    "Progressing",
    "the new spec is not observed yet",
  ],
  [
    "not ready",
    "apps/v1",
    "StatefulSet",
    "{spec: {replicas: 3}, status: {observedGeneration: 2, readyReplicas: 1}}",
    "Progressing",
    "1 of 3 pods are ready",
  ],
  [
    "partition",
    "apps/v1",
    "StatefulSet",
    "{spec: {replicas: 3, updateStrategy: {rollingUpdate: {partition: 1}}}, status: {observedGeneration: 2, readyReplicas: 3, updatedReplicas: 1}}",
    "Progressing",
    "1 of 2 pods up to the partition are updated",
  ],
  [
    "partition reached",
    "apps/v1",
    "StatefulSet",
    "{spec: {replicas: 3, updateStrategy: {rollingUpdate: {partition: 5}}}, status: {observedGeneration: 2, readyReplicas: 3}}",
    "Healthy",
    "",
  ],
  [
    "revision",
    "apps/v1",
    "StatefulSet",
    "{spec: {replicas: 1}, status: {observedGeneration: 2, readyReplicas: 1, updateRevision: b, currentRevision: a}}",
    "Progressing",
    "0 of 1 pods are updated",
  ],
  ["new spec", "apps/v1", "DaemonSet", "{status: {}}", "Progressing", "the new spec is not observed yet"],
  [
    "not updated",
    "apps/v1",
    "DaemonSet",
    "{status: {observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 1}}",
    "Progressing",
    "1 of 2 pods are updated",
  ],
  [
    "not available",
    "apps/v1",
    "DaemonSet",
    "{status: {observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1}}",
    "Progressing",
    "1 of 2 pods are available",
  ],
  [
    "failed",
    "batch/v1",
    "Job",
    "{status: {conditions: [{type: Failed, status: 'True', message: back-off limit}]}}",
    "Degraded",
    "back-off limit",
  ],
  [
    "under way",
    "batch/v1",
    "Job",
    "{spec: {completions: 4}, status: {succeeded: 3}}",
    "Progressing",
    "3 of 4 completions",
  ],
  ["suspended", "batch/v1", "CronJob", "{spec: {suspend: true}}", "Suspended", "CronJob suspended"],
  ["waiting", "batch/v1", "CronJob", "{spec: {}}", "Healthy", ""],
  ["lost", "v1", "PersistentVolumeClaim", "{status: {phase: Lost}}", "Degraded", "its volume is lost"],
  ["no status", "v1", "PersistentVolumeClaim", "{}", "Unknown", "phase not reported"],
  ["going", "v1", "Namespace", "{status: {phase: Terminating}}", "Progressing", "Pending deletion"],
  ["unreadable", "autoscaling/v1", "HorizontalPodAutoscaler", "{}", "Progressing", "it has not scaled yet"],
  [
    "no metric",
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    "{status: {conditions: [{type: AbleToScale, status: 'True'}, {type: ScalingActive, status: 'False', reason: FailedGetResourceMetric}]}}",
    "Degraded",
    "FailedGetResourceMetric",
  ],
  [
    "refused",
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "{status: {conditions: [{type: NamesAccepted, status: 'False', message: taken}]}}",
    "Degraded",
    "taken",
  ],
  [
    "served",
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "{status: {conditions: [{type: Established, status: 'True'}]}}",
    "Healthy",
    "",
  ],
  ["new", "apiextensions.k8s.io/v1", "CustomResourceDefinition", "{}", "Progressing", "not established yet"],
  ["no rule", "rbac.authorization.k8s.io/v1", "Role", "{}", "Healthy", ""],
  ["another Service", "serving.knative.dev/v1", "Service", "{spec: {type: LoadBalancer}}", "Healthy", ""],
  [
    "ready",
    "cert-manager.io/v1",
    "Certificate",
    "{status: {conditions: [{type: Ready, status: 'True'}]}}",
    "Healthy",
    "",
  ],
  [
    "under way",
    "cert-manager.io/v1",
    "Certificate",
    "{status: {conditions: [{type: Ready, status: 'False', reason: Issuing, message: wait}]}}",
    "Progressing",
    "wait",
  ],
  [
    "not ready",
    "cert-manager.io/v1",
    "Certificate",
    "{status: {conditions: [{type: Ready, status: 'False', reason: Expired}]}}",
    "Degraded",
    "Expired",
  ],
  [
    "unknown",
    "x.example.org/v1",
    "X",
    "{status: {conditions: [{type: Ready, status: Unknown}]}}",
    "Progressing",
    "Ready is Unknown",
  ],
  [
    "stalled",
    "x.example.org/v1",
    "X",
    "{status: {conditions: [{type: Ready, status: 'True'}, {type: Stalled, status: 'True', message: no}]}}",
    "Degraded",
    "no",
  ],
  [
    "reconciling",
    "x.example.org/v1",
    "X",
    "{status: {conditions: [{type: Reconciling, status: 'True', reason: New}]}}",
    "Progressing",
    "New",
  ],
  [
    "paused",
    "x.example.org/v1",
    "X",
    "{status: {conditions: [{type: Paused, status: 'True', reason: Hand}]}}",
    "Suspended",
    "Hand",
  ],
  [
    "old news",
    "x.example.org/v1",
    "X",
    "{status: {observedGeneration: 1, conditions: [{type: Ready, status: 'True'}]}}",
    "Progressing",
    "the new spec is not observed yet",
  ],
  [
    "not accepted",
    "gateway.networking.k8s.io/v1",
    "Gateway",
    "{status: {conditions: [{type: Programmed, status: 'False', reason: Invalid}]}}",
    "Degraded",
    "Invalid",
  ],
  ["nonsense", "x.example.org/v1", "X", "{status: {conditions: [null, 3, {}]}}", "Healthy", ""],
];

describe("health of other kinds", () => {
  it.each(rows)("%s: %s %s", (_what, apiVersion, kind, rest, status, reason) => {
    expect(healthOf(parse(apiVersion, kind, rest))).toEqual({ status, reason });
  });

  it("reads an autoscaler's annotation, and passes over one that is no list", () => {
    const object = parse("autoscaling/v1", "HorizontalPodAutoscaler", "{}");
    object.metadata.annotations = { "autoscaling.alpha.kubernetes.io/conditions": "{oops" };
    expect(healthOf(object).status).toBe("Progressing");
  });
});

describe("what no waiting changes", () => {
  it.each<[string, string, string, boolean]>([
    ["batch/v1", "Job", "{status: {conditions: [{type: Failed, status: 'True'}]}}", true],
    ["batch/v1", "Job", "{status: {conditions: [{type: Complete, status: 'True'}]}}", false],
    ["v1", "PersistentVolumeClaim", "{status: {phase: Lost}}", true],
    ["v1", "PersistentVolumeClaim", "{status: {phase: Pending}}", false],
    ["v1", "Pod", "{status: {phase: Failed}}", true],
    ["v1", "Pod", "{status: {phase: Running}}", false],
    ["x.example.org/v1", "X", "{status: {conditions: [{type: Stalled, status: 'True'}]}}", true],
    [
      "x.example.org/v1",
      "X",
      "{status: {observedGeneration: 1, conditions: [{type: Stalled, status: 'True'}]}}",
      false,
    ],
    // It says so while it waits for something else, too.
    ["x.example.org/v1", "X", "{status: {conditions: [{type: Ready, status: 'False', reason: Broken}]}}", false],
    // Metrics come a minute late.
    ["autoscaling/v2", "HorizontalPodAutoscaler", "{status: {conditions: [{type: Failed, status: 'True'}]}}", false],
    ["x.example.org/v1", "X", "{}", false],
  ])("%s %s %s: %s", (apiVersion, kind, rest, final) => {
    expect(isFinal(parse(apiVersion, kind, rest))).toBe(final);
  });
});
