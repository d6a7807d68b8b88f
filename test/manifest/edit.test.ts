/** Edits: what changes in the text, and that nothing else does. */
import { createPatch } from "diff";
import { describe, expect, it } from "vitest";
import { editObject, type FieldEdit } from "../../src/manifest/edit.ts";
import type { ObjectId } from "../../src/model/object.ts";

const WEB: ObjectId = { group: "apps", kind: "Deployment", namespace: "default", name: "web" };
const SETTINGS: ObjectId = { group: "", kind: "ConfigMap", namespace: "default", name: "settings" };

const TEXT = `# top
apiVersion: apps/v1   # api
kind: Deployment
metadata:
  name: web  # the name
  labels: {app: web, "x": 'y'}
spec:
  # how many
  replicas: 3 # three
  selector:
    matchLabels:
      app: web
  template:
    # the template
    metadata:
      labels:
        app: web
    spec:
      containers:
      # first
      - name: web
        image: "a/b:v1"   # keep
        command: [sh, -c, "echo hi"]
        env:
          - {name: A, value: "1"}
      # trailing
    # end of template

---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  a: |
    text
    more

  b: x
`;

/** The lines that go and come. */
function changes(before: string, after: string): string[] {
  return createPatch("f", before, after, "", "", { context: 0 })
    .split("\n")
    .slice(4)
    .filter((line) => /^[-+]/.test(line));
}

function edit(text: string, id: ObjectId, ...edits: FieldEdit[]): string[] {
  return changes(text, editObject(text, id, edits));
}

const IMAGE = ["spec", "template", "spec", "containers", 0, "image"];

