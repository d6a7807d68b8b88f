/** Collects the diagnostics of one object, with places, and keeps secret values out of the sentences. */
import type { Diagnostic, Severity } from "../model/diagnostic.ts";
import { type Declared, type FieldPath, formatFieldPath } from "../model/manifest.ts";
import type { Field } from "./field.ts";
import { nearest } from "./names.ts";
import type { RuleId } from "./rules.ts";
import type { OwnRule } from "./settings.ts";

/** Longest value that a sentence quotes, in characters. */
const LONGEST_QUOTE = 60;

export interface Remark {
  hint?: string;
  /** Whether the place is the field's key or its value; the value when absent. */
  at?: "key" | "value";
}

/** A value for a sentence: JSON, shortened. */
export function quote(value: unknown): string {
  if (value === undefined || value === null) return "empty";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
}

export class Report {
  readonly declared: Declared;
  readonly diagnostics: Diagnostic[] = [];
  readonly #disabled: ReadonlySet<string>;

  constructor(declared: Declared, disabledRules: readonly string[] = []) {
    this.declared = declared;
    this.#disabled = new Set(disabledRules);
  }

  /** "Cannot use spec.replicas as it must be greater than or equal to 0: it is -1". */
  error(rule: RuleId, field: Field, clause: string, remark: Remark = {}): void {
    this.say("error", rule, field.path, `Cannot use ${field.name} as ${clause}: it is ${this.quoted(field)}`, remark);
  }

  /** "Cannot use spec.strategy.type as it must be one of "Recreate", "RollingUpdate": it is "Rolling"". */
  oneOf(field: Field, values: readonly string[], rule: RuleId = "unsupported-value"): void {
    const { text } = field;
    if (text === undefined || values.includes(text)) return;
    const close = nearest(text, values);
    const list = values.map((value) => `"${value}"`).join(", ");
    const clause = values.length === 1 ? `it must be ${list}` : `it must be one of ${list}`;
    this.error(rule, field, clause, close === undefined ? {} : { hint: `Did you mean ${close}?` });
  }

  /** "Cannot use spec.containers[0] as image must be given: it is missing". */
  missing(rule: RuleId, field: Field, remark: Remark = {}): void {
    const parent = field.path.slice(0, -1);
    const where = parent.length === 0 ? "the object" : formatFieldPath(parent);
    this.say(
      "error",
      rule,
      field.path,
      `Cannot use ${where} as ${formatFieldPath(field.path.slice(-1))} must be given: it is missing`,
      {
        at: "key",
        ...remark,
      },
    );
  }

  warning(rule: RuleId, field: Field, message: string, remark: Remark = {}): void {
    this.say("warning", rule, field.path, message, { at: "key", ...remark });
  }

  /** @param rule One of `RULES`, or a rule of a configuration's own */
  say(severity: Severity, rule: RuleId | OwnRule["id"], path: FieldPath, message: string, remark: Remark): void {
    if (this.#disabled.has(rule)) return;
    const { declared } = this;
    this.diagnostics.push({
      severity,
      rule,
      message,
      location: remark.at === "key" ? declared.locate(path) : declared.locateValue(path),
      ...(path.length > 0 && { field: formatFieldPath(path) }),
      object: declared.id,
      ...(remark.hint !== undefined && { hint: remark.hint }),
    });
  }

  /** The field's value for a sentence, unless it is a secret. */
  quoted(field: Field): string {
    return this.isSecret(field.path) ? "not shown, as this is a Secret" : quote(field.value);
  }

  isSecret(path: FieldPath): boolean {
    const [top, second] = path;
    if (this.declared.id.kind !== "Secret" || this.declared.id.group !== "") return false;
    if (top === "metadata") return second === "annotations";
    return top !== "apiVersion" && top !== "kind" && top !== "type" && top !== "immutable";
  }
}
