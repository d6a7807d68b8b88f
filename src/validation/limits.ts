/** Rules on counts: not negative, between bounds, or a percentage. */
import type { Field } from "./field.ts";
import type { Report } from "./report.ts";
import type { RuleId } from "./rules.ts";

const NOT_NEGATIVE = "it must be greater than or equal to 0";

/** Checks that a count, if given, is not negative. */
export function checkNotNegative(report: Report, field: Field, rule: RuleId = "replicas-negative"): void {
  if ((field.integer ?? 0) < 0) report.error(rule, field, NOT_NEGATIVE);
}

/** Checks that several counts of a mapping, where given, are not negative. */
export function checkCounts(report: Report, owner: Field, names: readonly string[]): void {
  for (const name of names) checkNotNegative(report, owner.at(name));
}

/** Zero as it is written: Kubernetes looks at the literal value, before percentages become counts. */
export function isZero(limit: Field): boolean {
  return limit.value === 0 || (limit.text !== undefined && /^0+%$/.test(limit.text));
}

/**
 * Checks a count that may be a percentage; returns whether it is sound.
 *
 * @param capped Whether a percentage may not be over 100
 * @param rule What it is reported as
 */
export function checkLimit(report: Report, limit: Field, capped: boolean, rule: RuleId = "strategy-limits"): boolean {
  if (limit.text !== undefined) {
    if (!/^[0-9]+%$/.test(limit.text)) {
      report.error(rule, limit, "a valid percent string must be a numeric string followed by an ending '%'", {
        hint: 'Write a count without quotes (1) or a percentage ("25%").',
      });
      return false;
    }
    if (capped && Number.parseInt(limit.text, 10) > 100) {
      report.error(rule, limit, "it must not be greater than 100%");
      return false;
    }
  } else if ((limit.integer ?? 0) < 0) {
    report.error(rule, limit, NOT_NEGATIVE);
    return false;
  }
  return true;
}
