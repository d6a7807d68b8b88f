/** JSON in one spelling only, so that equal values are equal texts and have equal digests. */

/** JSON with sorted keys; what is undefined is `null`, or left out of an object. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
