/** Whatever the text: parsing and validating never throw, places lie inside the file, and edits touch nothing else. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { dump } from "js-yaml";
import { describe, expect, it } from "vitest";
import { editObject } from "../../src/manifest/edit.ts";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import { TrueupError } from "../../src/model/errors.ts";
import type { FieldPath } from "../../src/model/manifest.ts";
import type { Json, JsonObject } from "../../src/model/object.ts";
import { asObjectHash } from "../../src/model/source.ts";
import { formatDiagnostics, validateApp, validateDeclared } from "../../src/validation/index.ts";

const BLOB = asObjectHash("3".repeat(40));
const VERDICTS = join(import.meta.dirname, "../fixtures/validation/verdicts");
const ROWS = JSON.parse(readFileSync(join(VERDICTS, "verdicts.json"), "utf8")) as { file: string }[];
const SEEDS = [...new Set(ROWS.map(({ file }) => file))].map((file) => readFileSync(join(VERDICTS, file), "utf8"));

/** A real manifest with pieces cut, doubled, swapped and replaced. */
const mutated = fc
  .tuple(
    fc.constantFrom(...SEEDS),
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        length: fc.nat(12),
        insert: fc.constantFrom(
          "",
          "\n",
          "  ",
          "- ",
          ": ",
          "null",
          "[",
          "}",
          "&a ",
          "*a",
          "|",
          "\t",
          "'",
          '"',
          "0",
          "-1",
          "{",
          "---\n",
          "#",
          "\r\n",
          "<<: ",
          "é",
          "\u0000",
        ),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  )
  .map(([seed, cuts]) =>
    cuts.reduce((text, { at, length, insert }) => {
      const start = Math.floor(at * text.length);
      return text.slice(0, start) + insert + text.slice(start + length);
    }, seed),
  );

const scalar: fc.Arbitrary<Json> = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 6 }).filter((text) => text.isWellFormed()),
  fc.constantFrom(
    "on",
    "y",
    "null",
    "0755",
    "1e3",
    "22:22",
    "2026-11-23",
    "a: b",
    "# c",
    "- d",
    "x\ny\n",
    " lead",
    "trail ",
    "=",
    "<<",
    "'",
    '"',
    "|",
    "{}",
    "*a",
    "key:",
  ),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const key = fc
  .oneof(fc.stringMatching(/^[a-z][a-zA-Z]{0,6}$/), fc.constantFrom("on", "0755", "a b", "x/y", "a: b", "'q'", ""))
  .filter((text) => text !== "__proto__");
const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
const spec = fc.dictionary(key, json, { minKeys: 1, maxKeys: 4, noNullPrototype: true });

/** Ways to write the same objects. */
const layout = fc.constantFrom<(value: Json) => string>(
  (value) => dump(value, { indent: 2 }),
  (value) => dump(value, { indent: 4, seqNoIndent: true }),
  (value) => dump(value, { flowLevel: 1 }),
  (value) => dump(value, { flowLevel: 3, quoteStyle: "double", forceQuotes: true }),
  (value) => `${JSON.stringify(value, null, 2)}\n`,
  (value) => JSON.stringify(value),
);

function declaration(name: string, body: JsonObject): JsonObject {
  return { apiVersion: "v1", kind: "Thing", metadata: { name }, spec: body };
}

function pathsOf(value: Json, path: FieldPath = []): FieldPath[] {
  if (typeof value !== "object" || value === null) return [path];
  const steps = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [
    path,
    ...steps.flatMap((step) => pathsOf((value as Record<string | number, Json>)[step] ?? null, [...path, step])),
  ];
}

