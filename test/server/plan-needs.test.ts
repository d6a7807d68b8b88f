/** Sums at the peak, medians of the past, and pods that stay as they are. */
import { describe, expect, it } from "vitest";
import type { RevisionRecord } from "../../src/model/ledger.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { Change } from "../../src/model/plan.ts";
import type { PodSpec } from "../../src/model/workload.ts";
import { needsOf, pastRollouts } from "../../src/server/plan-needs.ts";
import { restartNote } from "../../src/server/plan-restarts.ts";
import { configMap, declaredOf, deployment, observedOf } from "../plan/declared.ts";

const spec = (...containers: object[]): PodSpec => ({ containers }) as unknown as PodSpec;
const asks = (requests: object, limits: object = {}) => ({ name: "c", resources: { requests, limits } });

describe("needs at the peak", () => {
  it.each([
    ["nothing", 4, [spec({ name: "c" })], {}],
    [
      "all containers",
      4,
      [spec(asks({ cpu: "100m", memory: "64Mi" }), asks({ cpu: 1 }))],
      { cpu: "4400m", memory: "256Mi" },
    ],
    ["limits for requests", 2, [spec(asks({}, { cpu: "2" }))], { cpu: "4" }],
    ["the larger template", 3, [spec(asks({ cpu: "1" })), spec(asks({ cpu: "500m" }))], { cpu: "3" }],
    [
      "an init container",
      1,
      [{ ...spec(asks({ cpu: 1 })), initContainers: [asks({ cpu: 3 })] } as PodSpec],
      { cpu: "3" },
    ],
    ["what cannot be read", 1, [spec(asks({ cpu: "much" }))], {}],
  ])("of %s", (_name, pods, templates, needs) => {
    expect(needsOf(pods, templates)).toEqual(needs);
  });
});

describe("past rollouts", () => {
  const took = (seconds: number, outcome = "deployed"): RevisionRecord =>
    ({
      startedAt: "2026-01-01T00:00:00.000Z",
      ending: { endedAt: new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString(), outcome, reason: "" },
    }) as RevisionRecord;
  it.each([
    [[], null],
    [[took(3, "failed")], null],
    [[took(5), took(1), took(3), took(9, "superseded")], { medianMs: 3000, count: 3 }],
    [[took(2), took(4)], { medianMs: 3000, count: 2 }],
  ])("%#", (records, expected) => {
    expect(pastRollouts(records)).toEqual(expected);
  });
});

describe("pods that stay as they are", () => {
  const change = (object: KubeObject, ...paths: string[]): Change => ({
    action: "update",
    id: declaredOf(object).id,
    declared: declaredOf(object),
    observed: observedOf(object, "shop"),
    fields: paths.map((path) => ({ path, kind: "change" as const })),
    restartsPods: false,
  });
  const user = (annotations: Record<string, string> = {}): KubeObject => {
    const object = deployment("web") as KubeObject & { spec: { template: { spec: PodSpec } } };
    object.metadata.annotations = annotations;
    object.spec.template.spec.containers[0] = { name: "web", envFrom: [{ configMapRef: { name: "c" } }] };
    return object;
  };
  it.each([
    ["scaled", change(deployment("web"), "spec.replicas"), [], "scaled only: no pod restarts"],
    ["otherwise", change(deployment("web"), "spec.paused"), [], "its pod template stays as it is: no pod restarts"],
    ["unused", change(configMap("c"), "data.a"), [deployment("web")], "no Deployment uses it: no pod restarts"],
    [
      "unwatched",
      change(configMap("c"), "data.a"),
      [user()],
      "pods of deployment/web keep the old content until they are restarted: trueup/restart-on does not watch it there",
    ],
    ["watched", change(configMap("c"), "data.a"), [user({ "trueup/restart-on": "configmap" })], null],
    ["only recorded", change(configMap("c")), [], null],
  ])("%s", (_name, given, deployments, text) => {
    expect(restartNote(given, deployments)).toBe(text);
  });
});
