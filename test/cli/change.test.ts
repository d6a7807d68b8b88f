/** Commands that commit: real repositories, real processes, and a daemon that knows the revisions. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/model/object.ts";
import type { CommitId } from "../../src/model/source.ts";
import type { AppStatus } from "../../src/model/status.ts";
import { commitAll, gitIn, headOf, initRepository } from "../git/support.ts";
import { appStatus, type Running, startFake } from "./with-daemon.ts";

const MANIFEST = `# What runs.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3 # enough for now
  selector:
    matchLabels: { app: web }
  template:
    metadata:
      labels: { app: web }
    spec:
      containers:
        - name: web
          image: web-server:v1 # built by hand
        - name: log
          image: "logger:v7"
`;
const CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { colour: blue }\n";

let fake: Running;
let repository: string;
let first: CommitId;

beforeEach(async () => {
  fake = await startFake();
  repository = join(fake.home.dir, "shop");
  initRepository(repository);
  const image = { "images/web-server/v2/config.json": "{}", "images/web-server/v1/config.json": "{}" };
  first = commitAll(repository, { "web.yaml": MANIFEST, "settings.yaml": CONFIG, ...image }, "First");
  track("web-server:v1", 1);
});

afterEach(async () => {
  await fake.end();
});

/** Makes the daemon say that it tracks the repository and runs this. */
function track(image: string, revision: number): void {
  const commit = headOf(repository);
  fake.daemon.apps = [appStatus("shop", { repository, applied: commit, head: headAt(commit) })];
  fake.daemon.put(deployment(image, revision));
}

const headAt = (commit: CommitId): AppStatus["head"] => ({ commit, subject: "", author: "", authoredAt: "" });

function deployment(image: string, revision: number): KubeObject {
  const object = load(MANIFEST.replace("web-server:v1", image)) as KubeObject;
  const annotations = { "trueup/source": "web.yaml:2", "deployment.kubernetes.io/revision": String(revision) };
  const metadata = { name: "web", namespace: "default", uid: "d-1", generation: 1, annotations };
  const status = { observedGeneration: 1, replicas: 3, updatedReplicas: 3, availableReplicas: 3 };
  return { ...object, metadata, status };
}

function addRevision(revision: number, commit: CommitId, hash: string): void {
  fake.daemon.revisionRows.push({
    app: "shop",
    target: "local",
    workload: "apps/Deployment/default/web",
    uid: "d-1",
    revision,
    commit,
    authorName: "Ann",
    authorEmail: "",
    subject: "x",
    file: "web.yaml",
    template: {},
    templateHash: hash,
    images: {},
    planDigest: "",
    startedAt: "2026-01-01T00:00:00.000Z",
  });
}

const file = (name: string): string => readFileSync(join(repository, name), "utf8");
const subject = (): string => gitIn(repository, ["log", "-1", "--format=%an: %s"]);

