/** 10,000 mutilated manifests and a list of hostile files: never a crash, always a place inside the file, on the right line. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import type { Diagnostic } from "../../src/model/diagnostic.ts";
import { isError } from "../../src/model/diagnostic.ts";
import { asObjectHash } from "../../src/model/source.ts";
import { validateDeclared } from "../../src/validation/index.ts";

const BLOB = asObjectHash("4".repeat(40));
const REAL = join(import.meta.dirname, "../fixtures/repos/example-voting-app/k8s-specifications");
const SEEDS = readdirSync(REAL)
  .sort()
  .map((name) => readFileSync(join(REAL, name), "utf8"));
/** Each run is another 10,000, and prints its seed when it fails; put it here to replay. */
const RUNS = { numRuns: 10_000 };

function read(text: string): Diagnostic[] {
  const { declared, diagnostics } = parseManifestFile({ file: "a.yaml", blob: BLOB, text });
  return [...diagnostics, ...declared.flatMap((each) => validateDeclared(each))];
}

function expectInside(text: string, found: readonly Diagnostic[]): void {
  const lines = text.split(/\r\n?|\n/);
  for (const { location } of found) {
    const { line, column } = location;
    const width = lines[line - 1]?.length;
    if (width === undefined || column < 1 || column > width + 1) {
      expect.fail(`${line}:${column} lies outside of ${JSON.stringify(text)}`);
    }
  }
}

/** Pieces put into a line; some break it, some do not. */
const PIECES = [
  "\t",
  " ",
  "  ",
  ": ",
  "- ",
  "'",
  '"',
  "[",
  "]",
  "{",
  "}",
  "&a ",
  "*a",
  "!x ",
  "|",
  ">",
  "#",
  "%",
  "@",
  "<<: ",
  "? ",
  "\0",
  "é",
];

interface Mutant {
  text: string;
  /** The first line that is not as it was, from 1. */
  line: number;
}

const mutant: fc.Arbitrary<Mutant> = fc
  .record({
    seed: fc.constantFrom(...SEEDS),
    at: fc.double({ min: 0, max: 0.999, noNaN: true }),
    cut: fc.nat(8),
    piece: fc.constantFrom("", ...PIECES),
  })
  .map(({ seed, at, cut, piece }) => {
    const start = Math.floor(at * seed.length);
    const text = seed.slice(0, start) + piece + seed.slice(start + cut);
    return { text, line: seed.slice(0, start).split("\n").length };
  });

/** Lines that are wrong wherever a key may stand, whatever follows. */
const WRONG_LINES = [
  "a: b: c",
  "a: 'b' c",
  "a: *nowhere",
  "a: @b",
  "a: [b]]",
  'a: "\\q"',
  "a: !unknown b",
  "a: {b}}",
  "a: `b",
];

describe("mutilated manifests", () => {
  it("come from manifests without a fault of form", () => {
    expect(SEEDS.length).toBeGreaterThan(8);
    for (const seed of SEEDS) {
      expect(parseManifestFile({ file: "a.yaml", blob: BLOB, text: seed }).diagnostics).toEqual([]);
    }
  });

  it("are read to the end, with places inside the file, and what does not parse is not before the mutation", () => {
    fc.assert(
      fc.property(mutant, ({ text, line }) => {
        const found = read(text);
        expectInside(text, found);
        const [syntax] = found.filter(({ rule }) => rule === "yaml-syntax");
        // What stands before is as it was; only a mapping that breaks off is told at its last good line.
        if (syntax !== undefined && syntax.location.line < line - 1) {
          expect.fail(`${syntax.location.line}: ${syntax.message}, mutated in ${line}: ${JSON.stringify(text)}`);
        }
      }),
      RUNS,
    );
  });

  it("have their first error exactly on a line that is wrong by itself", () => {
    const wrong = fc.record({
      seed: fc.constantFrom(...SEEDS),
      pick: fc.nat(),
      line: fc.constantFrom(...WRONG_LINES),
    });
    fc.assert(
      fc.property(wrong, ({ seed, pick, line }) => {
        const lines = seed.trimEnd().split("\n");
        const keys = [...lines.keys()].filter((at) => /^ *[a-z]\w*:/i.test(lines[at] ?? ""));
        const at = keys[pick % keys.length] ?? 0;
        const indent = /^ */.exec(lines[at] ?? "")?.[0] ?? "";
        const text = [...lines.slice(0, at), indent + line, ...lines.slice(at)].join("\n");
        const [first] = read(text).filter(isError);
        expect({ rule: first?.rule, line: first?.location.line }).toEqual({ rule: "yaml-syntax", line: at + 1 });
      }),
      { numRuns: 1000 },
    );
  });
});

