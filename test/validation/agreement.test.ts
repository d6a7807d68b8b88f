/** Agreement with outside verdicts of all built-in kinds, and of whole files, in validity and in place. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import { type Diagnostic, isError } from "../../src/model/diagnostic.ts";
import { groupOf } from "../../src/model/object.ts";
import { validateDeclared } from "../../src/validation/index.ts";
import { isBuiltInGroup } from "../../src/validation/schemas/index.ts";
import { BLOB, lines } from "./declare.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/validation/verdicts");

/** Stricter than Kubernetes by design. */
const disabledRules = ["image-tag-missing", "image-tag-latest"];

function errorsIn(file: string): Diagnostic[] {
  const text = readFileSync(join(FIXTURES, file), "utf8");
  const { declared, diagnostics } = parseManifestFile({ file, blob: BLOB, text });
  return [...diagnostics, ...declared.flatMap((each) => validateDeclared(each, { disabledRules }))].filter(isError);
}

function load<T>(name: string): T[] {
  return JSON.parse(readFileSync(join(FIXTURES, name), "utf8")) as T[];
}

interface Verdict {
  file: string;
  startLine: number;
  endLine: number;
  apiVersion: string;
  kind: string;
  verdict: "valid" | "invalid" | "decode-error" | "strict-error" | "unknown-kind";
  /** Fields that the API server names. */
  fields: string[];
  why: string;
}

/** Without CustomResourceDefinitions, which the verdicts' harness does not know. */
const VERDICTS = load<Verdict>("all-kinds.json").filter(({ kind }) => kind !== "CustomResourceDefinition");

/** Where we say otherwise than the API server, and why we are right. */
const OBJECTS: Readonly<Record<string, string>> = {
  "kubeconform/fixtures/generate_name.yaml:1":
    "generateName makes another object each time it is applied: no commit could say what runs",
  "kubeconform/fixtures/same-kind-different-api.yaml:29":
    "the verdicts' harness knows the old types; servers do not serve apps/v1beta1 since 1.16",
  "kubectl-validate/testcases/manifests/apiservice.yaml:1":
    "the verdicts' harness has no aggregator, which every server has",
};

const STRICT = "an unknown field is named first; the server, asked to be lenient, came as far as the selector";

/** Invalid by both, at another field. */
const PLACES: Readonly<Record<string, string>> = {
  "kubeconform/fixtures/duplicate_property.yaml:2": STRICT,
  "kubeconform/fixtures/extra_property.yaml:2": STRICT,
};

const sameField = (ours: string | undefined, theirs: string): boolean =>
  ours !== undefined && (theirs.startsWith(ours) || ours.startsWith(theirs));

describe("verdicts of the API server on all kinds", () => {
  it.each(VERDICTS.map((verdict) => [`${verdict.file}:${verdict.startLine}`, verdict] as const))(
    "%s",
    (at, verdict) => {
      const { file, startLine, endLine, fields, why } = verdict;
      const errors = errorsIn(file).filter(({ location: { line } }) => line >= startLine && line <= endLine);
      const agrees = (verdict.verdict === "valid") === (errors.length === 0);
      const told = `server: ${why || verdict.verdict}\nours: ${lines(errors).join("\n")}`;
      expect(agrees !== at in OBJECTS, told).toBe(true);
      if (verdict.verdict !== "invalid" || fields.length === 0) return;
      const places = fields.some((field) => errors.some((error) => sameField(error.field, field)));
      expect(places || at in PLACES, told).toBe(true);
    },
  );

  it("cover many kinds, and list no disagreement that is none", () => {
    expect(new Set(VERDICTS.map(({ kind }) => kind)).size).toBeGreaterThan(15);
    const known = new Set(VERDICTS.map(({ file, startLine }) => `${file}:${startLine}`));
    for (const at of [...Object.keys(OBJECTS), ...Object.keys(PLACES)]) expect(known).toContain(at);
  });
});

interface WholeFile {
  file: string;
  /** As the project's own tests assert it. */
  result: string;
  /** Lines of what is wrong. */
  lines?: number[];
}

/** Where we say otherwise than a project's own tests, and why we are right. */
const FILES: Readonly<Record<string, string>> = {
  "kubeconform/fixtures/generate_name.yaml": "generateName makes another object each time it is applied",
  "kubeconform/fixtures/missing_kind.yaml": "it has neither apiVersion nor kind: no manifest, so it is warned of",
  "kubectl-validate/testcases/manifests/configmap.yaml": "the API server refuses its finalizer (its verdict is above)",
  "kubectl-validate/testcases/manifests/error_x_list_map_duplicate_key.yaml":
    "the API server takes two ports of one number in a container, and says so in a warning at most",
};

describe("verdicts of projects' own tests on files", () => {
  const cases = load<WholeFile>("files.json").filter(({ file, result }) => {
    // Kinds of somebody's own need their CustomResourceDefinition: they are tested with those.
    const custom = (path: string): boolean =>
      /kind: CustomResourceDefinition/.test(readFileSync(join(FIXTURES, path), "utf8")) ||
      [...readFileSync(join(FIXTURES, path), "utf8").matchAll(/^"?apiVersion"?: *"?([^\s"]+)/gm)].some(
        ([, apiVersion = ""]) => !isBuiltInGroup(groupOf(apiVersion)),
      );
    return !result.startsWith("no-schema") && !filesOf(file).some(custom);
  });

  function filesOf(file: string): string[] {
    return /\.(?:ya?ml|json)$/.test(file) ? [file] : globSync(`${file}/*`, { cwd: FIXTURES });
  }

  it.each(cases.map((each) => [each.file, each] as const))("%s", (file, { result, lines: expected = [] }) => {
    const errors = filesOf(file).flatMap(errorsIn);
    // Unknown fields and repeated keys: we are always as strict as the others are when asked to.
    const valid = result === "valid" || result === "empty";
    const told = `${result}\nours: ${lines(errors).join("\n")}`;
    expect((valid === (errors.length === 0)) !== file in FILES, told).toBe(true);
    // A list or mapping may be pointed at by its key or by what it holds.
    for (const line of file in FILES ? [] : expected) {
      expect(
        errors.map(({ location }) => location.line).some((own) => own === line || own === line + 1),
        told,
      ).toBe(true);
    }
  });

  it("are most of them", () => {
    expect(cases.length).toBeGreaterThan(35);
  });
});
