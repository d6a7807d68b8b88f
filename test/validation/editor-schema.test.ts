/** The schema for editors is one that a validator takes, and finds the kind by apiVersion and kind. */
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { editorSchema } from "../../src/validation/schemas/editor.ts";

describe("editorSchema", () => {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const check = ajv.compile(editorSchema("1.37"));

  it.each([
    ["a ConfigMap", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { a: "b" } }, true],
    ["an unknown field", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, dta: {} }, false],
    ["a wrong type deep inside", { apiVersion: "apps/v1", kind: "Deployment", spec: { replicas: "3" } }, false],
    ["a kind that there is not", { apiVersion: "v1", kind: "Deploymint" }, false],
    ["a kind without its version", { kind: "ConfigMap" }, false],
  ])("%s: %j is valid: %s", (_name, object, valid) => {
    expect(check(object)).toBe(valid);
  });

  it("names itself, and differs by version", () => {
    expect(editorSchema("1.34")).toMatchObject({ $id: "trueup-kubernetes-1.34", title: "Kubernetes 1.34 manifests" });
  });
});
