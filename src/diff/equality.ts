/** When two spellings mean the same value to the API server: quantities, numbers written as text. */

/** Maps whose values are quantities, and fields that are one. */
const QUANTITY_MAP =
  /\.(?:resources\.(?:limits|requests)|overhead|capacity|hard|limits\[\]\.(?:max|min|default|defaultRequest))\..+$/;
const QUANTITY_FIELD = /\.(?:sizeLimit|divisor|averageValue)$/;
const INT_OR_STRING = /\.(?:targetPort|port|maxSurge|maxUnavailable|minAvailable)$/;

const SUFFIXES: Readonly<Record<string, readonly [base: bigint, exponent: number]>> = {
  n: [10n, -9],
  u: [10n, -6],
  m: [10n, -3],
  "": [10n, 0],
  k: [10n, 3],
  M: [10n, 6],
  G: [10n, 9],
  T: [10n, 12],
  P: [10n, 15],
  E: [10n, 18],
  Ki: [2n, 10],
  Mi: [2n, 20],
  Gi: [2n, 30],
  Ti: [2n, 40],
  Pi: [2n, 50],
  Ei: [2n, 60],
};

/** Decimal exponents beyond this are no quantity anybody means, and would make enormous integers. */
const LARGEST_EXPONENT = 30;

/**
 * A quantity in billionths, rounded up as the API server rounds, or `null` when the value is none.
 * `1000m`, `1`, `1.0` and `1e0` are all 1,000,000,000.
 *
 * @see Kubernetes apimachinery/pkg/api/resource, the grammar above type Quantity
 */
export function quantityInNano(value: unknown): bigint | null {
  if (typeof value !== "string" && typeof value !== "number") return null;
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i))?$/.exec(String(value));
  if (match === null) return null;
  const [, sign = "", whole = "", fraction = "", exponent = "", suffix = ""] = match;
  if (whole === "" && fraction === "") return null;
  const [base, power] = SUFFIXES[suffix] ?? [10n, 0];
  const decimal = exponent === "" ? 0 : Number(exponent.slice(1));
  if (Math.abs(decimal) > LARGEST_EXPONENT || fraction.length > LARGEST_EXPONENT) return null;
  const tens = 9 + decimal - fraction.length + (base === 10n ? power : 0);
  let nano = BigInt(whole + fraction) * (base === 2n ? 2n ** BigInt(power) : 1n);
  if (tens >= 0) nano *= 10n ** BigInt(tens);
  else nano = ceilDivide(nano, 10n ** BigInt(-tens));
  return sign === "-" ? -nano : nano;
}

/**
 * Whether two scalars at a path mean the same.
 *
 * @param path Field names joined with dots, `[]` for the items of lists
 */
export function sameScalar(path: string, a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === "object" || typeof b === "object") return false;
  if (QUANTITY_MAP.test(path) || QUANTITY_FIELD.test(path)) {
    const left = quantityInNano(a);
    return left !== null && left === quantityInNano(b);
  }
  return INT_OR_STRING.test(path) && isWholeNumber(a) && isWholeNumber(b) && Number(a) === Number(b);
}

function isWholeNumber(value: unknown): boolean {
  return typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value));
}

function ceilDivide(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}
