/** Snapshots: what is read and checked is what changed, counted; what cannot be read is never taken for absent. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRepository, type Repository } from "../../src/git/repository.ts";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import { asObjectHash, type CommitId } from "../../src/model/source.ts";
import { ConfigStamper, numberedDigest } from "../../src/plan/config-digest.ts";
import { type DefinitionsAt, RepositoryDefinitions } from "../../src/reconcile/definitions.ts";
import { AppSource, isRejected, type Snapshot, type SourceOptions } from "../../src/reconcile/source.ts";
import { commitAll, gitIn, headOf, initRepository, temporary } from "../git/support.ts";
import { configMap, deployment, NO_ABORT } from "./world.ts";

const stamper = (): ConfigStamper => new ConfigStamper(numberedDigest());

const NO_BLOB = asObjectHash("0".repeat(40));

let folder: ReturnType<typeof temporary>;
let repository: Repository;

beforeEach(async () => {
  folder = temporary();
  initRepository(folder.path);
  repository = await openRepository(folder.path);
});
afterEach(async () => {
  await repository.close();
  folder.dispose();
});

const commit = (files: Record<string, string | null>): CommitId => commitAll(folder.path, files);
const names = ({ declared }: Snapshot): string[] => declared.map(({ id }) => id.name);

function sourceOf(path = ""): AppSource {
  return new AppSource(repository, { path, namespace: "default" }, stamper());
}

describe("a snapshot", () => {
  it("has the objects of all manifests, in order of path, and nothing else", async () => {
    const head = commit({
      "b.json": configMap("b"),
      "a.yaml":
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: a1}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: a2}\n",
      "deep/down/c.yml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
      "README.md": "x",
      "images/x/v1/config.json": "{}",
      ".github/workflow.yaml": "on: push",
    });
    const snapshot = await sourceOf().snapshot(head, null, NO_ABORT);
    expect(names(snapshot)).toEqual(["a1", "a2", "b", "c"]);
    expect(snapshot.declared[0]?.locate([]).line).toBe(2);
    expect(names(await sourceOf("deep").snapshot(head, null, NO_ABORT))).toEqual(["c"]);
  });

  it("reads, checks and parses what changed, and nothing else", async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`c-${n}.json`, configMap(`c-${n}`)]));
    const source = sourceOf();
    const first = await source.snapshot(commit(files), null, NO_ABORT);
    expect(source.counters).toEqual({ blobsRead: 30, parsed: 30, validated: 30, crossChecked: 1 });

    const words = await source.snapshot(commit({ "README.md": "words" }), first, NO_ABORT);
    expect(words.declared).toBe(first.declared);
    expect(source.counters).toEqual({ blobsRead: 30, parsed: 30, validated: 30, crossChecked: 1 });

    const edited = await source.snapshot(commit({ "c-7.json": configMap("c-7", { a: "2" }) }), words, NO_ABORT);
    expect(source.counters).toEqual({ blobsRead: 31, parsed: 31, validated: 31, crossChecked: 2 });
    expect(edited.declared.filter((each) => !first.declared.includes(each)).map(({ id }) => id.name)).toEqual(["c-7"]);

    const moved = await source.snapshot(commit({ "c-8.json": null, "z/new.json": configMap("new") }), edited, NO_ABORT);
    expect(names(moved)).toHaveLength(30);
    expect(names(moved).at(-1)).toBe("new");
    expect(source.counters.blobsRead).toBe(32);

    const back = await source.snapshot(headOf(folder.path, "HEAD~3"), moved, NO_ABORT);
    expect(back.declared).toEqual(first.declared);
    expect(source.counters.blobsRead).toBe(32);
  });

  it("is the same from whichever snapshot it starts", async () => {
    const commits = [
      commit({ "a.json": configMap("a"), "b.json": configMap("b") }),
      commit({ "a.json": null, "app/b.json": configMap("b2") }),
      commit({ "b.json": "kind: Widget\n", "0.json": configMap("zero") }),
      commit({ "b.json": deployment("b") }),
    ];
    const cold = await Promise.all(commits.map((id) => sourceOf().snapshot(id, null, NO_ABORT)));
    const plain = (snapshot: Snapshot) => ({
      files: [...snapshot.files].map(([path, { blob }]) => [path, blob]),
      names: names(snapshot),
      diagnostics: snapshot.diagnostics,
      images: snapshot.images.map(({ reference }) => reference),
    });
    for (const [from, base] of cold.entries()) {
      for (const [to, expected] of cold.entries()) {
        const id = commits[to] as CommitId;
        expect(plain(await sourceOf().snapshot(id, base, NO_ABORT)), `${from} → ${to}`).toEqual(plain(expected));
      }
    }
  });

  it("gives an object a namespace of the app's, but for those that live in none", async () => {
    const head = commit({
      "a.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n",
      "c.json": configMap("c"),
    });
    const source = new AppSource(repository, { path: "", namespace: "stage" }, stamper());
    const { declared } = await source.snapshot(head, null, NO_ABORT);
    expect(declared.map(({ id }) => id.namespace)).toEqual(["", "stage"]);
  });
});

describe("objects of custom kinds", () => {
  const crd = (kind: string, scope: string, least: number): string => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ${kind.toLowerCase()}s.example.org}
spec:
  group: example.org
  scope: ${scope}
  names: {plural: ${kind.toLowerCase()}s, singular: ${kind.toLowerCase()}, kind: ${kind}, listKind: ${kind}List}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {a: {type: integer, minimum: ${least}}}}}
`;
  const custom = (kind: string): string => `apiVersion: example.org/v1\nkind: ${kind}\nmetadata: {name: x}\na: 3\n`;
  const rules = ({ diagnostics }: Snapshot): string[] =>
    diagnostics.map(({ rule, location }) => `${location.file} ${rule}`);

  it("are checked by definitions of the same commit, and again only when those change", async () => {
    const source = sourceOf();
    const first = await source.snapshot(
      commit({
        "a.yaml": crd("A", "Cluster", 1),
        "b.yaml": crd("B", "Namespaced", 1),
        "x.yaml": custom("A"),
        "y.yaml": custom("B"),
      }),
      null,
      NO_ABORT,
    );
    expect(rules(first)).toEqual([]);
    expect(first.declared.map(({ id }) => `${id.kind} ${id.namespace}`)).toEqual([
      "CustomResourceDefinition ",
      "CustomResourceDefinition ",
      "A ",
      "B default",
    ]);
    expect(source.counters.validated).toBe(4);

    const second = await source.snapshot(commit({ "a.yaml": crd("A", "Cluster", 5) }), first, NO_ABORT);
    expect(rules(second)).toEqual(["x.yaml schema-limit"]);
    expect(second.declared[2]).toBe(first.declared[2]);
    // The definition, and the one object of its kind.
    expect(source.counters.validated).toBe(6);

    const third = await source.snapshot(commit({ "a.yaml": null }), second, NO_ABORT);
    expect(rules(third)).toEqual(["x.yaml schema-missing"]);
    expect(source.counters.validated).toBe(7);
  });

  it("are checked by definitions beside the app, and may be allowed without one", async () => {
    const source = sourceOf();
    const files = { "crds/a.yaml": crd("A", "Namespaced", 5), "app/x.yaml": custom("A"), "app/y.yaml": custom("B") };
    const place = { path: "app", namespace: "default", schemas: ["crds"], allowUnknownKinds: ["example.org/*"] };
    const first = await source.snapshot(commit(files), null, NO_ABORT, place);
    expect(rules(first)).toEqual(["app/x.yaml schema-limit"]);
    const { schemas: _, ...without } = place;
    const head = commit({ "crds/a.yaml": crd("A", "Namespaced", 2) });
    expect(rules(await source.snapshot(head, first, NO_ABORT, place))).toEqual([]);
    expect(rules(await source.snapshot(head, first, NO_ABORT, without))).toEqual([]);
    expect(rules(await source.snapshot(head, first, NO_ABORT, { ...without, allowUnknownKinds: false }))).toEqual([
      "app/x.yaml schema-missing",
      "app/y.yaml schema-missing",
    ]);
  });

  it("are checked by the operator's definitions before those beside the app", async () => {
    const [strict] = parseManifestFile({ file: "crd.yaml", blob: NO_BLOB, text: crd("A", "Namespaced", 5) }).declared;
    if (strict === undefined) throw new Error("nothing declared");
    const given = [strict.object];
    const source = new AppSource(repository, { path: "", namespace: "default" }, stamper(), undefined, { given });
    const head = commit({ "app/x.yaml": custom("A"), "crds/a.yaml": crd("A", "Namespaced", 2) });
    const app = { path: "app", namespace: "default", schemas: ["crds"] };
    expect(rules(await source.snapshot(head, null, NO_ABORT, app))).toEqual(["app/x.yaml schema-limit"]);
    expect(rules(await sourceOf().snapshot(head, null, NO_ABORT, app))).toEqual([]);
  });

  it("are checked by what another app defines, which is read once, and then only where it changes", async () => {
    const definitions = new RepositoryDefinitions(repository);
    const asked: CommitId[] = [];
    const elsewhere: DefinitionsAt = (at, signal) => {
      asked.push(at);
      return definitions.at(at, ["app", "platform", "platform/crds", "gone"], signal);
    };
    const source = new AppSource(repository, { path: "app", namespace: "default" }, stamper(), undefined, {
      elsewhere,
    });
    const others = Object.fromEntries(
      Array.from({ length: 30 }, (_, n) => [`platform/c-${n}.json`, configMap(`${n}`)]),
    );
    const files = { "platform/crds/a.yaml": crd("A", "Cluster", 1), "app/c.json": configMap("c"), ...others };
    const first = await source.snapshot(commit(files), null, NO_ABORT);
    expect([asked.length, definitions.blobsRead]).toEqual([0, 0]);

    const second = await source.snapshot(commit({ "app/x.yaml": custom("A") }), first, NO_ABORT);
    expect(rules(second)).toEqual([]);
    expect(second.declared.map(({ id }) => `${id.kind} ${id.namespace}`)).toEqual(["ConfigMap default", "A "]);
    expect(definitions.blobsRead).toBe(33);

    const third = await source.snapshot(commit({ "platform/crds/a.yaml": crd("A", "Cluster", 5) }), second, NO_ABORT);
    expect(rules(third)).toEqual(["app/x.yaml schema-limit"]);
    expect(definitions.blobsRead).toBe(34);

    const same = await source.snapshot(commit({ "platform/c-1.json": configMap("x") }), third, NO_ABORT);
    expect(same.declared).toBe(third.declared);
    expect([same.diagnostics, definitions.blobsRead]).toEqual([third.diagnostics, 35]);

    const broken = await source.snapshot(commit({ "platform/crds/a.yaml": "a: [" }), same, NO_ABORT);
    expect(rules(broken)).toEqual(["app/x.yaml schema-missing"]);
    const back = await source.snapshot(commit({ "platform/crds/a.yaml": crd("A", "Cluster", 5) }), broken, NO_ABORT);
    expect(rules(back)).toEqual(["app/x.yaml schema-limit"]);
    // What the app itself defines counts first, and then nobody else needs to be asked.
    const own = await source.snapshot(commit({ "app/a.yaml": crd("A", "Cluster", 2) }), back, NO_ABORT);
    expect([rules(own), own.elsewhere]).toEqual([[], null]);
    const before = asked.length;
    await source.snapshot(commit({ "app/c.json": configMap("c", { more: "1" }) }), own, NO_ABORT);
    expect(asked.length).toBe(before);
  });
});

describe("what a configuration asks", () => {
  const rules = ({ diagnostics }: Snapshot): string[] =>
    diagnostics.map(({ rule, location }) => `${location.file} ${rule}`);
  const place = { path: "", namespace: "default" };
  const asking = (label: string): SourceOptions => ({
    ...place,
    checks: { policies: [{ rule: "required-labels", level: "error", labels: [label], kinds: ["*"] }], rules: [] },
  });

  it("is found again when it asks for something else, and only then", async () => {
    const source = sourceOf();
    const one = commit({ "a.json": configMap("a"), "b.json": configMap("b") });
    const first = await source.snapshot(one, null, NO_ABORT, asking("owner"));
    expect(rules(first)).toEqual(["a.json required-labels", "b.json required-labels"]);
    expect(source.counters).toEqual({ blobsRead: 2, parsed: 2, validated: 2, crossChecked: 1 });

    const two = commit({ "b.json": configMap("b", { more: "1" }) });
    const second = await source.snapshot(two, first, NO_ABORT, asking("owner"));
    expect(source.counters).toEqual({ blobsRead: 3, parsed: 3, validated: 3, crossChecked: 2 });

    const third = await source.snapshot(two, second, NO_ABORT, asking("team"));
    expect(rules(third)).toEqual(rules(second));
    expect(source.counters.validated).toBe(5);
    expect(rules(await source.snapshot(two, third, NO_ABORT, place))).toEqual([]);
    expect(source.counters.validated).toBe(7);
    // And back: what was found is still known.
    expect(rules(await source.snapshot(two, second, NO_ABORT, asking("team")))).toEqual(rules(second));
    expect(source.counters.validated).toBe(7);
  });
});

describe("what is wrong", () => {
  const rules = ({ diagnostics }: Snapshot): string[] =>
    diagnostics.map(({ rule, location }) => `${location.file} ${rule}`);

  it("across objects is found again when only one of them changed", async () => {
    const source = sourceOf();
    const first = await source.snapshot(commit({ "a.json": configMap("c"), "b.json": configMap("b") }), null, NO_ABORT);
    expect(isRejected(first)).toBe(false);
    const second = await source.snapshot(commit({ "b.json": configMap("c") }), first, NO_ABORT);
    expect(rules(second)).toEqual(["b.json duplicate-object"]);
    expect(isRejected(second)).toBe(true);
  });

  it("with a link where a manifest was keeps the commit from being applied", async () => {
    const source = sourceOf();
    const first = await source.snapshot(commit({ "a.json": configMap("a"), "b.json": configMap("b") }), null, NO_ABORT);
    commit({ "b.json": null });
    symlinkSync("a.json", join(folder.path, "b.json"));
    const second = await source.snapshot(commit({}), first, NO_ABORT);
    expect(rules(second)).toEqual(["b.json manifest-not-a-file"]);
    gitIn(folder.path, ["rm", "-q", "b.json"]);
    expect(rules(await source.snapshot(commit({}), second, NO_ABORT))).toEqual([]);
  });

  it("with a file that is no text, or JSON that is cut off, is an error and not an empty file", async () => {
    const secret = '{"apiVersion":"v1","kind":"Secret","stringData":{"password":"hunter22"';
    commit({ "a.json": configMap("a") });
    const head = commitAll(folder.path, {
      "b.yaml": Buffer.from([0x61, 0xff, 0xfe]),
      "c.json": secret,
      "d.json": "{",
      // Of another tool, and whole.
      "tsconfig.app.json": "{ // x\n}",
    });
    const snapshot = await sourceOf().snapshot(head, null, NO_ABORT);
    expect(rules(snapshot)).toEqual(["b.yaml manifest-unreadable", "c.json yaml-syntax", "d.json yaml-syntax"]);
    expect(JSON.stringify(snapshot.diagnostics)).not.toContain("hunter22");
  });

  it("with a directory that is gone, and is there again", async () => {
    const source = sourceOf("app");
    const first = await source.snapshot(commit({ "app/a.json": configMap("a"), x: "x" }), null, NO_ABORT);
    const gone = await source.snapshot(commit({ "app/a.json": null }), first, NO_ABORT);
    expect(rules(gone)).toEqual(["app app-path"]);
    const empty = await source.snapshot(commit({ "app/note": "x" }), gone, NO_ABORT);
    expect([rules(empty), names(empty)]).toEqual([[], []]);
    const back = await source.snapshot(commit({ "app/a.json": configMap("a") }), gone, NO_ABORT);
    expect([rules(back), names(back)]).toEqual([[], ["a"]]);
  });

  it("with git is an error of the reading", async () => {
    const head = commit({ "a.json": configMap("a") });
    const text = repository.text.bind(repository);
    repository.text = () => Promise.reject(new Error("the disk is away"));
    const source = sourceOf();
    await expect(source.snapshot(head, null, NO_ABORT)).rejects.toThrow("the disk is away");
    repository.text = text;
    expect(names(await source.snapshot(head, null, NO_ABORT))).toEqual(["a"]);
  });
});
