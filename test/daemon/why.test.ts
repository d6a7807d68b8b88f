/** `why` over a real repository, ledger and embedded cluster: blame, and the chain from a crash to its commit. */
import { afterEach, describe, expect, it } from "vitest";
import { explainWhy } from "../../src/daemon/why.ts";
import type { PodStatus } from "../../src/model/workload.ts";
import { SystemClock } from "../../src/util/clock.ts";
import type { WhyAnswer } from "../../src/why/types.ts";
import { image, NO_ABORT, until, World } from "../reconcile/world.ts";

let world: World;
afterEach(() => world.close());

const manifest = (tag: string, replicas = 1): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: hello-server:${tag}
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80 }]
`;

function why(kind: string, name: string, field?: string): Promise<WhyAnswer> {
  const { repository, ledger } = world;
  const context = { repository, ledger, backend: world.backend.inner, clock: new SystemClock() };
  const group = kind === "Deployment" || kind === "ReplicaSet" ? "apps" : "";
  const query = { group, kind, namespace: "default", name, ...(field !== undefined && { field }) };
  return explainWhy(context, query, NO_ABORT);
}

const CRASHED: PodStatus = {
  phase: "Running",
  conditions: [{ type: "Ready", status: "False" }],
  containerStatuses: [
    {
      name: "web",
      image: "hello-server:v2",
      imageID: "",
      ready: false,
      started: false,
      restartCount: 3,
      state: { waiting: { reason: "CrashLoopBackOff" } },
      lastState: { terminated: { exitCode: 41, reason: "Error" } },
    },
  ],
};

describe("why", () => {
  it("blames each line in the commit that was applied, also for the pods", async () => {
    world = await World.create({ "web.yaml": manifest("v1"), ...image("v1") });
    const reconciler = await world.settledReconciler();
    await world.push(reconciler, { "web.yaml": manifest("v1", 2) }, "Scale web");
    // Moved on in git, and not applied: the daemon is away.
    await reconciler.close();
    world.commit({ "web.yaml": "# gone\n" });
    const { fields, app, health, chain, notes } = await why("Deployment", "web", "spec");
    expect({ app, health: health.status, chain, notes }).toEqual({
      app: "shop",
      health: "Healthy",
      chain: [],
      notes: [],
    });
    const from = (path: string): unknown => {
      const { place } = fields.find((each) => each.path === path) ?? {};
      return [place?.file, place?.line, place?.column, place?.author, place?.subject];
    };
    expect(from("spec.replicas")).toEqual(["web.yaml", 5, 13, "Test Author", "Scale web"]);
    expect(from("spec.template.spec.containers[name=web].image")).toEqual(["web.yaml", 12, 18, "Test Author", "first"]);
    const [pod] = await world.objects("Pod");
    const answer = await why("Pod", pod?.metadata.name ?? "", "image");
    expect(answer.fields[0]).toMatchObject({ origin: "git", place: { line: 12, subject: "first" } });
  });

  it("follows a crash from the Service's or the workload's symptom to the commit and the attempt", async () => {
    world = await World.create({ "web.yaml": manifest("v1"), ...image("v1"), ...image("v2") });
    const reconciler = await world.settledReconciler();
    world.kubelet.onAssign = ({ pod }) => world.kubelet.reportPod(pod.metadata.name, CRASHED);
    await world.push(reconciler, { "web.yaml": manifest("v2") }, "Version 2");
    const { chain, health } = await why("Deployment", "web");
    expect(health).toMatchObject({ status: "Degraded", reason: expect.stringMatching(/^pod web-.*exit code 41/) });
    const [top, replicaSet, pod, ...rest] = chain;
    expect(top).toMatchObject({ about: "deployment/web" });
    expect(replicaSet?.about).toMatch(/^replicaset\/web-/);
    expect(pod?.text).toBe("Degraded: container web: CrashLoopBackOff: exit code 41");
    const change = rest.find(({ about }) => about === "change");
    expect(change).toMatchObject({
      text: "spec.template.spec.containers[name=web].image: hello-server:v1 → hello-server:v2",
      place: { file: "web.yaml", line: 12, subject: "Version 2", author: "Test Author" },
    });
    expect(rest.at(-1)?.about).toMatch(/^attempt at /);
    expect(rest.at(-1)?.text).toMatch(/^failed: .*exit code 41/);
    // Its pods name no port.
    const service = (await why("Service", "web")).chain;
    expect(service.map(({ about, place }) => `${about} ${place?.line ?? ""}`)).toEqual(["service/web ", "change 19"]);
  });

  it("follows a crash to the line of the configuration that changed, without a Secret's value", async () => {
    const watching = manifest("v1").replace(
      "metadata: { name: web }\nspec:\n  replicas",
      "metadata: { name: web, annotations: { trueup/restart-on: 'configmap,secret' } }\nspec:\n  replicas",
    );
    const using = watching.replace(
      "image: hello-server:v1\n",
      "image: hello-server:v1\n          envFrom: [{ configMapRef: { name: c } }, { secretRef: { name: s } }]\n",
    );
    const config = (colour: string, password: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata:\n  colour: ${colour}\n---\n` +
      `apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData:\n  password: ${password}\n`;
    const files = { "web.yaml": using, "conf.yaml": config("blue", "hunter21"), ...image("v1") };
    world = await World.create(files);
    const reconciler = await world.settledReconciler();
    world.kubelet.onAssign = ({ pod }) => world.kubelet.reportPod(pod.metadata.name, CRASHED);
    await world.push(reconciler, { "conf.yaml": config("red", "hunter22") }, "Red");
    const { chain } = await why("Deployment", "web");
    const changes = chain.filter(({ about }) => about === "change");
    expect(changes).toMatchObject([
      { text: "configmap/c: data.colour: blue → red", place: { file: "conf.yaml", line: 5, subject: "Red" } },
      {
        text: expect.stringMatching(/^secret\/s: \w+\.password: /),
        place: { file: "conf.yaml", line: 11, subject: "Red" },
      },
    ]);
    expect(JSON.stringify(chain)).not.toContain("hunter");
    expect(chain.at(-1)?.text).toContain("conf.yaml:5:11 (data.colour of configmap/c)");
  });

  it("says that a Service selects nothing, and where that is written", async () => {
    const service =
      "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec:\n  selector: { app: wbe }\n  ports: [{ port: 80 }]\n";
    world = await World.create({ "svc.yaml": service });
    await world.settledReconciler();
    await until(async () => (await world.objects("Service")).length === 1);
    const { chain } = await why("Service", "web");
    expect(chain.map(({ about, text }) => `${about}: ${text}`)).toEqual([
      "service/web: has no endpoints: its selector app=wbe matches no pod",
      "change: spec.selector is declared",
    ]);
    expect(chain[1]?.place).toMatchObject({ file: "svc.yaml", line: 5, subject: "first" });
  });

  it("names what is near when an object or a field is not there", async () => {
    world = await World.create({ "web.yaml": manifest("v1"), ...image("v1") });
    await world.settledReconciler();
    await expect(why("Deployment", "wbe")).rejects.toMatchObject({ code: "not-found", hint: "There: web." });
    await expect(why("Pod", "x-y")).rejects.toMatchObject({ hint: expect.stringMatching(/^There: web-/) });
    await expect(why("Deployment", "web", "spec.replica")).rejects.toMatchObject({
      code: "not-found",
      hint: expect.stringMatching(/^There: spec\.replicas/),
    });
    await expect(why("ConfigMap", "x")).rejects.toMatchObject({ hint: "There is no ConfigMap in namespace default." });
  });
});
