/** Comparing and spelling out JSON values, so that "is it the same?" has one answer in planners and their callers. */

/** Whether two JSON values are the same; keys that are absent and keys that are `undefined` count as equal. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => jsonEqual(item, b[index]));
  }
  return recordsEqual(a as Record<string, unknown>, b as Record<string, unknown>);
}

function recordsEqual(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  for (const key of Object.keys(a)) {
    if (!jsonEqual(a[key], b[key])) return false;
  }
  return Object.keys(b).every((key) => b[key] === undefined || a[key] !== undefined);
}

/** Text comparison by code unit, for sorting. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