describe("set", () => {
  it.each<[string, FieldEdit, string[]]>([
    [
      "keeps quotes and comments",
      { op: "set", path: IMAGE, value: "a/b:v2" },
      ['-        image: "a/b:v1"   # keep', '+        image: "a/b:v2"   # keep'],
    ],
    [
      "keeps a comment behind a number",
      { op: "set", path: ["spec", "replicas"], value: 5 },
      ["-  replicas: 3 # three", "+  replicas: 5 # three"],
    ],
    ["adds a field beside the scalars", { op: "set", path: ["spec", "paused"], value: true }, ["+  paused: true"]],
    [
      "adds what a key needs above it",
      { op: "set", path: ["metadata", "annotations", "kubernetes.io/change-cause"], value: "set image: web" },
      ["+  annotations:", '+    kubernetes.io/change-cause: "set image: web"'],
    ],
    [
      "adds to a mapping in brackets",
      { op: "set", path: ["metadata", "labels", "tier"], value: "on" },
      ["-  labels: {app: web, \"x\": 'y'}", '+  labels: {app: web, "x": \'y\', tier: "on"}'],
    ],
    [
      "writes a time as text",
      { op: "set", path: ["spec", "template", "metadata", "annotations", "at"], value: "2026-11-23T17:42:02Z" },
      ["+      annotations:", '+        at: "2026-11-23T17:42:02Z"'],
    ],
    [
      "replaces an item of a list in brackets",
      { op: "set", path: ["spec", "template", "spec", "containers", 0, "command", 1], value: "x, y" },
      ['-        command: [sh, -c, "echo hi"]', '+        command: [sh, "x, y", "echo hi"]'],
    ],
    [
      "replaces a collection by a collection",
      { op: "set", path: ["spec", "selector"], value: { matchLabels: { a: "1", b: "c" } } },
      ["-      app: web", '+      a: "1"', "+      b: c"],
    ],
    [
      "empties a collection",
      { op: "set", path: ["spec", "selector"], value: {} },
      ["-  selector:", "-    matchLabels:", "-      app: web", "+  selector: {}"],
    ],
    [
      "makes a collection of a scalar",
      { op: "set", path: ["spec", "replicas"], value: [1, { a: "b" }] },
      ["-  replicas: 3 # three", "+  replicas: # three", "+    - 1", "+    - a: b"],
    ],
    ["changes nothing when the value is the same", { op: "set", path: IMAGE, value: "a/b:v1" }, []],
  ])("%s", (_name, change, expected) => {
    expect(edit(TEXT, WEB, change)).toEqual(expected);
  });

  it.each([
    "on",
    "1",
    "0755",
    "",
    " a",
    "a: b",
    "a #b",
    "- a",
    "null",
    "~",
    "1e3",
    "22:22",
    "'",
    '"',
    "\\",
    "a\nb\n",
    "é\u2028\u0007",
    "{a}",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "a,b",
    "yes",
    "=",
    "<<",
    "-",
    "?",
    "key:",
    "x".repeat(500),
  ])("writes %j so that it is read back as text, in block and in brackets", (value) => {
    for (const [id, path] of [
      [SETTINGS, ["data", "b"]],
      [SETTINGS, ["data", "new"]],
      [WEB, ["metadata", "labels", "app"]],
      [WEB, IMAGE],
    ] as const) {
      expect(() => editObject(TEXT, id, [{ op: "set", path, value }])).not.toThrow();
    }
    expect(() => editObject(TEXT, SETTINGS, [{ op: "set", path: ["data", value || "k"], value: "x" }])).not.toThrow();
  });

  it("replaces a block scalar", () => {
    expect(edit(TEXT, SETTINGS, { op: "set", path: ["data", "a"], value: "one" })).toEqual([
      "-  a: |",
      "-    text",
      "-    more",
      "+  a: one",
    ]);
  });

  it("fills in an empty value, and a file without a last line break", () => {
    const text = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:";
    expect(editObject(text, WEB, [{ op: "set", path: ["spec", "replicas"], value: 2 }])).toBe(`${text}\n  replicas: 2`);
    const empty = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  paused: # later\n";
    expect(editObject(empty, WEB, [{ op: "set", path: ["spec", "paused"], value: false }])).toContain(
      "  paused: false # later\n",
    );
  });

  it("keeps line ends as Windows writes them", () => {
    const text = "apiVersion: apps/v1\r\nkind: Deployment\r\nmetadata:\r\n    name: web\r\nspec: {}\r\n";
    const edits: FieldEdit[] = [
      { op: "set", path: ["metadata", "annotations", "a"], value: "b" },
      { op: "set", path: ["spec", "replicas"], value: 2 },
    ];
    expect(editObject(text, WEB, edits)).toBe(
      "apiVersion: apps/v1\r\nkind: Deployment\r\nmetadata:\r\n    name: web\r\n    annotations:\r\n        a: b\r\nspec: {replicas: 2}\r\n",
    );
  });

  it("reaches an item of a List", () => {
    const text =
      "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: settings}\n  data: {a: b}\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: web}\n  spec:\n    replicas: 1\n";
    expect(edit(text, WEB, { op: "set", path: ["spec", "replicas"], value: 2 })).toEqual([
      "-    replicas: 1",
      "+    replicas: 2",
    ]);
  });
});

describe("set in JSON", () => {
  const object = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: { replicas: 1, args: ["a"] },
  };
  const edits: FieldEdit[] = [
    { op: "set", path: ["spec", "replicas"], value: 2 },
    { op: "set", path: ["metadata", "annotations", "a/b"], value: "x" },
    { op: "set", path: ["spec", "paused"], value: true },
    { op: "remove", path: ["spec", "args"] },
  ];

  it.each([2, 4, "\t", undefined])("keeps the indentation %j", (indent) => {
    const text = JSON.stringify(object, null, indent);
    const after = editObject(text, WEB, edits, { file: "web.json" });
    const meant = {
      ...object,
      metadata: { name: "web", annotations: { "a/b": "x" } },
      spec: { replicas: 2, paused: true },
    };
    expect(JSON.parse(after)).toEqual(meant);
    expect(after).toBe(JSON.stringify(meant, null, indent));
  });
});

