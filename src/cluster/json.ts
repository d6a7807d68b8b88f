/** JSON values that cannot change: copies that are frozen throughout, and comparison by content. */
import { TrueupError } from "../model/errors.ts";

/**
 * A deeply frozen copy without `undefined` fields: exactly what would be read back from the database.
 *
 * A value that is frozen is taken to be frozen throughout and handed back as it is, so that a change to one field of a
 * stored object copies only the way to that field.
 *
 * @throws {TrueupError} `internal` When the value is no JSON
 */
export function frozenCopy<T>(value: T): T {
  return frozen(value) as T;
}

function frozen(value: unknown): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (Number.isFinite(value)) return value;
      break;
    case "object":
      if (value === null || Object.isFrozen(value)) return value;
      if (Array.isArray(value)) return Object.freeze(value.map(frozen));
      if (isPlain(value)) return frozenRecord(value);
      break;
  }
  throw new TrueupError("internal", `Cannot store a value as it must be JSON: it is ${describe(value)}.`);
}

function frozenRecord(value: object): object {
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    // Assigning to `__proto__` would change the copy's prototype instead of storing the field.
    if (key === "__proto__") Object.defineProperty(copy, key, { value: frozen(member), enumerable: true });
    else copy[key] = frozen(member);
  }
  return Object.freeze(copy);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function describe(value: unknown): string {
  return typeof value === "object" && value !== null
    ? `a ${value.constructor?.name ?? "object"}`
    : typeof value === "number"
      ? String(value)
      : `a ${typeof value}`;
}

/** Freezes a value that nobody else holds, in place: what `JSON.parse` returned. */
export function freezeParsed<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const member of Object.values(value)) freezeParsed(member);
    Object.freeze(value);
  }
  return value;
}

/** Whether two JSON values are equal by content; the order of fields does not count, `undefined` fields are absent. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => sameJson(item, b[index]));
  }
  return sameRecord(a as Record<string, unknown>, b as Record<string, unknown>);
}

function sameRecord(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  let fields = 0;
  for (const key of Object.keys(a)) {
    if (a[key] === undefined) continue;
    if (!Object.hasOwn(b, key) || !sameJson(a[key], b[key])) return false;
    fields++;
  }
  for (const key of Object.keys(b)) if (b[key] !== undefined) fields--;
  return fields === 0;
}
