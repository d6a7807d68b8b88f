/** Resource quantities as the API server writes them back: `1000m` is `1`, `0.5` is `500m`, `1024Mi` is `1Gi`. */

const DECIMAL = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/** Exponents beyond this are no quantity anybody means, and would make enormous integers. */
const LARGEST_EXPONENT = 30;
/** A thousandth, in billionths. */
const MILLI = 1_000_000n;

/**
 * The canonical form of a quantity: no fraction is left, the largest suffix that keeps it a whole number is used, and the
 * family (decimal or binary) stays. What cannot be read is handed back as it is: validation says what is wrong with it.
 *
 * @see Kubernetes apimachinery/pkg/api/resource, Quantity.CanonicalizeBytes
 */
export function canonicalQuantity(value: unknown): unknown {
  return spelled(value, 1n);
}

/** The amounts of a list of resources in their canonical form; the API server rounds these up to thousandths. */
export function canonicalAmounts(amounts: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  let changed: Record<string, unknown> | undefined;
  for (const [name, amount] of Object.entries(amounts)) {
    const canonical = spelled(amount, MILLI);
    if (canonical === amount) continue;
    changed ??= { ...amounts };
    changed[name] = canonical;
  }
  return changed ?? amounts;
}

/** @param unit In billionths: the amount is rounded up to a whole number of it */
function spelled(value: unknown, unit: bigint): unknown {
  if (typeof value !== "string" && typeof value !== "number") return value;
  const match =
    /^(?<sign>[+-]?)(?<whole>\d*)(?:\.(?<fraction>\d*))?(?:[eE](?<exponent>[+-]?\d+)|(?<suffix>[KMGTPE]i|[numkMGTPE]))?$/.exec(
      String(value),
    );
  const { sign = "", whole = "", fraction = "", exponent, suffix = "" } = match?.groups ?? {};
  if (match === null || whole + fraction === "" || fraction.length > LARGEST_EXPONENT) return value;
  if (exponent !== undefined && Math.abs(Number(exponent)) > LARGEST_EXPONENT) return value;

  const binary = BINARY.indexOf(suffix);
  const thousands = 3 * (DECIMAL.indexOf(suffix) - 3);
  const digits = BigInt(whole + fraction) * (binary > 0 ? 1024n ** BigInt(binary) : 1n);
  const power = (binary > 0 ? 0 : thousands) + Number(exponent ?? 0) - fraction.length;
  const exact = toNano(digits, power);
  const nano = ((exact + unit - 1n) / unit) * unit;
  const text = binary > 0 ? inBinary(nano) : exponent === undefined ? inDecimal(nano) : inExponents(nano);
  return nano === 0n ? "0" : `${sign === "-" ? "-" : ""}${text}`;
}

/** Billionths, rounded up: the smallest amount that a quantity can hold. */
function toNano(digits: bigint, power: number): bigint {
  const tens = 9 + power;
  if (tens >= 0) return digits * 10n ** BigInt(tens);
  const by = 10n ** BigInt(-tens);
  return (digits + by - 1n) / by;
}

function inDecimal(nano: bigint): string {
  const [rest, steps] = divideOut(nano, 1000n, DECIMAL.length - 1);
  return `${rest}${DECIMAL[steps] ?? ""}`;
}

function inExponents(nano: bigint): string {
  const [rest, steps] = divideOut(nano, 1000n, Number.POSITIVE_INFINITY);
  return steps === 3 ? String(rest) : `${rest}e${(steps - 3) * 3}`;
}

/** Binary suffixes are kept from 1024 up and for whole numbers only; the rest is written in decimal. */
function inBinary(nano: bigint): string {
  const unit = 10n ** 9n;
  if (nano % unit !== 0n || nano / unit < 1024n) return inDecimal(nano);
  const [rest, steps] = divideOut(nano / unit, 1024n, BINARY.length - 1);
  return `${rest}${BINARY[steps] ?? ""}`;
}

function divideOut(value: bigint, by: bigint, limit: number): [rest: bigint, steps: number] {
  let rest = value;
  let steps = 0;
  while (rest !== 0n && steps < limit && rest % by === 0n) {
    rest /= by;
    steps++;
  }
  return [rest, steps];
}