describe("set image", () => {
  it("commits as the user, keeps comments, and says what it did", async () => {
    const done = await fake.run("set", "image", "deployment/web", "web=web-server:v2");
    expect(done).toEqual({
      code: 0,
      stderr: "",
      stdout:
        "deployment.apps/web image updated\n" +
        `committed ${headOf(repository).slice(0, 7)} "Set image of deployment/web to web-server:v2" on main\n`,
    });
    expect(subject()).toBe("Test Author: Set image of deployment/web to web-server:v2");
    expect(file("web.yaml")).toBe(MANIFEST.replace("web-server:v1", "web-server:v2"));
    expect(gitIn(repository, ["status", "--porcelain"])).toBe("");
    expect(gitIn(repository, ["rev-parse", "HEAD^"])).toBe(first);
  });

  it("sets several containers, and all of them by *", async () => {
    await fake.run("set", "image", "deploy/web", "web=web-server:v2", "log=logger:v8", "-m", "Two at once\n\nWhy not.");
    expect(file("web.yaml")).toContain(
      'image: web-server:v2 # built by hand\n        - name: log\n          image: "logger:v8"',
    );
    expect(gitIn(repository, ["log", "-1", "--format=%B"])).toBe("Two at once\n\nWhy not.\n");
    const all = await fake.run("set", "image", "deploy/web", "*=web-server:v1");
    expect(all.code).toBe(0);
    expect(file("web.yaml").match(/web-server:v1/g)).toHaveLength(2);
  });

  it("shows the change and makes no commit with --dry-run", async () => {
    const { code, stdout } = await fake.run("set", "image", "deployment/web", "web=web-server:v2", "--dry-run");
    expect(code).toBe(0);
    expect(stdout).toContain("--- a/web.yaml\n+++ b/web.yaml\n");
    expect(stdout).toMatch(/\n- +.*image: web-server:v1\n/);
    expect(stdout).toMatch(/\n\+ +.*image: web-server:v2\n/);
    expect(stdout).toMatch(/deployment\.apps\/web image updated \(dry run\)\n$/);
    expect(headOf(repository)).toBe(first);
  });

  it("commits nothing when git already says so", async () => {
    expect(await fake.run("set", "image", "deployment/web", "web=web-server:v1")).toEqual({
      code: 0,
      stdout: "deployment.apps/web unchanged: main already says so\n",
      stderr: "",
    });
    expect(headOf(repository)).toBe(first);
  });

  it("warns of an image that the repository does not have", async () => {
    const { code, stderr } = await fake.run("set", "image", "deployment/web", "web=web-server:v9");
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        "warning: there is no directory images/web-server/v9 in the repository: its pods start only if an image path has it\n",
    });
  });

  const refused: [word: string, code: number, message: RegExp][] = [
    ["web=web-server", 1, /must name a version: it has no tag\.\n {2}hint: .*write web-server:VERSION/],
    [
      "web=reg.example:5000/web:latest",
      1,
      /its tag must name a version: it is "latest"\.\n {2}hint: .*write reg.example:5000\/web:VERSION/,
    ],
    ["db=web-server:v2", 1, /container "db" as there must be one\.\n {2}hint: Containers: web, log\./],
    ["web=:v2", 2, /must be a reference such as/],
  ];
  it.each(refused)("refuses %s", async (word, code, message) => {
    const done = await fake.run("set", "image", "deployment/web", word);
    expect(done).toMatchObject({ code, stdout: "" });
    expect(done.stderr).toMatch(message);
    expect(headOf(repository)).toBe(first);
  });

  it("refuses to overwrite what is not committed, and commits beside it", async () => {
    writeFileSync(join(repository, "settings.yaml"), "mine: true\n");
    expect((await fake.run("set", "image", "deployment/web", "web=web-server:v2")).code).toBe(0);
    expect(file("settings.yaml")).toBe("mine: true\n");
    const before = headOf(repository);
    writeFileSync(join(repository, "web.yaml"), "mine: true\n");
    const refusedHere = await fake.run("set", "image", "deployment/web", "web=web-server:v1");
    expect(refusedHere).toMatchObject({ code: 1, stdout: "" });
    expect(refusedHere.stderr).toContain("web.yaml");
    expect(headOf(repository)).toBe(before);
    expect(file("web.yaml")).toBe("mine: true\n");
  });

  it("finds the manifest by itself when it has moved since it was applied", async () => {
    commitAll(
      repository,
      { "web.yaml": null, "deploy/web.yaml": `${CONFIG}---\n${MANIFEST}`.replace("settings", "other") },
      "Move",
    );
    expect((await fake.run("set", "image", "deployment/web", "web=web-server:v2")).code).toBe(0);
    expect(file("deploy/web.yaml")).toContain("image: web-server:v2 # built by hand");
  });

  it("names what is declared when the object is not", async () => {
    const { code, stderr } = await fake.run("set", "image", "deployment/wbe", "web=web-server:v2");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /Cannot change deployment "wbe" as [0-9a-f]{7} of main must declare it\.\n {2}hint: deployments declared there in namespace default: web\.\n/,
    );
  });

  it("works in the repository stood in when no daemon runs", async () => {
    await fake.server.close();
    const done = await fake.run("-C", repository, "set", "image", "deployment/web", "web=web-server:v2");
    expect(done).toMatchObject({
      code: 0,
      stderr: "trueup: no daemon runs; the commit is made in the repository of this directory\n",
    });
    expect(file("web.yaml")).toContain("web-server:v2");
  });

  it("says what to do where there is neither a daemon nor a repository", async () => {
    await fake.server.close();
    expect(await fake.run("set", "image", "deployment/web", "web=web-server:v2")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "trueup: Cannot tell which repository is meant: no daemon runs, and this is none.\n" +
        "  hint: Stand in the repository or name it with -C; or start a daemon with trueup run REPO.\n",
    });
  });

  it("refuses to commit where HEAD is detached", async () => {
    fake.daemon.apps = [appStatus("shop", { repository, ref: "HEAD" })];
    gitIn(repository, ["checkout", "-q", "--detach"]);
    expect((await fake.run("set", "image", "deployment/web", "web=web-server:v2")).stderr).toMatch(
      /must follow a branch: HEAD is detached/,
    );
  });

  it("follows the rollout with --wait, once the daemon has taken the commit up", async () => {
    const child = fake.start("set", "image", "deployment/web", "web=web-server:v2", "--wait");
    await child.waitFor(/committed/);
    track("web-server:v2", 2);
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.output).toMatch(/on main\ndeployment "web" successfully rolled out\n$/);
  });

  it("fails with --wait when the daemon rejects the commit", async () => {
    const child = fake.start("set", "image", "deployment/web", "web=web-server:v2", "--wait");
    await child.waitFor(/committed/);
    const head = headAt(headOf(repository));
    fake.daemon.setApps([
      appStatus("shop", { repository, applied: first, head, phase: "Rejected", reason: "1 error" }),
    ]);
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.output).toMatch(/Cannot roll out [0-9a-f]{7} as it must be valid: 1 error/);
  });

  it.each([
    ["RolledBack", "was rolled back"],
    ["Failed", "failed"],
  ] as const)("fails with --wait when the commit is %s, though a rollout got complete", async (phase, word) => {
    const child = fake.start("set", "image", "deployment/web", "web=web-server:v2", "--wait");
    await child.waitFor(/committed/);
    const head = headAt(headOf(repository));
    const ended = { repository, applied: first, head, phase, reason: "pod web-1 crashed" };
    fake.daemon.setApps([appStatus("shop", ended)]);
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.output).toMatch(
      new RegExp(
        `successfully rolled out\ntrueup: [0-9a-f]{7} ${word}: pod web-1 crashed\n  hint: A fix is another commit; trueup revert`,
      ),
    );
  });

  it("says with --wait that another commit came after", async () => {
    const child = fake.start("set", "image", "deployment/web", "web=web-server:v2", "--wait");
    await child.waitFor(/committed/);
    const own = headOf(repository);
    fake.daemon.setApps([appStatus("shop", { repository, head: headAt(own), applied: own, phase: "Progressing" })]);
    await child.waitFor(/successfully rolled out/);
    fake.daemon.setApps([appStatus("shop", { repository, head: headAt(first), applied: first })]);
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.output).toMatch(/warning: [0-9a-f]{7} came after [0-9a-f]{7}: what rolled out is of that one\n$/);
  });
});

