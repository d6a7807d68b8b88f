/** Evaluates the CEL rules of a custom kind's schema on one object. */
import type { FieldPath } from "../../model/manifest.ts";
import { absent, CEL_LIMITS, type CelOutcome, celValue, evaluate } from "../cel/index.ts";
import { type CelRule, fieldNode, isFields, type StructuralNode } from "./node.ts";

export interface RuleFindings {
  /** Rules that do not hold. */
  broken: { path: FieldPath; message: string }[];
  /** Why rules could not be checked, by rule: an unknown function, too long. */
  unchecked: Map<string, string>;
}

/** Whether a rule compares with the object's earlier state, which is not known from the manifest. */
export function isTransition({ rule, optionalOldSelf }: CelRule): boolean {
  return optionalOldSelf !== true && usesOldSelf(rule);
}

function usesOldSelf(rule: string): boolean {
  return /\boldSelf\b/.test(rule.replace(/r?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/g, '""'));
}

/** Evaluates all rules on an object that has its defaults and fits its schema otherwise, as when it is created. */
export function checkCelRules(object: unknown, root: StructuralNode): RuleFindings {
  const findings: RuleFindings = { broken: [], unchecked: new Map() };
  // All rules of an object together take no longer than one may.
  const allowance = { left: CEL_LIMITS.steps };
  const visit = (value: unknown, node: StructuralNode, path: FieldPath): void => {
    const rules = (node["x-kubernetes-validations"] ?? []).filter((rule) => !isTransition(rule));
    if (rules.length > 0 && value !== null) {
      const self = celValue(value, node);
      for (const rule of rules) checkRule(findings, allowance, rule, self, path);
    }
    if (Array.isArray(value)) {
      const { items } = node;
      if (items !== undefined) for (const [at, item] of value.entries()) visit(item, items, [...path, at]);
    } else if (isFields(value)) {
      for (const [name, field] of Object.entries(value)) {
        const inner = fieldNode(node, name);
        if (inner !== undefined) visit(field, inner, [...path, name]);
      }
    }
  };
  visit(object, root, []);
  return findings;
}

function checkRule(
  findings: RuleFindings,
  allowance: { left: number },
  rule: CelRule,
  self: unknown,
  path: FieldPath,
): void {
  const variables = rule.optionalOldSelf === true ? { self, oldSelf: absent() } : { self };
  const ask = (expression: string): CelOutcome => {
    const outcome = evaluate(expression, variables, { ...CEL_LIMITS, steps: allowance.left });
    allowance.left = Math.max(0, allowance.left - outcome.steps);
    return outcome;
  };
  const outcome = ask(rule.rule);
  if (outcome.ok && outcome.value === true) return;
  if (!outcome.ok && outcome.reason !== "failed") {
    findings.unchecked.set(rule.rule, outcome.message);
    return;
  }
  const place = [...path, ...relativePath(rule.fieldPath ?? "")];
  if (!outcome.ok) {
    // The API server refuses an object on which a rule cannot be evaluated.
    findings.broken.push({ path: place, message: `the rule ${short(rule.rule)} ends in an error: ${outcome.message}` });
    return;
  }
  const told = rule.messageExpression === undefined ? undefined : ask(rule.messageExpression);
  const text = told?.ok === true && typeof told.value === "string" ? told.value.trim() : "";
  const message = text !== "" && !text.includes("\n") ? text : (rule.message ?? `${short(rule.rule)} must hold`);
  findings.broken.push({ path: place, message: message.trim() });
}

/** A rule for a sentence: on one line, shortened. */
export function short(rule: string): string {
  const line = rule.replaceAll(/\s+/g, " ").trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

/** `.spec.x["a.b"]` as a path. */
export function relativePath(text: string): string[] {
  return [...text.matchAll(/\.([^.[\]]+)|\[\s*(?:'([^']*)'|"([^"]*)")\s*\]/g)].map(
    ([, dotted, single, double]) => dotted ?? single ?? double ?? "",
  );
}
