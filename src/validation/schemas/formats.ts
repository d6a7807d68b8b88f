/** What a value of each format looks like. Must say what the compiled checks say (scripts/schemas/checks.ts has its own copy). */

/** `resource.ParseQuantity`: a decimal number with a binary, decimal or exponent suffix. */
const QUANTITY = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/;
/** RFC 3339, as Go's time.Parse reads it. */
const DATE_TIME =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:[.,]\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Whether a value that has the right type has the format too; formats that nobody checks hold always. */
export function hasFormat(value: unknown, format: string): boolean {
  if (typeof value === "number") {
    if (format === "int32") return value >= -(2 ** 31) && value <= 2 ** 31 - 1;
    return format !== "int64" || (value >= -(2 ** 63) && value < 2 ** 63);
  }
  if (typeof value !== "string") return true;
  switch (format) {
    case "quantity":
      return QUANTITY.test(value);
    case "date-time":
      return DATE_TIME.test(value);
    case "byte":
      return BASE64.test(value.replace(/[\r\n]/g, ""));
    default:
      return true;
  }
}
