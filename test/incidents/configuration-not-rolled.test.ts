/**
 * Users of other tools report that a changed ConfigMap is applied and shown as synced while every pod goes on with the old
 * values; here a workload with `trueup/restart-on` rolls its pods when the content changes, and the plan says why.
 */
import { afterEach, describe, expect, it } from "vitest";
import type { PodAssignment } from "../../src/model/kubelet.ts";
import { describePlan } from "../../src/plan/describe.ts";
import { image, NO_ABORT, untilStatus, World } from "../reconcile/world.ts";

let world: World;
afterEach(() => world.close());

const PASSWORD = "hunter22";

function web(watching = "configmap,secret", tag = "v1"): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    trueup/restart-on: "${watching}"
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: hello-server:${tag}
          envFrom: [{ configMapRef: { name: web-config } }, { secretRef: { name: web-secret } }]
`;
}
const config = (colour: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web-config }\ndata:\n  colour: ${colour}\n`;
const secret = (password: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: web-secret }\nstringData: { password: ${password} }\n`;
const files = (): Record<string, string> => ({
  "web.yaml": web(),
  "config.yaml": config("blue"),
  "secret.yaml": secret(PASSWORD),
  ...image("v1"),
  ...image("v2"),
});

/** What each pod was started with, by name; noted when the kubelet gets it. */
function watchStarts(): Map<string, string> {
  const started = new Map<string, string>();
  const before = world.kubelet.onAssign;
  world.kubelet.onAssign = (assignment: PodAssignment) => {
    const { pod, configMaps, secrets } = assignment;
    if (!started.has(pod.metadata.name)) {
      started.set(pod.metadata.name, `${configMaps["web-config"]?.colour} ${secrets["web-secret"]?.password}`);
    }
    return before(assignment);
  };
  return started;
}

/** Of the pods that are not on their way out. */
async function podNames(): Promise<string[]> {
  const pods = (await world.objects("Pod")).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return pods.map(({ metadata }) => metadata.name).sort();
}

async function replicaSets(): Promise<string[]> {
  return (await world.objects("ReplicaSet")).map(({ metadata, spec }) => {
    return `${metadata.name} ${(spec as { replicas: number }).replicas}`;
  });
}

describe("configuration changed, pods keep the old one", () => {
  it("cannot happen: pods are replaced, one by one, by pods that have the new content", async () => {
    world = await World.create(files());
    const started = watchStarts();
    const reconciler = await world.settledReconciler();
    const old = await podNames();
    expect(old.map((name) => started.get(name))).toEqual(new Array(3).fill(`blue ${PASSWORD}`));

    let least = 3;
    world.cluster.store.subscribe(({ object }) => {
      if (object.kind !== "Deployment") return;
      least = Math.min(least, (object.status as { availableReplicas?: number } | undefined)?.availableReplicas ?? 0);
    });
    expect(await world.push(reconciler, { "config.yaml": config("red") }, "red")).toMatchObject({ phase: "Synced" });
    const fresh = await podNames();
    expect(fresh.filter((name) => old.includes(name))).toEqual([]);
    expect(fresh.map((name) => started.get(name))).toEqual(new Array(3).fill(`red ${PASSWORD}`));
    // maxUnavailable is 25 % of 3, rounded down to none.
    expect(least).toBe(3);
    expect(world.backend.writes.slice(-2)).toEqual(["apply ConfigMap web-config", "apply Deployment web"]);
    expect(await world.outcomes()).toEqual(["first #1: deployed", "red #1: deployed"]);
  });

  it("the plan names what changed, and the revision its commit", async () => {
    world = await World.create(files());
    const reconciler = await world.settledReconciler();
    const red = world.commit({ "config.yaml": config("red") }, "red");
    const outcome = await reconciler.plan(undefined, NO_ABORT);
    if (outcome.kind !== "planned") throw new Error("it was rejected");
    expect(describePlan(outcome.plan)).toContain(
      "~ deployment/web (web.yaml:1): restarts pods: configmap/web-config changed\n",
    );
    reconciler.refChanged();
    await reconciler.settled();
    const revisions = await world.ledger.revisions({});
    expect(revisions.map(({ revision, subject }) => `${revision} ${subject}`)).toEqual(["1 first", "2 red"]);
    expect(revisions[1]?.commit).toBe(red);
  });

  it("back to the old content is back to the old ReplicaSet", async () => {
    world = await World.create(files());
    const reconciler = await world.settledReconciler();
    const [first] = await replicaSets();
    await world.push(reconciler, { "config.yaml": config("red") }, "red");
    await world.push(reconciler, { "config.yaml": `# as it was\n${config("blue")}` }, "blue again");
    const now = await replicaSets();
    expect(now).toHaveLength(2);
    expect(now).toContain(first);
  });

  it("a changed Secret restarts pods, too, and its value is in no digest, row or message", async () => {
    world = await World.create(files());
    const reconciler = await world.settledReconciler();
    const old = await podNames();
    await world.push(reconciler, { "secret.yaml": secret("correcthorse") }, "rotate");
    expect((await podNames()).filter((name) => old.includes(name))).toEqual([]);
    const rows = JSON.stringify([await world.ledger.attempts({}), await world.ledger.revisions({}), world.logged]);
    for (const value of [PASSWORD, "correcthorse"]) {
      expect(rows).not.toContain(value);
      expect(rows).not.toContain(Buffer.from(value).toString("base64"));
    }
  });

  it.each([
    ["comments, order and spelling", { "config.yaml": `# new words\n${config('"blue" # same')}` }],
    ["another object", { "other.yaml": config("green").replace("web-config", "other") }],
    [
      "labels of the ConfigMap",
      { "config.yaml": config("blue").replace("{ name: web-config }", "{ name: web-config, labels: { a: b } }") },
    ],
    ["nothing that is watched", { "web.yaml": web("secret"), "config.yaml": config("red") }],
  ])("pods stay with a commit that changes %s", async (_what, change) => {
    world = await World.create({ ...files(), ...("web.yaml" in change && { "web.yaml": web("secret") }) });
    const reconciler = await world.settledReconciler();
    const old = await podNames();
    expect(await world.push(reconciler, change, "no content")).toMatchObject({ phase: "Synced" });
    expect(await podNames()).toEqual(old);
  });

  it("a daemon that starts again finds nothing to do, and one that lost its key rolls once", async () => {
    world = await World.create(files());
    const first = await world.settledReconciler();
    const old = await podNames();
    await first.close();
    const writes = world.backend.writes.length;
    const second = await world.settledReconciler();
    expect(world.backend.writes).toHaveLength(writes);
    expect(await podNames()).toEqual(old);
    await second.close();
    const third = await world.settledReconciler({ configKey: new Uint8Array(32).fill(1) });
    await untilStatus(third, ({ phase }) => phase === "Synced");
    // Another key is other digests: that is why it is made once, and kept.
    expect(world.backend.writes.slice(writes)).toEqual(["apply Deployment web"]);
  });

  it("what the app does not declare is said to be unwatched, at its place", async () => {
    world = await World.create({ "web.yaml": web(), ...image("v1") });
    const reconciler = await world.settledReconciler();
    const said = reconciler.status().diagnostics.filter(({ rule }) => rule === "restart-on");
    expect(
      said.map(
        ({ severity, location, message }) =>
          `${location.file}:${location.line}:${location.column} ${severity} ${message}`,
      ),
    ).toEqual([
      "web.yaml:16:45 warning A change of configmap/web-config restarts no pod of deployment/web: this app does not declare it",
      "web.yaml:16:82 warning A change of secret/web-secret restarts no pod of deployment/web: this app does not declare it",
    ]);
  });

  it("an unknown word rejects the commit, with its place", async () => {
    world = await World.create(files());
    const reconciler = await world.settledReconciler();
    const status = await world.push(
      reconciler,
      { "web.yaml": web("configmaps"), "config.yaml": config("red") },
      "typo",
    );
    expect(status.phase).toBe("Rejected");
    expect(status.reason).toMatch(/^web\.yaml:6:24: Cannot use .* it has "configmaps"$/);
    expect(await world.data("web-config")).toEqual({ colour: "blue" });
  });
});
