/** Sets of fields: what they name of a value, joined, and with a field taken away. */
import fc from "fast-check";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { extract, type FieldSet, NOTHING_FILLED_IN, union, without } from "../../src/diff/field-set.ts";

const yaml = (text: string): FieldSet => load(text) as FieldSet;

describe("the part that a set names", () => {
  it.each<[string, string, string, string | undefined]>([
    ["nothing of nothing", "a: 1", "f:b: {}", undefined],
    ["a field", "{a: 1, b: 2}", "f:a: {}", "a: 1"],
    ["a field that is null", "{a: null}", "f:a: {}", "a: null"],
    ["a field further in", "{a: {b: 1, c: 2}}", "{'f:a': {'f:b': {}}}", "a: {b: 1}"],
    ["a map that is a member, and a field of it", "{a: {b: 1, c: 2}}", "{'f:a': {'.': {}, 'f:b': {}}}", "a: {b: 1}"],
    ["no map whose fields are gone", "{a: {c: 2}}", "{'f:a': {'.': {}, 'f:b': {}}}", undefined],
    ["an atomic list", "{command: [sh, -c]}", "f:command: {}", "command: [sh, -c]"],
    ["an atomic map", "{selector: {matchLabels: {a: b}}}", "f:selector: {}", "selector: {matchLabels: {a: b}}"],
    ["an empty map that others fill", "{labels: {theirs: x}}", "f:labels: {}", "labels: {}"],
    ["an empty map that the server fills", "{strategy: {type: RollingUpdate}}", "f:strategy: {}", "strategy: {}"],
    [
      "an item by its key",
      "list: [{name: a, v: 1, w: 1}, {name: b, v: 2}]",
      `{'f:list': {'k:{"name":"a"}': {'.': {}, 'f:name': {}, 'f:v': {}}}}`,
      "list: [{name: a, v: 1}]",
    ],
    [
      "an item by two keys, one of them at its default",
      "ports: [{containerPort: 80, protocol: UDP}, {containerPort: 80, name: web}]",
      `{'f:ports': {'k:{"containerPort":80,"protocol":"TCP"}': {'.': {}, 'f:containerPort': {}, 'f:name': {}}}}`,
      "ports: [{containerPort: 80, name: web}]",
    ],
    ["an item of a set", "finalizers: [a, b]", `{'f:finalizers': {'v:"b"': {}}}`, "finalizers: [b]"],
    ["an item by its place", "list: [x, y]", "{'f:list': {'i:1': {}}}", "list: [y]"],
    ["what is no step", "a: 1", "{'x:a': {}, 'f:a': 3}", undefined],
    ["an item whose key is no JSON", "list: [{name: a}]", "{'f:list': {'k:{': {'f:name': {}}}}", undefined],
    [
      "a key with any name",
      '{"__proto__": {"a.b/c": 1}}',
      '{"f:__proto__": {"f:a.b/c": {}}}',
      '{"__proto__": {"a.b/c": 1}}',
    ],
  ])("is %s", (_, value, set, expected) => {
    const part = extract(JSON.parse(JSON.stringify(load(value))), yaml(set));
    expect(JSON.stringify(part)).toEqual(expected === undefined ? undefined : JSON.stringify(load(expected)));
  });

  it("is all of an atomic map, whatever its name, of a kind that nothing is filled in of", () => {
    const value = { spec: { foo: "bar" }, metadata: { labels: { theirs: "x" } } };
    const set = yaml("{'f:spec': {}, 'f:metadata': {'f:labels': {}}}");
    expect(extract(value, set, [], NOTHING_FILLED_IN)).toEqual({ spec: { foo: "bar" }, metadata: { labels: {} } });
    expect(extract(value, set)).toEqual({ spec: {}, metadata: { labels: {} } });
  });

  it("is no whole where others own something further in", () => {
    const others = [yaml("{'f:any': {'f:theirs': {}}, 'f:list': {'k:{\"name\":\"x\"}': {'f:name': {}}}}")];
    const value = { any: { theirs: 1 }, list: [{ name: "x" }] };
    expect(extract(value, yaml("{'f:any': {}, 'f:list': {}}"), others)).toEqual({ any: {}, list: [] });
    expect(extract(value, yaml("{'f:any': {}, 'f:list': {}}"))).toEqual(value);
  });
});

describe("two sets", () => {
  it.each<[string, string, string, string]>([
    ["of one another's fields", "f:a: {}", "f:b: {}", "{'f:a': {}, 'f:b': {}}"],
    ["of one field", "f:a: {}", "f:a: {}", "f:a: {}"],
    ["of a member and of what is in it", "f:a: {}", "{'f:a': {'f:b': {}}}", "{'f:a': {'.': {}, 'f:b': {}}}"],
    ["the other way round", "{'f:a': {'f:b': {}}}", "f:a: {}", "{'f:a': {'.': {}, 'f:b': {}}}"],
    ["without a member", "{'f:a': {'f:b': {}}}", "{'f:a': {'f:c': {}}}", "{'f:a': {'f:b': {}, 'f:c': {}}}"],
  ])("%s are joined", (_, a, b, joined) => {
    expect(union(yaml(a), yaml(b))).toEqual(yaml(joined));
  });

  it.each<[string, string, string[], string]>([
    ["a field", "{'f:a': {}, 'f:b': {}}", ["f:a"], "f:b: {}"],
    ["a field that is not there", "f:b: {}", ["f:a", "f:c"], "f:b: {}"],
    ["the last field of a map", "{'f:a': {'f:b': {}}, 'f:c': {}}", ["f:a", "f:b"], "f:c: {}"],
    ["the last field of a member", "{'f:a': {'.': {}, 'f:b': {}}}", ["f:a", "f:b"], "{'f:a': {'.': {}}}"],
    ["nothing", "f:a: {}", [], "f:a: {}"],
  ])("one is less %s", (_, set, path, left) => {
    expect(without(yaml(set), path)).toEqual(yaml(left));
  });

  const key = fc.constantFrom("a", "b", "c", "__proto__");
  const tree = fc.letrec((tie) => ({
    node: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.dictionary(key, tie("node"), { minKeys: 1 })),
  })).node;
  const object = fc.dictionary(key, tree, { minKeys: 1 }) as fc.Arbitrary<Record<string, unknown>>;

  /** The set that a manager gets who declares this value. */
  const setOf = (value: unknown): FieldSet =>
    typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).map(([name, child]) => [`f:${name}`, setOf(child)]))
      : {};

  it("name all of a value for whoever declared all of it, and joined do not depend on the order", () => {
    fc.assert(
      fc.property(object, object, (a, b) => {
        expect(extract(a, setOf(a))).toEqual(a);
        expect(union(setOf(a), setOf(b))).toEqual(union(setOf(b), setOf(a)));
        expect(extract(a, union(setOf(a), setOf(b)))).toEqual(a);
        const name = Object.keys(a)[0] ?? "";
        const { [name]: _gone, ...rest } = a;
        expect(extract(a, without(setOf(a), [`f:${name}`]), [], undefined, "spec") ?? {}).toEqual(rest);
      }),
    );
  });
});
