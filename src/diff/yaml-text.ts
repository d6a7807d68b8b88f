/** Renders an object as YAML for people: always the same text for the same object, so that two texts can be compared. */
import { isTree, read, type Tree } from "./tree.ts";

/** Keys that come first, in this order; the rest follow by name. */
const FIRST_KEYS: readonly string[] = ["apiVersion", "kind", "metadata", "name", "namespace", "type", "image", "spec"];

/** Text that YAML 1.1 or 1.2 reads as something else than a string. */
const NOT_A_STRING =
  /^(?:~|null|true|false|yes|no|on|off|y|n|[-+]?(?:\d[\d_]*)?\.?\d[\d_]*(?:[eE][-+]?\d+)?|0[xob][\da-fA-F_]+|[-+]?\.(?:inf|nan)|\.nan|[\d:]+|\d{4}-\d{1,2}-\d{1,2}.*)$/i;

/** YAML with two spaces of indentation and a line end after the last line. Nulls are left out. */
export function yamlText(value: unknown): string {
  if (isTree(value) && Object.keys(value).length > 0) return `${mapLines(value, "").join("\n")}\n`;
  if (Array.isArray(value) && value.length > 0) return `${listLines(value, "").join("\n")}\n`;
  return `${scalar(value, "")}\n`;
}

function mapLines(tree: Tree, indent: string): string[] {
  const lines: string[] = [];
  for (const key of sortedKeys(tree)) {
    const value = read(tree, key);
    if (value === undefined) continue;
    const head = `${indent}${keyText(key)}:`;
    if (isTree(value) && Object.keys(value).length > 0) lines.push(head, ...mapLines(value, `${indent}  `));
    else if (Array.isArray(value) && value.length > 0) lines.push(head, ...listLines(value, indent));
    else lines.push(...`${head} ${scalar(value, `${indent}  `)}`.split("\n"));
  }
  return lines;
}

function listLines(list: readonly unknown[], indent: string): string[] {
  return list.flatMap((item) => {
    const inner = `${indent}  `;
    let lines: string[];
    if (isTree(item) && Object.keys(item).length > 0) lines = mapLines(item, inner);
    else if (Array.isArray(item) && item.length > 0) lines = listLines(item, inner);
    else lines = `${inner}${scalar(item, inner)}`.split("\n");
    const [first = inner, ...rest] = lines;
    return [`${indent}- ${first.slice(inner.length)}`, ...rest];
  });
}

function sortedKeys(tree: Tree): string[] {
  const rank = (key: string): number => {
    const index = FIRST_KEYS.indexOf(key);
    return index < 0 ? FIRST_KEYS.length : index;
  };
  return Object.keys(tree).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0));
}

function keyText(key: string): string {
  return isPlain(key) ? key : JSON.stringify(key);
}

function scalar(value: unknown, indent: string): string {
  if (isTree(value)) return "{}";
  if (Array.isArray(value)) return "[]";
  if (typeof value !== "string") return JSON.stringify(value ?? null);
  if (isPlain(value)) return value;
  return isBlock(value) ? blockText(value, indent) : JSON.stringify(value);
}

function isPlain(text: string): boolean {
  return (
    /^(?:[A-Za-z0-9_./]|--?[A-Za-z])[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]*$/.test(text) &&
    !/: |:$| #|\s$/.test(text) &&
    !NOT_A_STRING.test(text)
  );
}

/** Whether a literal block shows the text as it is: several lines, nothing that a terminal would act on. */
function isBlock(text: string): boolean {
  return (
    text.includes("\n") && !/^[\s]|[^\S\n]\n|[^\S\n]$|[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/.test(text)
  );
}

function blockText(text: string, indent: string): string {
  const body = text.replace(/\n+$/, "");
  const ends = text.length - body.length;
  const style = ends === 0 ? "|-" : ends === 1 ? "|" : "|+";
  const lines = body.split("\n").map((line) => (line === "" ? "" : indent + line));
  return [style, ...lines, ...Array.from({ length: Math.max(0, ends - 1) }, () => "")].join("\n");
}
