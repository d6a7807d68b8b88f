/** The vendored schemas: strict, lean, and the very ones that the committed checks were compiled from. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { generatedFiles } from "../../scripts/generate-schemas.ts";
import type { SchemaFile, SchemaNode } from "../../src/validation/schemas/types.ts";

const ROOT = join(import.meta.dirname, "../..");
const TEXT = readFileSync(join(ROOT, "schemas/kubernetes.json"), "utf8");
const FILE = JSON.parse(TEXT) as SchemaFile;

const definitions: [string, SchemaNode][] = Object.entries(FILE.definitions).flatMap(([name, variants]) =>
  variants.map(({ schema }): [string, SchemaNode] => [name, schema]),
);

describe("schemas/kubernetes.json", () => {
  it("holds the built-in kinds of four versions", () => {
    const counts = Object.keys(FILE.releases).map((version) => [
      version,
      FILE.kinds.filter((each) => each.in.includes(version)).length,
    ]);
    expect(counts).toEqual([
      ["1.34", 89],
      ["1.35", 89],
      ["1.36", 94],
      ["1.37", 99],
    ]);
  });

  it("refuses unknown fields of every object, and carries no descriptions", () => {
    for (const [name, { properties, additionalProperties }] of definitions) {
      if (properties !== undefined) expect(additionalProperties, name).toBe(false);
    }
    expect(TEXT).not.toContain('"description":"');
  });

  it("has each distinct definition once, and each version at most once", () => {
    for (const [name, variants] of Object.entries(FILE.definitions)) {
      const versions = variants.flatMap((each) => each.in);
      expect(new Set(versions).size, name).toBe(versions.length);
      expect(new Set(variants.map(({ schema }) => JSON.stringify(schema))).size, name).toBe(variants.length);
    }
  });

  it("keeps what the differ needs", () => {
    const spec = FILE.definitions["core.v1.PodSpec"]?.find((each) => each.in.includes("1.37"))?.schema;
    expect(spec?.properties?.containers).toMatchObject({
      "x-kubernetes-list-map-keys": ["name"],
      "x-kubernetes-patch-merge-key": "name",
    });
  });

  it("stands beside its notice", () => {
    expect(readFileSync(join(ROOT, "schemas/kubernetes-NOTICE.txt"), "utf8")).toContain("Apache License, Version 2.0");
  });
});

describe("generated files", () => {
  it.each([...generatedFiles()])("%s is what the schemas give", (file, text) => {
    expect(readFileSync(join(ROOT, file), "utf8") === text).toBe(true);
  });
});
