/** Managers: who changed an object last, as far as it says so itself. */
import { describe, expect, it } from "vitest";
import type { Change } from "../../src/model/plan.ts";
import { changedBy, lastForeignManager } from "../../src/reconcile/managers.ts";
import { configMap } from "../plan/declared.ts";

const by = (manager: unknown, time?: unknown, subresource?: string): object => ({
  manager,
  ...(time !== undefined && { time }),
  ...(subresource !== undefined && { subresource }),
});

describe("the last foreign manager", () => {
  it.each<[string, unknown, string | undefined]>([
    ["nobody tells", undefined, undefined],
    ["no list", "kubectl", undefined],
    ["none", [], undefined],
    ["trueup alone", [by("trueup", "2026-01-01T00:00:00Z")], undefined],
    ["one", [by("trueup", "2026-01-02T00:00:00Z"), by("kubectl-edit", "2026-01-01T00:00:00Z")], "kubectl-edit"],
    ["the later one", [by("hpa", "2026-01-02T00:00:00Z"), by("kubectl", "2026-01-01T00:00:00Z")], "hpa"],
    ["one without a time", [by("old")], "old"],
    [
      "a status is no drift",
      [by("kubelet", "2026-01-02T00:00:00Z", "status"), by("kubectl", "2026-01-01T00:00:00Z")],
      "kubectl",
    ],
    ["what is no text", [by(7, "2026-01-01T00:00:00Z"), by("kubectl", 7)], undefined],
  ])("%s", (_name, managedFields, wanted) => {
    expect(lastForeignManager(configMap("c", {}, { managedFields }))).toBe(wanted);
  });

  it("of nothing is unknown", () => {
    expect(lastForeignManager(undefined)).toBeUndefined();
  });
});

describe("whoever changed a field", () => {
  const entry = (manager: string, day: number, fields: object, subresource?: string): object => ({
    ...by(manager, `2026-01-0${day}T00:00:00Z`, subresource),
    operation: manager === "trueup" ? "Apply" : "Update",
    fieldsV1: fields,
  });
  const managedFields = [
    entry("trueup", 1, { "f:data": { "f:a": {} } }),
    entry("kubectl-edit", 2, { "f:data": { "f:b": {} } }),
    entry("hpa", 3, { "f:spec": { "f:replicas": {} } }, "scale"),
    entry("labeller", 4, { "f:metadata": { "f:labels": { "f:x": {} } } }),
    entry("kubelet", 5, { "f:data": {} }, "status"),
  ];
  it.each<[string, string[], string | undefined]>([
    ["owns it now", ["data.b"], "kubectl-edit"],
    ["came by another door", ["spec.replicas"], "hpa"],
    ["owns one of several, the latest", ["data.b", "spec.replicas"], "hpa"],
    ["took it away wrote the object last", ["data.gone"], "labeller"],
    ["is trueup itself is not named", ["data.a"], "labeller"],
  ])("and %s", (_name, paths, wanted) => {
    const object = configMap("c", {}, { managedFields });
    const fields = paths.map((path) => ({ path, kind: "change" as const }));
    const id = { group: "", kind: "ConfigMap", namespace: "default", name: "c" };
    const change: Change = {
      action: "update",
      id,
      observed: { object, applied: null, owner: "shop" },
      fields,
      restartsPods: false,
    };
    expect(changedBy(change)).toBe(wanted);
  });

  it("is unknown of what is not there", () => {
    const id = { group: "", kind: "ConfigMap", namespace: "default", name: "c" };
    expect(changedBy({ action: "create", id, fields: [], restartsPods: false })).toBeUndefined();
  });
});
