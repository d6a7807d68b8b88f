/** Commands that need no daemon: validate, and diff between two revisions. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commitAll, gitIn, initRepository } from "../git/support.ts";
import { type Home, makeHome, ROOT, run } from "../support/processes.ts";
import { PROGRAM } from "./with-daemon.ts";

const GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { colour: blue }\n";
const BAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndatum: { colour: blue }\n";

let home: Home;

beforeEach(() => {
  home = makeHome();
  home.env.XDG_CACHE_HOME = join(ROOT, "node_modules/.cache");
});

afterEach(() => home.remove());

const trueup = (...args: string[]): ReturnType<typeof run> =>
  run([process.execPath, PROGRAM, ...args], { cwd: home.dir, env: home.env });

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(home.dir, name, ".."), { recursive: true });
    writeFileSync(join(home.dir, name), text);
  }
}

describe("schema", () => {
  it("prints the schema of a kind, of the version that is asked for", async () => {
    const { code, stdout } = await trueup("schema", "deployment");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ $ref: "#/definitions/apps.v1.Deployment" });
    const older = ["schema", "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy", "--kubernetes-version"];
    expect(await trueup(...older, "1.36")).toMatchObject({ code: 0 });
    expect(await trueup(...older, "1.34")).toMatchObject({ code: 2, stdout: "" });
  });

  it("writes a file for each kind and one for all, which an editor or kubeconform takes", async () => {
    const { stdout } = await trueup("schema", "--dir", "schemas", "--kubernetes-version", "1.34");
    expect(stdout).toBe("89 kinds of Kubernetes 1.34 written to schemas\n");
    const names = readdirSync(join(home.dir, "schemas"));
    expect(names).toHaveLength(90);
    expect(names).toEqual(
      expect.arrayContaining(["all.json", "deployment-apps-v1.json", "ingress-networking-v1.json"]),
    );
    expect(await trueup("schema", "Pod", "--dir", "schemas")).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("validate", () => {
  it("checks what the daemon would read below a directory, and nothing else", async () => {
    write({ "a.yaml": GOOD, "deep/b.json": '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}}' });
    write({
      "images/web/v1/config.json": "{}",
      ".github/x.yaml": "on: push",
      "node_modules/p/q.yaml": "a: 1",
      "r.txt": "",
    });
    expect(await trueup("validate")).toEqual({ code: 0, stdout: "no errors in 2 files\n", stderr: "" });
  });

  it("exits 1 with place, rule and code frame for what is wrong", async () => {
    write({ "a.yaml": BAD });
    const { code, stdout, stderr } = await trueup("validate", "a.yaml");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "1 error in 1 file\n" });
    expect(stderr).toMatch(/^a\.yaml:4:1: error: /);
    expect(stderr).toContain("datum");
    const data = JSON.parse((await trueup("validate", "-o", "json")).stdout) as {
      severity: string;
      location: object;
    }[];
    expect(data).toMatchObject([{ severity: "error", location: { file: "a.yaml", line: 4, column: 1 } }]);
  });

  it("sees objects of several files together", async () => {
    write({ "a.yaml": GOOD, "b.yaml": GOOD });
    const { code, stderr } = await trueup("validate", "a.yaml", "b.yaml");
    expect(code).toBe(1);
    expect(stderr).toMatch(/settings/);
  });

  it("reads standard input", async () => {
    const piped = await run(
      ["/bin/sh", "-c", `printf '%s' '${BAD}' | "$0" "$1" validate -`, process.execPath, PROGRAM],
      {
        cwd: home.dir,
        env: home.env,
      },
    );
    expect(piped.code).toBe(1);
    expect(piped.stderr).toMatch(/^\(stdin\):4:1: error: /);
  });

  it("checks trueup.yaml, and each app that it names by itself and by its image rules", async () => {
    const apps = "apps:\n- {name: a, path: a}\n- {name: b, path: b, namespace: shop}\n";
    write({ "trueup.yaml": apps, "a/c.yaml": GOOD, "b/c.yaml": GOOD, "elsewhere.yaml": BAD });
    expect(await trueup("validate")).toEqual({ code: 0, stdout: "no errors in 3 files\n", stderr: "" });
    const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: 'web:v1'}]}\n";
    write({ "trueup.yaml": `${apps}images: {allowedRepositories: [shop/*]}\n`, "b/p.yaml": pod });
    const { code, stderr } = await trueup("validate");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^b\/p\.yaml:4:38: error: .*trueup\.yaml allows \(shop\/\*\).*\[image-repository\]\n/);
    write({ "trueup.yaml": "apps: none\n" });
    expect(await trueup("validate")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^trueup\.yaml:1:7: error: Cannot read apps as it must be a list/),
    });
  });

  it("exits 2 when something cannot be read or there is nothing to read", async () => {
    const missing = await trueup("validate", "none.yaml");
    expect(missing).toMatchObject({ code: 2, stdout: "" });
    expect(missing.stderr).toMatch(/^trueup: Cannot read none\.yaml as it must be there: /);
    expect(await trueup("validate")).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("diff between two revisions", () => {
  const secret = (value: string): string =>
    `apiVersion: v1\nkind: Secret\nmetadata: { name: db }\nstringData: { password: ${value} }\n`;

  beforeEach(() => {
    initRepository(home.dir);
    commitAll(
      home.dir,
      { "a.yaml": GOOD, "gone.yaml": GOOD.replace("settings", "gone"), "s.yaml": secret("hunter2") },
      "One",
    );
    commitAll(
      home.dir,
      { "a.yaml": `# comment\n${GOOD.replace("blue", "red")}`, "gone.yaml": null, "s.yaml": secret("hunter3") },
      "Two",
    );
    commitAll(home.dir, { "README.txt": "x" }, "Three");
  });

  it("exits 0 when no manifest differs, 1 when one does, 2 when it cannot compare", async () => {
    expect(await trueup("diff", "HEAD^..HEAD")).toEqual({ code: 0, stdout: "", stderr: "" });
    const { code, stdout } = await trueup("diff", "HEAD~2..");
    expect(code).toBe(1);
    expect(stdout).toContain("-  colour: blue\n+  colour: red\n");
    expect(stdout).toContain("*** (before)");
    expect(stdout).not.toContain("hunter");
    expect(stdout).not.toContain("comment");
    const ids = JSON.parse((await trueup("diff", "HEAD~2..HEAD", "-o", "json")).stdout) as {
      action: string;
      object: string;
    }[];
    expect(ids.map(({ action, object }) => `${action} ${object}`)).toEqual([
      "delete configmap/gone",
      "update configmap/settings",
      "update secret/db",
    ]);
    const fields = await trueup("diff", "HEAD", "--against", "HEAD~2", "-o", "fields");
    expect(fields).toEqual({
      code: 1,
      stdout: `configmap/gone: delete
configmap/settings: update
    data.colour: blue → red
secret/db: update
    data.password: *** (before) → *** (after)
2 to update, 1 to delete
`,
      stderr: "",
    });
    const { stdout: comment } = await trueup("diff", "HEAD~2..HEAD", "-o", "markdown");
    expect(comment).toMatch(
      /^\*\*trueup diff\*\*: 2 to update, 1 to delete\n\n<details><summary>delete <code>configmap/,
    );
    expect(comment).not.toContain("hunter");
    expect((await trueup("diff", "HEAD~2..HEAD", "--against", "HEAD")).code).toBe(2);
    expect((await trueup("diff", "HEAD..nonsense")).code).toBe(2);
    expect((await trueup("-C", "/", "diff", "HEAD..HEAD")).code).toBe(2);
  });

  it("refuses to compare what cannot be read as manifests", async () => {
    commitAll(home.dir, { "a.yaml": "a: [" }, "Broken");
    const { code, stdout, stderr } = await trueup("diff", "HEAD^..HEAD");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(
      new RegExp(
        `Cannot compare ${gitIn(home.dir, ["rev-parse", "--short=7", "HEAD"])} as its manifests must be readable: a\\.yaml:`,
      ),
    );
  });
});

describe("configuration that pods restart on", () => {
  const web = (uses: string): string =>
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, annotations: { trueup/restart-on: secret } }\n" +
    "spec:\n  selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n" +
    `    spec: { containers: [{ name: web, image: "web:v1", envFrom: [{ secretRef: { name: ${uses} } }] }] }\n`;
  const secret = (pin: string): string =>
    `apiVersion: v1\nkind: Secret\nmetadata: { name: pin }\nstringData: { pin: "${pin}" }\n`;

  beforeEach(() => {
    initRepository(home.dir);
    commitAll(home.dir, { "web.yaml": web("pin"), "pin.yaml": secret("1234") }, "First");
    commitAll(home.dir, { "pin.yaml": secret("5678") }, "Second");
    commitAll(home.dir, { "pin.yaml": `# back\n${secret("1234")}` }, "Third");
  });

  it("shows in a diff of two revisions, without anything by which a secret could be guessed", async () => {
    const { code, stdout } = await trueup("diff", "HEAD~2..HEAD~1");
    expect(code).toBe(1);
    expect(stdout).toContain(
      "\n-        trueup/config-digest: secret/pin=content-1\n+        trueup/config-digest: secret/pin=content-2\n",
    );
    expect(stdout).not.toMatch(/1234|5678|[0-9a-f]{32}/);
    expect(await trueup("diff", "HEAD~2..HEAD")).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("rolls out in a simulation, which is the same each time", async () => {
    const played = await trueup("simulate", "HEAD~1");
    expect(played.code).toBe(0);
    expect(played.stdout).toContain("Scaled down replica set web-");
    expect(await trueup("simulate", "HEAD~1")).toEqual(played);
    expect((await trueup("simulate", "HEAD", "--from", "HEAD~2")).stdout).not.toContain("Scaled down");
  });
});

describe("a diff of two revisions", () => {
  const service = (type: string, more = ""): string =>
    `apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec:\n  type: ${type}\n  ports: [{ port: 80${more} }]\n`;

  it("shows no line that only spells out what the API fills in", async () => {
    initRepository(home.dir);
    commitAll(home.dir, { "svc.yaml": service("ClusterIP") }, "First");
    commitAll(home.dir, { "svc.yaml": service("LoadBalancer", ", protocol: TCP, targetPort: 80") }, "Second");
    commitAll(home.dir, { "svc.yaml": service("LoadBalancer") }, "Third");
    const changed = (text: string): string[] => text.split("\n").filter((line) => /^[-+] /.test(line));
    expect(changed((await trueup("diff", "HEAD~2..HEAD~1")).stdout)).toEqual([
      "-  type: ClusterIP",
      "+  type: LoadBalancer",
      // What else the API fills in for the new type.
      "+  allocateLoadBalancerNodePorts: true",
      "+  externalTrafficPolicy: Cluster",
    ]);
    expect(await trueup("diff", "HEAD~1..HEAD")).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("takes what moves to another app, or whose app is renamed, for what it was", async () => {
    initRepository(home.dir);
    const apps = (name: string): string => `apps: [{ name: ${name}, path: a }, { name: other, path: b }]\n`;
    const other = service("ClusterIP").replace("name: web", "name: other");
    commitAll(
      home.dir,
      { "trueup.yaml": apps("one"), "a/svc.yaml": service("ClusterIP"), "b/svc.yaml": other },
      "First",
    );
    commitAll(home.dir, { "trueup.yaml": apps("two") }, "Renamed");
    expect(await trueup("diff", "HEAD~1..HEAD")).toEqual({ code: 0, stdout: "", stderr: "" });
    gitIn(home.dir, ["mv", "a/svc.yaml", "b/web.yaml"]);
    commitAll(home.dir, { "a/none.yaml": "# nothing\n" }, "Moved");
    expect(await trueup("diff", "HEAD~1..HEAD")).toEqual({ code: 0, stdout: "", stderr: "" });
    commitAll(home.dir, { "a/svc.yaml": service("NodePort") }, "Both");
    expect((await trueup("diff", "HEAD~1..HEAD", "-o", "fields")).stdout).toContain("service/web: create\n");
  });

  it("with three dots begins where the branch was left, as in git", async () => {
    initRepository(home.dir);
    commitAll(home.dir, { "svc.yaml": service("ClusterIP") }, "First");
    gitIn(home.dir, ["branch", "side"]);
    commitAll(home.dir, { "svc.yaml": service("LoadBalancer") }, "On main");
    gitIn(home.dir, ["checkout", "-q", "side"]);
    commitAll(home.dir, { "other.yaml": service("ClusterIP").replace("web", "other") }, "On side");
    expect((await trueup("diff", "main...side", "-o", "fields")).stdout).toBe("service/other: create\n1 to create\n");
    expect((await trueup("diff", "main...", "-o", "fields")).stdout).toBe("service/other: create\n1 to create\n");
    expect((await trueup("diff", "main..side", "-o", "fields")).stdout).toContain("service/web: update\n");
    expect((await trueup("diff", "main....side")).code).toBe(2);
    expect((await trueup("diff", "main...side", "--against", "main")).stderr).toContain("both are");
  });
});

describe("a simulation of several apps", () => {
  const thing = (size: string): string =>
    `apiVersion: example.org/v1\nkind: Thing\nmetadata: { name: t }\nsize: ${size}\n`;
  const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.example.org }
spec:
  group: example.org
  scope: Namespaced
  names: { plural: things, singular: thing, kind: Thing, listKind: ThingList }
  versions:
  - { name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, properties: { size: { type: integer } } } } }
`;
  const web =
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  replicas: 2\n  minReadySeconds: 5\n" +
    "  selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n" +
    '    spec: { containers: [{ name: web, image: "web:v1" }] }\n';
  const apps = "apps:\n- { name: shop, path: shop }\n- { name: platform, path: platform }\n";

  it("knows what each app defines, and says what it leaves out", async () => {
    initRepository(home.dir);
    const files = { "trueup.yaml": apps, "shop/web.yaml": web, "platform/crd.yaml": definition };
    commitAll(home.dir, { ...files, "shop/thing.yaml": thing("3") }, "First");
    const { code, stdout, stderr } = await trueup("simulate");
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        "warning: left out, as neither the simulator nor the embedded cluster runs their kinds: " +
        "thing/t, customresourcedefinition/things.example.org\n",
    });
    // What is available counts at the moment that is told of, and at the end all of it is.
    expect(stdout).toMatch(/ 2 +0 {2}pod web-\S+ is ready\n/);
    expect(stdout).toMatch(/ +2 +2 {2}all is as the commit wants it\n\ncomplete after 5\.\d s; at most 2 pods/);

    commitAll(home.dir, { "shop/thing.yaml": thing("large") }, "Second");
    const broken = await trueup("simulate");
    expect(broken).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("shop/thing.yaml:4:7: error"),
    });
    commitAll(
      home.dir,
      {
        "trueup.yaml": `${apps}allowUnknownKinds: [other.org/*]\n`,
        "shop/thing.yaml": thing("3").replace("example", "other"),
      },
      "Third",
    );
    expect(await trueup("simulate", "--from", "HEAD~2")).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("thing/t"),
    });
  });
});