describe("parsing and validating", () => {
  it("survive any mutilation of a manifest, and point inside the file", () => {
    fc.assert(
      fc.property(mutated, (text) => {
        const { declared, diagnostics } = parseManifestFile({ file: "a.yaml", blob: BLOB, text });
        const all = [
          ...diagnostics,
          ...declared.flatMap((each) => validateDeclared(each)),
          ...validateApp(declared, { defaultNamespace: "default" }),
        ];
        const lines = text.split(/\r\n?|\n/);
        for (const { location, message } of all) {
          expect(message).not.toBe("");
          expect(location.line).toBeGreaterThanOrEqual(1);
          expect(location.line).toBeLessThanOrEqual(lines.length);
          expect(location.column).toBeGreaterThanOrEqual(1);
          expect(location.column).toBeLessThanOrEqual((lines[location.line - 1] ?? "").length + 1);
        }
        expect(formatDiagnostics(all, { color: false, sourceOf: () => text })).toEqual(expect.any(String));
      }),
      { numRuns: 400 },
    );
  });

  it("survive any object", () => {
    const kinds = fc.constantFrom(
      ["apps/v1", "Deployment"],
      ["apps/v1", "ReplicaSet"],
      ["v1", "Pod"],
      ["v1", "Service"],
      ["v1", "ConfigMap"],
      ["v1", "Secret"],
      ["v1", "Namespace"],
    );
    const fields = fc.constantFrom(
      "spec",
      "metadata",
      "data",
      "stringData",
      "selector",
      "template",
      "containers",
      "ports",
      "env",
      "strategy",
      "matchLabels",
      "matchExpressions",
    );
    const shape = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { depthSize: "medium" },
        scalar,
        fc.array(tie("value"), { maxLength: 2 }),
        fc.dictionary(fields, tie("value"), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).value;
    fc.assert(
      fc.property(kinds, fc.dictionary(fields, shape), ([apiVersion, kind], body) => {
        const text = JSON.stringify({ ...body, apiVersion, kind, metadata: { labels: body.metadata, name: "a" } });
        const { declared } = parseManifestFile({ file: "a.json", blob: BLOB, text });
        expect(declared).toHaveLength(1);
        for (const each of declared) validateDeclared(each);
        validateApp(declared, { defaultNamespace: "default" });
      }),
      { numRuns: 300 },
    );
  });

  it("read back what was written, in any layout", () => {
    fc.assert(
      fc.property(spec, layout, (body, write) => {
        const object = declaration("a", body);
        const { declared, diagnostics } = parseManifestFile({ file: "a.yaml", blob: BLOB, text: write(object) });
        expect(diagnostics).toEqual([]);
        expect(declared.map((each) => each.object)).toEqual([object]);
      }),
      { numRuns: 300 },
    );
  });

  it("find every field of an object where it stands", () => {
    fc.assert(
      fc.property(spec, layout, (body, write) => {
        const text = write(declaration("a", body));
        const lines = text.split("\n");
        const [declared] = parseManifestFile({ file: "a.yaml", blob: BLOB, text }).declared;
        for (const path of pathsOf(body)) {
          for (const location of [declared?.locate(["spec", ...path]), declared?.locateValue(["spec", ...path])]) {
            expect(location?.line).toBeGreaterThanOrEqual(1);
            expect(location?.column).toBeLessThanOrEqual((lines[(location?.line ?? 0) - 1] ?? "").length + 1);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("edits", () => {
  const id = { group: "", kind: "Thing", namespace: "default", name: "b" };

  it("make the object as meant and leave every other byte, or refuse", () => {
    let done = 0;
    let refused = 0;
    fc.assert(
      fc.property(
        spec,
        spec,
        json,
        layout,
        fc.nat(),
        fc.boolean(),
        fc.boolean(),
        (first, second, value, write, pick, remove, comment) => {
          const mark = comment ? " # a remark: {not: yaml}" : "";
          const before = `${write(declaration("a", first)).trimEnd()}\n---${mark}\n`;
          const after = `\n# between\n---\n${write(declaration("c", first)).trimEnd()}\n`;
          const text = before + write(declaration("b", second)).trimEnd() + after;
          const paths = pathsOf(second).slice(1);
          const path = ["spec", ...(paths[pick % paths.length] ?? [])];
          let result: string;
          try {
            result = editObject(text, id, [remove ? { op: "remove", path } : { op: "set", path, value }]);
          } catch (thrown) {
            // Refusing is right where the text cannot be edited safely; it must be rare, and never another error.
            expect(thrown).toBeInstanceOf(TrueupError);
            refused++;

            console.log(JSON.stringify({ t: (thrown as Error).message, text, path, value, remove }));
            return;
          }
          done++;
          expect(result.startsWith(before)).toBe(true);
          expect(result.endsWith(after)).toBe(true);
          const objects = parseManifestFile({ file: "a.yaml", blob: BLOB, text: result }).declared.map(
            (each) => each.object,
          );
          expect(objects).toHaveLength(3);
          if (!remove)
            expect(
              path.reduce<unknown>((at, step) => (at as Record<string | number, unknown>)[step], objects[1]),
            ).toEqual(value);
        },
      ),
      { numRuns: 600 },
    );
    expect(refused / (done + refused)).toBeLessThan(0.02);
  });

  it("undo themselves: the field's text comes back from the older file", () => {
    fc.assert(
      fc.property(spec, json, layout, fc.nat(), (body, value, write, pick) => {
        const text = `# top\n${write(declaration("b", body))}`;
        const keys = Object.keys(body);
        const path = ["spec", keys[pick % keys.length] ?? ""];
        const changed = editObject(text, id, [{ op: "set", path, value }]);
        const restored = editObject(changed, id, [{ op: "replaceFrom", path, sourceText: text, sourceId: id }]);
        const [object] = parseManifestFile({ file: "a.yaml", blob: BLOB, text: restored }).declared;
        expect(object?.object).toEqual(declaration("b", body));
      }),
      { numRuns: 300 },
    );
  });
});
