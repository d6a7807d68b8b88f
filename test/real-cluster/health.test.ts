/** Why something does not get well on a real API server: each attempt fails early, or at its deadline, and says the reason from below. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { KubeObject } from "../../src/model/object.ts";
import type { Pod } from "../../src/model/workload.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";
import { LOGS_ANNOTATION } from "../support/kubernetes/logs.ts";
import type { Play } from "../support/kubernetes/play.ts";
import { CONTEXT, Shop } from "../support/kubernetes/shop.ts";

const cluster = clusterForTests();
const PLAYS: Readonly<Record<string, Play>> = {
  "crash:v1": { does: "crash", exitCode: 3, backOffMs: 50 },
  "fail:v1": { does: "fail", exitCode: 2 },
  "absent:v1": { does: "wait", reason: "ImagePullBackOff", message: 'Back-off pulling image "absent:v1"' },
};

let shop: Shop;

beforeEach(() => {
  shop = new Shop();
});
afterEach(() => shop.end());

function podTemplate(name: string, image: string, spec: object = {}): object {
  const metadata = { labels: { app: name }, annotations: { [LOGS_ANNOTATION]: "cannot find the database\n" } };
  return { metadata, spec: { containers: [{ name: "main", image }], ...spec } };
}

function workload(kind: string, name: string, image: string, spec: object = {}, pod: object = {}): string {
  const selector = kind === "Job" ? {} : { replicas: 1, selector: { matchLabels: { app: name } } };
  const apiVersion = kind === "Job" ? "batch/v1" : "apps/v1";
  const template = podTemplate(name, image, pod);
  return JSON.stringify({ apiVersion, kind, metadata: { name }, spec: { ...selector, ...spec, template } });
}

/** Three times that a node says that it could not fetch the image, counted as a kubelet counts it. */
async function tellOfPulls(namespace: string): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3Dabsent`;
  for await (const event of cluster.api.watch<Pod>(path, signal)) {
    if (event.type === "SYNCED" || event.type === "DELETED") continue;
    const { name, uid } = event.object.metadata;
    const now = new Date().toISOString().replace(/\.\d+/, "");
    const about = { apiVersion: "v1", kind: "Pod", namespace, name, uid, fieldPath: "spec.containers{main}" };
    await cluster.api.create({
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: `${name}.pull`, namespace },
      involvedObject: about,
      ...{ type: "Warning", reason: "Failed", message: 'Failed to pull image "absent:v1": not found' },
      ...{ count: 3, firstTimestamp: now, lastTimestamp: now, source: { component: "kubelet" } },
    } as KubeObject);
    return;
  }
}

it("says pod, exit code, quota, scheduling or the node's own words", async () => {
  const [namespace, full] = [await cluster.namespace("health"), await cluster.namespace("full")];
  cluster.play([namespace, full], PLAYS);
  const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "none", namespace: full } };
  await cluster.api.create({ ...quota, spec: { hard: { pods: "0" } } } as KubeObject);
  const soon = { progressDeadlineSeconds: 2 };
  const apps: Record<string, string> = {
    crashes: workload("StatefulSet", "crashes", "crash:v1", { serviceName: "crashes" }),
    absent: workload("Deployment", "absent", "absent:v1"),
    migrates: workload("Job", "migrates", "fail:v1", { backoffLimit: 0 }, { restartPolicy: "Never" }),
    placed: workload("Deployment", "placed", "web:v1", soon, { nodeSelector: { disk: "none" } }),
    full: workload("Deployment", "full", "web:v1", soon),
  };
  const names = Object.keys(apps);
  shop.commit("Try", {
    ...Object.fromEntries(names.map((name) => [`${name}/all.json`, apps[name] ?? ""])),
    "trueup.yaml": `apps:\n${names.map((name) => `- { name: ${name}, path: ${name}, namespace: ${name === "full" ? full : namespace} }\n`).join("")}`,
  });
  const told = tellOfPulls(namespace);
  shop.run(shop.repository, "--context", CONTEXT, "--kubeconfig", cluster.kubeconfigFor("trueup"));
  await shop.until(({ apps: all }) => all.length === names.length && all.every(({ phase }) => phase === "Failed"));
  await told;
  const log = await shop.json<{ app: string; ending: { outcome: string; reason: string } }[]>("log");
  const reasons = Object.fromEntries(log.map(({ app, ending: { outcome, reason } }) => [app, `${outcome}: ${reason}`]));
  expect(reasons).toEqual({
    // Three exits are enough; a busy machine may look only after a few more.
    crashes: expect.stringMatching(
      /^failed: .*statefulset\/crashes: pod crashes-0: container main: CrashLoopBackOff: exit code 3.*; it ended (?:[3-9]|\d\d+) times and was never ready; last log lines of pod crashes-0 \(container main\): cannot find the database$/,
    ),
    absent: expect.stringMatching(
      /^failed: .*deployment\/absent: pod absent-\S+: container main: ImagePullBackOff: Back-off pulling image "absent:v1", from absent\/all\.json:/,
    ),
    migrates: expect.stringMatching(/^failed: .*job\/migrates: .*pod migrates-\S+: container main: exit code 2/),
    placed: expect.stringMatching(
      /^failed: .*deployment\/placed: deployment "placed" exceeded its progress deadline: pod placed-\S+: Unschedulable: 0\/\d+ nodes are available/,
    ),
    full: expect.stringMatching(
      /^failed: .*deployment\/full: deployment "full" exceeded its progress deadline: .*exceeded quota: none/,
    ),
  });
});
