/** Every rule is explained, and its example does what is said of it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkApp, parseFiles } from "../../../src/cli/manifests.ts";
import { parseApps } from "../../../src/daemon/apps.ts";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import { imageUses } from "../../../src/reconcile/images.ts";
import {
  EXPLANATIONS,
  type Example,
  isReconcilerRuleId,
  isRuleId,
  mended,
  RECONCILER_EXPLANATIONS,
} from "../../../src/validation/explain/index.ts";
import {
  type Checks,
  checkImageRules,
  judge,
  parseOperatorConfig,
  RULES,
  type RuleId,
} from "../../../src/validation/index.ts";
import { RECONCILER_RULES } from "../../../src/validation/rules.ts";
import { BLOB, declare } from "../declare.ts";

const SOURCES = join(import.meta.dirname, "../../../src");

function check(text: string, { file, kubernetesVersion }: Example): Diagnostic[] {
  if (file === "trueup.config.yaml") return parseOperatorConfig(text, file).diagnostics;
  const all = (yaml: string, checks?: Checks): Diagnostic[] =>
    checkApp(parseFiles([{ file: "web.yaml", blob: BLOB, text: yaml }], "default"), {
      defaultNamespace: "default",
      kubernetesVersion,
      checks,
    });
  if (file === undefined) return all(text);
  const [config = "", manifest = ""] = text.split("# web.yaml\n");
  const { apps, diagnostics } = parseApps(config);
  const uses = declare(manifest, "web.yaml").flatMap((each) => imageUses(each));
  return apps.flatMap(({ images, validation }) =>
    judge([...diagnostics, ...checkImageRules(uses, images), ...all(manifest, validation)], {
      settings: validation,
      day: "2026-11-26",
      objects: () => [],
      wholeOf: "trueup.yaml",
    }),
  );
}

describe("explanations", () => {
  it("exist for every rule, and for nothing else", () => {
    const missing = Object.keys(RULES).filter((rule) => !Object.hasOwn(EXPLANATIONS, rule));
    expect(missing, "write these into src/validation/explain/, so that `trueup explain` can tell people").toEqual([]);
    expect(Object.keys(EXPLANATIONS).filter((rule) => !Object.hasOwn(RULES, rule))).toEqual([]);
  });

  it("exist for what the reconciler says, too, and each has a name of its own", () => {
    expect(Object.keys(RECONCILER_EXPLANATIONS).sort()).toEqual(Object.keys(RECONCILER_RULES).sort());
    expect(Object.keys(RECONCILER_RULES).filter((rule) => Object.hasOwn(RULES, rule))).toEqual([]);
  });

  it("exist for every rule that a source file names", () => {
    const named = new Set<string>();
    for (const file of readdirSync(SOURCES, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts")) continue;
      const text = readFileSync(join(SOURCES, file), "utf8");
      for (const [, rule = ""] of text.matchAll(/\brule: "([a-z-]+)"|\bfault\("([a-z-]+)"/g)) named.add(rule);
    }
    named.delete("");
    expect([...named].filter((rule) => !isRuleId(rule) && !isReconcilerRuleId(rule))).toEqual([]);
    expect(named.size).toBeGreaterThan(10);
  });

  it.each(Object.entries(EXPLANATIONS))(
    "%s: its example breaks it at the line said, and mended breaks nothing",
    (rule, explained) => {
      const { severity } = explained;
      const example: Example = explained.example;
      const found = check(example.text, example).filter((each) => each.rule === rule);
      expect(found.map(({ location, severity: own }) => [location.file, location.line, own])).toContainEqual([
        example.lineIn ?? example.file ?? "web.yaml",
        // A trueup.yaml stands above the manifest, whose lines count by themselves.
        example.line,
        severity,
      ]);
      const after = check(mended(example), example);
      expect(after.filter((each) => each.rule === rule || each.severity === "error")).toEqual([]);
    },
  );

  it.each(Object.entries(EXPLANATIONS))("%s: has sentences", (rule, { why, source }) => {
    expect(RULES[rule as RuleId]).toMatch(/^[A-Za-z].*\.$/);
    expect(why).toMatch(/^[A-Za-z].*\.$/);
    expect(source).not.toBe("");
  });
});
