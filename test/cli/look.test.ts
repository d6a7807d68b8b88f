/** The commands that only look, against a daemon on a real socket. */
import { load } from "js-yaml";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/model/object.ts";
import { asCommitId } from "../../src/model/source.ts";
import type { AppStatus } from "../../src/model/status.ts";
import { appStatus, type Running, startFake } from "./with-daemon.ts";

const COMMIT = asCommitId("3f2c1aa".padEnd(40, "0"));
let fake: Running;

beforeEach(async () => {
  fake = await startFake();
});

afterEach(async () => {
  await fake.end();
});

const parse = (yaml: string): KubeObject => load(yaml) as KubeObject;

const RUNNING = '{ running: { startedAt: "2026-01-01T00:00:00Z" } }';
const CRASHED = "{ waiting: { reason: CrashLoopBackOff } }";

function pod(name: string, ready: boolean, state = RUNNING): KubeObject {
  return parse(`
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: default
  labels: { app: web, pod-template-hash: new }
  creationTimestamp: "${new Date(Date.now() - 90_000).toISOString()}"
  ownerReferences: [{ apiVersion: apps/v1, kind: ReplicaSet, name: web-new, uid: rs-new, controller: true }]
spec: { containers: [{ name: web, image: "web:v2" }] }
status:
  phase: Running
  conditions: [{ type: Ready, status: "${ready ? "True" : "False"}" }]
  containerStatuses:
    - { name: web, image: "web:v2", imageID: "", ready: ${ready}, started: true, restartCount: 0, state: ${state}, lastState: {} }`);
}

function deployment(updated: number, available: number, rest = ""): KubeObject {
  return parse(`
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
  uid: d-1
  generation: 2
  creationTimestamp: "2026-01-01T00:00:00Z"
  annotations: { deployment.kubernetes.io/revision: "2" }
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: "web:v2" }] } }
status: { observedGeneration: 2, replicas: 3, updatedReplicas: ${updated}, availableReplicas: ${available}, readyReplicas: ${available} ${rest} }`);
}

const REPLICA_SET = parse(`
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: web-new
  namespace: default
  uid: rs-new
  creationTimestamp: "2026-01-01T00:00:00Z"
  annotations: { deployment.kubernetes.io/revision: "2" }
  ownerReferences: [{ apiVersion: apps/v1, kind: Deployment, name: web, uid: d-1, controller: true }]
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template: { metadata: { labels: { app: web, pod-template-hash: new } }, spec: { containers: [{ name: web, image: "web:v2" }] } }
status: { replicas: 3 }`);

