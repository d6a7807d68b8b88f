/** Takes secret values out of texts that others will read, also as logs write them: cut at line ends, escaped, encoded. */

/** What is shorter stands in too many texts by chance. */
const SHORTEST_VALUE = 4;
/** A key or a certificate is printed line by line, and quoted in part; shorter lines of it tell nothing. */
const SHORTEST_LINE = 8;

/**
 * All that must not show of these values, longest first, as one may be part of another.
 *
 * A value ends with a line end more often than not (`echo … | base64`), which a program that prints it leaves out.
 */
export function secretParts(values: Iterable<string>): string[] {
  const parts = new Set<string>();
  for (const value of values) {
    const trimmed = value.trim();
    const lines = trimmed.includes("\n") ? trimmed.split("\n").map((line) => line.trim()) : [];
    const whole = [value, trimmed].flatMap((text) => [text, ...encoded(text)]);
    for (const text of whole) if (text.length >= SHORTEST_VALUE) parts.add(text);
    for (const line of lines) if (line.length >= SHORTEST_LINE) parts.add(line);
  }
  return [...parts].sort((a, b) => b.length - a.length);
}

/** The text with `mask` in place of each of the parts. */
export function withoutSecrets(text: string, parts: readonly string[], mask: string): string {
  return parts.reduce((rest, part) => rest.replaceAll(part, () => mask), text);
}

/** Nothing for a value that is too short itself: its code would be long enough, and as common. */
function encoded(text: string): string[] {
  if (text.length < SHORTEST_VALUE) return [];
  const url = text.isWellFormed() ? [encodeURIComponent(text)] : [];
  return [JSON.stringify(text).slice(1, -1), Buffer.from(text).toString("base64"), ...url];
}
