/** Rules on port numbers and references, which containers, probes and Services share. */
import type { Field } from "./field.ts";
import { checkPortName } from "./names.ts";
import type { Report } from "./report.ts";

/** Checks that an integer is a port number. */
export function checkPortNumber(report: Report, field: Field): void {
  if (field.integer !== undefined && (field.integer < 1 || field.integer > 65_535)) {
    report.error("port-range", field, "it must be between 1 and 65535, inclusive");
  }
}

/** Checks a port that may be a number or the name of a container's port. */
export function checkPortReference(report: Report, field: Field): void {
  checkPortNumber(report, field);
  const wrong = field.text === undefined ? null : checkPortName(field.text);
  if (wrong !== null) {
    const isNumber = field.text !== undefined && /^\d+$/.test(field.text);
    report.error(
      "port-name",
      field,
      wrong,
      isNumber ? { hint: "Remove the quotes: in quotes it is a port's name." } : {},
    );
  }
}
