/** Rows of revisions where nodes fetch the images: written once, with the digests that the pods say, or without them in the end. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Repository } from "../../src/git/repository.ts";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import type { Health } from "../../src/model/health.ts";
import type { Deployment, Pod, ReplicaSet } from "../../src/model/workload.ts";
import { digestsKnown } from "../../src/reconcile/image-ids.ts";
import { RevisionRecorder } from "../../src/reconcile/revisions.ts";
import { VirtualClock } from "../../src/util/clock.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const [FIRST, SECOND] = ["a", "b"].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string];
const spec = (tag: string) => ({ containers: [{ name: "web", image: `web:${tag}` }] });

let directory: string;
let ledger: SqliteLedger;
let recorder: RevisionRecorder;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trueup-revisions-"));
  ledger = new SqliteLedger({ path: join(directory, "ledger.db") });
  const repository = { commit: async () => ({ id: COMMIT, authorName: "A", authorEmail: "a@b", subject: "s" }) };
  recorder = new RevisionRecorder({
    app: "shop",
    target: "stage",
    ledger,
    repository: repository as unknown as Repository,
    images: null,
    clock: new VirtualClock(),
  });
});
afterEach(async () => {
  await ledger.close();
  rmSync(directory, { recursive: true, force: true });
});

function at(revision: number): Deployment {
  const annotations = { "deployment.kubernetes.io/revision": String(revision), "trueup/commit": COMMIT };
  const metadata = { name: "web", namespace: "default", uid: "d", generation: 1, annotations };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata, status: { observedGeneration: 1 } } as never;
}

function replicaSet(revision: number): ReplicaSet {
  const annotations = { "deployment.kubernetes.io/revision": String(revision) };
  const template = { metadata: {}, spec: spec(`v${revision}`) };
  return { metadata: { name: `web-${revision}`, uid: `r${revision}`, annotations }, spec: { template } } as never;
}

function pod(tag: string, imageID: string): Pod {
  return {
    metadata: { name: "p" },
    spec: spec(tag),
    status: { containerStatuses: [{ name: "web", imageID }] },
  } as never;
}

async function record(revision: number, status: Health["status"], pods: Pod[] = []): Promise<void> {
  const replicaSets = [1, 2].filter((each) => each <= revision).map(replicaSet);
  const around = { replicaSets, health: { status, reason: "" }, podsOf: () => pods };
  await recorder.record(at(revision), around, async () => "digest");
}

async function rows(): Promise<unknown[]> {
  const revisions = await ledger.revisions({});
  return revisions.map(({ revision, images, ending }) => [revision, images, ending?.outcome ?? "open"]);
}

it("waits for a pod to say which image its tag stands for", async () => {
  await record(1, "Progressing");
  await record(1, "Progressing", [pod("v1", "")]);
  expect(await rows()).toEqual([]);
  await record(1, "Progressing", [pod("v1", `reg.example/web@${FIRST}`)]);
  expect(await rows()).toEqual([[1, { "web:v1": FIRST }, "open"]]);
  await record(1, "Healthy", [pod("v1", `reg.example/web@${SECOND}`)]);
  expect(await rows()).toEqual([[1, { "web:v1": FIRST }, "deployed"]]);
});

it.each(["Healthy", "Degraded", "Suspended"] as const)("goes without when the rollout is %s before", async (status) => {
  await record(1, status);
  expect(await rows()).toMatchObject([[1, {}, expect.any(String)]]);
});

it("is not lost when the next one comes first", async () => {
  await record(1, "Progressing");
  await record(2, "Progressing");
  expect(await rows()).toEqual([[1, {}, "superseded"]]);
  await record(2, "Healthy", [pod("v2", `reg.example/web@${SECOND}`)]);
  expect(await rows()).toEqual([
    [1, {}, "superseded"],
    [2, { "web:v2": SECOND }, "deployed"],
  ]);
});

it.each<[string, string[], Pod[], Record<string, string>]>([
  ["a pod's id", ["web:v1"], [pod("v1", `docker-pullable://web@${FIRST}`)], { "web:v1": FIRST }],
  ["a node's own copy", ["web:v1"], [pod("v1", FIRST)], {}],
  ["a reference that says it", [`web:v1@${FIRST}`], [], { [`web:v1@${FIRST}`]: FIRST }],
  ["a sidecar that was injected", ["web:v2"], [pod("v1", `web@${FIRST}`)], {}],
])("a digest is known by %s", (_what, references, pods, known) => {
  expect(digestsKnown(references, pods)).toEqual(known);
});
