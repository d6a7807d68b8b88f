/** YAML as Kubernetes reads it: every case beside what its own library makes of it, and each difference with its reason. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readDocuments } from "../../src/manifest/documents.ts";
import { resolvePlain } from "../../src/manifest/schema.ts";
import type { Json } from "../../src/model/object.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/yaml");

interface Row {
  yaml: string;
  /** What sigs.k8s.io/yaml makes of the first document. */
  json?: Json;
  error?: string;
}

interface SuiteRow extends Row {
  name: string;
  /** The suite says that it is no YAML. */
  invalid?: boolean;
}

function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(join(FIXTURES, name), "utf8")) as T;
}

const SUITE = fixture<SuiteRow[]>("suite.json");
const DOCUMENTS = fixture<Row[]>("documents.json");
const SCALARS = fixture<[string, Json?][]>("scalars.json");

/** Why a case is read otherwise than Kubernetes reads it. */
const REASONS: Readonly<Record<string, readonly string[]>> = {
  "tags that say nothing to Kubernetes are refused, as whoever wrote them meant something":
    "2XXW 5TYM 6CK3 6WLZ 7FWL 9WXW C4HZ CC74 CUP7 J7PZ M5C3 P76L QLJ7 U99R UGM3 Z67P Z9M4".split(" "),
  "binary data that is no text is refused, as no object can hold it": ["565N"],
  "what stands behind a document that has ended is an error: Kubernetes' reader stops there without a word":
    "3HFZ 4H7K 9HCY 9JBA BS4K CVW2 EB22 G5U8 HRE5 KS4U MUS6-0 RHX7 S98Z SU5Z X4QW YJV2".split(" "),
  "correct YAML of 1.2 that Kubernetes' reader cannot read, and that has one meaning": (
    "27NA 2LFX 2SXE 3UYS 4MUZ-0 4MUZ-1 4MUZ-2 58MP 5MUD 5T43 6BCT 6CA3 6LVF 8XYN 96NN-0 96NN-1 9SA2 A2M4 BEC7 DBG4 DK95-0 DK95-3 " +
    "DK95-4 DK95-7 HM87-0 HWV9 JR7V K3WX MUS6-5 MUS6-6 NJ66 Q5MG QT73 R4YG RTP8 UT92 VJP3-1 W4TN W5VH WZ62 Y79Y-1 Y79Y-10"
  ).split(" "),
  "a bracket whose lines stand too far left is read, also with a key and its colon on two lines": ["VJP3-0"],
  "Kubernetes' reader contradicts YAML 1.1 and 1.2, in ways that no manifest uses":
    "4ABK 652Z DK3J FP8R HM87-1 JEF9-2 L24T-1 Y2GN".split(" "),
};
const LISTED = new Set(Object.values(REASONS).flat());

/** Texts of documents.json that are read otherwise, with the reason. */
const OTHERWISE: readonly (readonly [RegExp, string])[] = [
  [/^\{?\?? ?[-+]?\.(?:inf|nan)/i, "infinite keys are refused, as they are never meant"],
  [
    /^\{?\??\s?[-+]?(?:0[xb])?[0-9a-fA-F]{16,}/i,
    "keys beyond 2^53 are refused: Kubernetes refuses some, and rounds others",
  ],
  [
    /^\{?\??\s?(?:-0\.0|5e-324|0\.30000000000000004|0123456789)\b/,
    "Kubernetes' reader rounds such keys to 32-bit floats",
  ],
  [/!!timestamp x|!foo|!!set|!!omap|!!pairs|!!str \[|!!map \[|!!binary \/w==/, "see the suite: tags"],
  [/\\\//, "an escaped slash is YAML 1.2 and JSON"],
  [/<<: \*x\}\n$|\[\*x, \*y\]/, "a merge may have a key again: said in a warning where it matters"],
  [/^1: a\n(?:1\.0|'1'):/, "two keys that are one in JSON are refused"],
  [/^%YAML 1\.2/, "the version is not looked at"],
  [/[\u0085\u2028]/, "no line breaks in YAML 1.2"],
  [/__proto__/, "refused: see parse.test.ts"],
];

/** What we make of the first document: its value, or where its fault is. */
function read(text: string): { value: Json } | { line: number; column: number } {
  const [first] = readDocuments(text);
  const [fault] = first?.faults ?? [];
  return fault === undefined ? { value: first?.value ?? null } : fault.position;
}

function agrees(ours: ReturnType<typeof read>, { json, error }: Row): boolean {
  if (error !== undefined) return !("value" in ours);
  return "value" in ours && sorted(ours.value) === sorted(json ?? null);
}

function sorted(value: Json): string {
  return JSON.stringify(value, (_key, part: Json) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function expectInside(text: string, line: number, column: number): void {
  const lines = text.split(/\r\n?|\n/);
  expect(line).toBeGreaterThanOrEqual(1);
  expect(line).toBeLessThanOrEqual(lines.length);
  expect(column).toBeGreaterThanOrEqual(1);
  expect(column).toBeLessThanOrEqual((lines[line - 1] ?? "").length + 1);
}

describe("the YAML test suite", () => {
  it("is there, with its invalid cases", () => {
    expect([SUITE.length, SUITE.filter(({ invalid }) => invalid).length]).toEqual([402, 94]);
  });

  it.each(SUITE.filter(({ name }) => !LISTED.has(name)).map((row) => [row.name, row] as const))(
    "%s is read as Kubernetes reads it",
    (_name, row) => {
      expect({ read: read(row.yaml), agrees: agrees(read(row.yaml), row) }).toMatchObject({ agrees: true });
    },
  );

  it("is read otherwise only where a reason is listed", () => {
    const differing = SUITE.filter((row) => !agrees(read(row.yaml), row)).map(({ name }) => name);
    expect(differing.sort()).toEqual([...LISTED].sort());
  });

  it("has faults placed inside the file", () => {
    for (const { name, yaml, invalid, json } of SUITE) {
      const faults = readDocuments(yaml).flatMap((document) => document.faults);
      for (const { position } of faults) expectInside(yaml, position.line, position.column);
      // What YAML forbids is read all the same only where Kubernetes reads it so.
      if (invalid === true && faults.length === 0 && !LISTED.has(name)) expect(read(yaml)).toEqual({ value: json });
    }
  });
});

describe("generated documents", () => {
  it.each(DOCUMENTS.map((row) => [row.yaml, row] as const))("%j is read as Kubernetes reads it", (text, row) => {
    if (OTHERWISE.some(([pattern]) => pattern.test(text))) return;
    expect({ read: read(text), agrees: agrees(read(text), row) }).toMatchObject({ agrees: true });
  });

  it("that are listed as read otherwise are so", () => {
    for (const [pattern] of OTHERWISE) {
      const differing = DOCUMENTS.filter((row) => pattern.test(row.yaml) && !agrees(read(row.yaml), row));
      expect([pattern, differing.length > 0]).toEqual([pattern, true]);
    }
  });
});

describe("plain scalars", () => {
  it("mean what they mean to Kubernetes", () => {
    const wrong = SCALARS.filter(([text, want]) => {
      const ours = resolvePlain(text);
      if (text === "!") return false; // a tag, not a scalar
      return want === undefined ? !Number.isNaN(ours) : JSON.stringify(ours) !== JSON.stringify(want);
    });
    expect(wrong).toEqual([]);
  });
});
