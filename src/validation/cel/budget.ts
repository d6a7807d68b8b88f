/** Counts what an expression does while it is evaluated, and ends it when that is too much. */
import type { ASTNode } from "@marcbachmann/cel-js";

export interface CelLimits {
  /** Parts of the expression that may be evaluated, each as often as a loop repeats it. */
  steps: number;
  /** Longest text or list that may be made on the way. */
  size: number;
}

/** Ends an evaluation. */
export class LimitError extends Error {}

export class Budget {
  #steps = 0;
  #limits: CelLimits = { steps: 0, size: 0 };

  start(limits: CelLimits): void {
    this.#limits = limits;
    this.#steps = 0;
  }

  get steps(): number {
    return this.#steps;
  }

  step(): void {
    if (++this.#steps > this.#limits.steps) throw new LimitError(`it takes more than ${this.#limits.steps} steps`);
  }

  /** Doubled again and again, a text or a list outgrows the memory in few steps. */
  result<T>(value: T): T {
    const size = typeof value === "string" || Array.isArray(value) ? value.length : 0;
    if (size > this.#limits.size) throw new LimitError(`it makes a value of more than ${this.#limits.size} items`);
    return value;
  }
}

type Evaluate = (evaluator: unknown, node: ASTNode, context: unknown) => unknown;
type Metered = ASTNode & { evaluate: Evaluate; meta: { alternate?: unknown; macro?: unknown } };

/**
 * Makes each part of a parsed expression ask the budget before it is evaluated. Also renames `matches`, whose own
 * implementation backtracks, to the one that takes linear time, and lets `has()` look into items of lists.
 */
export function meter(root: ASTNode, budget: Budget): void {
  const seen = new Set<unknown>();
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null || seen.has(part)) return;
    seen.add(part);
    if (isNode(part)) {
      useLinearMatches(part);
      widenHas(part);
      meterNode(part, budget);
      visit(part.meta.alternate);
      visit(part.meta.macro);
    }
    const inner = isNode(part) ? part.args : Object.values(part);
    if (Array.isArray(inner)) for (const each of inner) visit(each);
    else if (typeof inner === "object" && inner !== null) visit(inner);
  };
  visit(root);
}

function isNode(part: object): part is Metered {
  return "op" in part && "args" in part && "meta" in part;
}

function useLinearMatches(node: Metered): void {
  const { op, args } = node as { op: string; args: unknown };
  if ((op === "rcall" || op === "call") && Array.isArray(args) && args[0] === "matches") args[0] = "matchesLinear";
}

interface HasMacro {
  typeCheck(
    checker: { check(node: ASTNode, context: unknown): unknown; getType(name: string): unknown },
    macro: unknown,
    context: unknown,
  ): unknown;
  evaluate(evaluator: { run(node: ASTNode, context: unknown): unknown }, macro: unknown, context: unknown): boolean;
}

/** The library's `has()` takes only names joined by dots; CEL's takes any value's field, as in `has(self[0].name)`. */
function widenHas(node: Metered): void {
  const { op, args } = node as { op: string; args: unknown };
  if (op !== "call" || !Array.isArray(args) || args[0] !== "has" || !Array.isArray(args[1])) return;
  const [selected] = args[1] as [Metered | undefined];
  const inner = selected?.op === "." ? (selected.args as unknown[]) : [];
  const [owner, name] = inner as [Metered | undefined, unknown];
  if (owner === undefined || typeof name !== "string" || isPlain(owner)) return;
  const macro = node.meta.macro as HasMacro;
  macro.typeCheck = (checker, _, context) => {
    checker.check(owner, context);
    return checker.getType("bool");
  };
  macro.evaluate = (evaluator, _, context) => {
    const value = evaluator.run(owner, context);
    if (value instanceof Map) return value.has(name);
    return typeof value === "object" && value !== null && Object.hasOwn(value, name);
  };
}

function isPlain(node: Metered): boolean {
  const { op, args } = node as { op: string; args: unknown };
  return op === "id" || ((op === "." || op === ".?") && Array.isArray(args) && isPlain(args[0] as Metered));
}

/** A node replaces its own `evaluate` when it first runs, so the place that it is kept in is what counts. */
function meterNode(node: Metered, budget: Budget): void {
  let current: Evaluate = node.evaluate;
  const counted: Evaluate = (evaluator, at, context) => {
    budget.step();
    return budget.result(current.call(node, evaluator, at, context));
  };
  Object.defineProperty(node, "evaluate", {
    get: () => counted,
    set: (replaced: Evaluate) => {
      // What is set is set by the prototype's own first run, which then calls it through the property.
      if (replaced !== counted) current = replaced;
    },
    configurable: true,
  });
}
