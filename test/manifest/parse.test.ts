/** Reading manifests: what counts as one, YAML as Kubernetes reads it, Lists, and what keeps an object from being declared. */
import { describe, expect, it } from "vitest";
import { isManifestPath, type ParsedManifest, parseManifestFile } from "../../src/manifest/parse.ts";
import { resolvePlain } from "../../src/manifest/schema.ts";
import { asObjectHash } from "../../src/model/source.ts";

const BLOB = asObjectHash("1".repeat(40));

function parse(text: string, file = "a.yaml"): ParsedManifest {
  return parseManifestFile({ file, blob: BLOB, text });
}

function said(text: string, file?: string): string[] {
  return parse(text, file).diagnostics.map(
    ({ location, severity, rule }) => `${location.line}:${location.column} ${severity} ${rule}`,
  );
}

describe("isManifestPath", () => {
  it.each([
    ["a.yaml", true],
    ["apps/web/deployment.yml", true],
    ["b.json", true],
    ["Dockerfile", false],
    ["README.md", false],
    ["a.yaml.bak", false],
    [".github/workflows/ci.yaml", false],
    ["apps/.hidden/a.yaml", false],
    [".a.yaml", false],
    ["images/web/v1/config.json", false],
    ["apps/images/web/v1/a.yaml", false],
    ["apps/images.yaml", true],
    ["node_modules/x/a.json", false],
    ["trueup.yaml", false],
    ["apps/trueup.yaml", false],
    ["trueup.config.yaml", false],
    ["package.json", false],
    ["package-lock.json", false],
    ["tsconfig.json", false],
  ])("%s: %s", (path, expected) => {
    expect(isManifestPath(path)).toBe(expected);
  });
});

describe("scalars", () => {
  it.each([
    ["", null],
    ["~", null],
    ["Null", null],
    ["nUll", "nUll"],
    ["yes", true],
    ["On", true],
    ["y", true],
    ["NO", false],
    ["off", false],
    ["tRue", "tRue"],
    ["0755", 493],
    ["0o755", 493],
    ["0b101", 5],
    ["0x1F", 31],
    ["-0x1F", -31],
    ["1_000", 1000],
    ["+7", 7],
    ["-0", 0],
    ["08", 8],
    ["1e3", 1000],
    ["1.5", 1.5],
    [".5", 0.5],
    ["5.", 5],
    ["1e999", "1e999"],
    ["22:22", "22:22"],
    ["1.2.3", "1.2.3"],
    ["2026-11-23", "2026-11-23"],
    ["2026-11-23T17:42:02Z", "2026-11-23T17:42:02Z"],
    ["0xFFFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFFF"],
    ["_1", "_1"],
    [".inf", Number.NaN],
    ["v1", "v1"],
  ])("%s means %s", (source, expected) => {
    expect(resolvePlain(source)).toBe(expected);
    if (source === "" || Number.isNaN(expected)) return;
    const [object] = parse(`apiVersion: v1\nkind: X\nmetadata: {name: a}\nvalue: ${source}\n`).declared;
    expect(object?.object.value).toBe(expected);
  });

  it("are text when tagged or quoted, whatever they look like", () => {
    const [object] = parse(
      'apiVersion: v1\nkind: X\nmetadata: {name: a}\nv: [!!str 1, "1", \'on\', !!int "5", !!binary aGk=]\n',
    ).declared;
    expect(object?.object.v).toEqual(["1", "1", "on", 5, "hi"]);
  });

  it("must be finite numbers", () => {
    expect(said("apiVersion: v1\nkind: X\nmetadata: {name: a}\nv: .inf\n")).toEqual(["4:1 error yaml-syntax"]);
    expect(said("apiVersion: v1\nkind: X\nmetadata: {name: a}\nv: [.nan]\n")).toEqual(["4:5 error yaml-syntax"]);
  });

  it("that are keys become text", () => {
    const [object] = parse("apiVersion: v1\nkind: X\nmetadata: {name: a}\non: 1\n0755: 2\n1.5: 3\n").declared;
    expect(object?.object).toMatchObject({ true: 1, 493: 2, "1.5": 3 });
  });

  it("in JSON follow JSON", () => {
    const text =
      '{\n\t"apiVersion": "v1",\n\t"kind": "X",\n\t"metadata": {"name": "a", "n": 1e3, "s": "\\ud83d\\ude00\\/"}\n}\n';
    const [object] = parse(text, "a.json").declared;
    expect(object?.object.metadata).toEqual({ name: "a", n: 1000, s: "😀/" });
  });
});

