/** What rules that compare objects need to know of one: little, and plain data, so that it can be kept instead of the object. */
import { type ConfigUse, watchedUses } from "../model/config-use.ts";
import type { Declared, FieldPath } from "../model/manifest.ts";
import type { KubeObject, LabelSelector, ObjectId } from "../model/object.ts";
import { ORDER_ANNOTATION } from "../model/ordering.ts";
import { Field, withoutNulls } from "./field.ts";
import { makesPods, templateOf } from "./pod-spec.ts";
import { referencesOf } from "./references.ts";

/** Plain data: survives JSON. Absent is what an object has nothing of. */
export interface ObjectFacts {
  /** Keys of what a ConfigMap or Secret holds. */
  keys?: string[];
  workload?: WorkloadFacts;
  service?: ServiceFacts;
  /** Labels that a PodDisruptionBudget selects by. */
  budget?: Record<string, string>;
  references?: ReferenceFacts[];
  /** Annotations that say when it is applied. */
  order?: Record<string, string>;
}

/** Of something that makes pods, or is one. */
export interface WorkloadFacts {
  /** Of its pods. */
  labels: Record<string, string>;
  /** Ports that its containers declare: by number, and by name. */
  ports: number[];
  portNames: string[];
  /** By which it finds its pods, where that can be compared with labels. */
  selector?: LabelSelector;
  /** What its pods are restarted on; paths are those of the pod's spec. */
  watched?: ConfigUse[];
}

export interface ServiceFacts {
  /** Not empty. */
  selector: Record<string, string>;
  targets: { target: string | number; path: FieldPath }[];
}

/** Something that the object cannot do without. */
export interface ReferenceFacts {
  group: string;
  kind: string;
  /** Where another namespace than the object's own is named. */
  namespace?: string;
  name: string;
  path: FieldPath;
  key?: { text: string; path: FieldPath };
}

/** An object whose facts were found before. */
export interface WithFacts extends Declared {
  readonly facts: ObjectFacts;
}

const known = new WeakMap<Declared, ObjectFacts>();

/** The facts of an object, found once for each instance. */
export function factsOf(declared: Declared): ObjectFacts {
  if ("facts" in declared) return (declared as WithFacts).facts;
  let facts = known.get(declared);
  if (facts === undefined) {
    facts = findFacts(declared.id, declared.object);
    known.set(declared, facts);
  }
  return facts;
}

/** Finds them. Never throws for what the object holds: it need not be valid. */
export function findFacts(id: ObjectId, object: KubeObject): ObjectFacts {
  const facts: ObjectFacts = {};
  const root = new Field(withoutNulls(object));
  const keys = keysOf(id, root);
  if (keys.length > 0) facts.keys = keys;
  const workload = workloadOf(id, object, root);
  if (workload !== undefined) facts.workload = workload;
  if (id.group === "" && id.kind === "Service") {
    const service = serviceOf(root.at("spec"));
    if (service !== undefined) facts.service = service;
  }
  if (id.group === "policy" && id.kind === "PodDisruptionBudget") {
    const selector = root.at("spec", "selector");
    const labels = textMap(selector.at("matchLabels"));
    // Without labels it is about all pods, or about those that expressions name.
    if (Object.keys(labels).length > 0 && isEvaluable(selector)) facts.budget = labels;
  }
  const references = referencesOf(id, root).map(referenceFacts);
  if (references.length > 0) facts.references = references;
  const order = orderOf(root.at("metadata", "annotations"));
  if (order !== undefined) facts.order = order;
  return facts;
}

function orderOf(annotations: Field): Record<string, string> | undefined {
  if (annotations.record === undefined) return undefined;
  const given = Object.values(ORDER_ANNOTATION).flatMap((name): [string, string][] => {
    const { text } = annotations.at(name);
    return text === undefined ? [] : [[name, text]];
  });
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

function keysOf({ group, kind }: ObjectId, root: Field): string[] {
  if (group !== "" || (kind !== "ConfigMap" && kind !== "Secret")) return [];
  return ["data", "binaryData", "stringData"].flatMap((part) => root.at(part).entries.map(([key]) => key));
}

function workloadOf({ group, kind }: ObjectId, object: KubeObject, root: Field): WorkloadFacts | undefined {
  const template = makesPods(group, kind) ? templateOf(kind, root) : undefined;
  if (template === undefined) return undefined;
  const spec = template.at("spec");
  const ports = ["containers", "initContainers"].flatMap((list) =>
    spec.at(list).items.flatMap((container) => container.at("ports").items),
  );
  const facts: WorkloadFacts = {
    labels: textMap(template.at("metadata", "labels")),
    ports: ports.flatMap((port) => port.at("containerPort").integer ?? []),
    portNames: ports.flatMap((port) => port.at("name").text ?? []),
  };
  const selector = root.at("spec", "selector");
  const canOverlap = kind !== "Pod" && Object.keys(textMap(selector.at("matchLabels"))).length > 0;
  if (canOverlap && isEvaluable(selector)) facts.selector = selector.value as LabelSelector;
  const watched = watchedUses(object);
  if (watched.length > 0) facts.watched = watched;
  return facts;
}

function serviceOf(spec: Field): ServiceFacts | undefined {
  const selector = textMap(spec.at("selector"));
  if (Object.keys(selector).length === 0) return undefined;
  const targets = spec.at("ports").items.flatMap((port) => {
    const given = port.at("targetPort");
    const field = given.isGiven && given.value !== 0 && given.value !== "" ? given : port.at("port");
    const target = field.text ?? field.integer;
    return target === undefined ? [] : [{ target, path: field.path }];
  });
  return { selector, targets };
}

function referenceFacts({
  group,
  kind,
  namespace,
  name,
  key,
}: ReturnType<typeof referencesOf>[number]): ReferenceFacts {
  const text = key?.text;
  return {
    group,
    kind,
    ...(namespace !== undefined && { namespace }),
    name: name.text ?? "",
    path: name.path,
    ...(key !== undefined && text !== undefined && { key: { text, path: key.path } }),
  };
}

/** The labels that a selector asks for, or that an object has: what is no text is passed over. */
export function textMap(field: Field): Record<string, string> {
  return Object.fromEntries(field.entries.flatMap(([key, { text }]) => (text === undefined ? [] : [[key, text]])));
}

/** A selector whose expressions have the shape that `matchesSelector` asks for. */
function isEvaluable(selector: Field): boolean {
  return selector
    .at("matchExpressions")
    .items.every(
      (expression) =>
        expression.at("key").text !== undefined &&
        ["In", "NotIn", "Exists", "DoesNotExist"].includes(expression.at("operator").text ?? "") &&
        (!expression.at("values").isGiven || Array.isArray(expression.at("values").value)),
    );
}
