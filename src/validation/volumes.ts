/** Rules on a pod's volumes: names, one source each, and what the common sources ask for. */
import type { Field } from "./field.ts";
import { checkInside } from "./mounts.ts";
import { checkConfigKey, checkDnsLabel } from "./names.ts";
import { parseQuantity } from "./quantity.ts";
import type { Report } from "./report.ts";

const RULE = "volume-source";

/**
 * Checks volumes; returns their names, and those of the claims.
 *
 * @param claims Names of the volumes that a StatefulSet's claim templates give each pod
 */
export function checkVolumes(report: Report, volumes: Field, claims: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const volume of volumes.items) {
    const name = volume.at("name");
    if (name.text !== undefined) {
      const wrong = checkDnsLabel(name.text);
      if (wrong !== null) report.error(RULE, name, wrong);
      else if (names.has(name.text)) report.error(RULE, name, "a pod's volume names must be unique");
      names.add(name.text);
    }
    const sources = volume.entries.filter(([key, value]) => key !== "name" && value.isGiven);
    if (sources.length > 1) {
      const has = sources.map(([key]) => key).join(", ");
      const message = `Cannot use ${volume.name} as it may not specify more than 1 volume type: it has ${has}`;
      report.say("error", RULE, volume.path, message, {});
    }
    // No source at all means emptyDir, for old manifests' sake; the API server fills it in.
    for (const [kind, source] of sources) checkSource(report, kind, source);
  }
  for (const claim of claims) names.add(claim);
  return names;
}

function checkSource(report: Report, kind: string, source: Field): void {
  switch (kind) {
    case "emptyDir": {
      const limit = source.at("sizeLimit");
      if ((parseQuantity(limit.value) ?? 0) < 0) report.error(RULE, limit, "it must be greater than or equal to 0");
      return;
    }
    case "hostPath": {
      const path = source.at("path");
      if (path.value === "") report.missing(RULE, path);
      if (path.text?.split("/").includes("..") === true) report.error(RULE, path, "it must not contain '..'");
      report.oneOf(source.at("type"), HOST_PATH_TYPES);
      return;
    }
    case "persistentVolumeClaim":
      if (source.at("claimName").value === "") report.missing(RULE, source.at("claimName"));
      return;
    case "configMap":
      checkKeysToPaths(report, source, "name");
      return;
    case "secret":
      checkKeysToPaths(report, source, "secretName");
  }
}

const HOST_PATH_TYPES = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

function checkKeysToPaths(report: Report, source: Field, nameField: string): void {
  const name = source.at(nameField);
  if (source.record !== undefined && (!name.isGiven || name.value === "")) report.missing(RULE, name);
  checkMode(report, source.at("defaultMode"));
  for (const item of source.at("items").items) {
    const key = item.at("key");
    const wrong = key.text === undefined ? null : checkConfigKey(key.text);
    if (wrong !== null) report.error(RULE, key, wrong);
    if (item.at("path").value === "") report.missing(RULE, item.at("path"));
    checkInside(report, item.at("path"));
    checkMode(report, item.at("mode"));
  }
}

/** Three octal digits; 644 without the zero in front is a common slip. */
function checkMode(report: Report, mode: Field): void {
  if (mode.integer === undefined || (mode.integer >= 0 && mode.integer <= 0o777)) return;
  report.error(RULE, mode, "it must be a number between 0 and 0777 (octal)", { hint: "Octal numbers begin with a 0." });
}
