/** The functions that Kubernetes' CEL has beyond the library's: on texts, lists and patterns. Other files bring its types. */
import type { Environment, Optional } from "@marcbachmann/cel-js";
import { compilePattern } from "../pattern.ts";
import { registerFormats } from "./formats.ts";
import { namespace } from "./namespace.ts";
import { registerNetwork } from "./network.ts";
import { registerNumbers } from "./numbers.ts";

/** Adds all functions of Kubernetes' CEL environment that need no request: those of authorisation are left out. */
export function registerFunctions(environment: Environment, optional: typeof Optional): void {
  registerTexts(environment);
  registerPatterns(environment);
  registerLists(environment);
  registerSets(environment);
  registerNetwork(environment);
  registerNumbers(environment);
  registerFormats(environment, optional);
}

function registerTexts(environment: Environment): void {
  environment
    .registerFunction("string.charAt(int): string", (text: string, at: bigint) => {
      const letters = [...text];
      if (at < 0n || at > letters.length) throw new Error(`index out of range: ${at}`);
      return letters[Number(at)] ?? "";
    })
    .registerFunction("string.replace(string, string): string", (text: string, from: string, to: string) =>
      replaceSome(text, from, to, -1n),
    )
    .registerFunction("string.replace(string, string, int): string", replaceSome)
    .registerFunction("string.reverse(): string", (text: string) => [...text].reverse().join(""))
    .registerFunction("string.format(list): string", formatText);
  const strings = namespace(environment, "strings");
  environment.registerFunction(`${strings}.quote(string): string`, (_: unknown, text: string) => JSON.stringify(text));
}

function replaceSome(text: string, from: string, to: string, count: bigint): string {
  const parts = text.split(from);
  const most = count < 0n ? parts.length - 1 : Math.min(Number(count), parts.length - 1);
  const rest = parts.slice(most).join(from);
  return most === 0 ? text : `${parts.slice(0, most).join(to)}${to}${rest}`;
}

function formatText(text: string, values: readonly unknown[]): string {
  let next = 0;
  const formatted = text.replace(
    /%(?:\.(\d{1,3}))?([%sdfebxXo])/g,
    (_, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (next >= values.length) throw new Error("format() has fewer values than the text asks for");
      return formatOne(values[next++], verb, Number(precision ?? 6));
    },
  );
  return formatted;
}

function formatOne(value: unknown, verb: string, precision: number): string {
  if (verb === "s") return shown(value);
  if (typeof value === "string" && (verb === "x" || verb === "X")) {
    const hex = Buffer.from(value).toString("hex");
    return verb === "x" ? hex : hex.toUpperCase();
  }
  if (typeof value === "boolean" && verb === "b") return value ? "1" : "0";
  if (typeof value !== "bigint" && typeof value !== "number") throw new Error(`%${verb} needs a number`);
  switch (verb) {
    case "d":
      return String(value);
    case "f":
      return Number(value).toFixed(Math.min(precision, 100));
    case "e":
      return Number(value).toExponential(Math.min(precision, 100));
    case "b":
      return value.toString(2);
    case "o":
      return value.toString(8);
    default:
      return verb === "x" ? value.toString(16) : value.toString(16).toUpperCase();
  }
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  if (value instanceof Map) return `{${[...value].map(([key, item]) => `${shown(key)}: ${shown(item)}`).join(", ")}}`;
  if (value instanceof Date) return value.toISOString().replace(".000Z", "Z");
  return String(value);
}

function pattern(text: string): Exclude<ReturnType<typeof compilePattern>, string> {
  const compiled = compilePattern(text);
  if (typeof compiled === "string") throw new Error(compiled);
  return compiled;
}

function registerPatterns(environment: Environment): void {
  const matches = (text: string, wanted: string): boolean => pattern(wanted).test(text);
  environment
    .registerFunction("string.matchesLinear(string): bool", matches)
    .registerFunction("matchesLinear(string, string): bool", matches)
    .registerFunction(
      "string.find(string): string",
      (text: string, wanted: string) => findSome(text, wanted, 1n)[0] ?? "",
    )
    .registerFunction("string.findAll(string): list<string>", (text: string, wanted: string) =>
      findSome(text, wanted, -1n),
    )
    .registerFunction("string.findAll(string, int): list<string>", findSome);
}

