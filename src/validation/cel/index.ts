/** Evaluates expressions of CEL, Kubernetes' language for rules, with the functions that Kubernetes adds and within limits. */
import { createRequire } from "node:module";
import type { Environment, ParseResult } from "@marcbachmann/cel-js";
import { Budget, type CelLimits, LimitError, meter } from "./budget.ts";
import { registerFunctions } from "./functions.ts";

export type { CelLimits } from "./budget.ts";
export { type CelSchema, celValue, fieldIdentifier } from "./values.ts";

/** A rule of a person's takes hundreds of steps; these end within a second. */
export const CEL_LIMITS: CelLimits = { steps: 1_000_000, size: 1024 * 1024 };

/**
 * What became of an expression. `syntax`: it is no CEL; `unsupported`: it uses what is not known here, or types that never fit;
 * `limit`: it takes too long or makes too much; `failed`: it ended in an error, as `1 / 0` does.
 */
export type CelOutcome = ({ ok: true; value: unknown } | CelFault) & {
  /** How many steps it took. */
  steps: number;
};

export interface CelFault {
  ok: false;
  reason: "syntax" | "unsupported" | "limit" | "failed";
  message: string;
}

interface Compiled {
  run: ParseResult;
  budget: Budget;
}

/** Longest expression, as the API server has it for a rule. */
const LONGEST_EXPRESSION = 64 * 1024;
/** Compiled expressions kept; the rules of all kinds of an app are fewer. */
const MOST_COMPILED = 2_000;

const compiled = new Map<string, Compiled | CelFault>();
let environment: Environment | undefined;

/**
 * Evaluates an expression. Integers among the variables are `bigint`, doubles are numbers: `celValue` makes them so of JSON.
 * Never throws for what the expression says.
 *
 * @param variables By name (`self`, `object`)
 */
export function evaluate(
  expression: string,
  variables: Readonly<Record<string, unknown>>,
  limits: CelLimits = CEL_LIMITS,
): CelOutcome {
  const program = compile(expression);
  if (!("run" in program)) return { ...program, steps: 0 };
  const { run, budget } = program;
  budget.start(limits);
  try {
    return { ok: true, value: run(variables), steps: budget.steps };
  } catch (error) {
    return { ...faultOf(error, "failed"), steps: budget.steps };
  }
}

/** The optional value that has none: what `oldSelf` is to a rule with `optionalOldSelf` when an object is created. */
export function absent(): unknown {
  return loadLibrary().Optional.none();
}

/** What is wrong with an expression before anything is evaluated; `undefined` when nothing is. */
export function checkExpression(expression: string): CelFault | undefined {
  const program = compile(expression);
  return "run" in program ? undefined : program;
}

/** A type that an expression may have to have. */
export type CelType = "bool" | "string";

/**
 * As `checkExpression`, and also what only shows when it is known what there is: a variable that is no one's, another type
 * than the one that is asked for.
 *
 * @param variables Names of all there are; of any type
 */
export function checkUse(expression: string, variables: readonly string[], type: CelType): CelFault | undefined {
  const program = compileFresh(expression, createEnvironment(variables));
  if (!("run" in program)) return program;
  const found = program.run.check().type ?? "dyn";
  if (found === "dyn" || found === type) return undefined;
  return { ok: false, reason: "unsupported", message: `it gives ${found}, not ${type}` };
}

function compile(expression: string): Compiled | CelFault {
  const known = compiled.get(expression);
  if (known !== undefined) return known;
  const fresh = compileFresh(expression);
  if (compiled.size >= MOST_COMPILED) compiled.clear();
  compiled.set(expression, fresh);
  return fresh;
}

function compileFresh(expression: string, within?: Environment): Compiled | CelFault {
  if (expression.length > LONGEST_EXPRESSION) {
    return { ok: false, reason: "limit", message: `it is longer than ${LONGEST_EXPRESSION} characters` };
  }
  environment ??= createEnvironment();
  let run: ParseResult;
  try {
    run = (within ?? environment).parse(expression);
  } catch (error) {
    return faultOf(error, "syntax");
  }
  const budget = new Budget();
  meter(run.ast, budget);
  const { valid, error } = run.check();
  return valid ? { run, budget } : faultOf(error, "unsupported");
}

/** Loaded with the first expression: most repositories have none. */
function loadLibrary(): typeof import("@marcbachmann/cel-js") {
  return createRequire(import.meta.url)("@marcbachmann/cel-js") as typeof import("@marcbachmann/cel-js");
}

/** @param variables Names of all that there are; absent: any */
function createEnvironment(variables?: readonly string[]): Environment {
  const library = loadLibrary();
  const fresh = new library.Environment({
    unlistedVariablesAreDyn: variables === undefined,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
    limits: { maxAstNodes: 20_000, maxDepth: 100 },
  });
  registerFunctions(fresh, library.Optional);
  for (const name of variables ?? []) fresh.registerVariable(name, "dyn");
  return fresh;
}

/** The library's messages continue with a picture of the expression: only the sentence is kept. */
function faultOf(error: unknown, reason: CelFault["reason"]): CelFault {
  if (error instanceof LimitError) return { ok: false, reason: "limit", message: error.message };
  const cause = error instanceof Error && error.cause instanceof LimitError ? error.cause : undefined;
  if (cause !== undefined) return { ok: false, reason: "limit", message: cause.message };
  const message = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  // Too deep for the stack, or a text too long for the engine.
  return { ok: false, reason: error instanceof RangeError ? "limit" : reason, message };
}