describe("remove", () => {
  it.each<[string, FieldEdit["path"], string[]]>([
    ["takes the line and its comment", ["spec", "replicas"], ["-  replicas: 3 # three"]],
    ["takes a block", ["spec", "selector"], ["-  selector:", "-    matchLabels:", "-      app: web"]],
    [
      "takes an entry in brackets",
      ["metadata", "labels", "app"],
      ["-  labels: {app: web, \"x\": 'y'}", "+  labels: {\"x\": 'y'}"],
    ],
    [
      "takes the last entry in brackets",
      ["metadata", "labels", "x"],
      ["-  labels: {app: web, \"x\": 'y'}", "+  labels: {app: web}"],
    ],
    [
      "leaves an empty mapping behind the last entry",
      ["spec", "template", "metadata", "labels", "app"],
      ["-      labels:", "-        app: web", "+      labels: {}"],
    ],
    [
      "takes the first entry of an item",
      ["spec", "template", "spec", "containers", 0, "name"],
      ["-      - name: web", '-        image: "a/b:v1"   # keep', '+      - image: "a/b:v1"   # keep'],
    ],
    [
      "takes an item in brackets",
      ["spec", "template", "spec", "containers", 0, "command", 0],
      ['-        command: [sh, -c, "echo hi"]', '+        command: [-c, "echo hi"]'],
    ],
    [
      "leaves an empty list behind the last item",
      ["spec", "template", "spec", "containers", 0, "env", 0],
      ["-        env:", '-          - {name: A, value: "1"}', "+        env: []"],
    ],
    ["does nothing where there is nothing", ["spec", "paused"], []],
  ])("%s", (_name, path, expected) => {
    expect(edit(TEXT, WEB, { op: "remove", path })).toEqual(expected);
  });
});

