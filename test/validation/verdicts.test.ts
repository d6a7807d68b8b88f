/** Agreement with a real API server: 259 objects of common kinds, with its verdicts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import { isError } from "../../src/model/diagnostic.ts";
import { RULES, validateDeclared } from "../../src/validation/index.ts";
import { BLOB, diagnose, lines } from "./declare.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/validation");

interface Verdict {
  file: string;
  startLine: number;
  endLine: number;
  kind: string;
  name: string;
  valid: boolean;
  why: string;
}

const VERDICTS = JSON.parse(readFileSync(join(FIXTURES, "verdicts/verdicts.json"), "utf8")) as Verdict[];

/** Where we say otherwise, and why we are right: `file:line` to the reason. */
const DISAGREEMENTS: Readonly<Record<string, string>> = {};

/** Stricter than Kubernetes by design. */
const disabledRules = ["image-tag-missing", "image-tag-latest"];

function errorsOf({ file, startLine, endLine, kind, name }: Verdict): string[] {
  const text = readFileSync(join(FIXTURES, "verdicts", file), "utf8");
  const inside = (line: number): boolean => line >= startLine && line <= endLine;
  const { declared, diagnostics } = parseManifestFile({ file, blob: BLOB, text });
  const own = declared.filter(
    (each) => each.id.kind === kind && each.id.name === name && inside(each.locate(["kind"]).line),
  );
  return lines(
    [...diagnostics, ...own.flatMap((each) => validateDeclared(each, { disabledRules }))].filter(
      (each) => isError(each) && inside(each.location.line),
    ),
  );
}

describe("verdicts of the API server", () => {
  it.each(VERDICTS.map((verdict) => [`${verdict.file}:${verdict.startLine}`, verdict] as const))(
    "%s",
    (at, verdict) => {
      const errors = errorsOf(verdict);
      const agrees = (errors.length === 0) === verdict.valid;
      expect(
        agrees || DISAGREEMENTS[at] !== undefined,
        `server: ${verdict.why || "valid"}\nours: ${errors.join("\n")}`,
      ).toBe(true);
    },
  );

  it("cover every supported kind, both ways", () => {
    const counted = Object.groupBy(VERDICTS, ({ kind, valid }) => `${kind} ${valid}`);
    expect(Object.keys(counted)).toEqual(
      expect.arrayContaining(["Deployment true", "Deployment false", "Pod true", "Pod false"]),
    );
    expect(VERDICTS).toHaveLength(259);
  });

  it("are explained by registered rules only", () => {
    const files = new Set(VERDICTS.map(({ file }) => file));
    for (const file of files) {
      for (const { rule } of diagnose(readFileSync(join(FIXTURES, "verdicts", file), "utf8"), file))
        expect(RULES).toHaveProperty(rule);
    }
  });
});

describe("the seed's manifest", () => {
  const seed = readFileSync(join(FIXTURES, "seed-deployment.yaml"), "utf8");

  it("gets exactly one error as it is", () => {
    expect(lines(diagnose(seed))).toEqual([
      "1:13 error api-removed: apps/v1beta2 was removed in Kubernetes 1.16: use apps/v1 (Write apiVersion: apps/v1.)",
    ]);
  });

  it("is valid with apps/v1", () => {
    expect(diagnose(seed.replace("apps/v1beta2", "apps/v1"))).toEqual([]);
  });
});