const HEAD = "apiVersion: v1\nkind: X\nmetadata: {name: a}\n";
const repeat = (piece: string, length = 1_000_000): string => piece.repeat(Math.floor(length / piece.length));
const levels = (make: (name: string, of: string) => string): string =>
  [..."bcdefghi"].map((name, at) => make(name, "abcdefgh".charAt(at))).join("");

/** Files made to take long or to need much; each is read within vitest's time, many times over. */
const HOSTILE: readonly (readonly [string, string, string])[] = [
  ["keys given again and again", HEAD + repeat("a: 1\n"), "5:1 yaml-duplicate-key"],
  ["surprises without end", `${HEAD}v:\n${repeat("- 01\n")}`, "5:3 yaml-number"],
  ["more nodes than a file may have", `${HEAD}v:\n${repeat("- x\n", 2_400_000)}`, "499992:3 yaml-limits"],
  ["empty documents", repeat("---\n", 400_000), ""],
  ["broken documents", repeat("a: [\n---\n"), "2:1 yaml-syntax"],
  ["brackets", `${HEAD}v: ${repeat("[")}`, "4:103 yaml-limits"],
  ["a quote that never ends", `${HEAD}v: "${repeat("  x\n")}`, "250004:1 yaml-syntax"],
  ["brackets that stand too far left", HEAD + "a: [\nb\n]\n".repeat(5000), "5:1 yaml-syntax"],
  [
    "aliases of aliases",
    `${HEAD}a: &a [x,x]\n${levels((name, of) => `${name}: &${name} [${Array(20).fill(`*${of}`).join(",")}]\n`)}`,
    "8:17 yaml-limits",
  ],
  [
    "merges of merges",
    `${HEAD}a: &a {x: 1}\n${levels((name, of) => `${name}: &${name} {<<: [${Array(50).fill(`*${of}`).join(",")}]}\n`)}`,
    "7:49 yaml-limits",
  ],
  ["an alias inside its anchor", `${HEAD}a: &a {b: *a}\n`, "4:11 yaml-limits"],
  ["a byte that is nothing", `${HEAD}v: a\0b`, "4:5 yaml-syntax"],
  ["a number of a million digits", `${HEAD}v: 1${repeat("0")}`, ""],
  ["blank lines of a text", `${HEAD}v: |\n${repeat("   \n")}`, ""],
  ["templates", repeat("a: {{ x }}\n---\n", 200_000), "1:5 needs-rendering"],
];

describe("hostile files", () => {
  it.each(HOSTILE)("%s", (_name, text, expected) => {
    const { diagnostics } = parseManifestFile({ file: "a.yaml", blob: BLOB, text });
    const [first] = diagnostics;
    expect(first === undefined ? "" : `${first.location.line}:${first.location.column} ${first.rule}`).toBe(expected);
    expect(diagnostics.length).toBeLessThanOrEqual(200_000);
    expectInside(text, diagnostics.slice(0, 100));
  });

  it("declare what a block scalar's dashes do not part", () => {
    const { declared, diagnostics } = parseManifestFile({
      file: "a.yaml",
      blob: BLOB,
      text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: |\n    ---\n    x\n    ---\n---\n# only a remark\n",
    });
    expect(diagnostics).toEqual([]);
    expect(declared.map(({ object }) => object.data)).toEqual([{ a: "---\nx\n---\n" }]);
  });
});
