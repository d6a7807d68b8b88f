/** Patterns in which `*` stands for any text. No regular expressions: patterns come from a repository. */
import type { ObjectId } from "../model/object.ts";

/** Greedy, without backtracking over more than the last `*`. */
export function matchesWildcard(pattern: string, text: string): boolean {
  const parts = pattern.split("*");
  const first = parts.shift() ?? "";
  if (parts.length === 0) return pattern === text;
  const last = parts.pop() ?? "";
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

/** Whether a pattern of kinds is about an object's: `Kind` of any group, or `group/Kind`, without a group for the core's. */
export function matchesKind(pattern: string, { group, kind }: Pick<ObjectId, "group" | "kind">): boolean {
  return matchesWildcard(pattern, pattern.includes("/") ? `${group}/${kind}` : kind);
}

/** Whether everything that one pattern fits, another fits too. May say no where it is so, never yes where it is not. */
export function covers(wider: string, pattern: string): boolean {
  // A `*` of the wider pattern takes up whatever the narrower one has there, its own `*` as well.
  return matchesWildcard(wider, pattern);
}
