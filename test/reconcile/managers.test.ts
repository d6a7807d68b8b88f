/** Managers: who changed an object last, as far as it says so itself. */
import { describe, expect, it } from "vitest";
import { lastForeignManager } from "../../src/reconcile/managers.ts";
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