describe("get", () => {
  it("prints tables, several kinds apart, with kinds in the names", async () => {
    fake.daemon.put(pod("web-b", true));
    fake.daemon.put(pod("web-a", false));
    expect((await fake.run("get", "pods")).stdout).toMatch(
      /^NAME {4}READY {3}STATUS {4}RESTARTS {3}AGE\nweb-a {3}0\/1 {5}Running {3}0 {10}\S+\nweb-b {3}1\/1 {5}Running {3}0 {10}\S+\n$/,
    );
    fake.daemon.put(
      parse("{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}, spec: {ports: [{port: 80}]}}"),
    );
    const all = await fake.run("get", "all", "--no-headers");
    expect(all.stdout).toMatch(/^pod\/web-a .*\npod\/web-b .*\n\nservice\/web .*80\/TCP +<unknown>\n$/);
  });

  it("prints one object, several, or a list, as data", async () => {
    fake.daemon.put(pod("web-a", true));
    fake.daemon.put(pod("web-b", true));
    const one = JSON.parse((await fake.run("get", "pod/web-a", "-o", "json")).stdout) as KubeObject;
    expect(one).toMatchObject({ kind: "Pod", metadata: { name: "web-a" } });
    const list = load((await fake.run("get", "pods", "-o", "yaml")).stdout);
    expect(list).toMatchObject({ apiVersion: "v1", kind: "List", items: [one, { metadata: { name: "web-b" } }] });
    const two = JSON.parse((await fake.run("get", "pods", "web-b", "web-a", "-o", "json")).stdout) as { kind: string };
    expect(two.kind).toBe("List");
    expect((await fake.run("get", "po", "-o", "name")).stdout).toBe("pod/web-a\npod/web-b\n");
  });

  it("says which name is not there, and which are", async () => {
    fake.daemon.put(pod("web-a", true));
    expect(await fake.run("get", "pods", "web-a", "web-x")).toEqual({
      code: 1,
      stdout: "",
      stderr: 'trueup: Cannot find pod "web-x" in namespace default.\n  hint: There: web-a.\n',
    });
  });

  it("looks in one namespace or in all", async () => {
    fake.daemon.put(parse("{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: other}}"));
    expect(await fake.run("get", "cm")).toEqual({
      code: 0,
      stdout: "",
      stderr: "No resources found in default namespace.\n",
    });
    expect((await fake.run("get", "cm", "-n", "other")).stdout).toMatch(/^NAME +DATA +AGE\nc +0 +<unknown>\n$/);
    expect((await fake.run("get", "cm", "-A")).stdout).toMatch(
      /^NAMESPACE +NAME +DATA +AGE\nother +c +0 +<unknown>\n$/,
    );
  });

  it("watches: what is there, then each change, in the same columns", async () => {
    fake.daemon.put(pod("web-a", false));
    const child = fake.start("get", "pods", "-w");
    await child.waitFor(/web-a/);
    fake.daemon.put(pod("web-a", true));
    await child.waitFor(/1\/1/);
    expect(child.output).toMatch(
      /^NAME {4}READY {3}STATUS {4}RESTARTS {3}AGE\nweb-a {3}0\/1 {5}Running.*\nweb-a {3}1\/1 {5}Running.*\n$/,
    );
  });
});