describe("replaceFrom", () => {
  const path = ["spec", "template"];
  const older = TEXT.replace("a/b:v1", "a/b:v0")
    .replace("# first", "# first, as it was")
    .replace(
      "    spec:\n      containers",
      "    spec:\n      # slow\n      terminationGracePeriodSeconds: 90\n      containers",
    );

  it("brings a block back with its comments, byte for byte", () => {
    expect(editObject(TEXT, WEB, [{ op: "replaceFrom", path, sourceText: older, sourceId: WEB }])).toBe(older);
    expect(editObject(older, WEB, [{ op: "replaceFrom", path, sourceText: TEXT, sourceId: WEB }])).toBe(TEXT);
  });

  it("leaves alone what else has changed since", () => {
    const now = TEXT.replace("replicas: 3", "replicas: 7").replace("b: x", "b: z");
    const after = editObject(now, WEB, [{ op: "replaceFrom", path, sourceText: older, sourceId: WEB }]);
    expect(after).toBe(older.replace("replicas: 3", "replicas: 7").replace("b: x", "b: z"));
  });

  it("indents anew where the file is laid out otherwise", () => {
    const list = `apiVersion: v1\nkind: List\nitems:\n- ${TEXT.slice(TEXT.indexOf("apiVersion"), TEXT.indexOf("\n---")).replace(/\n(?=.)/g, "\n  ")}`;
    const after = editObject(list, WEB, [{ op: "replaceFrom", path, sourceText: older, sourceId: WEB }]);
    expect(after).toContain('        # first, as it was\n        - name: web\n          image: "a/b:v0"   # keep\n');
    expect(after).toContain("        # slow\n        terminationGracePeriodSeconds: 90\n");
  });

  it("writes the value out between YAML and brackets, and for anchors", () => {
    const flow =
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3, template: {spec: {containers: []}}}\n";
    expect(editObject(flow, WEB, [{ op: "replaceFrom", path, sourceText: TEXT, sourceId: WEB }])).toContain(
      'containers: [{name: web, image: a/b:v1, command: [sh, "-c", echo hi]',
    );
    const anchored = TEXT.replace("matchLabels:\n      app: web", "matchLabels: &l\n      app: web").replace(
      "labels:\n        app: web",
      "labels: *l",
    );
    const after = editObject(TEXT, WEB, [{ op: "replaceFrom", path, sourceText: anchored, sourceId: WEB }]);
    expect(after).not.toContain("*l");
  });

  it("carries over only what differs where aliases or brackets keep the whole from it", () => {
    const aliased = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: &l {app: web}
spec:
  template:
    metadata: {labels: *l} # the same labels
    spec:
      containers:
      - name: web
        image: "a/b:v2" # the image
        env: [{name: A, value: "1"}, {name: B, value: "2"}] # two
`;
    const before = aliased.replace("a/b:v2", "a/b:v1").replace('value: "2"', 'value: "3"');
    const annotated = before.replace("{labels: *l}", '{labels: *l, annotations: {at: "12"}}');
    for (const sourceText of [before, annotated]) {
      expect(editObject(aliased, WEB, [{ op: "replaceFrom", path, sourceText, sourceId: WEB }])).toBe(sourceText);
      expect(editObject(sourceText, WEB, [{ op: "replaceFrom", path, sourceText: aliased, sourceId: WEB }])).toBe(
        aliased,
      );
    }
  });

  it("reads the older version by its own file's name", () => {
    const older = JSON.stringify({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      spec: { replicas: 1e1 },
    });
    const change: FieldEdit = {
      op: "replaceFrom",
      path: ["spec", "replicas"],
      sourceText: older,
      sourceId: WEB,
      sourceFile: "web.json",
    };
    expect(edit(TEXT, WEB, change)).toEqual(["-  replicas: 3 # three", "+  replicas: 10 # three"]);
  });

  it("removes what the older version has not, and adds what this one has not", () => {
    const without = TEXT.replace("  replicas: 3 # three\n", "");
    expect(
      edit(TEXT, WEB, { op: "replaceFrom", path: ["spec", "replicas"], sourceText: without, sourceId: WEB }),
    ).toEqual(["-  replicas: 3 # three"]);
    expect(
      edit(without, WEB, { op: "replaceFrom", path: ["spec", "replicas"], sourceText: TEXT, sourceId: WEB }),
    ).toEqual(["+  replicas: 3"]);
    const bare = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 3\n";
    const whole = editObject(bare, WEB, [{ op: "replaceFrom", path, sourceText: TEXT, sourceId: WEB }]);
    expect(whole).toContain("  template:\n    # the template\n    metadata:\n");
    expect(whole).toContain("    # end of template\n");
  });
});

describe("refusals", () => {
  const refused = (text: string, change: FieldEdit) => () => editObject(text, WEB, [change]);

  it("keep values that stand in several places", () => {
    const text =
      "t: &t {a: 1}\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template: *t\n  a: &q 5\n  b: *q\n  c: &unused 6\nmerged:\n  <<: *t\n";
    expect(refused(text, { op: "set", path: ["spec", "template", "a"], value: 2 })).toThrow(
      "Cannot edit spec.template as its value must stand in one place: it is an alias",
    );
    expect(refused(text, { op: "set", path: ["spec", "a"], value: 2 })).toThrow(
      "it has an anchor (&q) that other places use",
    );
    expect(refused(text, { op: "set", path: ["merged", "a"], value: 2 })).toThrow("it comes in through a merge (<<)");
    expect(edit(text, WEB, { op: "set", path: ["spec", "c"], value: 7 })).toEqual([
      "-  c: &unused 6",
      "+  c: &unused 7",
    ]);
  });

  it("name the file, and what is wrong with it", () => {
    expect(refused("a: [", { op: "remove", path: ["a"] })).toThrow(
      "Cannot edit the file as it must be well-formed: 1:5",
    );
    expect(refused(TEXT, { op: "remove", path: [] })).toThrow("a field must be named");
    expect(() =>
      editObject(TEXT, { ...WEB, name: "shop" }, [{ op: "remove", path: ["spec"] }], { file: "a.yaml" }),
    ).toThrow("Cannot edit deployment/shop as a.yaml must declare it: it does not");
    expect(refused(TEXT, { op: "set", path: ["spec", "replicas", "x"], value: 1 })).toThrow(
      "Cannot set spec.replicas.x as spec.replicas must be a mapping",
    );
    expect(
      refused(TEXT, { op: "set", path: ["spec", "template", "spec", "containers", 7, "image"], value: 1 }),
    ).toThrow("must be an item of a list");
  });
});
