/** Where in git the fields are that a backend refused. Pure. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { TrueupError } from "../model/errors.ts";
import type { Declared } from "../model/manifest.ts";
import { displayId } from "../model/object.ts";
import { fieldPathOf } from "../plan/places.ts";

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
    const location = declared.locate(fieldPathOf(declared.object, fields[0]?.path ?? ""));
    return [{ ...common, message: error.message.replace(/\.$/, ""), location }];
  }
  return fields.slice(0, MOST_FIELDS).map(({ path, message }) => ({
    ...common,
    message: `Cannot apply ${displayId(declared.id)} as ${path} is refused${message === "" ? "" : `: ${message}`}`,
    location: declared.locate(fieldPathOf(declared.object, path)),
  }));
}