describe("describe, events and logs", () => {
  const event = (uid: string, message: string): KubeObject =>
    parse(`
apiVersion: v1
kind: Event
metadata: { name: e-${uid}, namespace: default, uid: e-${uid} }
type: Normal
reason: ScalingReplicaSet
message: ${message}
count: 1
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"
source: { component: deployment-controller }
involvedObject: { apiVersion: apps/v1, kind: Deployment, namespace: default, name: web, uid: ${uid} }`);

  it("tells an object with its children and its own events", async () => {
    fake.daemon.put(deployment(3, 3));
    fake.daemon.put(REPLICA_SET);
    fake.daemon.put(event("d-1", "Scaled up replica set web-new from 0 to 3"));
    fake.daemon.put(event("d-0", "of an earlier Deployment of this name"));
    const { code, stdout } = await fake.run("describe", "deployment/web");
    expect(code).toBe(0);
    expect(stdout).toContain("NewReplicaSet:     web-new (3/3 replicas created)\n");
    expect(stdout).toContain("Scaled up replica set web-new from 0 to 3\n");
    expect(stdout).not.toContain("earlier");
    expect((await fake.run("describe", "deploy", "web")).stdout).toBe(stdout);
  });

  it("lists events, those about one object, and new ones once each", async () => {
    fake.daemon.put(event("d-1", "one"));
    expect((await fake.run("events", "--for", "deploy/web")).stdout).toMatch(/deployment\/web {3}one\n$/);
    expect((await fake.run("events", "--for", "pod/web")).stderr).toBe("No events found.\n");
    const child = fake.start("events", "-w");
    await child.waitFor(/one\n/);
    fake.daemon.put(event("d-1", "one"));
    fake.daemon.put(event("d-2", "two"));
    await child.waitFor(/two\n/);
    expect(child.output.match(/one\n/g)).toHaveLength(1);
  });

  it("prints a container's lines, and asks for what was asked for", async () => {
    fake.daemon.put(pod("web-a", true));
    fake.daemon.logLines.push("first", "second");
    expect(await fake.run("logs", "web-a", "--tail", "1", "-p")).toEqual({ code: 0, stdout: "second\n", stderr: "" });
    expect(fake.daemon.logQueries).toEqual([
      { namespace: "default", pod: "web-a", container: "web", follow: false, previous: true, tail: 1 },
    ]);
    const several = pod("web-b", true) as unknown as { metadata: object; spec: { containers: object[] } };
    const more = {
      ephemeralContainers: [{ name: "debug" }],
      containers: [{ name: "proxy" }, ...several.spec.containers],
    };
    const annotations = { "kubectl.kubernetes.io/default-container": "web" };
    fake.daemon.put({
      ...several,
      metadata: { ...several.metadata, annotations },
      spec: { ...several.spec, ...more },
    } as unknown as KubeObject);
    for (const args of [[], ["-c", "proxy"], ["-c", "debug"]]) await fake.run("logs", "web-b", ...args);
    expect(fake.daemon.logQueries.slice(1).map(({ container }) => container)).toEqual(["web", "proxy", "debug"]);
    expect(await fake.run("logs", "web-a", "-c", "db")).toEqual({
      code: 1,
      stdout: "",
      stderr: 'trueup: Cannot find container "db" in pod web-a.\n  hint: Its containers: web.\n',
    });
  });

  it("prints those of a pod that a workload or a Service has, a ready one first, and says which it chose", async () => {
    fake.daemon.put(deployment(3, 3));
    fake.daemon.put(REPLICA_SET);
    fake.daemon.put(
      parse("{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}, spec: {selector: {app: web}}}"),
    );
    fake.daemon.put(parse("{apiVersion: v1, kind: Service, metadata: {name: none, namespace: default}, spec: {}}"));
    fake.daemon.put(parse("{apiVersion: v1, kind: ConfigMap, metadata: {name: web, namespace: default}}"));
    fake.daemon.logLines.push("first");
    expect(await fake.run("logs", "deploy/web")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "trueup: Cannot show logs of deployment/web as it must have a pod: it has none.\n" +
        "  hint: trueup describe deployment/web says why.\n",
    });
    fake.daemon.put(pod("web-a", false));
    expect(await fake.run("logs", "deploy/web")).toEqual({ code: 0, stdout: "first\n", stderr: "" });
    fake.daemon.put(pod("web-b", true));
    for (const of of ["deployment/web", "svc/web", `rs/${REPLICA_SET.metadata.name}`]) {
      const said = { code: 0, stdout: "first\n", stderr: "Found 2 pods, using pod/web-b\n" };
      expect([of, await fake.run("logs", of)]).toEqual([of, said]);
    }
    expect(fake.daemon.logQueries.map((query) => query.pod)).toEqual(["web-a", "web-b", "web-b", "web-b"]);
    expect((await fake.run("logs", "svc/none")).stderr).toContain("it has none");
    expect(await fake.run("logs", "cm/web")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("must be a pod, or something that has pods"),
    });
  });
});

