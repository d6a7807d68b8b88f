/** `trueup run --context` on a real repository and a real API server: the tutorial, kubectl's view of it, a kill, and drift. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { KubeObject } from "../../src/model/object.ts";
import type { Deployment } from "../../src/model/workload.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";
import type { Player } from "../support/kubernetes/player.ts";
import { CONTEXT, Shop } from "../support/kubernetes/shop.ts";
import { type Child, makeHome, trueup } from "../support/processes.ts";

const cluster = clusterForTests();
const DEPLOYMENT = "deployment/hello-deployment";

let shop: Shop;
let namespace: string;
let player: Player;

beforeEach(async () => {
  shop = new Shop();
  namespace = await cluster.namespace("daemon");
  player = cluster.play([namespace], { "hello-server:v1": { does: "run", readyAfterMs: 50 } });
  player.script("hello-server:v2", { does: "run", readyAfterMs: 50, stopMs: 50 });
  shop.commit("Run version 1", { "hello.yaml": MANIFEST });
});
afterEach(() => shop.end());

const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello-deployment
spec:
  replicas: 3
  selector:
    matchLabels: { app: hello }
  template:
    metadata:
      labels: { app: hello }
    spec:
      containers:
        - name: hello-deployment
          image: hello-server:v1
---
apiVersion: v1
kind: Service
metadata:
  name: hello-svc
spec:
  selector: { app: hello }
  ports:
    - { name: http, port: 80, targetPort: 8080 }
`;

function runArguments(): string[] {
  const kubeconfig = cluster.kubeconfigFor("trueup");
  return [shop.repository, "--context", CONTEXT, "--kubeconfig", kubeconfig, "-n", namespace];
}

const start = (): Child => shop.run(...runArguments());

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl([...args, "-n", namespace]);
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

function pathOf(name = "hello-deployment"): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

it("rolls v1, v2 and back, and kubectl and trueup tell the same story of commits", async () => {
  start();
  const first = shop.head;
  const { target, kubelet } = await shop.synced(first);
  expect({ target, kubelet }).toEqual({
    target: { name: CONTEXT, kind: "kubernetes", server: cluster.api.access.server, context: CONTEXT },
  });

  await shop.ok("set", "image", DEPLOYMENT, "hello-deployment=hello-server:v2", "-n", namespace);
  const second = shop.head;
  const said = lastLine(await shop.ok("rollout", "status", DEPLOYMENT, "-n", namespace));
  await shop.synced(second);
  expect(said).toBe(lastLine(await kubectl("rollout", "status", DEPLOYMENT)));

  await shop.ok("rollout", "undo", DEPLOYMENT, "-n", namespace, "--to-revision", "1", "--wait");
  const third = shop.head;
  await shop.synced(third);
  const live = await cluster.api.get<Deployment>(pathOf());
  expect(live.spec.template.spec.containers.map(({ image }) => image)).toEqual(["hello-server:v1"]);

  // Revision 1 is 3 now, as kubectl has it; its cause is the commit that brought it back.
  const causes = [second, third].map((id) => `${id.slice(0, 7)} ${shop.git("show", "-s", "--format=%s (%an)", id)}`);
  const history = await kubectl("rollout", "history", DEPLOYMENT);
  const rows = (text: string): string[][] =>
    text
      .trim()
      .split("\n")
      .slice(2)
      .map((line) => [line.slice(0, line.search(/\s/)), line.slice(line.search(/\s/)).trim()]);
  expect(rows(history)).toEqual([
    ["2", causes[0]],
    ["3", causes[1]],
  ]);
  expect(rows(await shop.ok("rollout", "history", DEPLOYMENT, "-n", namespace)).slice(-2)).toEqual(rows(history));

  const log = await shop.json<{ target: string; ending?: { outcome: string } }[]>("log");
  expect(log.map(({ target: on, ending }) => [on, ending?.outcome])).toEqual(
    [1, 2, 3].map(() => [CONTEXT, "deployed"]),
  );

  const described = [await shop.ok("describe", DEPLOYMENT, "-n", namespace), await kubectl("describe", DEPLOYMENT)];
  for (const label of ["Replicas:", "NewReplicaSet:", "OldReplicaSets:", "StrategyType:"]) {
    const [ours, theirs] = described.map((text) => text.split("\n").find((line) => line.startsWith(label)));
    expect(ours?.replace(/\s+/g, " ")).toBe(theirs?.replace(/\s+/g, " "));
  }
  expect(await shop.ok("down")).toMatch(/^The daemon has ended\. What it applied stays on trueup-test/);
  expect(await cluster.api.get(pathOf())).toBeDefined();
});

it("goes on after kill -9 in mid-rollout, and applies nothing twice", async () => {
  const killed = start();
  await shop.synced(shop.head);
  player.script("hello-server:v3", { does: "run", readyAfterMs: 1_000 });
  const next = shop.commit("Run version 3", { "hello.yaml": MANIFEST.replace(":v1", ":v3") });
  await cluster.api.until<Deployment>(pathOf(), (object) => {
    const isSeen = object?.status?.observedGeneration === object?.metadata.generation;
    const isNew = object?.spec.template.spec.containers[0]?.image === "hello-server:v3";
    return isNew && isSeen && (object?.status?.updatedReplicas ?? 0) > 0;
  });
  killed.kill("SIGKILL");
  await killed.exited;
  const mark = cluster.isOwn ? await cluster.audit.mark() : null;
  start();
  await shop.synced(next);
  const log = await shop.json<{ subject: string; ending?: { outcome: string } }[]>("log");
  expect(log.map(({ subject, ending }) => [subject, ending?.outcome])).toEqual([
    ["Run version 3", "deployed"],
    ["Run version 1", "deployed"],
  ]);
  if (mark === null) return;
  const writes = await cluster.audit.since(mark, { user: "trueup", verb: "patch" });
  expect(writes.filter(({ uri }) => uri.includes("/deployments/") && !uri.includes("dryRun"))).toEqual([]);
});

it("waits for what another app of the same commit makes: a Namespace, an account, a kind; and for a new Namespace's own account", async () => {
  const [inside, group] = [`${namespace}-in`, `${namespace}.trueup.test`];
  const pod = (name: string, account = ""): string => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${inside} }
spec:
  ${account}
  containers: [{ name: web, image: hello-server:v1 }]
`;
  const players = cluster.play([inside], { "hello-server:v1": { does: "run", readyAfterMs: 50 } });
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sites.${group}`;
  try {
    const head = shop.commit("Two apps", {
      "hello.yaml": "",
      "trueup.yaml": "apps:\n  - { name: a-user, path: user }\n  - { name: z-base, path: base }\n",
      "user/pods.yaml": `${pod("plain")}---\n${pod("robot", "serviceAccountName: robot")}`,
      "user/site.yaml": `apiVersion: ${group}/v1\nkind: Site\nmetadata: { name: s }\n`,
      "base/base.yaml": `apiVersion: v1
kind: Namespace
metadata: { name: ${inside} }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: robot, namespace: ${inside} }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: sites.${group} }
spec:
  group: ${group}
  scope: Cluster
  names: { plural: sites, singular: site, kind: Site, listKind: SiteList }
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
---
${pod("own")}`,
    });
    shop.run(shop.repository, "--context", CONTEXT, "--kubeconfig", cluster.kubeconfigFor("trueup"));
    await shop.synced(head);
    const log = await shop.json<{ app: string; ending?: { outcome: string } }[]>("log");
    expect(log.map(({ app, ending }) => `${app}: ${ending?.outcome}`).sort()).toEqual([
      "a-user: deployed",
      "z-base: deployed",
    ]);
  } finally {
    await players.stop();
    await cluster.api.remove(path);
    await cluster.api.remove(`/api/v1/namespaces/${inside}`);
    await cluster.api.remove(`/api/v1/namespaces/${inside}/pods`, { gracePeriodSeconds: 0 });
  }
});

it("repairs what somebody changes, and names by what manager it was", async () => {
  start();
  await shop.synced(shop.head);
  await kubectl("scale", DEPLOYMENT, "--replicas", "5");
  await cluster.api.until<Deployment>(pathOf(), (object) => object?.spec.replicas === 3);
  await cluster.api.patch(`${pathOf()}?fieldManager=somebody`, "merge", { spec: { minReadySeconds: 7 } });
  const patched = await cluster.api.get<KubeObject & { spec: { minReadySeconds?: number } }>(pathOf());
  // Git does not declare it: it is nobody's business here.
  expect(patched.spec.minReadySeconds).toBe(7);
  const image = { spec: { template: { spec: { containers: [{ name: "hello-deployment", image: "evil:v9" }] } } } };
  await cluster.api.patch(`${pathOf()}?fieldManager=kubectl-edit`, "strategic", image);
  await cluster.api.until<Deployment>(
    pathOf(),
    (object) => object?.spec.template.spec.containers[0]?.image === "hello-server:v1",
  );
  type Drift = { type: string; detail: { changes: { fields: string[]; by: string }[] } };
  const log = await shop.json<{ events: Drift[] }[]>("log");
  const drifts = log.flatMap(({ events }) => events).filter(({ type }) => type === "drift");
  expect(drifts.flatMap(({ detail }) => detail.changes)).toMatchObject([
    { fields: ["spec.replicas"], by: "kubectl" },
    { fields: [expect.stringContaining("image")], by: "kubectl-edit" },
  ]);
});

it("leaves alone what another daemon's app of the same name owns", async () => {
  start();
  const head = shop.head;
  await shop.synced(head);
  const others = makeHome();
  try {
    const { code, stderr, stdout } = await trueup(["run", ...runArguments(), "--once"], others, others.dir);
    expect({ code, said: `${stdout}${stderr}` }).toEqual({
      code: 1,
      said: expect.stringMatching(/hello-deployment.*shop of /s),
    });
  } finally {
    others.remove();
  }
});
