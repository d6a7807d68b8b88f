/** Writes values as YAML or JSON text that every YAML version reads back as the same value. */
import type { Json } from "../model/object.ts";
import { resolvePlain } from "./schema.ts";

/** How the text around a value is written. */
export interface Style {
  /** Inside brackets, where commas and brackets end a plain scalar. */
  flow: boolean;
  /** JSON: keys and text in double quotes. */
  json: boolean;
  /** Spaces per level. */
  step: number;
  /** The quotes that the replaced scalar had. */
  quotes?: "single" | "double";
}

/** Words that one YAML version or another reads as something else than text. */
const LOOKS_LIKE_NUMBER = /^[-+.]?[0-9][0-9a-fA-FxXoObB_:.,eETtZ+-]*$/;
const PLAIN = /^[A-Za-z0-9_/$.][A-Za-z0-9_/$.:@%+=~^()*&!?'"<>;\\ -]*$/;

function isPlainSafe(text: string): boolean {
  if (!PLAIN.test(text) || resolvePlain(text) !== text || LOOKS_LIKE_NUMBER.test(text)) return false;
  return !/: | #|:$|^\s|\s$|^(?:---|\.\.\.)|^=$|^<<$/.test(text);
}

function doubleQuoted(text: string): string {
  // JSON's escapes are YAML's; what YAML calls non-printable JSON leaves as it is.
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A scalar on one line. */
export function writeScalar(value: null | boolean | number | string, style: Style): string {
  if (typeof value === "number") return Object.is(value, -0) ? "0" : JSON.stringify(value);
  if (typeof value !== "string") return String(value);
  if (style.json) return doubleQuoted(value);
  const printable = /^[\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe]*$/.test(value);
  if (style.quotes === "single" && printable) return `'${value.replaceAll("'", "''")}'`;
  if (style.quotes === undefined && isPlainSafe(value)) return value;
  return doubleQuoted(value);
}

/** A value on one line, in brackets where it is a collection. */
export function writeInline(value: Json, style: Style): string {
  const inner: Style = { flow: true, json: style.json, step: style.step };
  if (Array.isArray(value)) return `[${value.map((item) => writeInline(item, inner)).join(", ")}]`;
  if (value === null || typeof value !== "object") return writeScalar(value, style);
  const entries = Object.entries(value).map(([key, part]) => `${writeScalar(key, inner)}: ${writeInline(part, inner)}`);
  return `{${entries.join(", ")}}`;
}

/** Whether the value takes several lines in block style. */
export function isBlock(value: Json): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

/** A value's lines in block style, not indented. */
export function writeLines(value: Json, step: number): string[] {
  const style: Style = { flow: false, json: false, step };
  if (!isBlock(value)) return [writeInline(value, style)];
  const pad = " ".repeat(step);
  if (Array.isArray(value)) {
    return value.flatMap((item) => writeLines(item, step).map((line, at) => (at === 0 ? `- ${line}` : `  ${line}`)));
  }
  return Object.entries(value as Record<string, Json>).flatMap(([key, part]) => {
    const head = `${writeScalar(key, style)}:`;
    if (!isBlock(part)) return [`${head} ${writeInline(part, style)}`];
    const lines = writeLines(part, step);
    return [head, ...lines.map((line) => (Array.isArray(part) ? line : pad + line))];
  });
}

/** A value's lines as JSON prints it, not indented. */
export function writeJsonLines(value: Json, unit: string): string[] {
  return JSON.stringify(value, null, unit).split("\n");
}
