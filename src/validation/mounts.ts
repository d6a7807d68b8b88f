/** Rules on where a container mounts the pod's volumes, and which part of them. */
import type { Field } from "./field.ts";
import type { Report } from "./report.ts";

const RULE = "volume-source";

/** @param volumes Names of the pod's volumes */
export function checkMounts(report: Report, container: Field, volumes: ReadonlySet<string>): void {
  const paths = new Set<string>();
  for (const mount of container.at("volumeMounts").items) {
    checkVolumeName(report, mount.at("name"), volumes);
    const path = mount.at("mountPath");
    if (path.value === "") report.missing(RULE, path);
    if (path.text !== undefined) {
      if (paths.has(path.text)) report.error(RULE, path, "a container's mount paths must be unique");
      paths.add(path.text);
    }
    const part = mount.at("subPath");
    const expression = mount.at("subPathExpr");
    if (part.isGiven && part.value !== "" && expression.isGiven && expression.value !== "") {
      report.error(RULE, expression, "it may not stand beside subPath");
    }
    for (const field of [part, expression]) checkInside(report, field);
    report.oneOf(mount.at("mountPropagation"), ["Bidirectional", "HostToContainer", "None"]);
  }
  for (const device of container.at("volumeDevices").items) checkVolumeName(report, device.at("name"), volumes);
}

function checkVolumeName(report: Report, name: Field, volumes: ReadonlySet<string>): void {
  if (name.text === undefined || volumes.has(name.text)) return;
  report.error(RULE, name, "it must name a volume of the pod", {
    hint: "Declare it under volumes of the pod's spec.",
  });
}

/** A path inside a volume must not lead out of it. */
export function checkInside(report: Report, field: Field): void {
  const { text } = field;
  if (text === undefined) return;
  if (text.startsWith("/")) report.error(RULE, field, "it must be a relative path");
  else if (text.split("/").includes("..")) report.error(RULE, field, "it must not contain '..'");
}
