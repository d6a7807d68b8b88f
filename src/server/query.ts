/** Reads query parameters strictly: an unknown or ill-formed one is an error that names it, never silently dropped. */
import { TrueupError } from "../model/errors.ts";

/** Parameters of one request by name, as a route declares them. */
export type ParameterKind = "text" | "flag" | "count";
export type Parameters<Shape extends Readonly<Record<string, ParameterKind>>> = {
  [Name in keyof Shape]:
    | (Shape[Name] extends "text" ? string : Shape[Name] extends "flag" ? boolean : number)
    | undefined;
};

/**
 * Reads a query string against a shape. Empty values count as absent, flags are `true` or `false`, counts whole numbers >= 0.
 *
 * @throws {TrueupError} `usage` for a parameter that the shape lacks, that is repeated, or whose value does not fit
 */
export function readQuery<const Shape extends Readonly<Record<string, ParameterKind>>>(
  query: Readonly<Record<string, unknown>>,
  shape: Shape,
): Parameters<Shape> {
  const values: Record<string, string | boolean | number> = {};
  for (const [name, raw] of Object.entries(query)) {
    const kind = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (kind === undefined) {
      const known = Object.keys(shape).join(", ") || "none";
      throw new TrueupError("usage", `Cannot read the parameter "${name}" as it must be one of: ${known}.`);
    }
    if (typeof raw !== "string") {
      throw new TrueupError("usage", `Cannot read the parameter "${name}" as it must be given once.`);
    }
    if (raw !== "") values[name] = readValue(name, raw, kind);
  }
  return values as Parameters<Shape>;
}

function readValue(name: string, raw: string, kind: ParameterKind): string | boolean | number {
  switch (kind) {
    case "text":
      return raw;
    case "flag":
      if (raw === "true" || raw === "false") return raw === "true";
      throw new TrueupError(
        "usage",
        `Cannot read the parameter "${name}" as it must be true or false: it is "${raw}".`,
      );
    case "count":
      if (/^\d{1,9}$/.test(raw)) return Number(raw);
      throw new TrueupError(
        "usage",
        `Cannot read the parameter "${name}" as it must be a whole number: it is "${raw}".`,
      );
    default:
      return kind satisfies never;
  }
}
