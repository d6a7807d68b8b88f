/** Which words ask for a restart, and on what of a pod's spec. */
import { describe, expect, it } from "vitest";
import { configUses, restartOn, watchedUses } from "../../src/model/config-use.ts";
import type { KubeObject } from "../../src/model/object.ts";

const object = (kind: string, words?: unknown): KubeObject => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name: "web", ...(words !== undefined && { annotations: { "trueup/restart-on": words as string } }) },
  spec: { template: { spec: { containers: [{ name: "c", envFrom: [{ configMapRef: { name: "a" } }] }] } } },
});

describe("the annotation", () => {
  it.each([
    [undefined, null],
    [null, null],
    ["configmap", { kinds: ["ConfigMap"], unknown: [] }],
    ["secret, configmap", { kinds: ["Secret", "ConfigMap"], unknown: [] }],
    ["Secret", { kinds: [], unknown: ["Secret"] }],
    ["secret,", { kinds: ["Secret"], unknown: [""] }],
    ["constructor", { kinds: [], unknown: ["constructor"] }],
    [7, { kinds: [], unknown: ["7"] }],
  ])("%j", (words, wanted) => {
    const found = restartOn(object("Deployment", words));
    expect(found === null ? null : { kinds: [...found.kinds], unknown: found.unknown }).toEqual(wanted);
  });

  it("counts on Deployments", () => {
    expect(watchedUses(object("Deployment", "configmap"))).toHaveLength(1);
    expect(watchedUses(object("Deployment", "secret"))).toEqual([]);
    expect(watchedUses(object("Deployment"))).toEqual([]);
    expect(watchedUses(object("ReplicaSet", "configmap"))).toEqual([]);
  });
});

describe("uses", () => {
  it("have the place of their name", () => {
    const spec = {
      initContainers: [{ env: [{}, { valueFrom: { secretKeyRef: { name: "s", key: "k" } } }] }],
      containers: [{ envFrom: [{ configMapRef: { name: "c" } }] }],
      volumes: [{ secret: { secretName: "v" } }, { projected: { sources: [{}, { configMap: { name: "p" } }] } }],
    };
    expect(configUses(spec)).toEqual([
      {
        kind: "Secret",
        name: "s",
        path: ["initContainers", 0, "env", 1, "valueFrom", "secretKeyRef", "name"],
      },
      { kind: "ConfigMap", name: "c", path: ["containers", 0, "envFrom", 0, "configMapRef", "name"] },
      { kind: "Secret", name: "v", path: ["volumes", 0, "secret", "secretName"] },
      { kind: "ConfigMap", name: "p", path: ["volumes", 1, "projected", "sources", 1, "configMap", "name"] },
    ]);
  });

  it.each([
    [undefined],
    [null],
    ["text"],
    [[]],
    [{ containers: "x", volumes: [null, 3] }],
    [{ containers: [{ env: {} }] }],
  ])("are none of %j", (spec) => {
    expect(configUses(spec)).toEqual([]);
  });
});
