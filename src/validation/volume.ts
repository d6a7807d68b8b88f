/** Rules on PersistentVolumes: how much, who may, and where it lies. */
import { checkAccessModes } from "./claim.ts";
import type { Field } from "./field.ts";
import { checkName } from "./metadata.ts";
import { checkSubdomain } from "./names.ts";
import { parseQuantity } from "./quantity.ts";
import type { Report } from "./report.ts";
import { checkNodeTerm } from "./scheduling.ts";

const RULE = "persistent-volume";
/** Fields of the spec that are no volume source. */
const SETTINGS = new Set([
  "accessModes",
  "capacity",
  "claimRef",
  "mountOptions",
  "nodeAffinity",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "volumeAttributesClassName",
  "volumeMode",
]);

export function checkPersistentVolume(report: Report, root: Field): void {
  const spec = root.at("spec");
  checkAccessModes(report, spec.at("accessModes"), RULE);
  checkCapacity(report, spec.at("capacity"));
  report.oneOf(spec.at("persistentVolumeReclaimPolicy"), ["Delete", "Recycle", "Retain"]);
  report.oneOf(spec.at("volumeMode"), ["Block", "Filesystem"]);
  const storageClass = spec.at("storageClassName");
  if (storageClass.value !== "") checkName(report, storageClass, checkSubdomain);
  checkSource(report, spec);
  checkNodes(report, spec);
}

function checkCapacity(report: Report, capacity: Field): void {
  const storage = capacity.at("storage");
  if (!storage.isGiven) report.missing(RULE, storage, { hint: "Say how much it holds, such as 10Gi." });
  const amount = parseQuantity(storage.value);
  if (amount !== undefined && amount <= 0) report.error(RULE, storage, "it must be greater than zero");
  for (const [name, field] of capacity.entries) {
    if (name !== "storage") report.error(RULE, field, "a volume must have storage only", { at: "key" });
  }
}

function checkSource(report: Report, spec: Field): void {
  const sources = spec.entries.filter(([key, value]) => !SETTINGS.has(key) && value.isGiven);
  if (spec.record !== undefined && sources.length !== 1) {
    const has = sources.length === 0 ? "it has none" : `it has ${sources.map(([key]) => key).join(", ")}`;
    report.say("error", RULE, spec.path, `Cannot use spec as it must have exactly one volume source: ${has}`, {
      at: "key",
    });
  }
  const path = spec.at("hostPath", "path");
  if (path.text?.split("/").includes("..") === true) report.error(RULE, path, "it must not contain '..'");
  if (path.text !== undefined && /^\/+$/.test(path.text)) {
    const policy = spec.at("persistentVolumeReclaimPolicy");
    if (policy.text === "Recycle") report.error(RULE, policy, "the host's root must not be emptied");
  }
}

/** A disk of a node is reached from there alone. */
function checkNodes(report: Report, spec: Field): void {
  const required = spec.at("nodeAffinity", "required");
  if (spec.at("local").isGiven && !required.isGiven) {
    report.missing(RULE, spec.at("nodeAffinity"), { hint: "Name the node that has the disk." });
  }
  const terms = required.at("nodeSelectorTerms");
  if (required.record !== undefined && terms.items.length === 0) report.missing(RULE, terms);
  for (const term of terms.items) checkNodeTerm(report, term, true);
}
