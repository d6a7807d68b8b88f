/** The vendored schemas: strict, lean, and the very ones that the committed checks were compiled from. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { generatedModules } from "../../scripts/generate-schemas.ts";
import { SUPPORTED_KINDS } from "../../src/validation/kinds.ts";

const ROOT = join(import.meta.dirname, "../..");

interface Definition {
  properties?: Record<string, Record<string, unknown>>;
  additionalProperties?: unknown;
}

const SCHEMA = JSON.parse(readFileSync(join(ROOT, "schemas/kubernetes-1.37.json"), "utf8")) as {
  kinds: Record<string, string>;
  definitions: Record<string, Definition>;
};

describe("schemas/kubernetes-1.37.json", () => {
  it("has every supported kind", () => {
    expect(Object.keys(SCHEMA.kinds).sort()).toEqual(Object.keys(SUPPORTED_KINDS).sort());
  });

  it("refuses unknown fields of every object, and carries no descriptions", () => {
    for (const [name, { properties, additionalProperties }] of Object.entries(SCHEMA.definitions)) {
      if (properties !== undefined) expect(additionalProperties, name).toBe(false);
    }
    expect(JSON.stringify(SCHEMA)).not.toContain('"description":"');
  });

  it("keeps what the differ needs", () => {
    expect(SCHEMA.definitions["core.v1.PodSpec"]?.properties?.containers).toMatchObject({
      "x-kubernetes-list-map-keys": ["name"],
      "x-kubernetes-patch-merge-key": "name",
    });
  });

  it("stands beside its notice", () => {
    expect(readFileSync(join(ROOT, "schemas/kubernetes-NOTICE.txt"), "utf8")).toContain("Apache License, Version 2.0");
  });
});

describe("src/validation/generated", () => {
  it.each([...generatedModules()])("%s is what the schemas give", (file, text) => {
    expect(readFileSync(join(ROOT, "src/validation/generated", file), "utf8") === text).toBe(true);
  });
});
