/** Rules on PersistentVolumeClaims, by themselves and as templates of a StatefulSet. */
import type { Field } from "./field.ts";
import { checkName } from "./metadata.ts";
import { checkSubdomain } from "./names.ts";
import { parseQuantity } from "./quantity.ts";
import type { Report } from "./report.ts";
import type { RuleId } from "./rules.ts";
import { checkSelector } from "./selector.ts";

const RULE = "volume-claim";
const ACCESS_MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

export function checkClaim(report: Report, root: Field): void {
  checkClaimSpec(report, root.at("spec"));
}

/** Checks what a claim asks for. */
export function checkClaimSpec(report: Report, spec: Field): void {
  checkAccessModes(report, spec.at("accessModes"), RULE);
  checkSelector(report, spec.at("selector"));
  checkStorage(report, spec.at("resources", "requests", "storage"));
  const storageClass = spec.at("storageClassName");
  // An empty name is a choice of its own: no class, and so no provisioning.
  if (storageClass.value !== "") checkName(report, storageClass, checkSubdomain);
  report.oneOf(spec.at("volumeMode"), ["Block", "Filesystem"]);
  checkDataSources(report, spec.at("dataSource"), spec.at("dataSourceRef"));
}

/** Checks who may use a volume, or a claim to one, at the same time. */
export function checkAccessModes(report: Report, modes: Field, rule: RuleId): void {
  const { items } = modes;
  if (!modes.isGiven) report.missing(rule, modes, { hint: "Most claims want [ReadWriteOnce]." });
  else if (Array.isArray(modes.value) && items.length === 0) {
    report.error(rule, modes, "at least 1 access mode is required");
  }
  for (const mode of items) report.oneOf(mode, ACCESS_MODES);
  if (items.length > 1 && items.some(({ text }) => text === "ReadWriteOncePod")) {
    report.error(rule, modes, "it may not use ReadWriteOncePod with other access modes");
  }
}

/** Both name what the volume starts with; the older name reaches no other namespace. */
function checkDataSources(report: Report, source: Field, reference: Field): void {
  for (const from of [source, reference]) {
    if (from.record === undefined) continue;
    for (const field of ["kind", "name"]) if (from.at(field).value === "") report.missing(RULE, from.at(field));
    const group = from.at("apiGroup");
    if (!group.text && from.at("kind").text && from.at("kind").text !== "PersistentVolumeClaim") {
      const clause = "it must be PersistentVolumeClaim when no apiGroup is given";
      report.error(RULE, from.at("kind"), clause, { hint: "Name the apiGroup of the kind." });
    } else if (group.text) checkName(report, group, checkSubdomain);
  }
  if (!source.isGiven || !reference.isGiven) return;
  const differ = ["apiGroup", "kind", "name"].some((field) => source.at(field).value !== reference.at(field).value);
  if (reference.at("namespace").text) report.error(RULE, source, "it must not stand beside dataSourceRef.namespace");
  else if (differ) report.error(RULE, source, "it must match dataSourceRef", { hint: "Keep dataSourceRef alone." });
}

function checkStorage(report: Report, storage: Field): void {
  if (!storage.isGiven) {
    report.say(
      "error",
      "volume-claim",
      storage.path,
      `Cannot use the claim as ${storage.name} must be given: it is missing`,
      { at: "key", hint: "Say how much storage it asks for, such as 10Gi." },
    );
    return;
  }
  const amount = parseQuantity(storage.value);
  if (amount !== undefined && amount <= 0) report.error("volume-claim", storage, "it must be greater than zero");
}
