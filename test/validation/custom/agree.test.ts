/** Agrees with kubectl-validate's cases of custom kinds, and with the valid examples of the Gateway API. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../../src/manifest/parse.ts";
import type { Declared } from "../../../src/model/manifest.ts";
import { CustomKinds, validateDeclared } from "../../../src/validation/index.ts";
import { BLOB } from "../declare.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/validation");

function declaredIn(folder: string): Declared[] {
  return readdirSync(join(FIXTURES, folder))
    .filter((file) => file.endsWith(".yaml"))
    .flatMap((file) => {
      const text = readFileSync(join(FIXTURES, folder, file), "utf8");
      return [...parseManifestFile({ file, blob: BLOB, text }).declared];
    });
}

function said(folder: string, kinds: CustomKinds): string[] {
  return declaredIn(folder).flatMap((declared) =>
    validateDeclared(declared, { customKinds: kinds }).map(
      ({ severity, rule, location, field }) => `${location.file}:${location.line} ${severity} ${rule} ${field ?? ""}`,
    ),
  );
}

describe("custom kinds", () => {
  // Upstream names "spec.validation" where the definition has it under spec.versions: ours is where it stands in the file.
  // Its expected field of a rule on the whole object is "<nil>": ours is the object.
  it("are judged as kubectl-validate judges them, at the same fields", () => {
    const kinds = new CustomKinds(declaredIn("kubectl-validate/crds").map(({ object }) => object));
    expect(said("kubectl-validate/manifests", kinds)).toEqual([
      "error_cel_basic.yaml:31 error cel-rule value",
      "error_cel_basic_multiple.yaml:25 error cel-rule ",
      "error_crd_typo.yaml:40 error unsupported-value spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.message.type",
      "error_x_list_map_default.yaml:27 error schema-limit map_list[1]",
    ]);
  });

  it("of the Gateway API: every definition and example is valid", () => {
    const definitions = declaredIn("gateway-api/crds");
    expect(definitions).toHaveLength(4);
    const kinds = new CustomKinds(definitions.map(({ object }) => object));
    expect(said("gateway-api/examples", kinds)).toEqual([]);
    const transition = "spec.properties.controllerName.x-kubernetes-validations[0].rule";
    expect(said("gateway-api/crds", CustomKinds.NONE)).toEqual(
      [0, 1].map((version) => {
        const line = version === 0 ? 97 : 341;
        const field = `spec.versions[${version}].schema.openAPIV3Schema.properties.${transition}`;
        return `gateway.networking.k8s.io_gatewayclasses.yaml:${line} warning cel-not-checked ${field}`;
      }),
    );
  });
});
