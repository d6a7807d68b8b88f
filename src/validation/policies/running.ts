/** Policies on how workloads run: probes, resources, replicas; and on where images come from, and labels. */
import { parseImageReference } from "../../model/image.ts";
import type { Field } from "../field.ts";
import { matchesRepository } from "../image-rules.ts";
import { makesPods } from "../pod-spec.ts";
import { parseQuantity } from "../quantity.ts";
import { matchesKind } from "../wildcard.ts";
import type { PolicyCheck } from "./subject.ts";

/** A policy that asks for a probe of containers that last. */
export function hasProbe(name: "livenessProbe" | "readinessProbe", hint: string): PolicyCheck {
  return ({ lasting }, findings) => {
    for (const container of lasting) if (!container.at(name).isGiven) findings.lack(container, [name], hint);
  };
}

/** A policy that asks how much of a resource containers need, or take at most. */
export function hasResource(resource: "cpu" | "memory", usual: "requests" | "limits"): PolicyCheck {
  return ({ pod, containers }, findings) => {
    for (const container of containers) {
      if (container.at("targetContainerName").isGiven) continue; // An ephemeral container may ask for nothing.
      for (const what of findings.setting.require ?? [usual]) {
        // What is a limit is a request, too, unless one is given.
        const parts = what === "requests" ? ["requests", "limits"] : [what];
        const isGiven = (owner: Field | undefined): boolean =>
          parts.some((part) => owner !== undefined && isAmount(owner.at("resources", part, resource)));
        if (isGiven(container) || isGiven(pod)) continue;
        const own = container.at("resources", what, resource);
        if (own.isGiven) findings.refuse(own, "it must be more than 0");
        else findings.lack(container, ["resources", what, resource]);
      }
    }
  };
}

/** A quantity of 0 asks for nothing, and limits nothing. */
function isAmount({ isGiven, value }: Field): boolean {
  return isGiven && parseQuantity(String(value)) !== 0;
}

/** Kinds that keep a number of pods, as git says how many. */
const COUNTED = ["apps/Deployment", "apps/StatefulSet", "apps/ReplicaSet", "/ReplicationController"];
/** kube-linter's. */
const LEAST_REPLICAS = 3;

export const minimumReplicas: PolicyCheck = ({ id, root }, findings) => {
  if (!COUNTED.some((kind) => matchesKind(kind, id))) return;
  const least = findings.setting.replicas ?? LEAST_REPLICAS;
  const given = root.at("spec", "replicas");
  if (!given.isGiven && least > 1) {
    findings.lack(root.at("spec"), ["replicas"], `The default is 1; there must be at least ${least}.`);
  } else if (given.integer !== undefined && given.integer < least)
    findings.refuse(given, `it must be at least ${least}`);
};

export const imageRegistry: PolicyCheck = ({ containers }, findings) => {
  const allowed = findings.setting.allowed ?? [];
  for (const container of containers) {
    const image = container.at("image");
    const reference = image.text === undefined ? null : parseImageReference(image.text);
    if (reference === null || allowed.some((pattern) => matchesRepository(pattern, reference.repository))) continue;
    findings.refuse(image, `its repository must be one of ${allowed.join(", ")}`);
  }
};

export const requiredLabels: PolicyCheck = ({ id, root }, findings) => {
  const { labels = [], kinds } = findings.setting;
  const isMeant = kinds?.some((kind) => matchesKind(kind, id)) ?? makesPods(id.group, id.kind);
  if (!isMeant) return;
  for (const label of labels) {
    const given = root.at("metadata", "labels", label);
    if (!given.isGiven || given.value === "") findings.lack(root.at("metadata"), ["labels", label]);
  }
};
