/** A cursor over plain JSON that never throws on a wrong type, so that rules can run beside schema faults. */
import { type FieldPath, formatFieldPath } from "../model/manifest.ts";

export class Field {
  readonly value: unknown;
  readonly #above: Field | undefined;
  readonly #key: string | number;
  #path: FieldPath | undefined;

  constructor(value: unknown, path: FieldPath = [], above?: Field, key: string | number = "") {
    this.value = value;
    this.#above = above;
    this.#key = key;
    this.#path = above === undefined ? path : undefined;
  }

  /** Put together when somebody asks: of most fields nothing is said. */
  get path(): FieldPath {
    this.#path ??= this.#above === undefined ? [] : [...this.#above.path, this.#key];
    return this.#path;
  }

  /** The field's name in messages. */
  get name(): string {
    return formatFieldPath(this.path);
  }

  /** Given, and not `null`, which Kubernetes reads as not given. */
  get isGiven(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  get record(): Readonly<Record<string, unknown>> | undefined {
    const { value } = this;
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  }

  get text(): string | undefined {
    return typeof this.value === "string" ? this.value : undefined;
  }

  get integer(): number | undefined {
    return typeof this.value === "number" && Number.isInteger(this.value) ? this.value : undefined;
  }

  /** The field under a key; keys with several parts are walked. */
  at(...keys: string[]): Field {
    let field: Field = this;
    for (const key of keys) {
      const record = field.record;
      const value = record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
      field = new Field(value, undefined, field, key);
    }
    return field;
  }

  /** Items of a list; none of anything else. */
  get items(): Field[] {
    return Array.isArray(this.value) ? this.value.map((item, at) => new Field(item, undefined, this, at)) : [];
  }

  /** Entries of a mapping; none of anything else. */
  get entries(): [string, Field][] {
    return Object.entries(this.record ?? {}).map(([key, value]) => [key, new Field(value, undefined, this, key)]);
  }
}

/** The value with every `null` field left out, as Kubernetes reads it; the same instance when there is none. */
export function withoutNulls(value: unknown): unknown {
  return holdsNull(value) ? copyWithoutNulls(value) : value;
}

/** Asked first, as hardly any object has one, and copying is several times as slow. */
function holdsNull(value: unknown): boolean {
  if (typeof value !== "object") return false;
  if (value === null) return true;
  if (Array.isArray(value)) return value.some(holdsNull);
  for (const key in value) if (holdsNull((value as Record<string, unknown>)[key])) return true;
  return false;
}

function copyWithoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(copyWithoutNulls);
    return items.every((item, at) => item === value[at]) ? value : items;
  }
  if (typeof value !== "object" || value === null) return value;
  let changed = false;
  const kept: [string, unknown][] = [];
  for (const [key, part] of Object.entries(value)) {
    if (part === null) {
      changed = true;
      continue;
    }
    const clean = copyWithoutNulls(part);
    changed ||= clean !== part;
    kept.push([key, clean]);
  }
  return changed ? Object.fromEntries(kept) : value;
}
