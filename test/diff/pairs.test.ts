/** What an API server stores for a manifest is no difference to it: computed pairs of real manifests. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyDefaults } from "../../src/defaulting/defaults.ts";
import { compareObjects } from "../../src/diff/compare.ts";
import { leavesOf } from "../../src/diff/leaves.ts";
import { mergeThreeWay } from "../../src/diff/three-way.ts";
import type { KubeObject } from "../../src/model/object.ts";

type Tree = Record<string | number, unknown>;

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

describe("a change of one value", () => {
  const all = pairs.flatMap((source) => source.pairs.map(({ desired }) => desired));

  it("is found exactly when the API server would store something else", () => {
    const value = fc.oneof(fc.constantFrom<unknown>("", 0, false, null, "x", 7, "500m"), fc.constant(undefined));
    fc.assert(
      fc.property(fc.nat(all.length - 1), fc.nat(), value, (at, which, next) => {
        const before = all[at] as KubeObject;
        const leaves = leavesOf(before).filter(
          ({ path }) => !["apiVersion", "kind", "status"].includes(String(path[0])),
        );
        const leaf = leaves[which % leaves.length];
        if (leaf === undefined || leaf.shown === "metadata.name") return;
        const after = structuredClone(before);
        const last = leaf.path.at(-1) as string;
        const holder = leaf.path.slice(0, -1).reduce<unknown>((tree, key) => (tree as Tree)[key], after) as Tree;
        if (next === undefined) delete holder[last];
        else holder[last] = next;
        const stored = compareObjects(applyDefaults(before), applyDefaults(after));
        expect(compareObjects(before, after).length > 0, leaf.shown).toBe(stored.length > 0);
      }),
      { numRuns: 500 },
    );
  });
});
