/** Compares the objects of an app with each other, and again only when one of them changed for whoever compares. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import { type AppContext, validateApp } from "./app.ts";
import { factsOf } from "./facts.ts";

/** Of more changed files it is not asked whether they are named: comparing all anew is as quick. */
const MOST_FILES = 50;

interface Compared {
  declared: readonly Declared[];
  context: AppContext;
  diagnostics: readonly Diagnostic[];
}

/** Of one app, commit after commit: most commits change what no other object depends on, as a number of replicas. */
export class CrossCheck {
  #last: Compared | null = null;

  /** What `validateApp` says of these objects. */
  check(declared: readonly Declared[], context: AppContext): readonly Diagnostic[] {
    if (this.#last === null || !saysTheSame(this.#last, declared, context)) {
      this.#last = { declared, context, diagnostics: validateApp(declared, context) };
    } else this.#last = { ...this.#last, declared };
    return this.#last.diagnostics;
  }
}

/**
 * Whether the objects are the same to `validateApp`, which sees names and facts only: one after the other, as the first of two
 * that have one name counts. What was found names places, so nothing may be found in a file that changed.
 */
function saysTheSame(
  { declared: before, context, diagnostics }: Compared,
  now: readonly Declared[],
  at: AppContext,
): boolean {
  if (now.length !== before.length || JSON.stringify(context) !== JSON.stringify(at)) return false;
  const files = new Set<string>();
  for (const [index, each] of now.entries()) {
    const old = before[index] as Declared;
    if (each === old) continue;
    if (each.file !== old.file || !isSame(each.id, old.id) || !isSame(factsOf(each), factsOf(old))) return false;
    files.add(each.file);
  }
  if (files.size > MOST_FILES) return false;
  const isNamed = ({ location, message }: Diagnostic): boolean =>
    files.has(location.file) || [...files].some((file) => message.includes(file));
  return !diagnostics.some(isNamed);
}

/** Of plain data that is made field by field in one order. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
