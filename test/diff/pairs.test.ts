/** What an API server stores for a manifest is no difference to it: computed pairs of real manifests. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { compareObjects } from "../../src/diff/compare.ts";
import { mergeThreeWay } from "../../src/diff/three-way.ts";
import type { KubeObject } from "../../src/model/object.ts";

interface Pair {
  file: string;
  doc: number;
  desired: KubeObject;
  live: KubeObject;
}

/**
 * The API server drops this annotation, which asked for init containers before Kubernetes 1.8, and with it what it asks for.
 * That is a difference which a person must see: the containers that git declares never run.
 */
const DROPPED = "sock-shop/deploy/kubernetes/manifests-monitoring/23-grafana-import-dash-batch.yaml";

/** The API server drops unknown fields when it is not asked to be strict; here they are errors before any plan. */
const UNKNOWN_FIELD = "argocd-e2e-testdata/sync-options-validate-false/invalid-cm.yaml";

const KINDS = [
  "ClusterRole",
  "ClusterRoleBinding",
  "ConfigMap",
  "CronJob",
  "DaemonSet",
  "Deployment",
  "HorizontalPodAutoscaler",
  "Job",
  "Namespace",
  "NetworkPolicy",
  "PersistentVolumeClaim",
  "Pod",
  "ResourceQuota",
  "Role",
  "RoleBinding",
  "Secret",
  "Service",
  "ServiceAccount",
  "StatefulSet",
];

const FOLDER = join(import.meta.dirname, "../fixtures/diff/pairs");
const pairs = globSync("*.jsonl", { cwd: FOLDER })
  .sort()
  .map((name) => ({
    source: basename(name, ".jsonl"),
    pairs: readFileSync(join(FOLDER, name), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Pair)
      .filter(({ file }) => file !== UNKNOWN_FIELD && file !== DROPPED),
  }));

describe("an object as the API server stores it", () => {
  it("is checked for all kinds of the data", () => {
    const kinds = new Set(pairs.flatMap((source) => source.pairs.map(({ desired }) => desired.kind)));
    expect([...kinds].sort()).toEqual(KINDS);
    expect(pairs.reduce((sum, source) => sum + source.pairs.length, 0)).toBe(316);
  });

  it.each(pairs)("is no difference to its manifest: $source", (source) => {
    for (const { file, doc, desired, live } of source.pairs) {
      for (const applied of [null, desired]) {
        const merged = mergeThreeWay(applied, live, desired);
        expect(compareObjects(live, merged), `${file}#${doc}`).toEqual([]);
        expect(merged, `${file}#${doc}`).toBe(live);
      }
    }
  });

  it.each(pairs)("gets the fields of its manifest when it lacks them: $source", (source) => {
    for (const { file, doc, desired, live } of source.pairs) {
      const bare: KubeObject = { apiVersion: live.apiVersion, kind: live.kind, metadata: live.metadata };
      const merged = mergeThreeWay(null, bare, desired);
      expect(mergeThreeWay(desired, merged, desired), `${file}#${doc}`).toBe(merged);
    }
  });
});
