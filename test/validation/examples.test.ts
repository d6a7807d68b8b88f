/** The files of `examples/` are what they say: valid manifests, and a valid configuration. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import { asObjectHash } from "../../src/model/source.ts";
import { parseOperatorConfig, validateApp, validateDeclared } from "../../src/validation/index.ts";
import { ROOT } from "../support/processes.ts";

const DIRECTORY = join(ROOT, "examples/kubernetes");

it("what trueup must be allowed is valid, and every rule of it names what it may do", () => {
  const file = "rbac.yaml";
  const text = readFileSync(join(DIRECTORY, file), "utf8");
  const { declared, diagnostics } = parseManifestFile({
    file,
    text,
    blob: asObjectHash("a".repeat(40)),
    defaultNamespace: "default",
  });
  const found = [
    ...diagnostics,
    ...declared.flatMap((each) => validateDeclared(each)),
    ...validateApp(declared, { defaultNamespace: "default" }),
  ];
  expect(found).toEqual([]);
  for (const { object } of declared) expect(JSON.stringify(object.rules ?? [])).not.toContain('"*"');
});

it("the configuration of a trueup in a cluster is valid", () => {
  const file = "trueup.config.yaml";
  const { config, diagnostics } = parseOperatorConfig(readFileSync(join(DIRECTORY, file), "utf8"), file);
  expect(diagnostics).toEqual([]);
  expect(config?.targets).toMatchObject([{ kind: "kubernetes", inCluster: true, namespaces: ["shop"] }]);
});
