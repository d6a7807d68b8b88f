/** What a backend refuses is told where git has it. */
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import { TrueupError } from "../../src/model/errors.ts";
import type { Declared } from "../../src/model/manifest.ts";
import { asObjectHash } from "../../src/model/source.ts";
import { refusedFields } from "../../src/reconcile/refused.ts";

describe("a refusal", () => {
  const text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: '1'\n  b: '2'\n";
  const { declared: objects } = parseManifestFile({ file: "app/c.yaml", text, blob: asObjectHash("a".repeat(40)) });
  const declared = objects[0] as Declared;
  const refused = (fields: { path: string; message: string }[]): unknown[] =>
    refusedFields(
      new TrueupError("invalid", "Cannot apply configmap/c as it must be good: it is bad.", { fields, hint: "Mend." }),
      declared,
    ).map(({ message, location, severity, rule, hint }) => [
      `${location.file}:${location.line}`,
      message,
      severity,
      rule,
      hint,
    ]);

  it.each<[string, { path: string; message: string }[], [string, string][]]>([
    ["without a field", [], [["app/c.yaml:1", "Cannot apply configmap/c as it must be good: it is bad"]]],
    [
      "of one",
      [{ path: ".data[b]", message: "bad" }],
      [["app/c.yaml:7", "Cannot apply configmap/c as it must be good: it is bad"]],
    ],
    [
      "of two",
      [
        { path: "data[a]", message: "bad" },
        { path: "data.b", message: "" },
      ],
      [
        ["app/c.yaml:6", "Cannot apply configmap/c as data[a] is refused: bad"],
        ["app/c.yaml:7", "Cannot apply configmap/c as data.b is refused"],
      ],
    ],
  ])("%s", (_, fields, expected) => {
    expect(refused(fields)).toEqual(expected.map((row) => [...row, "error", "refused-by-backend", "Mend."]));
  });
});
