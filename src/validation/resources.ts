/** Rules on what a container asks for, and what it may use at most. */
import type { Field } from "./field.ts";
import { parseQuantity } from "./quantity.ts";
import type { Report } from "./report.ts";

const RULE = "resources";
const RESOURCE_NAMES = /^(?:cpu|memory|ephemeral-storage|hugepages-.+|.+\/.+)$/;

/** What nodes give out piece by piece, and so never more than was asked for: devices and huge pages. */
function isCountedOut(name: string): boolean {
  return name.startsWith("hugepages-") || (name.includes("/") && !name.startsWith("kubernetes.io/"));
}

export function checkResources(report: Report, resources: Field): void {
  const limits = resources.at("limits");
  for (const [name, amount] of limits.entries) checkAmount(report, name, amount);
  for (const [name, amount] of resources.at("requests").entries) {
    if (checkAmount(report, name, amount)) checkRequest(report, name, amount, limits.at(name));
  }
}

/** Whether it is an amount that can be compared. */
function checkAmount(report: Report, name: string, amount: Field): boolean {
  if (!RESOURCE_NAMES.test(name)) {
    const clause = "it must be a standard resource type or fully qualified";
    report.say("error", RULE, amount.path, `Cannot use the resource "${name}" as ${clause}`, { at: "key" });
  }
  const value = parseQuantity(amount.value);
  if (value === undefined) return false;
  if (value < 0) report.error(RULE, amount, "it must be greater than or equal to 0");
  else if (isCountedOut(name) && !Number.isInteger(value)) report.error(RULE, amount, "it must be a whole number");
  else return true;
  return false;
}

function checkRequest(report: Report, name: string, amount: Field, limitField: Field): void {
  const value = parseQuantity(amount.value) ?? 0;
  const limit = parseQuantity(limitField.value);
  if (limit !== undefined && value > limit) {
    report.error(RULE, amount, `it must be less than or equal to ${name} limit of ${String(limitField.value)}`);
  } else if (isCountedOut(name) && value !== limit) {
    const clause = limit === undefined ? "it must have a limit that is equal" : "it must be equal to its limit";
    report.error(RULE, amount, clause, { hint: `${name} is given out whole: nobody can use more than asked.` });
  }
}
