/** `trueup validate` beyond a plain check: commits, buffers, changes, levels, fixes, forms, exit codes; and `explain`. */
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commitAll, gitIn, initRepository } from "../git/support.ts";
import { type Home, makeHome, ROOT, run } from "../support/processes.ts";
import { PROGRAM } from "./with-daemon.ts";

const GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { colour: blue }\n";
const BAD = GOOD.replace("\ndata", "\ndatum");
const USER =
  "apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec:\n  containers:\n  - { name: web, image: web:v1, envFrom: [{ configMapRef: { name: settings } }] }\n";

let home: Home;

beforeEach(() => {
  home = makeHome();
  home.env.XDG_CACHE_HOME = join(ROOT, "node_modules/.cache");
});

afterEach(() => home.remove());

const trueup = (...args: string[]): ReturnType<typeof run> =>
  run([process.execPath, PROGRAM, ...args], { cwd: home.dir, env: home.env });

const piped = (text: string, ...args: string[]): ReturnType<typeof run> =>
  run(["/bin/sh", "-c", `printf '%s' "$TEXT" | "$0" "$@"`, process.execPath, PROGRAM, ...args], {
    cwd: home.dir,
    env: { ...home.env, TEXT: text },
  });

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(home.dir, name, ".."), { recursive: true });
    writeFileSync(join(home.dir, name), text);
  }
}