describe("scale, pause, resume and restart", () => {
  it("are commits that change one field", async () => {
    expect((await fake.run("scale", "deployment/web", "--replicas", "5")).stdout).toMatch(
      /^deployment\.apps\/web scaled\n/,
    );
    expect(file("web.yaml")).toBe(MANIFEST.replace("replicas: 3", "replicas: 5"));
    expect((await fake.run("rollout", "pause", "deployment/web")).stdout).toMatch(/^deployment\.apps\/web paused\n/);
    expect(load(file("web.yaml"))).toMatchObject({ spec: { paused: true } });
    expect((await fake.run("rollout", "pause", "deployment/web")).stderr).toBe(
      'trueup: deployments.apps "web" is already paused\n',
    );
    expect((await fake.run("rollout", "restart", "deployment/web")).stderr).toBe(
      "trueup: can't restart paused deployment (run rollout resume first)\n",
    );
    expect((await fake.run("rollout", "undo", "deployment/web")).stderr).toContain(
      "you cannot rollback a paused deployment",
    );
    expect((await fake.run("rollout", "resume", "deployment/web")).stdout).toMatch(/^deployment\.apps\/web resumed\n/);
    expect(file("web.yaml")).toBe(MANIFEST.replace("replicas: 3", "replicas: 5"));
    expect((await fake.run("rollout", "resume", "deployment/web")).stderr).toBe(
      'trueup: deployments.apps "web" is not paused\n',
    );
    expect((await fake.run("rollout", "restart", "deployment/web")).stdout).toMatch(
      /^deployment\.apps\/web restarted\n/,
    );
    expect(file("web.yaml")).toMatch(/kubectl\.kubernetes\.io\/restartedAt: .?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/);
    expect(gitIn(repository, ["log", "--format=%s"]).split("\n")).toEqual([
      "Restart deployment/web",
      "Resume the rollout of deployment/web",
      "Pause the rollout of deployment/web",
      "Scale deployment/web to 5",
      "First",
    ]);
  });
});

