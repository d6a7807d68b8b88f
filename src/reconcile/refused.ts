/** Where in git the fields are that a backend refused. Pure. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { TrueupError } from "../model/errors.ts";
import type { Declared, FieldPath } from "../model/manifest.ts";
import { displayId } from "../model/object.ts";

/** More would be the same fault many times over. */
const MOST_FIELDS = 20;

/**
 * What a backend refused of an object, each field at its place; at the object's own where it names none. The backend's
 * sentence stays whole where it is about one field; of several, each is told by itself.
 */
export function refusedFields(error: TrueupError, declared: Declared): Diagnostic[] {
  const { fields, hint } = error;
  const common = {
    severity: "error",
    rule: "refused-by-backend",
    object: declared.id,
    ...(hint !== undefined && { hint }),
  } as const;
  if (fields.length < 2) {
    const location = declared.locate(pathInSource(declared.object, fields[0]?.path ?? ""));
    return [{ ...common, message: error.message.replace(/\.$/, ""), location }];
  }
  return fields.slice(0, MOST_FIELDS).map(({ path, message }) => ({
    ...common,
    message: `Cannot apply ${displayId(declared.id)} as ${path} is refused${message === "" ? "" : `: ${message}`}`,
    location: declared.locate(pathInSource(declared.object, path)),
  }));
}

/**
 * A field as a server names it, as far as the declared object has it: `spec.containers[0].image`, `data[a.b/c]`,
 * `env[name="A"].value`. What the server counts may count differently here, so that a place is the nearest one.
 */
export function pathInSource(object: unknown, text: string): FieldPath {
  const path: (string | number)[] = [];
  let value = object;
  for (const [, name, quoted, bracketed] of text.matchAll(/\.?([^.[\]]+)|\["((?:[^"\\]|\\.)*)"\]|\[([^\]]*)\]/g)) {
    const step = stepInto(value, name ?? quoted ?? bracketed ?? "");
    if (step === null) break;
    path.push(step);
    value = (value as Record<string | number, unknown>)[step];
  }
  return path;
}

function stepInto(value: unknown, step: string): string | number | null {
  if (!Array.isArray(value)) {
    const isField = typeof value === "object" && value !== null && Object.hasOwn(value, step);
    return isField ? step : null;
  }
  const keyed = /^([^=]+)="?([^"]*)"?$/.exec(step);
  const index =
    keyed === null
      ? Number(step)
      : value.findIndex((item) => String((item as Record<string, unknown> | null)?.[keyed[1] ?? ""]) === keyed[2]);
  return Number.isInteger(index) && index >= 0 && index < value.length ? index : null;
}
