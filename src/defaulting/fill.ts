/** Filling in fields without changing what is given: a value that needs nothing is handed back as it is. */

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Adds the fields that are absent or null. */
export function fill(object: Fields, defaults: Fields): Fields {
  return fillWhere(object, defaults, (value) => value === undefined || value === null);
}

/**
 * As `fill`, also where the value is empty (`""`, 0): Go types that are no pointers cannot tell that from absent, so the
 * API server fills those in too.
 */
export function fillEmpty(object: Fields, defaults: Fields): Fields {
  return fillWhere(object, defaults, (value) => value === undefined || value === null || value === "" || value === 0);
}

function fillWhere(object: Fields, defaults: Fields, isMissing: (value: unknown) => boolean): Fields {
  let filled: Record<string, unknown> | undefined;
  for (const key of Object.keys(defaults)) {
    if (!isMissing(object[key])) continue;
    filled ??= { ...object };
    filled[key] = defaults[key];
  }
  return filled ?? object;
}

/** The object with one field changed, when that field holds an object. */
export function within(object: Fields, key: string, change: (value: Fields) => Fields): Fields {
  const value = object[key];
  if (!isFields(value)) return object;
  const changed = change(value);
  return changed === value ? object : { ...object, [key]: changed };
}

/** As `within`, but an absent field counts as an empty object. */
export function withinAlways(object: Fields, key: string, change: (value: Fields) => Fields): Fields {
  return isFields(object[key]) ? within(object, key, change) : { ...object, [key]: change({}) };
}

/** The object with each object of a list changed. */
export function each(object: Fields, key: string, change: (item: Fields) => Fields): Fields {
  const list = object[key];
  if (!Array.isArray(list)) return object;
  let changedList: unknown[] | undefined;
  list.forEach((item: unknown, index) => {
    if (!isFields(item)) return;
    const changed = change(item);
    if (changed === item) return;
    changedList ??= [...list];
    changedList[index] = changed;
  });
  return changedList === undefined ? object : { ...object, [key]: changedList };
}

/** The object without a field. */
export function without(object: Fields, key: string): Fields {
  if (!Object.hasOwn(object, key)) return object;
  const { [key]: _dropped, ...rest } = object;
  return rest;
}

/** A null in a map of text is read as empty text. */
export function textForNull(object: Fields, key: string): Fields {
  return within(object, key, (map) =>
    Object.values(map).includes(null)
      ? Object.fromEntries(Object.entries(map).map(([name, value]) => [name, value ?? ""]))
      : map,
  );
}