describe("rollout undo", () => {
  let second: CommitId;

  beforeEach(() => {
    const next = MANIFEST.replace("web-server:v1 # built by hand", "web-server:v2").replace(
      "replicas: 3",
      "replicas: 4",
    );
    second = commitAll(
      repository,
      {
        "web.yaml": next,
        "settings.yaml": CONFIG.replace("blue", "red"),
        "extra.yaml": CONFIG.replace("settings", "extra"),
      },
      "Second",
    );
    addRevision(1, first, "a");
    addRevision(2, second, "b");
    track("web-server:v2", 2);
  });

  it("brings the pod template back as it stood, comments included, and nothing else; and says what else changed", async () => {
    const { code, stdout, stderr } = await fake.run("rollout", "undo", "deployment/web");
    const head = headOf(repository).slice(0, 7);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        "deployment.apps/web rolled back to revision 1\n" +
        `committed ${head} "Undo deployment/web to revision 1 (${first.slice(0, 7)})" on main\n`,
    });
    expect(file("web.yaml")).toBe(MANIFEST.replace("replicas: 3", "replicas: 4"));
    expect(stderr).toBe(
      "warning: only the pod template goes back to revision 1; this changed since then, too, and stays (--app restores it):\n" +
        "  configmap/extra: is new since then\n" +
        '  configmap/settings: data.colour was "blue", is "red"\n' +
        "  deployment/web: spec.replicas was 3, is 4\n",
    );
    expect(file("settings.yaml")).toContain("red");
  });

  it("goes to a revision by number, and skips one that already runs", async () => {
    expect((await fake.run("rollout", "undo", "deployment/web", "--to-revision", "2")).stdout).toBe(
      "deployment.apps/web skipped rollback (current template already matches revision 2)\n",
    );
    expect(headOf(repository)).toBe(second);
    expect(await fake.run("rollout", "undo", "deployment/web", "--to-revision", "7")).toEqual({
      code: 1,
      stdout: "",
      stderr: "trueup: unable to find specified revision 7 in history\n  hint: There are: 1, 2.\n",
    });
  });

  it("restores all of the app's files with --app", async () => {
    const dry = await fake.run("rollout", "undo", "deployment/web", "--app", "--dry-run");
    expect(dry.stdout).toBe(
      "  restore settings.yaml\n  restore web.yaml\n  remove extra.yaml\n" +
        "deployment.apps/web rolled back with all of its app to revision 1 (dry run)\n",
    );
    expect(headOf(repository)).toBe(second);
    expect((await fake.run("rollout", "undo", "deployment/web", "--app")).code).toBe(0);
    expect(gitIn(repository, ["diff", "--stat", first, "HEAD"])).toBe("");
    expect(subject()).toBe(`Test Author: Undo all of shop to revision 1 of deployment/web (${first.slice(0, 7)})`);
    expect((await fake.run("rollout", "undo", "deployment/web", "--app", "--to-revision", "1")).stdout).toBe(
      "deployment.apps/web skipped rollback (all files already are as at revision 1)\n",
    );
  });

  it("finds what was before the app was renamed and its directory moved, and puts it where the app is now", async () => {
    const watching = (image: string): string =>
      MANIFEST.replace("name: web\n", "name: web\n  annotations: { trueup/restart-on: configmap }\n").replace(
        "web-server:v1",
        `${image}\n          envFrom: [{ configMapRef: { name: settings } }]`,
      );
    const apps = (name: string): string => `apps: [{ name: ${name}, path: apps/${name} }]\n`;
    gitIn(repository, ["rm", "-q", "web.yaml", "settings.yaml", "extra.yaml"]);
    const old = { "apps/old/web.yaml": watching("web-server:v1"), "apps/old/settings.yaml": CONFIG };
    const then = commitAll(repository, { "trueup.yaml": apps("old"), ...old }, "Third");
    gitIn(repository, ["rm", "-q", "-r", "apps"]);
    commitAll(repository, { "trueup.yaml": apps("shop"), "apps/shop/web.yaml": watching("web-server:v2") }, "Moved");
    fake.daemon.revisionRows.length = 0;
    addRevision(1, then, "a");
    Object.assign(fake.daemon.revisionRows[0] ?? {}, { app: "old", file: "apps/old/web.yaml" });
    addRevision(2, headOf(repository), "b");
    track("web-server:v2", 2);
    fake.daemon.apps = fake.daemon.apps.map((app) => ({ ...app, path: "apps/shop" }));

    expect(await fake.run("rollout", "undo", "deployment/web", "--app")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        `Cannot undo all of old as its directory must be the same: it was "apps/old" at ${then.slice(0, 7)}, and is "apps/shop" now.`,
      ),
    });
    expect(await fake.run("rollout", "undo", "deployment/web")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("configmap/settings restored as at revision 1\n"),
    });
    expect(file("apps/shop/web.yaml")).toBe(watching("web-server:v1"));
    expect(file("apps/shop/settings.yaml")).toBe(CONFIG);
    expect(gitIn(repository, ["ls-files", "apps"]).trim().split("\n")).toEqual([
      "apps/shop/settings.yaml",
      "apps/shop/web.yaml",
    ]);
  });

  it("says so when there is nothing to go back to", async () => {
    fake.daemon.revisionRows.length = 0;
    expect(await fake.run("rollout", "undo", "deployment/web")).toEqual({
      code: 1,
      stdout: "",
      stderr: 'trueup: no rollout history found for deployment "web"\n',
    });
  });
});
