/** Rules on LimitRanges and ResourceQuotas: which resources, and amounts that fit each other. */
import type { Field } from "./field.ts";
import { checkQualifiedName } from "./names.ts";
import { parseQuantity } from "./quantity.ts";
import type { Report } from "./report.ts";

const RULE = "quota";
const QUOTA_NAMES =
  /^(?:(?:requests\.|limits\.)?(?:cpu|memory|ephemeral-storage)|requests\.storage|(?:requests\.)?hugepages-.+|pods|resourcequotas|services|replicationcontrollers|secrets|persistentvolumeclaims|configmaps|services\.(?:nodeports|loadbalancers)|.+\/.+)$/;
/** Amounts of things that are counted: there are no halves. */
const COUNTED =
  /^(?:pods|resourcequotas|services(?:\..+)?|replicationcontrollers|secrets|persistentvolumeclaims|configmaps|count\/.+|(?!requests\.|limits\.).+\/.+)$/;
const SCOPES = [
  "BestEffort",
  "CrossNamespacePodAffinity",
  "NotBestEffort",
  "NotTerminating",
  "PriorityClass",
  "Terminating",
  "VolumeAttributesClass",
];

export function checkResourceQuota(report: Report, root: Field): void {
  const spec = root.at("spec");
  for (const [name, amount] of spec.at("hard").entries) {
    if (!QUOTA_NAMES.test(name)) {
      const message = `Cannot use the resource "${name}" as it must be a standard resource for quota or fully qualified`;
      report.say("error", RULE, amount.path, message, { at: "key" });
    }
    const value = parseQuantity(amount.value);
    if (value === undefined) continue;
    if (value < 0) report.error(RULE, amount, "it must be greater than or equal to 0");
    else if (COUNTED.test(name) && !Number.isInteger(value)) report.error(RULE, amount, "it must be an integer");
  }
  for (const scope of spec.at("scopes").items) report.oneOf(scope, SCOPES);
}

export function checkLimitRange(report: Report, root: Field): void {
  const seen = new Set<string>();
  for (const limit of root.at("spec", "limits").items) {
    const type = limit.at("type");
    if (type.text?.includes("/") === false) report.oneOf(type, ["Container", "PersistentVolumeClaim", "Pod"]);
    else if (type.text !== undefined && checkQualifiedName(type.text) !== null) {
      report.error(RULE, type, "it must be a standard limit type or fully qualified");
    }
    if (type.text !== undefined && seen.has(type.text)) report.error(RULE, type, "each type must be given once");
    seen.add(type.text ?? "");
    checkLimitItem(report, limit, type.text ?? "");
  }
}

/** Amounts in their order: what is on the left may not be more than what is on the right. */
const ORDER = [
  ["min", "max"],
  ["min", "defaultRequest"],
  ["defaultRequest", "max"],
  ["defaultRequest", "default"],
  ["min", "default"],
  ["default", "max"],
] as const;

function checkLimitItem(report: Report, limit: Field, type: string): void {
  if (type === "Pod") {
    for (const key of ["default", "defaultRequest"]) {
      const field = limit.at(key);
      if (field.entries.length > 0)
        report.say("error", RULE, field.path, `Cannot use ${field.name} as it may not be given for type Pod`, {
          at: "key",
        });
    }
  }
  if (type === "PersistentVolumeClaim" && !["min", "max"].some((key) => limit.at(key, "storage").isGiven)) {
    report.say(
      "error",
      RULE,
      limit.path,
      `Cannot use ${limit.name} as min or max must be given for storage: neither is`,
      {},
    );
  }
  for (const [low, high] of ORDER) {
    if (type === "Pod" && (low === "defaultRequest" || high.startsWith("default"))) continue;
    for (const [name, least] of limit.at(low).entries) {
      const most = limit.at(high).at(name);
      const [a, b] = [parseQuantity(least.value), parseQuantity(most.value)];
      if (a !== undefined && b !== undefined && a > b) {
        report.error(RULE, least, `it must not be greater than ${high} (${String(most.value)})`);
      }
    }
  }
  for (const [, ratio] of limit.at("maxLimitRequestRatio").entries) {
    if ((parseQuantity(ratio.value) ?? 1) < 1) report.error(RULE, ratio, "it must not be less than 1");
  }
}
