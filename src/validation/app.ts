/** Checks the objects of an app against each other: duplicates, selectors, ports and references. */

import { watchedUses } from "../model/config-use.ts";
import type { Diagnostic, Severity } from "../model/diagnostic.ts";
import { isSelected } from "../model/endpoints.ts";
import type { Declared, FieldPath } from "../model/manifest.ts";
import { formatFieldPath } from "../model/manifest.ts";
import { displayId, keyOfId, type LabelSelector, matchesSelector, type ObjectKey } from "../model/object.ts";
import { Field, withoutNulls } from "./field.ts";
import type { ValidateOptions } from "./object.ts";
import { makesPods, templateOf } from "./pod-spec.ts";
import { referencesOf } from "./references.ts";
import type { RuleId } from "./rules.ts";

export interface AppContext extends ValidateOptions {
  /** Commit under validation, named in messages. */
  commit?: string;
  defaultNamespace: string;
}

/** Something that makes pods, or is one. */
interface Workload {
  declared: Declared;
  labels: Record<string, string>;
  spec: Field;
}

/** Checks the objects of an app against each other. Does not repeat what `validateDeclared` says. */
export function validateApp(declared: readonly Declared[], context: AppContext): Diagnostic[] {
  return new AppCheck(declared, context).run();
}

class AppCheck {
  readonly #declared: readonly Declared[];
  readonly #disabled: ReadonlySet<string>;
  readonly #where: string;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #byKey = new Map<ObjectKey, Declared>();
  readonly #workloads: Workload[] = [];
  /** `namespace key=value` to the workloads whose pods carry the label: selecting costs what matches, not all. */
  readonly #byLabel = new Map<string, Workload[]>();

  constructor(declared: readonly Declared[], context: AppContext) {
    this.#declared = declared;
    this.#disabled = new Set(context.disabledRules);
    this.#where = context.commit === undefined ? "this app" : `this app at ${context.commit.slice(0, 7)}`;
  }

