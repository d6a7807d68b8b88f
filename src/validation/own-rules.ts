/** Evaluates the rules of a configuration's own, in CEL, on one object. */
import type { Declared } from "../model/manifest.ts";
import { displayId } from "../model/object.ts";
import { CEL_LIMITS, type CelOutcome, celValue, evaluate } from "./cel/index.ts";
import { relativePath, short } from "./custom/rules.ts";
import type { Report } from "./report.ts";
import type { OwnRule } from "./settings.ts";
import { matchesKind } from "./wildcard.ts";

/** What all rules together may take on one object: a rule of a person's takes hundreds. */
const STEPS_PER_OBJECT = 100_000;
/** Longest sentence that a rule may make up. */
const LONGEST_MESSAGE = 1_000;

/** Reports the rules that do not hold of an object, and those that cannot be evaluated on it. Never throws for what they say. */
export function checkOwnRules(report: Report, declared: Declared, rules: readonly OwnRule[]): void {
  const own = rules.filter(({ kinds }) => kinds?.some((kind) => matchesKind(kind, declared.id)) ?? true);
  if (own.length === 0) return;
  const object = celValue(declared.object);
  let left = STEPS_PER_OBJECT;
  const ask = (expression: string): CelOutcome => {
    const outcome = evaluate(expression, { object }, { ...CEL_LIMITS, steps: left });
    left = Math.max(0, left - outcome.steps);
    return outcome;
  };
  for (const rule of own) checkOne(report, declared, rule, ask);
}

function checkOne(report: Report, declared: Declared, rule: OwnRule, ask: (expression: string) => CelOutcome): void {
  const outcome = ask(rule.expression);
  if (outcome.ok && outcome.value === true) return;
  const path = rule.field === undefined ? ["metadata", "name"] : relativePath(rule.field);
  const say = (message: string): void => {
    report.say(rule.level, rule.id, path, message, rule.hint === undefined ? {} : { hint: rule.hint });
  };
  const name = displayId(declared.id);
  // What an expression says of a Secret may be what the Secret holds.
  const isSecret = report.isSecret(["data"]);
  if (!outcome.ok || outcome.value !== false) {
    const why = outcome.ok ? "it gives neither true nor false" : isSecret ? "it ends in an error" : outcome.message;
    say(`Cannot check ${name} by the rule ${rule.id} as its expression must hold or not: ${why}`);
    return;
  }
  const told = rule.messageExpression === undefined || isSecret ? undefined : ask(rule.messageExpression);
  const text = told?.ok === true && typeof told.value === "string" ? told.value.replaceAll(/\s+/g, " ").trim() : "";
  const message = text === "" ? rule.message : text.slice(0, LONGEST_MESSAGE);
  say(`Cannot use ${name} as the rule ${rule.id} forbids it: ${message ?? `${short(rule.expression)} must hold`}`);
}
