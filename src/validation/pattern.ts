/** Regular expressions that come from a repository, in Go's syntax, matched in linear time. */
import { createRequire } from "node:module";
import type { RE2JS } from "re2js";

/** Longest pattern: compiling takes time and memory in proportion to it. */
const LONGEST_PATTERN = 10_000;
const MOST_COMPILED = 2_000;

const compiled = new Map<string, RE2JS | string>();
let library: typeof RE2JS | undefined;

/** The expression, or what is wrong with it. */
export function compilePattern(pattern: string): RE2JS | string {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const fresh = compileFresh(pattern);
  if (compiled.size >= MOST_COMPILED) compiled.clear();
  compiled.set(pattern, fresh);
  return fresh;
}

function compileFresh(pattern: string): RE2JS | string {
  if (pattern.length > LONGEST_PATTERN) return `it is longer than ${LONGEST_PATTERN} characters`;
  library ??= (createRequire(import.meta.url)("re2js") as typeof import("re2js")).RE2JS;
  try {
    return library.compile(pattern);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