describe("documents", () => {
  it("may be many, empty ones and comments among them", () => {
    const text =
      "# top\n---\n---\n# nothing\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n...\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n";
    const { declared, diagnostics } = parse(text);
    expect(diagnostics).toEqual([]);
    expect(declared.map(({ id, document, file, blob }) => ({ name: id.name, document, file, blob }))).toEqual([
      { name: "a", document: 2, file: "a.yaml", blob: BLOB },
      { name: "b", document: 3, file: "a.yaml", blob: BLOB },
    ]);
  });

  it("that are empty are no fault", () => {
    for (const text of ["", "\n", "# x\n", "---\n", "---\n---\n"])
      expect(parse(text)).toEqual({ declared: [], diagnostics: [] });
  });

  it("are read beside a broken one", () => {
    const { declared, diagnostics } = parse(
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n a: b\n  c: [\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: B}\n",
    );
    expect(declared.map(({ id }) => id.name)).toEqual(["a", "B"]);
    expect(diagnostics).toHaveLength(1);
    expect(declared[1]?.locateValue(["metadata", "name"])).toEqual({
      file: "a.yaml",
      line: 10,
      column: 18,
      end: { line: 10, column: 19 },
    });
  });

  it("are given up as a whole where a broken one stands among too many to read each by itself", () => {
    const { declared, diagnostics } = parse(`${"---\na\n".repeat(100_000)}--- [\n`);
    expect(declared).toEqual([]);
    expect(diagnostics.map(({ rule, location }) => `${location.line} ${rule}`)).toEqual(["200002 yaml-syntax"]);
  });

  it.each(["*hunter2", "!hunter2 x", "!hunter2,[]{} x", "!hunter2!x y", "!hunter2 [a]", "!hunter2 {a: b}"])(
    "that are Secrets show nothing of the value %s, which is no text for YAML",
    (value) => {
      const { diagnostics } = parse(
        `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  password: ${value}\n`,
      );
      expect(diagnostics.map(({ rule }) => rule)).toEqual(["yaml-syntax"]);
      expect(JSON.stringify(diagnostics)).not.toContain("hunter2");
    },
  );

  it("may begin with a byte order mark and end lines as Windows does", () => {
    const { declared, diagnostics } = parse("\uFEFFapiVersion: v1\r\nkind: Namespace\r\nmetadata:\r\n  name: a\r\n");
    expect(diagnostics).toEqual([]);
    expect(declared[0]?.locate(["metadata", "name"])).toMatchObject({ line: 4, column: 3 });
  });
});

