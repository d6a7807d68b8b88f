/**
 * Order of resourceVersions. Pure.
 *
 * They are opaque by old contract, and decimal numbers that grow with each write on every server there is; since
 * Kubernetes 1.35 the documentation allows clients to compare them so ("Resource versions", API concepts).
 */

const DECIMAL = /^[0-9]+$/;

/** Whether `a` certainly is newer than `b`; what is no number cannot be compared, and is not. */
export function isNewer(a: string, b: string): boolean {
  if (!DECIMAL.test(a) || !DECIMAL.test(b)) return false;
  const [x, y] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  // No leading zeros: more digits are more, and equally many compare as text.
  return x.length === y.length ? x > y : x.length > y.length;
}
