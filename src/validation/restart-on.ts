/** Rules on the annotation `trueup/restart-on`: its words, and that it stands where it does something. */
import { configUses, RESTART_WORDS, restartOn } from "../model/config-use.ts";
import type { KubeObject } from "../model/object.ts";
import { ANNOTATION } from "../model/workload.ts";
import type { Field } from "./field.ts";
import { nearest } from "./names.ts";
import { quote, type Report } from "./report.ts";

const WORDS = Object.keys(RESTART_WORDS);

export function checkRestartOn(report: Report, root: Field): void {
  const field = root.at("metadata", "annotations").at(ANNOTATION.restartOn);
  const template = root.at("spec", "template");
  const misplaced = template.at("metadata", "annotations").at(ANNOTATION.restartOn);
  const { kind } = report.declared.object;
  if (misplaced.isGiven) {
    report.warning("restart-on", misplaced, `${ANNOTATION.restartOn} has no effect on a pod template`, {
      hint: "Write it under metadata.annotations of the Deployment itself.",
    });
  }
  if (field.text === undefined) return;
  const wanted = restartOn(root.value as KubeObject);
  if (wanted === null) return;
  for (const word of wanted.unknown) {
    const close = nearest(word, WORDS);
    const clause = `it must be ${WORDS.join(", ")} or both, parted by a comma`;
    const message = `Cannot use ${field.name} as ${clause}: it has ${quote(word)}`;
    const hint = close === undefined ? {} : { hint: `Did you mean ${close}?` };
    report.say("error", "restart-on", field.path, message, hint);
  }
  if (kind !== "Deployment") {
    const why = kind === "ReplicaSet" ? "a ReplicaSet does not replace its pods" : "only a Deployment replaces pods";
    report.warning("restart-on", field, `${ANNOTATION.restartOn} has no effect on a ${kind}: ${why}`, {
      hint: "Write it on the Deployment that uses the configuration.",
    });
    return;
  }
  const used = configUses(template.at("spec").value);
  if (wanted.unknown.length > 0 || used.some((use) => wanted.kinds.has(use.kind))) return;
  const names = [...wanted.kinds].join(" and no ");
  report.warning("restart-on", field, `${ANNOTATION.restartOn} has no effect as the pods use no ${names}`);
}