  run(): Diagnostic[] {
    for (const each of this.#declared) this.#index(each);
    for (const each of this.#declared) {
      if (each.id.group === "" && each.id.kind === "Service") this.#service(each);
      if (each.id.group === "policy" && each.id.kind === "PodDisruptionBudget") this.#budget(each);
      this.#references(each);
    }
    for (const workload of this.#workloads) {
      this.#overlap(workload);
      this.#unwatched(workload);
    }
    return this.#diagnostics;
  }

  #index(declared: Declared): void {
    const key = keyOfId(declared.id);
    const earlier = this.#byKey.get(key);
    if (earlier !== undefined) {
      const { file, line } = earlier.locate(["metadata", "name"]);
      this.#say(
        "error",
        "duplicate-object",
        declared,
        ["metadata", "name"],
        `Cannot apply ${displayId(declared.id)} as it must be declared once: ${file}:${line} declares it too`,
        "Remove or rename one of the two.",
      );
      return;
    }
    this.#byKey.set(key, declared);
    const workload = workloadOf(declared);
    if (workload === undefined) return;
    this.#workloads.push(workload);
    for (const [label, value] of Object.entries(workload.labels)) {
      const index = `${declared.id.namespace} ${label}=${value}`;
      const list = this.#byLabel.get(index);
      if (list === undefined) this.#byLabel.set(index, [workload]);
      else list.push(workload);
    }
  }

  /** Workloads of a namespace whose pods carry all these labels. */
  #selected(namespace: string, labels: Record<string, string>): Workload[] {
    let fewest: Workload[] | undefined;
    for (const [label, value] of Object.entries(labels)) {
      const candidates = this.#byLabel.get(`${namespace} ${label}=${value}`) ?? [];
      if (fewest === undefined || candidates.length < fewest.length) fewest = candidates;
    }
    return (fewest ?? []).filter((workload) => isSelected(labels, workload.labels));
  }

  #service(service: Declared): void {
    const spec = rootOf(service).at("spec");
    const selector = textMap(spec.at("selector"));
    if (Object.keys(selector).length === 0) return;
    const selected = this.#selected(service.id.namespace, selector);
    if (selected.length === 0) {
      const near = this.#workloads.filter(({ declared }) => declared.id.namespace === service.id.namespace).slice(0, 3);
      const labels = near.map(({ declared, labels: own }) => `${displayId(declared.id)} has ${pairs(own)}`).join("; ");
      this.#say(
        "warning",
        "service-selects-nothing",
        service,
        ["spec", "selector"],
        `${displayId(service.id)} selects no workload of ${this.#where}: ${pairs(selector)}`,
        labels === "" ? undefined : `Pods' labels: ${labels}.`,
      );
      return;
    }
    for (const port of spec.at("ports").items) this.#targetPort(service, port, selected);
  }

  #targetPort(service: Declared, port: Field, selected: readonly Workload[]): void {
    const given = port.at("targetPort");
    const target = given.isGiven && given.value !== 0 && given.value !== "" ? given : port.at("port");
    const lacking = selected.find((workload) => !declaresPort(workload.spec, target.value));
    if (lacking === undefined || (target.text === undefined && target.integer === undefined)) return;
    const what = target.text === undefined ? `port ${String(target.value)}` : `a port named ${target.text}`;
    this.#say(
      "warning",
      "service-target-port",
      service,
      target.path,
      `${displayId(service.id)} sends to ${what}, which no container of ${displayId(lacking.declared.id)} declares`,
      `Declare it under ports of the container.`,
      "value",
    );
  }

  #overlap(workload: Workload): void {
    const { declared } = workload;
    if (declared.id.kind === "Pod") return;
    const selector = new Field(declared.object).at("spec", "selector");
    const labels = textMap(selector.at("matchLabels"));
    if (Object.keys(labels).length === 0 || !isEvaluable(selector)) return;
    for (const other of this.#selected(declared.id.namespace, labels)) {
      if (other === workload || !matchesSelector(selector.value as LabelSelector, other.labels)) continue;
      this.#say(
        "warning",
        "selector-overlap",
        declared,
        ["spec", "selector"],
        `${displayId(declared.id)} selects the pods of ${displayId(other.declared.id)} too`,
        "Give each workload a label of its own, in its selector and its template.",
      );
      return;
    }
  }

  /** What a Deployment asks to be restarted on and nobody here declares: its changes are not seen. */
  #unwatched({ declared }: Workload): void {
    const said = new Set<ObjectKey>();
    for (const { kind, name, path } of watchedUses(declared.object)) {
      const id = { group: "", kind, namespace: declared.id.namespace, name };
      const key = keyOfId(id);
      if (this.#byKey.has(key) || said.has(key)) continue;
      said.add(key);
      this.#say(
        "warning",
        "restart-on",
        declared,
        ["spec", "template", "spec", ...path],
        `A change of ${displayId(id)} restarts no pod of ${displayId(declared.id)}: ${this.#where} does not declare it`,
        `Declare the ${kind} in the same app.`,
        "value",
      );
    }
  }

  /** What an object needs and nobody here declares. Others may bring it, so it is a warning. */
  #references(declared: Declared): void {
    for (const { group, kind, namespace = declared.id.namespace, name, key } of referencesOf(
      declared,
      rootOf(declared),
    )) {
      const id = { group, kind, namespace, name: name.text ?? "" };
      const target = this.#byKey.get(keyOfId(id));
      const user = displayId(declared.id);
      if (target === undefined) {
        const when = makesPods(declared.id.group, declared.id.kind) ? "the pods start" : "it is applied";
        this.#say(
          "warning",
          "reference-missing",
          declared,
          name.path,
          `${user} needs ${displayId(id)}, which ${this.#where} does not declare`,
          `Declare the ${kind}, or see that it is there before ${when}.`,
          "value",
        );
      } else if (key !== undefined) this.#key(declared, target, key);
    }
  }

  #key(declared: Declared, target: Declared, key: Field): void {
    const { text } = key;
    const object = new Field(target.object);
    if (text === undefined) return;
    if (["data", "binaryData", "stringData"].some((part) => object.at(part).at(text).isGiven)) return;
    this.#say(
      "warning",
      "reference-missing",
      declared,
      key.path,
      `${displayId(declared.id)} needs the key ${text} of ${displayId(target.id)}, which does not have it`,
      undefined,
      "value",
    );
  }

  /** A budget for pods that nobody here makes protects nothing. */
  #budget(budget: Declared): void {
    const selector = rootOf(budget).at("spec", "selector");
    const labels = textMap(selector.at("matchLabels"));
    // Without labels it is about all pods, or about those that expressions name.
    if (Object.keys(labels).length === 0 || !isEvaluable(selector)) return;
    if (this.#selected(budget.id.namespace, labels).length > 0) return;
    this.#say(
      "warning",
      "budget-selects-nothing",
      budget,
      ["spec", "selector"],
      `${displayId(budget.id)} selects no workload of ${this.#where}: ${pairs(labels)}`,
      "Select labels of the pods that it is to protect.",
    );
  }

  #say(
    severity: Severity,
    rule: RuleId,
    declared: Declared,
    path: FieldPath,
    message: string,
    hint?: string,
    at?: "value",
  ): void {
    if (this.#disabled.has(rule)) return;
    this.#diagnostics.push({
      severity,
      rule,
      message,
      location: at === "value" ? declared.locateValue(path) : declared.locate(path),
      field: formatFieldPath(path),
      object: declared.id,
      ...(hint !== undefined && { hint }),
    });
  }
}

function rootOf(declared: Declared): Field {
  return new Field(withoutNulls(declared.object));
}

function workloadOf(declared: Declared): Workload | undefined {
  const { group, kind } = declared.id;
  if (!makesPods(group, kind)) return undefined;
  const template = templateOf(kind, rootOf(declared));
  if (template === undefined) return undefined;
  return { declared, labels: textMap(template.at("metadata", "labels")), spec: template.at("spec") };
}

function textMap(field: Field): Record<string, string> {
  return Object.fromEntries(field.entries.flatMap(([key, { text }]) => (text === undefined ? [] : [[key, text]])));
}

function pairs(labels: Record<string, string>): string {
  const text = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return text.length === 0 ? "no labels" : text.join(",");
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

function declaresPort(spec: Field, target: unknown): boolean {
  return ["containers", "initContainers"].some((list) =>
    spec
      .at(list)
      .items.some((container) =>
        container
          .at("ports")
          .items.some((port) => port.at(typeof target === "number" ? "containerPort" : "name").value === target),
      ),
  );
}
