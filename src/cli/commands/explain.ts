/** `trueup explain`: what a rule checks, why, and an example wrong and right. */
import { TrueupError } from "../../model/errors.ts";
import type { Example } from "../../validation/explain/explanation.ts";
import {
  EXPLANATIONS,
  isReconcilerRuleId,
  isRuleId,
  mended,
  RECONCILER_EXPLANATIONS,
} from "../../validation/explain/index.ts";
import { RULES, type RuleId } from "../../validation/index.ts";
import { nearest } from "../../validation/names.ts";
import { natureOf, RECONCILER_RULES, type ReconcilerRuleId } from "../../validation/rules.ts";
import type { Command } from "../command.ts";
import { dataFormat, OUTPUT_OPTION, printData } from "../options.ts";
import type { Style } from "../output.ts";

/** Lines of an example that are shown; only those about size are longer. */
const LONGEST_LINE = 100;

export const command: Command = {
  options: [OUTPUT_OPTION],
  examples: [
    { line: "trueup explain image-tag-latest", does: "say what the rule checks and why, by example" },
    { line: "trueup explain", does: "list the rules" },
  ],
  async run({ out }, invocation) {
    const [rule] = invocation.args;
    const format = dataFormat(invocation);
    if (rule === undefined) {
      const ids: AnyRuleId[] = [
        ...Object.keys(RULES).filter(isRuleId),
        ...Object.keys(RECONCILER_RULES).filter(isReconcilerRuleId),
      ];
      if (format !== undefined) await printData(out, format, ids.map(dataOf));
      else await out.write(listText(ids, out.style));
      return 0;
    }
    if (!isRuleId(rule) && !isReconcilerRuleId(rule)) {
      const close = nearest(rule, [...Object.keys(RULES), ...Object.keys(RECONCILER_RULES)]);
      throw new TrueupError(
        "usage",
        `Cannot explain ${JSON.stringify(rule)} as it must be a rule: there is none so called.`,
        {
          hint:
            close === undefined
              ? "`trueup explain` lists them. A configuration's own stand under its validation.rules."
              : `Did you mean ${close}?`,
        },
      );
    }
    if (format !== undefined) await printData(out, format, dataOf(rule));
    else await out.write(explanationText(rule, out.style));
    return 0;
  },
};

type AnyRuleId = RuleId | ReconcilerRuleId;

/** Where the rules of a reconciler come from. */
const RECONCILER = "trueup, when it takes up a commit";

/** The shape of `-o json`; `example` is absent where no file alone could be one. */
function dataOf(rule: AnyRuleId): object {
  if (isReconcilerRuleId(rule)) {
    return {
      rule,
      severity: "error",
      changeable: false,
      policy: false,
      checks: RECONCILER_RULES[rule],
      why: RECONCILER_EXPLANATIONS[rule],
      source: RECONCILER,
    };
  }
  const { why, severity, source } = EXPLANATIONS[rule];
  const example: Example = EXPLANATIONS[rule].example;
  return {
    rule,
    severity,
    changeable: natureOf(rule) !== "refused",
    policy: natureOf(rule) === "policy",
    checks: RULES[rule],
    why,
    source,
    example: {
      file: example.file ?? "manifest",
      line: example.line,
      ...(example.lineIn !== undefined && { lineIn: example.lineIn }),
      wrong: example.text,
      right: mended(example),
    },
  };
}

function listText(ids: readonly AnyRuleId[], style: Style): string {
  const width = Math.max(...ids.map(({ length }) => length));
  return ids
    .map((id) => {
      const isError = isReconcilerRuleId(id) || EXPLANATIONS[id].severity === "error";
      const usual = isError ? style.red("error  ") : style.yellow("warning");
      const level = natureOf(id) === "policy" ? style.dim("off    ") : usual;
      const checks = isReconcilerRuleId(id) ? RECONCILER_RULES[id] : RULES[id];
      return `${style.bold(id.padEnd(width))}  ${level}  ${checks}\n`;
    })
    .join("");
}

const LEVELS: Readonly<Record<NonNullable<ReturnType<typeof natureOf>>, string>> = {
  policy:
    "off, until validation.policies in trueup.yaml or trueup.config.yaml switches it on; then an error unless it says warning",
  warning: "warning; validate --level, or validation.levels in trueup.yaml, makes it an error, or leaves it out",
  "own-error":
    "error: trueup rejects a commit that has one; validation.levels in the operator's trueup.config.yaml may lower it",
  refused: "error, always: trueup rejects a commit that has one",
};

function explanationText(rule: AnyRuleId, style: Style): string {
  if (isReconcilerRuleId(rule)) {
    return headText(rule, RECONCILER_RULES[rule], { why: RECONCILER_EXPLANATIONS[rule], source: RECONCILER }, style);
  }
  const { example } = EXPLANATIONS[rule];
  return [
    headText(rule, RULES[rule], EXPLANATIONS[rule], style),
    style.red(`Wrong, ${placeOf(example)}:`),
    ...block(example.text),
    "",
    style.green("Right:"),
    ...block(mended(example)),
    "",
  ].join("\n");
}

function headText(
  rule: AnyRuleId,
  checks: string,
  { why, source }: { why: string; source: string },
  style: Style,
): string {
  return [
    `${style.bold(rule)}: ${checks}`,
    "",
    why,
    "",
    `${style.dim("level:")}  ${LEVELS[natureOf(rule) ?? "refused"]}`,
    `${style.dim("source:")} ${source}`,
    "",
  ].join("\n");
}

/** `at line 6 of web.yaml`; without the name where the text is one manifest. */
function placeOf({ line, file, lineIn }: Example): string {
  const part = lineIn ?? file;
  return part === undefined ? `at line ${line}` : `at line ${line} of ${part}`;
}

function block(text: string): string[] {
  const lines = text.trimEnd().split("\n");
  return lines.map((line) => `  ${line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line}`.trimEnd());
}