describe("validate in a repository", () => {
  beforeEach(() => {
    initRepository(home.dir);
    commitAll(
      home.dir,
      { "deploy/a.yaml": GOOD, "deploy/old.yaml": BAD.replace("settings", "old"), "deploy/p.yaml": USER },
      "One",
    );
  });

  it("checks a commit without a checkout, from the directory that it stands in", async () => {
    commitAll(home.dir, { "deploy/old.yaml": GOOD.replace("settings", "old") }, "Two");
    write({ "deploy/a.yaml": BAD });
    expect(await trueup("validate", "--rev", "HEAD")).toMatchObject({ code: 0, stdout: "no errors in 3 files\n" });
    const before = await trueup("-C", join(home.dir, "deploy"), "validate", "--rev", "HEAD^", "old.yaml");
    expect(before).toMatchObject({ code: 1, stderr: expect.stringMatching(/^old\.yaml:4:1: error: /) });
    expect((await trueup("validate")).code).toBe(1);
  });

  it("checks the objects of one app by what another one defines", async () => {
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
    const thing = "apiVersion: example.org/v1\nkind: Thing\nmetadata: { name: t }\nsize: large\n";
    const config = "apps:\n- { name: shop, path: shop }\n- { name: platform, path: platform }\n";
    write({ "trueup.yaml": config, "platform/crd.yaml": definition, "shop/thing.yaml": thing });
    const checked = await trueup("validate");
    expect(checked.stderr.split("\n").filter((line) => line.includes("error"))).toEqual([
      expect.stringMatching(/^shop\/thing\.yaml:4:7: error: .*\[schema-type\]$/),
    ]);
    write({ "trueup.yaml": config.replace(/\n- \{ name: platform.*/, "") });
    expect((await trueup("validate")).stderr).toMatch(/schemas: \[FILE\] in trueup\.yaml/);
  });

  it("says only what a change brought, in the changed file and elsewhere", async () => {
    expect(await trueup("validate", "--changed-since", "HEAD")).toMatchObject({
      code: 0,
      stdout: "no errors in 0 files\n",
    });
    write({ "deploy/new.yaml": BAD.replace("settings", "new") });
    const added = await trueup("validate", "--changed-since", "HEAD");
    expect(added).toMatchObject({ code: 1, stdout: "1 error in 1 file\n" });
    expect(added.stderr).toMatch(/^deploy\/new\.yaml:4:1: error: /);
    // The pod is as it was, but what it uses is gone.
    gitIn(home.dir, ["rm", "-q", "deploy/a.yaml"]);
    const gone = await trueup("validate", "--changed-since", "HEAD", "--max-warnings", "0", "deploy/p.yaml", "deploy");
    expect(gone.stderr).toMatch(/deploy\/p\.yaml:6:\d+: warning: .*\[reference-missing\]/);
    expect(gone.stderr).not.toContain("old.yaml");
  });

  it("names paths from the repository's root for hosts", async () => {
    const inside = await trueup("-C", join(home.dir, "deploy"), "validate", "-o", "github");
    expect(inside.code).toBe(1);
    expect(inside.stdout).toMatch(/^::error file=deploy\/old\.yaml,line=4,col=1,endColumn=5,title=unknown-field::/);
    expect(inside.stderr).toBe("1 error in 3 files\n");
    const { results } = (
      JSON.parse((await trueup("validate", "-o", "sarif")).stdout) as { runs: [{ results: object[] }] }
    ).runs[0];
    expect(results).toMatchObject([
      { locations: [{ physicalLocation: { artifactLocation: { uri: "deploy/old.yaml" } } }] },
    ]);
  });

  it("exits 2 for a revision that is not there, and a path that the commit has not", async () => {
    expect(await trueup("validate", "--rev", "nonsense")).toMatchObject({ code: 2, stdout: "" });
    expect(await trueup("validate", "--changed-since", "nonsense")).toMatchObject({ code: 2, stdout: "" });
    expect((await trueup("validate", "--rev", "HEAD", "none")).stderr).toMatch(/^trueup: Cannot read none as commit /);
    expect((await trueup("validate", "--rev", "HEAD", "../..")).code).toBe(2);
  });
});

describe("validate", () => {
  it("exits 2 where a revision is asked for and there is no repository", async () => {
    write({ "a.yaml": GOOD });
    expect((await trueup("validate", "--changed-since", "HEAD")).code).toBe(2);
    expect((await trueup("validate", "-o", "gitlab")).stdout).toBe("[]\n");
  });

  it.each([
    [["--dry-run"]],
    [["--filename", "a.yaml"]],
    [["--fix", "-"]],
    [["--rev", "HEAD", "-"]],
    [["--rev", "HEAD", "--fix"]],
    [["--level", "image-tag=error"]],
    [["--level", "yaml-tab=loud"]],
    [["--max-warnings", "few"]],
    [["-o", "xml"]],
  ])("exits 2 for %j", async (args) => {
    write({ "a.yaml": GOOD });
    expect(await trueup("validate", ...args)).toMatchObject({ code: 2, stdout: "" });
  });

  it("takes a buffer for the file that it will become", async () => {
    write({ "a.yaml": BAD, "p.yaml": USER });
    expect((await piped(GOOD, "validate", ".", "-", "--filename", "./a.yaml")).stdout).toBe("no errors in 2 files\n");
    expect((await piped(BAD, "validate", "-", "--filename", "b.yaml")).stderr).toMatch(/^b\.yaml:4:1: error: /);
    expect((await piped('{"kind": "ConfigMap"', "validate", "-", "--filename", "b.json")).code).toBe(1);
  });

  it("counts warnings against --max-warnings, and lets levels move them", async () => {
    write({ "p.yaml": USER });
    expect(await trueup("validate")).toMatchObject({ code: 0, stdout: "1 warning in 1 file\n" });
    expect((await trueup("validate", "--max-warnings", "1")).code).toBe(0);
    expect(await trueup("validate", "--max-warnings", "0", "-q")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: "1 warnings are more than the 0 that --max-warnings allows\n",
    });
    expect(await trueup("validate", "--level", "reference-missing=error")).toMatchObject({
      code: 1,
      stdout: "1 error in 1 file\n",
    });
    expect(await trueup("validate", "--level", "reference-missing=off,yaml-tab=error")).toMatchObject({
      code: 0,
      stdout: "no errors in 1 file\n",
      stderr: "",
    });
    write({ "p.yaml": BAD });
    expect((await trueup("validate", "--level", "unknown-field=off")).code).toBe(1);
  });

  it("mends files, keeping mode, links and comments, and shows before what it would do", async () => {
    const before = `${GOOD.replace("{ colour: blue }", "{ a: 1 } # one")}---\n${BAD.replace("settings", "other")}`;
    write({ "real/a.yaml": before, "b.yaml": GOOD.replace("settings", "b") });
    chmodSync(join(home.dir, "real/a.yaml"), 0o640);
    symlinkSync("real/a.yaml", join(home.dir, "link.yaml"));
    const shown = await trueup("validate", "--fix", "--dry-run", "link.yaml");
    expect(shown.code).toBe(1);
    expect(shown.stdout).toContain('-data: { a: 1 } # one\n+data: { a: "1" } # one\n');
    expect(shown.stderr).toMatch(/^link\.yaml:4: would be fixed: puts data\.a in quotes \[schema-type\]\n/);
    expect(shown.stdout).toMatch(/\n1 error in 1 file\n$/);
    expect(readFileSync(join(home.dir, "real/a.yaml"), "utf8")).toBe(before);
    const fixed = await trueup("validate", "--fix", "link.yaml", "b.yaml");
    expect(fixed).toMatchObject({ code: 1, stdout: "1 error in 2 files\n" });
    expect(fixed.stderr).toContain("link.yaml:4: fixed: ");
    expect(readFileSync(join(home.dir, "link.yaml"), "utf8")).toBe(before.replace("{ a: 1 }", '{ a: "1" }'));
    expect(statSync(join(home.dir, "real/a.yaml")).mode & 0o777).toBe(0o640);
    expect(await trueup("validate", "--fix", "-q", "b.yaml")).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("mends a Secret without showing it", async () => {
    const secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { pin: 99887766 }\n";
    write({ "s.yaml": secret });
    const { code, stdout, stderr } = await trueup("validate", "--fix", "--dry-run");
    expect({ code, text: stdout + stderr }).toEqual({ code: 0, text: expect.not.stringContaining("99887766") });
    expect((await trueup("validate", "--fix")).code).toBe(0);
    expect(readFileSync(join(home.dir, "s.yaml"), "utf8")).toBe(secret.replace("99887766", '"99887766"'));
  });
});

describe("validate under configurations", () => {
  const APPS = "apps:\n- { name: one, path: one }\n- { name: two, path: two }\n";
  const OPERATOR =
    "repositories: [{ path: .. }]\nkubernetesVersion: '1.36'\nschemas: [crds]\nallowUnknownKinds: false\n" +
    "validation: { policies: { required-labels: { labels: [owner], kinds: [ConfigMap] } } }\n";
  const found = (stderr: string): string[] =>
    [...stderr.matchAll(/^(\S+): (error|warning): .*\[(\S+)\]$/gm)].map(([, place, severity, rule]) =>
      [place, severity, rule].join(" "),
    );

  it("asks what trueup.yaml asks, and knows exceptions that are for nothing by all apps together", async () => {
    const exceptions = [
      "{ rule: no-caps, kind: ConfigMap, name: settings, reason: a, until: 2999-12-31 }",
      "{ rule: no-caps, kind: ConfigMap, name: sett*, reason: b, until: 2020-12-31 }",
      "{ rule: no-caps, kind: ConfigMap, name: other, reason: c, until: 2999-12-31 }",
    ];
    const validation =
      "validation:\n  levels: { yaml-number: error }\n  rules:\n" +
      "  - { id: no-caps, kinds: [ConfigMap], expression: \"object.data.all(k, object.data[k] == 'blue')\" }\n" +
      `  exceptions:\n${exceptions.map((each) => `  - ${each}\n`).join("")}`;
    const loud = GOOD.replace("blue", "BLUE");
    write({
      "trueup.yaml": APPS + validation,
      "one/a.yaml": loud,
      "two/a.yaml": loud.replace("settings", "free"),
      "two/b.yaml": GOOD.replace("settings", "more"),
    });
    const { code, stderr } = await trueup("validate");
    expect(found(stderr)).toEqual(
      [
        "trueup.yaml:10:5: warning exception-expired",
        "trueup.yaml:11:5: warning exception-unused",
        "two/a.yaml:3:19: error no-caps",
      ].map((line) => line.replace(": ", " ")),
    );
    expect(code).toBe(1);
  });

  it("finds that an app's directory is not there where trueup.yaml names it, and goes on with the others", async () => {
    write({ "trueup.yaml": APPS.replace("path: two", "path: two/gone"), "one/a.yaml": GOOD.replace("blue", "3") });
    const wanted = ["one/a.yaml:4:17 error schema-type", "trueup.yaml:3:22 error app-path"];
    const { code, stderr } = await trueup("validate");
    expect({ code, found: found(stderr) }).toEqual({ code: 1, found: wanted });
    expect(stderr).toContain('Cannot read the app as "two/gone" must be a directory: there is none');
    initRepository(home.dir);
    commitAll(home.dir, {}, "First");
    expect(found((await trueup("validate", "--rev", "HEAD")).stderr)).toEqual(wanted);
    write({ "two/gone": "a file\n" });
    expect(found((await trueup("validate")).stderr)).toEqual(wanted);
  });

  it("asks what the operator's file asks, with and without trueup.yaml", async () => {
    const crd =
      "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: things.example.org }\n" +
      "spec:\n  group: example.org\n  scope: Namespaced\n  names: { plural: things, singular: thing, kind: Thing, listKind: ThingList }\n" +
      "  versions:\n  - { name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, properties: { a: { type: integer } } } } }\n";
    write({ "ops/trueup.config.yaml": OPERATOR, "ops/crds/a.yaml": crd, "shop/a.yaml": GOOD });
    write({ "shop/t.yaml": "apiVersion: example.org/v1\nkind: Thing\nmetadata: { name: t }\na: x\n" });
    const shop = join(home.dir, "shop");
    const plain = await trueup("-C", shop, "validate");
    expect(found(plain.stderr)).toEqual(["t.yaml:2:7 error schema-missing"]);
    const asked = await trueup("-C", shop, "validate", "--config", "../ops/trueup.config.yaml");
    expect(found(asked.stderr)).toEqual(
      [
        "a.yaml:3:1 error required-labels",
        "t.yaml:4:4 error schema-type",
        "t.yaml:2:7 warning kind-not-run-here",
      ].sort(),
    );
    write({
      "shop/trueup.yaml":
        "apps: [{ name: a }]\nallowUnknownKinds: true\nvalidation: { policies: { required-labels: off } }\n",
    });
    const looser = await trueup("-C", shop, "validate", "--config", "../ops/trueup.config.yaml");
    expect(found(looser.stderr)).toEqual([
      "trueup.yaml:2:20 error config-invalid",
      "trueup.yaml:3:44 error config-invalid",
    ]);
    expect(await trueup("-C", shop, "validate", "--config", "nowhere.yaml")).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(/^trueup: Cannot read .*nowhere\.yaml as it must be there: it is not\.\n$/),
    });
  });
});

