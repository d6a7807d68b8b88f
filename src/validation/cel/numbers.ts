/** Quantities and semantic versions in expressions: `quantity()`, `semver()` and what is asked of them. */
import type { Environment } from "@marcbachmann/cel-js";

const QUANTITY = "kubernetes.Quantity";
const SEMVER = "kubernetes.Semver";
/** Quantities are exact to a billionth, as Kubernetes keeps them. */
const ONE = 1_000_000_000n;
const DECIMAL = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/** Exponents beyond this make numbers that Kubernetes caps. */
const LARGEST_EXPONENT = 30;

class Quantity {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

function parseQuantity(text: string): Quantity | undefined {
  if (text.length > 100) return undefined;
  const parts = /^([+-]?)(\d*)(?:\.(\d*))?(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?\d{1,9}))?$/.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = "", fraction = "", suffix = "", exponent = "0"] = parts;
  if (whole + fraction === "") return undefined;
  const digits = BigInt(whole + fraction);
  const binary = BINARY.indexOf(suffix);
  const power = binary > 0 ? 0 : (DECIMAL.indexOf(suffix) - 3) * 3 + Number(exponent);
  if (power > LARGEST_EXPONENT) return undefined;
  const scale = binary > 0 ? 1n << BigInt(10 * binary) : 1n;
  const places = BigInt(9 + power - fraction.length);
  const raw = digits * scale;
  // Rounded up, away from zero.
  const down = 10n ** (places < 0n ? -places : 0n);
  const nanos = places >= 0n ? raw * 10n ** places : (raw + down - 1n) / down;
  return new Quantity(sign === "-" ? -nanos : nanos);
}

function quantity(text: string): Quantity {
  const parsed = parseQuantity(text);
  if (parsed === undefined) throw new Error("the text is no quantity");
  return parsed;
}

class Version {
  readonly numbers: readonly bigint[];
  readonly before: readonly string[];

  constructor(numbers: readonly bigint[], before: readonly string[]) {
    this.numbers = numbers;
    this.before = before;
  }
}

