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
const UINT64_LIMIT = 2n ** 64n;
const NEGATIVE_LIMIT = 2n ** 63n + 1n;
/** Up to here a float holds every integer, so that no digit is lost before the limit is looked at. */
const EXACT = 2 ** 53;
/** Most numbers of a manifest: ports, counts, seconds. */
const USUAL = /^(?:0|[1-9][0-9]{0,14})$/;
/** Go's float syntax, which counts where a number begins with its point: an underscore stands between digits. */
const STRAY_UNDERSCORE = /(?<![0-9])_|_(?![0-9])/;

/** `undefined` when the number fits no 64-bit integer. */
function parseInteger(digits: string): number | undefined {
  const negative = digits.startsWith("-");
  const bare = digits.replace(/^[-+]/, "").toLowerCase();
  const octal = bare.length > 1 && /^0[0-9]/.test(bare);
  const plain = octal ? `0o${bare.slice(1)}` : bare;
  const value = Number(plain);
  if (value >= EXACT && BigInt(plain) >= (negative ? NEGATIVE_LIMIT : UINT64_LIMIT)) return undefined;
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
    return STRAY_UNDERSCORE.test(source) ? undefined : finite(source.replaceAll("_", ""));
  }
  if (!isDigit && first !== 43 && first !== 45) return undefined;
  if (INFINITE.test(source)) return Number.NaN;
  if (USUAL.test(source)) return Number(source);
  const plain = source.includes("_") ? source.replaceAll("_", "") : source;
  if (INTEGER.test(plain)) {
    const value = parseInteger(plain);
    if (value !== undefined) return value;
  }
  // Go reads what follows `0b` as a number of its own, which may have a sign.
  const signed = /^0b([-+][01]+)$/.exec(plain)?.[1];
  if (signed !== undefined) return parseInteger(signed.replace(/^[-+]/, "$&0b"));
  return finite(plain);
}

function finite(text: string): number | undefined {
  if (!FLOAT.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Counts plain scalars that mean something else than they seem to; whoever reads a document compares before and after. */
export const surprising = { count: 0 };

/** Words that are true or false for YAML 1.1 alone. */
const ODD_BOOLEAN = /^[yYnNoO]/;

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
  resolve: (source) => {
    const value = TRUES.has(source) ? true : FALSES.has(source) ? false : NOT_RESOLVED;
    if (value !== NOT_RESOLVED && ODD_BOOLEAN.test(source)) surprising.count++;
    return value;
  },
  identify: (data) => typeof data === "boolean",
});

const intTag = defineScalarTag("tag:yaml.org,2002:int", {
  implicit: true,
  implicitFirstChars: ["-", "+", ".", ...DIGITS],
  resolve: (source, isExplicit) => {
    const value = resolveNumber(source);
    if (value !== undefined && String(value) !== source) surprising.count++;
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
    // Go writes such keys in ways of its own, `.inf` and 1.2345679e+29, or refuses them.
    if (typeof key === "number" && !(Math.abs(key) <= Number.MAX_SAFE_INTEGER)) {
      return "a key must be text: it is a number beyond measure";
    }
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
