/** Differences of two texts, line by line. Pure. */
import { createTwoFilesPatch } from "diff";

/** A unified diff with three lines of context; "" when nothing differs. */
export function lineDiff(before: string, after: string, beforeName: string, afterName: string): string {
  if (before === after) return "";
  const patch = createTwoFilesPatch(beforeName, afterName, before, after, undefined, undefined, { context: 3 });
  // The library starts with a line of equal signs, which says nothing here.
  return patch.replace(/^=+\n/, "");
}