function parseVersion(text: string): Version | undefined {
  const number = "(0|[1-9]\\d{0,18})";
  const name = "(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)";
  const form = new RegExp(
    `^${number}\\.${number}\\.${number}(?:-(${name}(?:\\.${name})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
  );
  const parts = text.length > 256 ? null : form.exec(text);
  if (parts === null) return undefined;
  return new Version(parts.slice(1, 4).map(BigInt), parts[4]?.split(".") ?? []);
}

/** As people write them: `v1.2`, `01.2.3`. */
function normalised(text: string): string {
  const [, numbers = "", rest = ""] = /^v?([0-9.]*)(.*)$/s.exec(text) ?? [];
  const parts = numbers.split(".").map((part) => part.replace(/^0+(?=\d)/, ""));
  while (parts.length < 3 && parts.every((part) => part !== "")) parts.push("0");
  return parts.join(".") + rest;
}

function version(text: string): Version {
  const parsed = parseVersion(text);
  if (parsed === undefined) throw new Error("the text is no semantic version");
  return parsed;
}

function compareVersions(a: Version, b: Version): number {
  for (const [at, number] of a.numbers.entries()) {
    const other = b.numbers[at] ?? 0n;
    if (number !== other) return number < other ? -1 : 1;
  }
  if (a.before.length === 0 || b.before.length === 0) return Math.sign(b.before.length - a.before.length);
  for (const [at, part] of a.before.entries()) {
    const other = b.before[at];
    if (other === undefined) return 1;
    const sign = comparePart(part, other);
    if (sign !== 0) return sign;
  }
  return a.before.length < b.before.length ? -1 : 0;
}

function comparePart(a: string, b: string): number {
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  const [x, y] = isNumberA ? [BigInt(a), BigInt(b)] : [a, b];
  return x < y ? -1 : x > y ? 1 : 0;
}

export function registerNumbers(environment: Environment): void {
  registerQuantities(environment);
  registerVersions(environment);
}

function registerQuantities(environment: Environment): void {
  const compare = (a: Quantity, b: Quantity): bigint => (a.nanos < b.nanos ? -1n : a.nanos > b.nanos ? 1n : 0n);
  environment
    .registerType(QUANTITY, { ctor: Quantity, fields: {} })
    .registerFunction(`quantity(string): ${QUANTITY}`, quantity)
    .registerFunction("isQuantity(string): bool", (text: string) => parseQuantity(text) !== undefined)
    .registerFunction(`${QUANTITY}.sign(): int`, (of: Quantity) => compare(of, new Quantity(0n)))
    .registerFunction(`${QUANTITY}.isInteger(): bool`, ({ nanos }: Quantity) => nanos % ONE === 0n)
    .registerFunction(`${QUANTITY}.asInteger(): int`, ({ nanos }: Quantity) => {
      if (nanos % ONE !== 0n) throw new Error("the quantity is no integer");
      return nanos / ONE;
    })
    .registerFunction(`${QUANTITY}.asApproximateFloat(): double`, ({ nanos }: Quantity) => Number(nanos) / 1e9)
    .registerFunction(`${QUANTITY}.isGreaterThan(${QUANTITY}): bool`, (a: Quantity, b: Quantity) => a.nanos > b.nanos)
    .registerFunction(`${QUANTITY}.isLessThan(${QUANTITY}): bool`, (a: Quantity, b: Quantity) => a.nanos < b.nanos)
    .registerFunction(`${QUANTITY}.compareTo(${QUANTITY}): int`, compare)
    .registerFunction(
      `${QUANTITY}.add(${QUANTITY}): ${QUANTITY}`,
      (a: Quantity, b: Quantity) => new Quantity(a.nanos + b.nanos),
    )
    .registerFunction(`${QUANTITY}.add(int): ${QUANTITY}`, (a: Quantity, b: bigint) => new Quantity(a.nanos + b * ONE))
    .registerFunction(
      `${QUANTITY}.sub(${QUANTITY}): ${QUANTITY}`,
      (a: Quantity, b: Quantity) => new Quantity(a.nanos - b.nanos),
    )
    .registerFunction(`${QUANTITY}.sub(int): ${QUANTITY}`, (a: Quantity, b: bigint) => new Quantity(a.nanos - b * ONE))
    .registerOperator(`${QUANTITY} == ${QUANTITY}`, (a: Quantity, b: Quantity) => a.nanos === b.nanos);
}

function registerVersions(environment: Environment): void {
  environment
    .registerType(SEMVER, { ctor: Version, fields: {} })
    .registerFunction(`semver(string): ${SEMVER}`, version)
    .registerFunction(`semver(string, bool): ${SEMVER}`, (text: string, loose: boolean) =>
      version(loose ? normalised(text) : text),
    )
    .registerFunction("isSemver(string): bool", (text: string) => parseVersion(text) !== undefined)
    .registerFunction(
      "isSemver(string, bool): bool",
      (text: string, loose: boolean) => parseVersion(loose ? normalised(text) : text) !== undefined,
    )
    .registerFunction(`${SEMVER}.major(): int`, ({ numbers }: Version) => numbers[0] ?? 0n)
    .registerFunction(`${SEMVER}.minor(): int`, ({ numbers }: Version) => numbers[1] ?? 0n)
    .registerFunction(`${SEMVER}.patch(): int`, ({ numbers }: Version) => numbers[2] ?? 0n)
    .registerFunction(`${SEMVER}.isGreaterThan(${SEMVER}): bool`, (a: Version, b: Version) => compareVersions(a, b) > 0)
    .registerFunction(`${SEMVER}.isLessThan(${SEMVER}): bool`, (a: Version, b: Version) => compareVersions(a, b) < 0)
    .registerFunction(`${SEMVER}.compareTo(${SEMVER}): int`, (a: Version, b: Version) => BigInt(compareVersions(a, b)))
    .registerOperator(`${SEMVER} == ${SEMVER}`, (a: Version, b: Version) => compareVersions(a, b) === 0);
}
