import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../src/ledger/canonical.ts";
import { contentOf } from "../../src/ledger/chain.ts";

/** The spelling as it was first written down, in the words of `JSON.stringify`: chains out there are made of it. */
function spelt(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}

function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name.toWellFormed(), wellFormed(part)]));
}

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "",
    "__proto__",
    "0",
    "9",
    "10",
    "01",
    "-1",
    "4294967295",
    "a",
    "B",
    "\ud800",
    "x\udc00y",
    "\\ud800",
    "é",
  ),
);
const { tree } = fc.letrec<{ tree: unknown; leaf: unknown }>((tie) => ({
  leaf: fc.oneof(text, fc.integer(), fc.double(), fc.boolean(), fc.constantFrom(null, undefined)),
  tree: fc.oneof(
    { maxDepth: 4 },
    tie("leaf"),
    fc.array(tie("tree"), { maxLength: 5 }),
    fc.dictionary(text, tie("tree"), { maxKeys: 6 }),
  ),
}));

describe("one spelling", () => {
  it("is the one that chains out there are made of", () => {
    fc.assert(
      fc.property(tree, (value) => {
        expect(canonicalJson(value)).toBe(spelt(value));
        expect(contentOf(value)).toBe(spelt(wellFormed(value)));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each<[string, unknown, string]>([
    [
      "sorts keys, whole numbers first",
      { b: 1, a: [2, undefined, null], 10: 0, 9: 0 },
      '{"9":0,"10":0,"a":[2,null,null],"b":1}',
    ],
    ["leaves out what is undefined", { a: undefined, b: { c: undefined } }, '{"b":{}}'],
    ["is null where there is nothing", undefined, "null"],
  ])("%s", (_name, value, want) => {
    expect(canonicalJson(value)).toBe(want);
  });
});
