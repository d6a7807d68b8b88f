/** YAML as Kubernetes reads it: 1.1 scalars by the rules of its Go library, string keys only, no exotic tags. */
import {
  boolJsonTag,
  defineScalarTag,
  floatJsonTag,
  intJsonTag,
  mapTag,
  NOT_RESOLVED,
  nullJsonTag,
  Schema,
  seqTag,
  strTag,
  mergeTag as yamlMergeTag,
} from "js-yaml";

const NULLS = new Set(["", "~", "null", "Null", "NULL"]);
const TRUES = new Set(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"]);
const FALSES = new Set(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"]);
const INFINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const INTEGER = /^[-+]?(?:0[bB][01]+|0[oO][0-7]+|0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
/** Beyond this a number in a base other than ten is text: it fits no 64-bit integer. */
const UINT64_LIMIT = 2 ** 64;

function parseInteger(digits: string): number {
  const negative = digits.startsWith("-");
  const bare = digits.replace(/^[-+]/, "");
  let value: number;
  if (/^0[bBoOxX]/.test(bare)) value = Number(bare.toLowerCase());
  else if (bare.length > 1 && bare.startsWith("0")) value = Number.parseInt(bare, 8);
  else value = Number(bare);
  return negative && value !== 0 ? -value : value;
}

/**
 * A number, as `go.yaml.in/yaml/v2` `resolve` finds it: underscores are dropped, a leading 0 means octal, sexagesimal
 * numbers do not exist (`22:22` is text). `undefined` when the text is no number.
 */
function resolveNumber(source: string): number | undefined {
  const first = source.charCodeAt(0);
  const isDigit = first >= 48 && first <= 57;
  if (first === 46) {
    if (INFINITE.test(source)) return Number.NaN;
    return finite(source);
  }
  if (!isDigit && first !== 43 && first !== 45) return undefined;
  if (INFINITE.test(source)) return Number.NaN;
  const plain = source.includes("_") ? source.replaceAll("_", "") : source;
  if (INTEGER.test(plain)) {
    const value = parseInteger(plain);
    if (Math.abs(value) < UINT64_LIMIT) return value;
  }
  return finite(plain);
}

function finite(text: string): number | undefined {
  if (!FLOAT.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** What a plain (unquoted, untagged) scalar means. Infinities and NaN come back as NaN, which no object may hold. */
export function resolvePlain(source: string): null | boolean | number | string {
  if (NULLS.has(source)) return null;
  if (TRUES.has(source)) return true;
  if (FALSES.has(source)) return false;
  return resolveNumber(source) ?? source;
}

const DIGITS = [..."0123456789"];

const nullTag = defineScalarTag("tag:yaml.org,2002:null", {
  implicit: true,
  implicitFirstChars: ["", "~", "n", "N"],
  resolve: (source) => (NULLS.has(source) ? null : NOT_RESOLVED),
  identify: (data) => data === null,
});

const boolTag = defineScalarTag("tag:yaml.org,2002:bool", {
  implicit: true,
  implicitFirstChars: [..."yYnNtTfFoO"],
  resolve: (source) => (TRUES.has(source) ? true : FALSES.has(source) ? false : NOT_RESOLVED),
  identify: (data) => typeof data === "boolean",
});

const intTag = defineScalarTag("tag:yaml.org,2002:int", {
  implicit: true,
  implicitFirstChars: ["-", "+", ".", ...DIGITS],
  resolve: (source, isExplicit) => {
    const value = resolveNumber(source);
    return value === undefined || (isExplicit && !Number.isInteger(value)) ? NOT_RESOLVED : value;
  },
  identify: (data) => typeof data === "number",
});

/** Never found by itself, as `intTag` finds all numbers; there for an explicit `!!float`. */
const floatTag = defineScalarTag("tag:yaml.org,2002:float", {
  resolve: (source) => resolveNumber(source) ?? NOT_RESOLVED,
  identify: () => false,
});

const timestampTag = defineScalarTag("tag:yaml.org,2002:timestamp", {
  resolve: (source) => source,
  identify: () => false,
});

const binaryTag = defineScalarTag("tag:yaml.org,2002:binary", {
  resolve: (source) => {
    const compact = source.replace(/\s/g, "");
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact) || compact.length % 4 !== 0) return NOT_RESOLVED;
    const bytes = Buffer.from(compact, "base64");
    const text = bytes.toString("utf8");
    return Buffer.from(text, "utf8").equals(bytes) ? text : NOT_RESOLVED;
  },
  identify: () => false,
});

/** Objects with text keys. `__proto__` is refused: no field of any object is called so, and assigning it is never meant. */
const objectTag: typeof mapTag = {
  ...mapTag,
  addPair: (carrier, key, value) => {
    if (key === null || typeof key === "object") return "a key must be text: it is empty or a collection";
    if (key === "__proto__") return "a key must be a field's name: it is __proto__";
    if (typeof value === "number" && !Number.isFinite(value)) return "a number must be finite: it is infinite or NaN";
    carrier[String(key)] = value;
    return "";
  },
};

const listTag: typeof seqTag = {
  ...seqTag,
  addItem: (carrier, item) => {
    if (typeof item === "number" && !Number.isFinite(item)) return "a number must be finite: it is infinite or NaN";
    carrier.push(item);
    return "";
  },
};

/** For YAML files. */
export const MANIFEST_SCHEMA = new Schema([
  strTag,
  listTag,
  objectTag,
  nullTag,
  boolTag,
  intTag,
  floatTag,
  timestampTag,
  binaryTag,
  yamlMergeTag,
]);

/** For JSON files, in which a number such as `1e3` is always a number. */
export const JSON_MANIFEST_SCHEMA = new Schema([
  strTag,
  listTag,
  objectTag,
  nullJsonTag,
  boolJsonTag,
  intJsonTag,
  floatJsonTag,
]);
