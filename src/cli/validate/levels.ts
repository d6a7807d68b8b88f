/** `validate --level RULE=error|off`: warnings as errors, or left out. Pure. */
import { type Diagnostic, isError } from "../../model/diagnostic.ts";
import { TrueupError } from "../../model/errors.ts";
import { RULES } from "../../validation/index.ts";

export type Levels = ReadonlyMap<string, "error" | "warning" | "off">;

/** @throws {TrueupError} `usage` for another form, level or rule */
export function readLevels(texts: readonly string[]): Levels {
  return new Map(
    texts.map((text) => {
      const [rule = "", level = ""] = text.split("=");
      if (!Object.hasOwn(RULES, rule)) {
        throw new TrueupError(
          "usage",
          `Cannot set the level of ${JSON.stringify(rule)} as it must be a rule: there is none so called.`,
          {
            hint: "`trueup explain` lists them. A rule of a configuration's own has its level there, under validation.rules.",
          },
        );
      }
      if (level !== "error" && level !== "warning" && level !== "off") {
        throw new TrueupError(
          "usage",
          `Cannot set the level of ${rule} as it must be error, warning or off: it is ${JSON.stringify(level)}.`,
          { hint: `For example: --level ${rule}=error` },
        );
      }
      return [rule, level];
    }),
  );
}

/** Errors stay as they are: the daemon rejects a commit for them, whatever was asked here. */
export function withLevels(diagnostics: readonly Diagnostic[], levels: Levels): Diagnostic[] {
  return diagnostics.flatMap((diagnostic) => {
    const level = isError(diagnostic) ? undefined : levels.get(diagnostic.rule);
    if (level === "off") return [];
    return [level === "error" ? { ...diagnostic, severity: "error" } : diagnostic];
  });
}
