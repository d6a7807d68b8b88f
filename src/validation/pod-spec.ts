/** Where the kinds that make pods keep the pod's template. */
import type { Field } from "./field.ts";

const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  CronJob: ["spec", "jobTemplate", "spec", "template"],
  DaemonSet: ["spec", "template"],
  Deployment: ["spec", "template"],
  Job: ["spec", "template"],
  Pod: [],
  ReplicaSet: ["spec", "template"],
  ReplicationController: ["spec", "template"],
  StatefulSet: ["spec", "template"],
};

const GROUPS: Readonly<Record<string, string>> = { CronJob: "batch", Job: "batch", Pod: "", ReplicationController: "" };

/** Whether objects of a kind make pods, or are some. */
export function makesPods(group: string, kind: string): boolean {
  return Object.hasOwn(TEMPLATES, kind) && group === (GROUPS[kind] ?? "apps");
}

/** A pod's template, or the pod itself; `undefined` of kinds that make no pods. */
export function templateOf(kind: string, root: Field): Field | undefined {
  const path = Object.hasOwn(TEMPLATES, kind) ? TEMPLATES[kind] : undefined;
  return path === undefined ? undefined : root.at(...path);
}

/** The spec of a pod or of a template; `undefined` of kinds that make no pods. */
export function podSpecOf(kind: string, root: Field): Field | undefined {
  return templateOf(kind, root)?.at("spec");
}
