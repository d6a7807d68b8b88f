/** JSON that somebody else may have written, or left half-written. */

/** The object that a text is; `null` for what is no JSON, and for JSON that is no object. */
export function parseRecord(text: string): Readonly<Record<string, unknown>> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
}
