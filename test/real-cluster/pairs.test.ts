/** The pairs of manifests and what a server stores, against a real API server: it stores what they say, and that is no difference to git. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { declaration } from "../../src/backend/declaration.ts";
import { sentObject } from "../../src/backend/kubernetes/write-rules.ts";
import { compareObjects, sameDeclaration } from "../../src/diff/compare.ts";
import { appliedPart, PART_OF_LABEL } from "../../src/diff/managed-fields.ts";
import { mergeThreeWay } from "../../src/diff/three-way.ts";
import { groupOf, idOf, isClusterScoped, type KubeObject } from "../../src/model/object.ts";
import { ApiError, pathOf } from "../support/kubernetes/api.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";

const cluster = clusterForTests();
const SOCK_SHOP = "sock-shop/deploy/kubernetes";
const FOLDER = join(import.meta.dirname, "../fixtures/diff/pairs");

interface Pair {
  file: string;
  doc: number;
  desired: KubeObject;
  live: KubeObject;
}

/** What the pairs' program leaves out: no admission and no storage, as its SOURCE.txt says. By kind, fields that these fill in. */
const FILLED_BY_OTHERS: Readonly<Record<string, readonly string[]>> = {
  // Storage gives addresses, and says so; ports on nodes are drawn.
  Service: ["spec.clusterIP", "spec.clusterIPs", "spec.ipFamilies", "spec.ipFamilyPolicy", "spec.healthCheckNodePort"],
  // Admission: the account with its volume and secrets, tolerations, priority.
  Pod: ["spec.serviceAccountName", "spec.serviceAccount", "spec.volumes", "spec.containers", "spec.tolerations"].concat(
    ["spec.priority", "spec.preemptionPolicy", "spec.initContainers", "status"],
  ),
  // Of a uid that each time is another.
  Job: ["metadata.labels", "spec.selector", "spec.template.metadata.labels"],
  // Protected while it is in use: an admission plug-in.
  PersistentVolumeClaim: ["metadata.finalizers"],
  // Labelled and given its finalizers by storage.
  Namespace: ["metadata.labels", "spec"],
};

const SERVER_METADATA = ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "namespace"];

/** Pairs that the server refuses, and why; of these, the pairs' program asked no server. */
const REFUSED: Readonly<Record<string, unknown>> = {
  // A field that does not exist: dropped in an ordinary create, an error in an apply.
  "argocd-e2e-testdata/sync-options-validate-false/invalid-cm.yaml#0": expect.stringContaining("field not declared"),
  // Its account comes from another file.
  "argocd-e2e-testdata/syncwaves-prune-order/pod.yaml#0": expect.stringContaining("service account"),
  // Versions that are gone; the program decoded them all the same.
  [`${SOCK_SHOP}/autoscaling/heapster-crb.yml#0`]: expect.stringContaining("404"),
  [`${SOCK_SHOP}/manifests-logging/fluentd-cr.yml#0`]: expect.stringContaining("404"),
  [`${SOCK_SHOP}/manifests-logging/fluentd-crb.yml#0`]: expect.stringContaining("404"),
};
/** Pairs in which trueup finds a difference that a second pass would act on. */
const DRIFT: Readonly<Record<string, unknown>> = {
  // The server drops the annotation, which asked for init containers before Kubernetes 1.8: a person must see that.
  [`${SOCK_SHOP}/manifests-monitoring/23-grafana-import-dash-batch.yaml#0`]: [
    'spec.template.metadata.annotations["pod.beta.kubernetes.io/init-containers"]',
    "not recorded",
  ],
};

function readPairs(): Pair[] {
  return globSync("*.jsonl", { cwd: FOLDER })
    .sort()
    .flatMap((name) =>
      readFileSync(join(FOLDER, name), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Pair),
    );
}

function comparable(object: KubeObject): KubeObject {
  const copy = structuredClone(object) as unknown as { metadata: Record<string, unknown>; [field: string]: unknown };
  for (const name of SERVER_METADATA) delete copy.metadata[name];
  for (const path of FILLED_BY_OTHERS[object.kind] ?? []) {
    const steps = path.split(".");
    let at: Record<string, unknown> | undefined = copy;
    for (const step of steps.slice(0, -1)) at = at?.[step] as Record<string, unknown> | undefined;
    delete at?.[steps.at(-1) ?? ""];
  }
  const labels = copy.metadata.labels as Record<string, string> | undefined;
  delete labels?.[PART_OF_LABEL];
  for (const port of drawnPorts(copy)) delete port.nodePort;
  return copy as unknown as KubeObject;
}

function drawnPorts({ kind, spec }: Record<string, unknown>): Record<string, unknown>[] {
  const { ports } = (kind === "Service" ? spec : {}) as { ports?: Record<string, unknown>[] };
  return ports ?? [];
}

/** The server's answer to a rehearsed apply, in a namespace that is there. */
async function stored(desired: KubeObject, namespace: string): Promise<KubeObject> {
  const { namespace: _its, ...metadata } = desired.metadata;
  const isCluster = isClusterScoped(groupOf(desired.apiVersion), desired.kind);
  const placed = { ...desired, metadata: { ...metadata, ...(!isCluster && { namespace }) } };
  const sent = sentObject(idOf(placed), declaration(placed), "applyset-pairs-v1", !isCluster);
  const query = "fieldManager=trueup&force=true&fieldValidation=Ignore&dryRun=All";
  return cluster.api.patch(`${pathOf(sent)}?${query}`, "apply", sent);
}

it("are what the server stores, and trueup finds no difference in it", async () => {
  const namespace = await cluster.namespace("pairs");
  const found: Record<"refused" | "differs" | "drift", Record<string, unknown>> = {
    refused: {},
    differs: {},
    drift: {},
  };
  const pairs = readPairs();
  expect(pairs).toHaveLength(318);
  for (const { file, doc, live, ...pair } of pairs) {
    // Of a whole cluster's ports, another suite may have taken some.
    const desired = structuredClone(pair.desired);
    for (const port of drawnPorts(desired as unknown as Record<string, unknown>)) delete port.nodePort;
    const place = `${file}#${doc}`;
    try {
      const answer = await stored(desired, namespace);
      const differences = compareObjects(comparable(live), comparable(answer));
      if (differences.length > 0) found.differs[place] = differences.map(({ path }) => path);
      // As trueup reads it in a later run: what it applied is what the managed fields say.
      const applied = appliedPart(answer, "trueup");
      const merged = mergeThreeWay(applied, answer, desired);
      const drift = compareObjects(answer, merged).map(({ path }) => path);
      if (applied === null || !sameDeclaration(applied, desired)) drift.push("not recorded");
      if (drift.length > 0) found.drift[place] = drift;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      found.refused[place] = error.message;
    }
  }
  expect(found).toEqual({ refused: REFUSED, differs: {}, drift: DRIFT });
});