describe("rollout status", () => {
  const settled = appStatus("shop");

  it("streams kubectl's lines, and below them why it waits, to the end", async () => {
    fake.daemon.apps = [settled];
    fake.daemon.put(deployment(1, 2));
    fake.daemon.put(REPLICA_SET);
    fake.daemon.put(pod("web-a", false, CRASHED));
    const child = fake.start("rollout", "status", "deployment/web");
    await child.waitFor(/CrashLoop/);
    fake.daemon.put(deployment(3, 2));
    await child.waitFor(/2 of 3/);
    fake.daemon.put(pod("web-a", true));
    fake.daemon.put(deployment(3, 3));
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.output).toBe(
      'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...\n' +
        "  pod web-a: container web: CrashLoopBackOff\n" +
        'Waiting for deployment "web" rollout to finish: 2 of 3 updated replicas are available...\n' +
        "  pod web-a: container web: CrashLoopBackOff\n" +
        'deployment "web" successfully rolled out\n',
    );
  });

  it("says so when the head is not what rolls out", async () => {
    const head = { commit: COMMIT, subject: "", author: "", authoredAt: "" };
    const applied = asCommitId("1".repeat(40));
    fake.daemon.apps = [appStatus("shop", { head, applied, phase: "Rejected", reason: "web.yaml:3:5: unknown field" })];
    fake.daemon.put(deployment(3, 3));
    expect(await fake.run("rollout", "status", "deploy/web")).toEqual({
      code: 1,
      stdout: 'deployment "web" successfully rolled out\n',
      stderr: "warning: 3f2c1aa of shop is rejected: web.yaml:3:5: unknown field; what follows is of 1111111\n",
    });
  });

  it("exits 1 when the head is gone back from meanwhile, as what got complete is not it", async () => {
    const head = { commit: COMMIT, subject: "", author: "", authoredAt: "" };
    fake.daemon.apps = [appStatus("shop", { head, applied: COMMIT, phase: "Progressing" })];
    fake.daemon.put(deployment(1, 2));
    const child = fake.start("rollout", "status", "deployment/web");
    await child.waitFor(/Waiting/);
    const applied = asCommitId("1".repeat(40));
    fake.daemon.setApps([appStatus("shop", { head, applied, phase: "RolledBack", reason: "pod web-a crashed" })]);
    fake.daemon.put(deployment(3, 3));
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.output).toMatch(
      /rolled out\nwarning: 3f2c1aa of shop is rolled back: pod web-a crashed; what runs is of 1111111\n$/,
    );
  });

  it("of one app has nothing to say of another's head", async () => {
    const head = { commit: COMMIT, subject: "", author: "", authoredAt: "" };
    const applied = asCommitId("1".repeat(40));
    const rejected = appStatus("jobs", { head, applied, phase: "Rejected", reason: "no" });
    fake.daemon.apps = [settled, rejected];
    fake.daemon.put(deployment(3, 3), "shop");
    expect((await fake.run("rollout", "status", "deploy/web")).code).toBe(0);
  });

  it("exits 1 as soon as the daemon says that the commit has failed for it, and not for another workload", async () => {
    const head = { commit: COMMIT, subject: "", author: "", authoredAt: "" };
    const failed = (workload: string): AppStatus =>
      appStatus("shop", { head, applied: COMMIT, phase: "Failed", reason: `${workload}: pod a-1: exit code 3` });
    fake.daemon.apps = [failed("other/deployment/web"), failed("deployment/web-2")];
    fake.daemon.put(deployment(1, 2), "shop");
    const child = fake.start("rollout", "status", "deployment/web");
    await child.waitFor(/Waiting/);
    fake.daemon.setApps([failed("deployment/web")]);
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.output).toBe(
      'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...\n' +
        "trueup: 3f2c1aa failed: deployment/web: pod a-1: exit code 3\n" +
        "  hint: A fix is another commit; trueup revert takes this one back.\n",
    );
    fake.daemon.put(deployment(3, 3), "shop");
    expect((await fake.run("rollout", "status", "deployment/web")).code).toBe(0);
  });

  it("exits 1 with the reason when the deadline has passed", async () => {
    fake.daemon.apps = [settled];
    const late = ', conditions: [{ type: Progressing, status: "False", reason: ProgressDeadlineExceeded }]';
    fake.daemon.put(deployment(1, 2, late));
    fake.daemon.put(REPLICA_SET);
    fake.daemon.put(pod("web-a", false, CRASHED));
    expect(await fake.run("rollout", "status", "deploy/web")).toEqual({
      code: 1,
      stdout: "  pod web-a: container web: CrashLoopBackOff\n",
      stderr: 'trueup: deployment "web" exceeded its progress deadline\n',
    });
  });

  it("exits 1 when the time is up, when it is deleted, and when it was never there", async () => {
    fake.daemon.apps = [settled];
    fake.daemon.put(deployment(1, 2));
    const late = await fake.run("rollout", "status", "deploy/web", "--timeout", "50ms");
    expect(late).toMatchObject({ code: 1, stderr: "trueup: Cannot wait any longer for the rollout: timed out.\n" });
    const child = fake.start("rollout", "status", "deploy/web");
    await child.waitFor(/Waiting/);
    fake.daemon.remove(deployment(1, 2));
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.output).toContain("trueup: object has been deleted\n");
    expect((await fake.run("rollout", "status", "deploy/web")).stderr).toContain('Cannot find deployment "web"');
  });

  it("prints the present state once with --no-watch", async () => {
    fake.daemon.put(deployment(1, 2));
    expect(await fake.run("rollout", "status", "deploy/web", "--no-watch")).toMatchObject({
      code: 0,
      stdout: 'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...\n',
    });
  });
});