function findSome(text: string, wanted: string, count: bigint): string[] {
  const matcher = pattern(wanted).matcher(text);
  const found: string[] = [];
  while ((count < 0n || found.length < count) && matcher.find()) found.push(matcher.group() ?? "");
  return found;
}

function registerLists(environment: Environment): void {
  type List = readonly unknown[];
  environment
    .registerFunction("list.isSorted(): bool", (list: List) =>
      list.every((item, at) => at === 0 || order(list[at - 1], item) <= 0),
    )
    .registerFunction("list.sum(): dyn", (list: List) => {
      if (list.every((item) => typeof item === "bigint")) return list.reduce((sum: bigint, item) => sum + item, 0n);
      return list.reduce((sum: number, item) => sum + numeric(item), 0);
    })
    .registerFunction("list.min(): dyn", (list: List) => extreme(list, -1))
    .registerFunction("list.max(): dyn", (list: List) => extreme(list, 1))
    .registerFunction("list.indexOf(dyn): int", (list: List, wanted: unknown) =>
      BigInt(list.findIndex((item) => isSame(item, wanted))),
    )
    .registerFunction("list.lastIndexOf(dyn): int", (list: List, wanted: unknown) =>
      BigInt(list.findLastIndex((item) => isSame(item, wanted))),
    )
    .registerFunction("list.slice(int, int): list<dyn>", (list: List, from: bigint, to: bigint) => {
      if (from < 0n || to < from || to > list.length) throw new Error(`cannot slice from ${from} to ${to}`);
      return list.slice(Number(from), Number(to));
    })
    .registerFunction("list.flatten(): list<dyn>", (list: List) => list.flat())
    .registerFunction("list.flatten(int): list<dyn>", (list: List, depth: bigint) => list.flat(Number(depth)))
    .registerFunction("list.distinct(): list<dyn>", (list: List) =>
      list.filter((item, at) => list.findIndex((other) => isSame(other, item)) === at),
    )
    .registerFunction("list.reverse(): list<dyn>", (list: List) => list.toReversed())
    .registerFunction("list.sort(): list<dyn>", (list: List) => list.toSorted(order));
  const lists = namespace(environment, "lists");
  environment.registerFunction(`${lists}.range(int): list<int>`, (_: unknown, count: bigint) => {
    if (count > 100_000n) throw new Error(`cannot make a list of ${count}`);
    return Array.from({ length: Math.max(0, Number(count)) }, (_each, at) => BigInt(at));
  });
}

function registerSets(environment: Environment): void {
  const sets = namespace(environment, "sets");
  type List = readonly unknown[];
  const has = (list: List, items: List): boolean => items.every((item) => list.some((each) => isSame(each, item)));
  environment
    .registerFunction(`${sets}.contains(list, list): bool`, (_: unknown, a: List, b: List) => has(a, b))
    .registerFunction(`${sets}.equivalent(list, list): bool`, (_: unknown, a: List, b: List) => has(a, b) && has(b, a))
    .registerFunction(`${sets}.intersects(list, list): bool`, (_: unknown, a: List, b: List) =>
      b.some((item) => a.some((each) => isSame(each, item))),
    );
}

function numeric(value: unknown): number {
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  throw new Error("sum() needs numbers");
}

function extreme(list: readonly unknown[], sign: number): unknown {
  const [first, ...rest] = list;
  if (first === undefined) throw new Error("min() and max() need at least one item");
  return rest.reduce((best, item) => (order(item, best) * sign > 0 ? item : best), first);
}

/** Orders two values of the same type. */
function order(a: unknown, b: unknown): number {
  const ofTypes = `${typeof a} ${typeof b}`;
  if (!/^(?:(?:bigint|number) (?:bigint|number)|string string|boolean boolean)$/.test(ofTypes)) {
    if (!(a instanceof Date && b instanceof Date)) throw new Error("the items of the list cannot be ordered");
  }
  const [x, y] = [a as number, b as number];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Deep equality, of numbers by value. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && [...a].every(([key, item]) => b.has(key) && isSame(item, b.get(key)));
  }
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  const numbers = [a, b].every((value) => typeof value === "bigint" || typeof value === "number");
  return numbers && Number(a) === Number(b);
}