describe("explain", () => {
  it("says what a rule checks, why, and shows it wrong and right", async () => {
    const { code, stdout } = await trueup("explain", "schema-type");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^schema-type: A value has the type .*\n\nThe API server refuses/);
    expect(stdout).toContain("Wrong, at line 5:\n");
    expect(JSON.parse((await trueup("explain", "env-duplicate", "-o", "json")).stdout)).toMatchObject({
      rule: "env-duplicate",
      severity: "warning",
      changeable: true,
      example: { file: "manifest", line: 10 },
    });
  });

  it("says of each kind of rule whose to change it is", async () => {
    const level = async (rule: string): Promise<unknown> =>
      /^level: +(.*)$/m.exec((await trueup("explain", rule)).stdout)?.[1];
    expect(await level("host-pid")).toMatch(/^off, until validation\.policies in trueup\.yaml/);
    expect(await level("image-tag-latest")).toMatch(/^error: .* the operator's trueup\.config\.yaml may lower it$/);
    expect(await level("yaml-tab")).toMatch(/^warning; /);
    expect(await level("schema-type")).toBe("error, always: trueup rejects a commit that has one");
    expect(JSON.parse((await trueup("explain", "host-pid", "-o", "json")).stdout)).toMatchObject({
      changeable: true,
      policy: true,
      example: { file: "trueup.yaml", lineIn: "web.yaml", line: 5 },
    });
    expect((await trueup("explain", "host-pid")).stdout).toContain("Wrong, at line 5 of web.yaml:\n");
    expect((await trueup("explain", "exception-unused")).stdout).toContain("Wrong, at line 5 of trueup.yaml:\n");
  });

  it("says what only a daemon finds, of which no file is an example", async () => {
    const { code, stdout } = await trueup("explain", "immutable-field");
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /^immutable-field: .*\n\nKubernetes never .*\n\nlevel: {2}error, always.*\nsource: .*\n$/,
      ),
    });
    const data = JSON.parse((await trueup("explain", "ref-untrusted", "-o", "json")).stdout);
    expect(data).toMatchObject({ rule: "ref-untrusted", severity: "error", changeable: false, policy: false });
    expect(data).not.toHaveProperty("example");
    expect((await trueup("explain")).stdout).toMatch(/\nref-untrusted +error +Pods run of refs/);
    expect((await trueup("explain", "imutable-field")).stderr).toContain("Did you mean immutable-field?");
  });

  it("lists the rules, offers them to completion, and knows what is no rule", async () => {
    expect((await trueup("explain")).stdout).toMatch(/^yaml-syntax +error +A manifest is/);
    expect((await trueup("completion", "--names", "rule")).stdout).toContain("image-tag-latest\n");
    expect(await trueup("explain", "image-latest-tag")).toMatchObject({ code: 2, stdout: "" });
  });
});