describe("rollout history", () => {
  beforeEach(() => {
    fake.daemon.put(deployment(3, 3));
    fake.daemon.put(REPLICA_SET);
    // Revision 1 has no ReplicaSet any more: an undo has given its template another number, or the limit has taken it.
    for (const [index, subject] of ["First", "Set image"].entries()) {
      fake.daemon.revisionRows.push({
        app: "shop",
        target: "local",
        workload: "apps/Deployment/default/web",
        uid: "d-1",
        revision: index + 1,
        commit: asCommitId(String(index + 1).repeat(40)),
        authorName: "Ann",
        authorEmail: "",
        subject,
        file: "web.yaml",
        template: {
          metadata: { labels: { app: "web" } },
          spec: { containers: [{ name: "web", image: `web:v${index + 1}` }] },
        },
        templateHash: `h${index}`,
        images: {},
        planDigest: "",
        startedAt: "2026-01-01T00:00:00.000Z",
      });
    }
  });

  it("lists the revisions that kubectl would, with their commits, and wide all that there ever were", async () => {
    expect(await fake.run("rollout", "history", "deployment/web")).toEqual({
      code: 0,
      stderr: "",
      stdout: "deployment.apps/web \n" + "REVISION  CHANGE-CAUSE\n2         2222222 Set image (Ann)\n\n",
    });
    const wide = await fake.run("rollout", "history", "deployment/web", "-o", "wide");
    expect(wide.stdout).toMatch(/^1 .*First \(Ann\)\n2 .*Set image \(Ann\)$/m);
  });

  it("shows one revision, or the ledger's rows", async () => {
    const one = await fake.run("rollout", "history", "deployment/web", "--revision", "1");
    expect(one.stdout).toMatch(/^deployment\.apps\/web with revision #1\nPod Template:\n {2}Labels:\tapp=web\n/);
    expect(one.stdout).toContain("    Image:\tweb:v1\n");
    const rows = JSON.parse((await fake.run("rollout", "history", "deployment/web", "-o", "json")).stdout);
    expect(rows).toMatchObject([
      { revision: 1, commit: "1".repeat(40), subject: "First" },
      { revision: 2, commit: "2".repeat(40), subject: "Set image" },
    ]);
    expect(await fake.run("rollout", "history", "deployment/web", "--revision", "7")).toEqual({
      code: 1,
      stdout: "",
      stderr: "trueup: unable to find the specified revision 7\n  hint: There are: 1, 2.\n",
    });
  });
});

describe("plan and diff", () => {
  const location = { file: "web.yaml", line: 3, column: 5 };
  const problem = { severity: "error" as const, rule: "unknown-field", message: "unknown field", location };

  it("exit 1 and 2 for a commit that is invalid, with all that is wrong", async () => {
    fake.daemon.apps = [appStatus("shop")];
    fake.daemon.planOutcome = { kind: "rejected", app: "shop", commit: COMMIT, diagnostics: [problem] };
    const plan = await fake.run("plan", "HEAD~1");
    expect({ code: plan.code, stdout: plan.stdout }).toEqual({ code: 1, stdout: "" });
    expect(plan.stderr).toContain("web.yaml:3:5: error: unknown field");
    await fake.run("plan", "--adopt");
    expect(fake.daemon.planned).toEqual([
      { app: "shop", revision: "HEAD~1" },
      { app: "shop", revision: undefined, adopt: true },
    ]);
    const diff = await fake.run("diff", "HEAD~1");
    expect({ code: diff.code, stdout: diff.stdout }).toEqual({ code: 2, stdout: "" });
    expect(diff.stderr).toContain("Cannot compare 3f2c1aa as its manifests must be valid.");
  });

  it("are of all apps when none is named", async () => {
    fake.daemon.apps = [appStatus("shop"), appStatus("blog")];
    const plan = { app: "shop", commit: COMMIT, changes: [], unchanged: 2, digest: "sha256:0" };
    fake.daemon.planOutcome = { kind: "planned", plan, diagnostics: [] };
    const asked = fake.daemon.planned.length;
    expect((await fake.run("plan", "main")).stdout).toBe("shop at 3f2c1aa: nothing to do, 2 unchanged\n".repeat(2));
    expect(JSON.parse((await fake.run("plan", "-o", "json")).stdout)).toHaveLength(2);
    expect(JSON.parse((await fake.run("plan", "--app", "blog", "-o", "json")).stdout)).toMatchObject({ unchanged: 2 });
    expect((await fake.run("diff")).code).toBe(0);
    expect(
      fake.daemon.planned
        .slice(asked)
        .map(({ app }) => app)
        .join(),
    ).toBe("shop,blog,shop,blog,blog,shop,blog");
  });

  it("exit 0 when there is nothing to do, and diff exits 1 when something differs", async () => {
    fake.daemon.apps = [appStatus("shop")];
    const plan = { app: "shop", commit: COMMIT, changes: [], unchanged: 2, digest: "sha256:0" };
    fake.daemon.planOutcome = { kind: "planned", plan, diagnostics: [] };
    expect(await fake.run("plan")).toEqual({
      code: 0,
      stdout: "shop at 3f2c1aa: nothing to do, 2 unchanged\n",
      stderr: "",
    });
    expect(await fake.run("diff")).toEqual({ code: 0, stdout: "", stderr: "" });
    const object = parse("{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: default}, data: {a: '1'}}");
    const id = { group: "", kind: "ConfigMap", namespace: "default", name: "c" };
    const observed = { object, applied: object, owner: "shop" };
    const change = { action: "delete" as const, id, observed, fields: [], restartsPods: false };
    fake.daemon.planOutcome = { kind: "planned", plan: { ...plan, changes: [change] }, diagnostics: [] };
    const diff = await fake.run("diff");
    expect(diff.code).toBe(1);
    expect(diff.stdout).toContain("--- live/default/configmap/c\n+++ /dev/null\n");
    expect(JSON.parse((await fake.run("diff", "-o", "json")).stdout)).toMatchObject([
      { action: "delete", object: "configmap/c" },
    ]);
  });

  it("exits 2 when the daemon cannot be asked", async () => {
    await fake.server.close();
    expect((await fake.run("diff")).code).toBe(2);
  });
});

describe("why", () => {
  const object = { group: "apps", kind: "Deployment", namespace: "shop", name: "web" };
  const place = {
    file: "web.yaml",
    line: 6,
    column: 13,
    commit: COMMIT,
    author: "Ann\u001b[2J",
    authoredAt: "2026-01-02T00:00:00Z",
    subject: "Scale",
  };

  it("prints the chain, then a line a value, with the status in one", async () => {
    fake.daemon.whyAnswer = {
      object,
      app: "shop",
      commit: COMMIT,
      health: { status: "Degraded", reason: "x" },
      chain: [
        { about: "pod/web-1", text: "Degraded: exit code 1" },
        { about: "change", text: "image: a → b", place },
      ],
      fields: [
        { path: "spec.replicas", value: 5, origin: "drift", by: "kubectl", declared: 3, place },
        { path: "spec.paused", origin: "default", value: false, by: "default of the API (apps/v1)" },
        { path: "status.replicas", value: 5, origin: "controller", by: "deployment-controller" },
      ],
      notes: ["it cannot be told"],
    };
    const { code, stdout } = await fake.run("why", "deploy", "web", "-n", "shop");
    expect(code).toBe(0);
    expect(stdout).toBe(`shop/deployment/web of app shop at 3f2c1aa: Degraded

  pod/web-1: Degraded: exit code 1
  ← change: image: a → b, web.yaml:6:13, 3f2c1aa by Ann^[[2J on 2026-01-02: Scale

FIELD           VALUE   FROM
spec.replicas   5       drift by kubectl: git says 3 in web.yaml:6:13, 3f2c1aa by Ann^[[2J on 2026-01-02: Scale
spec.paused     false   default of the API (apps/v1)
status          …       deployment-controller

note: it cannot be told
`);
    const json = await fake.run("why", "deploy/web", "spec.replicas", "-n", "shop", "-o", "json");
    expect(JSON.parse(json.stdout)).toEqual(fake.daemon.whyAnswer);
    expect(fake.daemon.whyQueries).toEqual([object, { ...object, field: "spec.replicas" }]);
  });

  it("exits 1 for what is not there and 2 for what it cannot read", async () => {
    expect((await fake.run("why", "deploy/web")).code).toBe(1);
    expect((await fake.run("why", "deploy")).code).toBe(2);
    expect((await fake.run("why", "deploy/web", "a", "b")).code).toBe(2);
  });
});

describe("log and completion", () => {
  it("prints attempts as text or data", async () => {
    expect(await fake.run("log")).toEqual({ code: 0, stdout: "", stderr: "No attempts yet.\n" });
    fake.daemon.attemptRows.push({
      app: "shop",
      target: "local",
      commit: COMMIT,
      ordinal: 1,
      openedAt: "2026-01-01T00:00:00.000Z",
      ref: "refs/heads/main",
      authorName: "Ann",
      authorEmail: "",
      subject: "First",
      row: 1,
      events: ["Grace", "Grace", "Ann\u001b[2J"].map((by, index) => ({
        ...{ at: `2026-01-01T00:00:0${index}.000Z`, type: "approved", message: "", detail: { digest: "sha256:1", by } },
      })),
      ending: { endedAt: "2026-01-01T00:00:02.000Z", outcome: "deployed", reason: "" },
    });
    const { stdout } = await fake.run("log");
    expect(stdout).toMatch(
      /2026-01-01 00:00:00 {3}3f2c1aa {3}deployed {3}2\.0s {3}First\n {2}approved by Grace, Ann\S+\n$/,
    );
    expect(stdout).not.toContain("\u001b");
    expect(JSON.parse((await fake.run("log", "-o", "json")).stdout)).toEqual(
      fake.daemon.attemptRows.map((attempt) => ({ ...attempt, revisions: [] })),
    );
  });

  it("offers names of objects, and nothing at all without a daemon", async () => {
    fake.daemon.put(pod("web-a", true));
    fake.daemon.put(deployment(3, 3));
    expect((await fake.run("completion", "--names", "object")).stdout).toBe("deployment/web\npod/web-a\n");
    expect((await fake.run("completion", "--names", "pod")).stdout).toBe("web-a\n");
    const held = [{ id: { group: "", kind: "Service", namespace: "default", name: "web" }, reason: "all" }];
    fake.daemon.apps = [
      appStatus("shop", { held, planDigest: `sha256:${"ab".repeat(32)}` }),
      appStatus("jobs", { planDigest: `sha256:${"cd".repeat(32)}` }),
    ];
    expect((await fake.run("completion", "--names", "app")).stdout).toBe("jobs\nshop\n");
    expect((await fake.run("completion", "--names", "digest")).stdout).toBe("abababababab\n");
    fake.daemon.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: "jobs" } });
    expect((await fake.run("completion", "--names", "namespace")).stdout).toBe("default\njobs\n");
    expect((await fake.run("completion", "--names", "shell")).stdout).toBe("bash\nzsh\nfish\n");
    await fake.server.close();
    expect(await fake.run("completion", "--names", "pod")).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});
