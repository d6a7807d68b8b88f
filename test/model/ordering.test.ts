/** Waves, hooks and references, as Argo CD, Helm and cli-utils write them; the tables are Argo CD's own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/model/object.ts";
import { dependsOn, hookOf, isSkipped, ORDER_ANNOTATION, waveOf } from "../../src/model/ordering.ts";

interface Facts {
  phases: {
    annotations: Record<string, string>;
    phases?: string[];
    hookTypes?: string[];
    isHook?: boolean;
    skip?: boolean;
  }[];
  helmTypes: Record<string, string | null>;
  waves: { annotations: Record<string, string>; wave: number }[];
  deletePolicies: { annotations: Record<string, string>; policies: string[] }[];
}

const FACTS = JSON.parse(
  readFileSync(join(import.meta.dirname, "../fixtures/ordering/hooks-and-waves.json"), "utf8"),
) as Facts;

function annotated(annotations: Record<string, unknown>): KubeObject {
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "x", annotations: annotations as Record<string, string> } };
}

const named = (annotations: Record<string, string>): string =>
  Object.entries(annotations)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ") || "nothing";

describe("hooks", () => {
  it.each(FACTS.phases.map((row) => [named(row.annotations), row] as const))("%s", (_name, row) => {
    const object = annotated(row.annotations);
    const hook = hookOf(object);
    expect(hook !== null).toBe(row.isHook ?? true);
    expect(isSkipped(object)).toBe(row.skip ?? false);
    const wanted = row.phases ?? row.hookTypes?.filter((type) => type !== "Skip") ?? [];
    if (hook !== null) expect(hook?.phases).toEqual(wanted);
  });

  it.each(Object.entries(FACTS.helmTypes))("Helm's %s is %s", (type, phase) => {
    const hook = hookOf(annotated({ [ORDER_ANNOTATION.helmHook]: type }));
    // What Argo CD does not map is a hook all the same, one that it never runs; but a definition is just applied.
    expect(hook?.phases ?? null).toEqual(type === "crd-install" ? null : phase === null ? [] : [phase]);
  });

  it.each(FACTS.deletePolicies.map((row) => [named(row.annotations), row] as const))("delete by %s", (_name, row) => {
    const annotations = { [ORDER_ANNOTATION.hook]: "Sync", ...row.annotations };
    expect(hookOf(annotated(annotations))?.policies).toEqual(row.policies);
  });
});

describe("waves", () => {
  it.each(FACTS.waves.map((row) => [named(row.annotations), row] as const))("%s", (_name, { annotations, wave }) => {
    expect(waveOf(annotated(annotations))).toBe(wave);
  });

  it.each([
    ["-5", -5],
    ["+2", 2],
    ["007", 7],
    ["1.5", 0],
    ["", 0],
    ["99999999999", 0],
    [3, 0],
    [null, 0],
  ])("%j is wave %i", (text, wave) => {
    expect(waveOf(annotated({ [ORDER_ANNOTATION.wave]: text }))).toBe(wave);
  });

  it("falls back on Helm's weight when Argo CD's wave is no number", () => {
    expect(waveOf(annotated({ [ORDER_ANNOTATION.wave]: "x", [ORDER_ANNOTATION.helmWeight]: "4" }))).toBe(4);
  });
});

describe("depends-on", () => {
  it.each([
    ["apps/namespaces/shop/Deployment/db", { group: "apps", kind: "Deployment", namespace: "shop", name: "db" }],
    ["/namespaces/shop/ConfigMap/c", { group: "", kind: "ConfigMap", namespace: "shop", name: "c" }],
    ["/Namespace/shop", { group: "", kind: "Namespace", namespace: "", name: "shop" }],
    [
      "storage.k8s.io/StorageClass/fast",
      { group: "storage.k8s.io", kind: "StorageClass", namespace: "", name: "fast" },
    ],
    ["apps/Deployment", null],
    ["apps/shop/Deployment/db", null],
    ["apps/namespaces/shop/Deployment/", null],
    ["apps/namespaces//Deployment/db", null],
    ["apps/v1/namespaces/shop/Deployment/db", null],
  ])("%s", (text, id) => {
    expect(dependsOn(annotated({ [ORDER_ANNOTATION.dependsOn]: text }))).toEqual([{ text, id }]);
  });

  it("takes several, parted by commas", () => {
    const found = dependsOn(annotated({ [ORDER_ANNOTATION.dependsOn]: "/Namespace/a, /Namespace/b,," }));
    expect(found.map(({ id }) => id?.name)).toEqual(["a", "b"]);
  });

  it.each([undefined, null, "text", { [ORDER_ANNOTATION.dependsOn]: 7 }])("reads none from %j", (annotations) => {
    const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "x", annotations } } as unknown as KubeObject;
    expect(dependsOn(object)).toEqual([]);
  });
});
