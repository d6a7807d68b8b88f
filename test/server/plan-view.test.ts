/** The text diffs of a plan: of what the server would store, or of what git says where it cannot be asked yet. */
import { describe, expect, it } from "vitest";
import type { Backend } from "../../src/model/backend.ts";
import { TrueupError } from "../../src/model/errors.ts";
import type { Ledger } from "../../src/model/ledger.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { Observed } from "../../src/model/plan.ts";
import { asCommitId } from "../../src/model/source.ts";
import { planApp } from "../../src/plan/plan.ts";
import { viewPlan } from "../../src/server/plan-view.ts";
import { configMap, declaredOf } from "../plan/declared.ts";

const { signal } = new AbortController();
const ledger = { revisions: async () => [] } as unknown as Ledger;

async function diffs(desired: KubeObject, observed: Observed[], answer: () => KubeObject): Promise<string[]> {
  const dryRun: Backend["dryRun"] = async () => ({ action: "update", object: answer() });
  const backend = { dryRun, list: async () => ({ items: [], version: "1" }) } as unknown as Backend;
  const plan = planApp({ app: "shop", commit: asCommitId("1".repeat(40)), declared: [declaredOf(desired)], observed });
  const view = await viewPlan({ kind: "planned", plan, diagnostics: [] }, { backend, ledger }, true, signal);
  if (view.kind !== "planned") throw new Error("it was not planned");
  return view.changes.map(({ diff = "" }) => diff);
}

describe("the diff of a change", () => {
  it.each(["not-found", "invalid", "forbidden", "conflict"] as const)(
    "is what git says where the server refuses: %s",
    async (code) => {
      const [diff] = await diffs(configMap("c", { a: "1" }), [], () => {
        throw new TrueupError(code, 'namespaces "shop" not found');
      });
      expect(diff).toContain('+  a: "1"');
    },
  );

  it("is an error where nobody can be asked", async () => {
    const away = () => {
      throw new TrueupError("unavailable", "away");
    };
    await expect(diffs(configMap("c"), [], away)).rejects.toThrow("away");
  });

  it("is of one version, though the object is read in another", async () => {
    const scaler = (apiVersion: string, spec: object): KubeObject => ({
      apiVersion,
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "web" },
      spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" }, minReplicas: 1, ...spec },
    });
    const target = { type: "Utilization", averageUtilization: 80 };
    const live = scaler("autoscaling/v2", {
      maxReplicas: 3,
      metrics: [{ type: "Resource", resource: { name: "cpu", target } }],
    });
    live.metadata = { ...live.metadata, namespace: "default", uid: "u", resourceVersion: "7" };
    const desired = scaler("autoscaling/v1", { maxReplicas: 5, targetCPUUtilizationPercentage: 80 });
    const [diff = ""] = await diffs(desired, [{ object: live, applied: desired, owner: "shop" }], () => desired);
    const changed = diff.split("\n").filter((line) => /^[+-] /.test(line) && !line.includes("namespace"));
    expect(changed).toEqual(["-  maxReplicas: 3", "+  maxReplicas: 5"]);
  });

  it.each([
    ["says nothing of the commit that brought the pods, which is written when it is applied", undefined, []],
    [
      "shows what git itself gives as the cause",
      "by ann",
      ["-    kubernetes.io/change-cause: 1111111 First (Ann)", "+    kubernetes.io/change-cause: by ann"],
    ],
  ])("%s", async (_name, cause, expected) => {
    const key = "kubernetes.io/change-cause";
    const desired = configMap("c", { a: "2" }, cause === undefined ? {} : { annotations: { [key]: cause } });
    const live = configMap("c", { a: "1" }, { annotations: { [key]: "1111111 First (Ann)" } });
    const [diff = ""] = await diffs(desired, [{ object: live, applied: live, owner: "shop" }], () => desired);
    const changed = diff.split("\n").filter((line) => /^[+-] /.test(line));
    expect(changed).toEqual([...expected, '-  a: "1"', '+  a: "2"']);
  });
});
