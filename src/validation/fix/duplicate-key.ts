/** The fix of a key that is given twice with the very same text. */
import type { Fixer } from "./fixer.ts";

/** Only a value of one line: of more, nothing here could tell where it ends. */
const ENTRY = /^([ \t]*)([^\s#:][^\n:]*):[ \t]+([^\s&*|>{["'][^\n]*?|"[^"\\\n]*"|'[^'\n]*')[ \t]*\r?\n?$/;

export const fixDuplicateKey: Fixer = ({ text, start, diagnostic }) => {
  const earlier = Number(/line (\d+)/.exec(diagnostic.message)?.[1] ?? Number.NaN);
  if (!Number.isInteger(earlier)) return null;
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const newline = text.indexOf("\n", start);
  const end = newline < 0 ? text.length : newline + 1;
  const again = ENTRY.exec(text.slice(from, end));
  const line = text.split("\n")[earlier - 1];
  const first = line === undefined ? null : ENTRY.exec(line);
  if (again === null || first === null) return null;
  // The same indentation, key and value; a comment would be lost.
  const isSame = [1, 2, 3].every((group) => again[group] === first[group]);
  if (!isSame || / #/.test(again[3] ?? "")) return null;
  return { start: from, end, insert: "", does: `removes what line ${earlier} says already` };
};
