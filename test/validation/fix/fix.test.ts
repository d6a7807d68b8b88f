/** What `validate --fix` mends, what it leaves alone, and that it never makes anything worse. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixText } from "../../../src/validation/fix/index.ts";
import { declare, diagnose } from "../declare.ts";

const HEAD = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\n";
const REST =
  "  selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    spec: { containers: [{ name: web, image: web:v1 }] }\n";
const deployment = (spec: string, head = HEAD): string => `${head}spec:\n${spec}${REST}`;
const map = (rest: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n${rest}`;

describe("fixText", () => {
  it.each([
    [
      "schema-type",
      "a number in quotes, and its comment",
      deployment('  replicas: "3" # three\n'),
      deployment("  replicas: 3 # three\n"),
    ],
    ["schema-type", "a boolean in quotes", deployment("  paused: 'true'\n"), deployment("  paused: true\n")],
    ["schema-type", "a version that YAML takes for a number", map("data: { v: 1.10 }\n"), map('data: { v: "1.10" }\n')],
    ["schema-type", "a word that YAML takes for a boolean", map("data:\n  a: on # x\n"), map('data:\n  a: "on" # x\n')],
    ["schema-type", "octal digits, as they are written", map("data:\n  a: 0755\n"), map('data:\n  a: "0755"\n')],
    [
      "schema-type",
      "line ends of Windows",
      map("data:\r\n  a: 1\r\n  b: 2\r\n"),
      map('data:\r\n  a: "1"\r\n  b: "2"\r\n'),
    ],
    ["api-removed", "a version that was renamed", deployment("", HEAD.replace("v1", "v1beta2")), deployment("")],
    [
      "port-name",
      "a port's number in quotes",
      'apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { ports: [{ port: 80, targetPort: "8080" }] }\n',
      "apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { ports: [{ port: 80, targetPort: 8080 }] }\n",
    ],
    [
      "yaml-duplicate-key",
      "the same key with the same value",
      map("data:\n  a: x:1\n  a: x:1\n"),
      map("data:\n  a: x:1\n"),
    ],
  ])("%s: mends %s", (rule, _name, before, after) => {
    const { text, fixed } = fixText("a.yaml", before, "default");
    expect(text).toBe(after);
    expect(new Set(fixed.map((each) => each.rule))).toEqual(new Set([rule]));
  });

  it.each([
    ["another value under the same key", map("data:\n  a: x\n  a: z\n")],
    ["a comment that would be lost", map("data:\n  a: x\n  a: x # why\n")],
    ["a duplicate over lines", map("data:\n  a: |\n    x\n  a: |\n    x\n")],
    ["text that is no number", deployment('  replicas: "three"\n')],
    ["a number written in an odd way", deployment('  replicas: "0755"\n')],
    ["a version with other defaults", deployment("", HEAD.replace("v1", "v1beta1"))],
    ["null where text is wanted", map("data: { a: [x] }\n")],
    ["what cannot be parsed", `${map("data:\n  a: 1\n")} b: 2\n`],
    ["a file without faults", deployment("  replicas: 3\n")],
  ])("leaves alone %s", (_name, text) => {
    expect(fixText("a.yaml", text, "default").text).toBe(text);
  });

  it("mends many at once, and says each with its line", () => {
    const { text, fixed } = fixText(
      "a.yaml",
      `${deployment('  replicas: "3"\n  paused: "true"\n')}---\n${map("data: { a: 1 }\n")}`,
      "default",
    );
    expect(fixed).toEqual([
      { rule: "schema-type", line: 5, does: "takes the quotes off spec.replicas" },
      { rule: "schema-type", line: 6, does: "takes the quotes off spec.paused" },
      { rule: "schema-type", line: 15, does: "puts data.a in quotes" },
    ]);
    expect(diagnose(text)).toEqual([]);
  });

  it("never makes a new error, changes no other object, and has nothing to do a second time", () => {
    const scalar = fc.constantFrom(
      "3",
      '"3"',
      "'true'",
      "true",
      "on",
      "1.10",
      "0755",
      '"x"',
      "x",
      "null",
      "[1]",
      "{ a: 1 }",
      '"1e3"',
      "*a",
    );
    const spec = fc.dictionary(fc.constantFrom("replicas", "paused", "minReadySeconds", "other"), scalar);
    // Keys may stand twice, also with one value: what a duplicate hides is mended in the same run.
    const data = fc.array(fc.tuple(fc.constantFrom("a", "b", "on", "1"), scalar, fc.boolean()), { maxLength: 4 });
    fc.assert(
      fc.property(spec, data, (fields, entries) => {
        const line = (key: string, value: string): string => `  ${key}: ${value} # kept\n`;
        const lines = (record: Record<string, string>): string =>
          Object.entries(record)
            .map(([key, value]) => line(key, value))
            .join("");
        const maybeTwice = entries.map(([key, value, twice]) =>
          twice ? `  ${key}: ${value}\n  ${key}: ${value}\n` : line(key, value),
        );
        const other = map("data: { other: fine }\n").replace("name: a", "name: other");
        const before = `${deployment(lines(fields))}---\n${map(`data:\n${maybeTwice.join("")}`)}---\n${other}`;
        const { text, fixed } = fixText("a.yaml", before, "default");
        const rules = (all: string): string[] =>
          diagnose(all)
            // Warnings of a file with a duplicate key are told once that is gone.
            .filter(({ severity }) => severity === "error" || !maybeTwice.some((lines) => lines.split("\n").length > 2))
            .map(({ rule }) => rule)
            .sort();
        for (const rule of new Set(rules(text)))
          expect(count(rule, rules(text))).toBeLessThanOrEqual(count(rule, rules(before)));
        expect(text.match(/# kept/g)?.length).toBe(before.match(/# kept/g)?.length);
        expect(text.endsWith(other)).toBe(true);
        expect(fixText("a.yaml", text, "default")).toEqual({ text, fixed: [] });
        if (fixed.length === 0) expect(text).toBe(before);
      }),
      { numRuns: 100 },
    );
    function count(rule: string, all: readonly string[]): number {
      return all.filter((each) => each === rule).length;
    }
  });

  it("mends what a duplicate hid in the same run, and says lines as they were before", () => {
    const { text, fixed } = fixText("a.yaml", map("data:\n  b: x\n  b: x\n  a: on\n  a: on\n  c: 1\n"), "default");
    expect(text).toBe(map('data:\n  b: x\n  a: "on"\n  c: "1"\n'));
    expect(fixed.map(({ line, rule }) => `${line} ${rule}`)).toEqual([
      "6 yaml-duplicate-key",
      "7 schema-type",
      "8 yaml-duplicate-key",
      "9 schema-type",
    ]);
    expect(fixText("a.yaml", text, "default").fixed).toEqual([]);
  });

  it("keeps objects as they were meant", () => {
    const { text } = fixText("a.yaml", map("data: { a: 1.10, b: fine }\n"), "default");
    expect(declare(text)[0]?.object).toMatchObject({ data: { a: "1.10", b: "fine" } });
  });
});
