/** Every rule, by example: what is said of a manifest, to the letter, and that no rule goes untested. */
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import type { Diagnostic } from "../../src/model/diagnostic.ts";
import type { Declared } from "../../src/model/manifest.ts";
import { checkImageRules } from "../../src/validation/image-rules.ts";
import { parseOperatorConfig, RULES, type ValidateOptions, validateDeclared } from "../../src/validation/index.ts";
import { POLICY_IDS } from "../../src/validation/rules.ts";
import { CASES as FIRST, type RuleCase } from "./cases-1.ts";
import { CASES as SECOND } from "./cases-2.ts";
import { CASES as THIRD } from "./cases-3.ts";
import { CASES as FOURTH } from "./cases-4.ts";
import { CASES as KINDS } from "./cases-kinds.ts";
import { CASES as PODS } from "./cases-pods.ts";
import { CASES as SCHEMAS } from "./cases-schemas.ts";
import { CASES as YAML } from "./cases-yaml.ts";
import { BLOB, declare, diagnose, lines } from "./declare.ts";

const CASES = [...FIRST, ...SECOND, ...THIRD, ...FOURTH, ...KINDS, ...PODS, ...SCHEMAS, ...YAML];

function optionsOf({ kubernetesVersion }: RuleCase): ValidateOptions {
  return kubernetesVersion === undefined ? {} : { kubernetesVersion };
}

function said(each: RuleCase): Diagnostic[] {
  return diagnose(each.yaml, "a.yaml", optionsOf(each));
}

describe("rules", () => {
  it.each(CASES.map((each) => [each.rule, each.name, each] as const))("%s: %s", (_rule, _name, each) => {
    expect(lines(said(each))).toEqual(each.expect);
  });

  it("are all exercised, and none is emitted that is not registered", () => {
    const emitted = new Set(CASES.flatMap((each) => said(each).map(({ rule }) => rule)));
    for (const { rule } of parseOperatorConfig("repositories: 1\n", "trueup.config.yaml").diagnostics)
      emitted.add(rule);
    const bulky = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: ${"x".repeat(1024 * 1024 + 1)}\n`;
    for (const { rule } of diagnose(bulky)) emitted.add(rule);
    for (const rule of ["image-repository", "image-digest-missing"]) emitted.add(rule); // in the table below
    emitted.add("kind-not-run-here"); // in runnable.test.ts
    for (const rule of ["depends-on", "sync-wave", "sync-hook"]) emitted.add(rule); // in ordering.test.ts
    for (const rule of ["gateway", "gateway-route"]) emitted.add(rule); // in gateway/gateway.test.ts
    // In custom/kinds.test.ts.
    for (const rule of ["cel-rule", "cel-not-checked", "crd-invalid", "schema-limit"]) emitted.add(rule);
    // In policies.test.ts, and in judge.test.ts.
    for (const rule of [...POLICY_IDS, "exception-expired", "exception-unused"]) emitted.add(rule);
    expect([...emitted].sort()).toEqual(Object.keys(RULES).sort());
  });

  it.each([
    ["shop/web:v1", ["shop/*"], false, []],
    ["web:v1", [], false, []],
    ["web:v1", ["shop/*"], false, ["image-repository"]],
    ["shop/web:v1", ["shop/*"], true, ["image-digest-missing"]],
    [`web@sha256:${"0".repeat(64)}`, ["shop/*", "web"], true, []],
    ["web:v1", ["shop/*"], true, ["image-repository", "image-digest-missing"]],
  ])(
    "of the repository's own on the image %s, allowed %j, digest wanted %j: %j",
    (reference, allowed, digest, wanted) => {
      const [declared] = declare("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}");
      if (declared === undefined) throw new Error("nothing declared");
      const found = checkImageRules([{ reference, declared, path: ["metadata", "name"] }], {
        allowedRepositories: allowed,
        requireDigest: digest,
      });
      expect(found.map(({ rule }) => rule)).toEqual(wanted);
    },
  );

  it("can be switched off one by one", () => {
    for (const one of CASES) {
      const { yaml, rule } = one;
      const options = { ...optionsOf(one), disabledRules: [rule] };
      const kept = readable(yaml).flatMap((each) => validateDeclared(each, options));
      expect(kept.map((each) => each.rule)).not.toContain(rule);
    }
  });

  it("name the object, the field and a place inside the file", () => {
    for (const { yaml } of CASES) {
      const count = yaml.split("\n").length;
      for (const diagnostic of readable(yaml).flatMap((each) => validateDeclared(each))) {
        expect(diagnostic.object).toMatchObject({ kind: expect.any(String), name: expect.any(String) });
        expect(diagnostic.field).toEqual(expect.any(String));
        expect(diagnostic.location.line).toBeLessThanOrEqual(count);
        expect(diagnostic.location.file).toBe("a.yaml");
      }
    }
  });

  it("never quote a Secret's values", () => {
    const secret = (rest: string) => `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n${rest}`;
    const texts = [
      secret("stringData: {password: 12345678}\n"),
      secret("data: hunter2-hunter2\n"),
      secret("data: {password: [hunter2]}\n"),
      secret("data: {password: hunter2?}\n"),
      secret("stringdata: {password: hunter2}\n"),
      secret("password: 12345678\n"),
    ];
    for (const text of texts) {
      const said = lines(diagnose(text)).join("\n");
      expect(said).not.toBe("");
      expect(said).not.toMatch(/hunter2|12345678/);
    }
  });
});

function readable(text: string): Declared[] {
  return parseManifestFile({ file: "a.yaml", blob: BLOB, text }).declared;
}