describe("Lists", () => {
  it("are expanded, nested and typed ones too", () => {
    const text = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Namespace
  metadata: {name: a}
- apiVersion: v1
  kind: ConfigMapList
  items:
  - metadata: {name: b, namespace: shop}
- {}
`;
    const { declared, diagnostics } = parse(text);
    expect(declared.map(({ id }) => id)).toEqual([
      { group: "", kind: "Namespace", namespace: "", name: "a" },
      { group: "", kind: "ConfigMap", namespace: "shop", name: "b" },
    ]);
    expect(declared.map((each) => each.locateValue(["metadata", "name"]).line)).toEqual([6, 10]);
    expect(declared[0]?.locate([])).toMatchObject({ line: 4, column: 3 });
    expect(diagnostics.map(({ rule, location }) => `${location.line} ${rule}`)).toEqual([
      "11 missing-api-version",
      "11 missing-kind",
      "11 missing-name",
    ]);
  });

  it("leave a kind alone that only ends so", () => {
    const { declared } = parse("apiVersion: x/v1\nkind: AccessList\nmetadata: {name: a}\nspec: {}\n");
    expect(declared.map(({ id }) => id.kind)).toEqual(["AccessList"]);
  });
});

describe("identity", () => {
  it("takes the default namespace, or none where there is none", () => {
    const text =
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b, namespace: 5}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: c, namespace: 5}\n";
    const { declared } = parseManifestFile({ file: "a.yaml", blob: BLOB, text, defaultNamespace: "shop" });
    expect(declared.map(({ id }) => `${id.group}/${id.kind}/${id.namespace}/${id.name}`)).toEqual([
      "apps/Deployment/shop/a",
      "/Namespace//b",
      "/Pod/shop/c",
    ]);
  });
});

describe("anchors", () => {
  it("give every place its own copy", () => {
    const text =
      "base: &b {app: web}\napiVersion: v1\nkind: X\nmetadata: {name: a, labels: *b}\nother:\n  <<: *b\n  app: shop\nmore:\n  <<: [*b, {x: 1}]\n";
    const [declared] = parse(text).declared;
    const object = declared?.object as unknown as {
      base: object;
      metadata: { labels: object };
      other: object;
      more: object;
    };
    expect(object).toMatchObject({
      base: { app: "web" },
      metadata: { labels: { app: "web" } },
      other: { app: "shop" },
      more: { app: "web", x: 1 },
    });
    expect(object.base).not.toBe(object.metadata.labels);
  });

  it("are refused when they expand without end or measure", () => {
    const level = (name: string, of: string) => `${name}: &${name} [${Array(20).fill(`*${of}`).join(", ")}]\n`;
    const laughs = `a: &a [x]\n${level("b", "a")}${level("c", "b")}${level("d", "c")}${level("e", "d")}kind: X\n`;
    expect(said(laughs)).toEqual(["5:28 error yaml-limits"]);
    expect(said("kind: &k [*k]\n")).toEqual(["1:11 error yaml-limits"]);
    expect(said("kind: *nowhere\n")).toEqual(["1:8 error yaml-syntax"]);
    expect(said(`kind: ${"[".repeat(500)}\n`)).toEqual(["1:106 error yaml-limits"]);
  });
});

describe("files", () => {
  it("that declare nothing are pointed out when YAML, ignored when JSON", () => {
    expect(said("a: 1\n")).toEqual(["1:1 warning not-a-manifest"]);
    expect(said("- 1\n")).toEqual(["1:1 warning not-a-manifest"]);
    expect(said('{"a": 1}', "a.json")).toEqual([]);
    // Comments, as some tools allow.
    expect(said('{ // of another tool\n"a": 1, }', "a.json")).toEqual([]);
    expect(said("a: 1\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")).toEqual([
      "1:1 error missing-api-version",
      "1:1 error missing-kind",
      "1:1 error missing-name",
    ]);
  });

  it("that break off are errors wherever they do, as they may have been manifests", () => {
    const text = '{"metadata": {"name": "a\\n"}, "data": {"x": [1, true]}, "kind": "ConfigMap", "apiVersion": "v1"}';
    for (let end = 1; end < text.length; end++) {
      expect([
        end,
        said(text.slice(0, end), "a.json").filter((each) => / error yaml-syntax$/.test(each)).length,
      ]).toEqual([end, 1]);
    }
    expect(said("", "a.json")).toEqual([]);
  });

  it("that make manifests are told apart", () => {
    expect(said("resources: []\nkind: Kustomization\n", "a/kustomization.yaml")).toEqual(["1:1 error needs-rendering"]);
    expect(said("apiVersion: v2\nname: web\n", "a/Chart.yaml")).toEqual(["1:1 error needs-rendering"]);
    expect(said("apiVersion: builtin\nkind: LabelTransformer\nmetadata: { name: a }\n")).toEqual([
      "1:1 error needs-rendering",
    ]);
    expect(said("resources: []\n", "a/kustomization.yaml")).toEqual(["1:1 warning not-a-manifest"]);
  });

  it("of more than 4 MiB are not read", () => {
    expect(said(`# ${"x".repeat(4 * 1024 * 1024)}`)).toEqual(["1:1 error yaml-limits"]);
  });

  it("cannot reach an object's prototype", () => {
    const { declared, diagnostics } = parse(
      "apiVersion: v1\nkind: X\nmetadata: {name: a}\n__proto__: {polluted: true}\n",
    );
    expect(declared).toEqual([]);
    expect(diagnostics.map(({ rule }) => rule)).toEqual(["yaml-syntax"]);
    const [object] = parse(
      "apiVersion: v1\nkind: X\nmetadata: {name: a}\nconstructor: {prototype: {polluted: true}}\n",
    ).declared;
    expect(Object.hasOwn(object?.object ?? {}, "constructor")).toBe(true);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});
