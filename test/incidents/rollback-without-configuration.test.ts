/**
 * Users of other tools report that a rollback brought the old template back while the new configuration stayed, so that the
 * old version ran with settings it does not know; here an undo of a workload that restarts on its configuration brings both back.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/model/object.ts";
import type { CommitId } from "../../src/model/source.ts";
import { appStatus, type Running, startFake } from "../cli/with-daemon.ts";
import { commitAll, gitIn, headOf, initRepository } from "../git/support.ts";

const WEB = `# What runs.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: { trueup/restart-on: "configmap,secret" }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: web-server:v1 # by hand
          envFrom: [{ configMapRef: { name: settings } }, { secretRef: { name: login } }]
`;
const SETTINGS = `apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data:
  colour: blue # the founder's choice
  size: "7"
`;
const LOGIN = "apiVersion: v1\nkind: Secret\nmetadata: { name: login }\nstringData: { password: hunter22 }\n";
const NEW_LOGIN = LOGIN.replace("stringData: { password: hunter22 }", `data:\n  password: ${btoa("correcthorse")}`);

let fake: Running;
let repository: string;
let first: CommitId;

beforeEach(async () => {
  fake = await startFake();
  repository = join(fake.home.dir, "shop");
  initRepository(repository);
  first = commitAll(repository, { "web.yaml": WEB, "settings.yaml": SETTINGS, "login.yaml": LOGIN }, "First");
});
afterEach(() => fake.end());

/** A second revision, which runs now. */
function second(files: Record<string, string | null>): CommitId {
  const commit = commitAll(repository, files, "Second");
  const rows = [first, commit].map((id, at) => ({
    app: "shop",
    target: "local",
    workload: "apps/Deployment/default/web",
    uid: "d-1",
    revision: at + 1,
    commit: id,
    authorName: "Ann",
    authorEmail: "",
    subject: "x",
    file: "web.yaml",
    template: {},
    templateHash: `hash-${at}`,
    images: {},
    planDigest: "",
    startedAt: "2026-01-01T00:00:00.000Z",
  }));
  fake.daemon.revisionRows.push(...rows);
  fake.daemon.apps = [appStatus("shop", { repository, applied: commit })];
  const annotations = { "trueup/source": "web.yaml:2", "deployment.kubernetes.io/revision": "2" };
  const metadata = { name: "web", namespace: "default", uid: "d-1", generation: 1, annotations };
  fake.daemon.put({ ...(load(WEB) as KubeObject), metadata });
  return commit;
}

const file = (name: string): string => readFileSync(join(repository, name), "utf8");
const undo = (...more: string[]) => fake.run("rollout", "undo", "deployment/web", ...more);
const filesOfHead = (): string[] => gitIn(repository, ["show", "--format=", "--name-only"]).trim().split("\n");

describe("rollback brought the template back but not its configuration", () => {
  it("cannot happen: template and configuration come back in one commit, comments included", async () => {
    second({
      "web.yaml": WEB.replace("web-server:v1 # by hand", "web-server:v2"),
      "settings.yaml": SETTINGS.replace("blue # the founder's choice", "red").replace(
        "settings }",
        "settings, labels: { team: a } }",
      ),
      "login.yaml": NEW_LOGIN,
    });
    const done = await undo();
    expect(done).toEqual({
      code: 0,
      stdout:
        "deployment.apps/web rolled back to revision 1\n" +
        "configmap/settings restored as at revision 1\n" +
        "secret/login restored as at revision 1\n" +
        `committed ${headOf(repository).slice(0, 7)} "Undo deployment/web to revision 1 (${first.slice(0, 7)})" on main\n`,
      stderr:
        "warning: only the pod template and that configuration go back to revision 1; this changed since then, too, and stays (--app restores it):\n" +
        '  configmap/settings: metadata.labels.team was absent, is "a"\n',
    });
    expect(file("web.yaml")).toBe(WEB);
    expect(file("settings.yaml")).toBe(SETTINGS.replace("settings }", "settings, labels: { team: a } }"));
    expect(load(file("login.yaml"))).toEqual(load(LOGIN));
    expect(filesOfHead()).toEqual(["login.yaml", "settings.yaml", "web.yaml"]);
    expect(gitIn(repository, ["log", "-1", "--format=%b"]).trim()).toBe(
      "With the content that it had then: configmap/settings, secret/login.",
    );
  });

  it("nor is an undo skipped when only the configuration differs", async () => {
    second({ "settings.yaml": SETTINGS.replace('"7"', '"8"') });
    expect((await undo()).stdout).toMatch(
      /^deployment\.apps\/web rolled back to revision 1\nconfigmap\/settings restored as at revision 1\ncommitted /,
    );
    expect(file("settings.yaml")).toBe(SETTINGS);
    expect(filesOfHead()).toEqual(["settings.yaml"]);
    expect(await undo("--to-revision", "1")).toEqual({
      code: 0,
      stdout: "deployment.apps/web skipped rollback (current template and configuration already match revision 1)\n",
      stderr: "",
    });
  });

  it("--dry-run shows it, without a Secret's values", async () => {
    const commit = second({ "settings.yaml": SETTINGS.replace("blue", "red"), "login.yaml": NEW_LOGIN });
    const { code, stdout } = await undo("--dry-run");
    expect(code).toBe(0);
    expect(stdout).toContain("\n-  colour: red\n+  colour: blue\n");
    expect(stdout).toContain("--- a/login.yaml\n+++ b/login.yaml\n");
    expect(stdout).toContain("secret/login restored as at revision 1 (dry run)\n");
    for (const value of ["hunter22", "correcthorse"]) {
      expect(stdout).not.toContain(value);
      expect(stdout).not.toContain(btoa(value));
    }
    expect(headOf(repository)).toBe(commit);
  });

  it("finds what moved, also into the file of the workload", async () => {
    const together = `${WEB}---\n${SETTINGS.replace("blue", "red")}`;
    second({ "web.yaml": together.replace("web-server:v1 # by hand", "web-server:v2"), "settings.yaml": null });
    expect((await undo()).code).toBe(0);
    expect(file("web.yaml")).toBe(`${WEB}---\n${SETTINGS}`);
  });

  it("brings a deleted object's file back, and says so of one that it cannot", async () => {
    second({ "web.yaml": WEB.replace(/ {10}envFrom.*\n/, ""), "settings.yaml": null, "login.yaml": "# gone\n" });
    const { code, stdout, stderr } = await undo();
    expect(code).toBe(0);
    expect(stdout).toContain("configmap/settings restored as at revision 1\n");
    expect(stdout).not.toContain("secret/login restored");
    expect(stderr).toContain(
      "warning: revision 1 used secret/login, which was deleted since and is not brought back, as login.yaml has other content now: do so by hand, or all with --app\n",
    );
    expect(file("settings.yaml")).toBe(SETTINGS);
    expect(file("web.yaml")).toBe(WEB);
  });

  it.each([
    ["configmap", ["settings.yaml", "web.yaml"]],
    [null, ["web.yaml"]],
  ])("leaves alone what the workload does not restart on: %s", async (words, changed) => {
    const annotation = 'annotations: { trueup/restart-on: "configmap,secret" }';
    const now = words === null ? "labels: { a: b }" : annotation.replace(",secret", "");
    second({
      "web.yaml": WEB.replace(annotation, now).replace("web-server:v1 # by hand", "web-server:v2"),
      "settings.yaml": SETTINGS.replace("blue", "red"),
      "login.yaml": NEW_LOGIN,
    });
    expect((await undo()).code).toBe(0);
    expect(filesOfHead()).toEqual(changed);
  });
});
