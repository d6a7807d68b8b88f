/** Rules on PersistentVolumeClaims, by themselves and as templates of a StatefulSet. */
import type { Field } from "./field.ts";
import { checkName } from "./metadata.ts";
import { checkSubdomain } from "./names.ts";
import { parseQuantity } from "./quantity.ts";
import type { Report } from "./report.ts";
import { checkSelector } from "./selector.ts";

const ACCESS_MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

export function checkClaim(report: Report, root: Field): void {
  checkClaimSpec(report, root.at("spec"));
}

/** Checks what a claim asks for. */
export function checkClaimSpec(report: Report, spec: Field): void {
  checkAccessModes(report, spec.at("accessModes"));
  checkSelector(report, spec.at("selector"));
  checkStorage(report, spec.at("resources", "requests", "storage"));
  const storageClass = spec.at("storageClassName");
  // An empty name is a choice of its own: no class, and so no provisioning.
  if (storageClass.value !== "") checkName(report, storageClass, checkSubdomain);
  report.oneOf(spec.at("volumeMode"), ["Block", "Filesystem"]);
}

function checkAccessModes(report: Report, modes: Field): void {
  const { items } = modes;
  if (!modes.isGiven) report.missing("volume-claim", modes, { hint: "Most claims want [ReadWriteOnce]." });
  else if (Array.isArray(modes.value) && items.length === 0) {
    report.error("volume-claim", modes, "at least 1 access mode is required");
  }
  for (const mode of items) report.oneOf(mode, ACCESS_MODES);
  if (items.length > 1 && items.some(({ text }) => text === "ReadWriteOncePod")) {
    report.error("volume-claim", modes, "it may not use ReadWriteOncePod with other access modes");
  }
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
