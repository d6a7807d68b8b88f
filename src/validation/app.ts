/** Checks the objects of an app against each other: duplicates, selectors, ports and references. */

import type { Diagnostic, Severity } from "../model/diagnostic.ts";
import { isSelected } from "../model/endpoints.ts";
import type { Declared, FieldPath } from "../model/manifest.ts";
import { formatFieldPath } from "../model/manifest.ts";
import { displayId, keyOfId, matchesSelector, type ObjectKey } from "../model/object.ts";
import { factsOf, type ReferenceFacts, type ServiceFacts, type WorkloadFacts } from "./facts.ts";
import type { ValidateOptions } from "./object.ts";
import { checkOrdering } from "./ordering.ts";
import { makesPods } from "./pod-spec.ts";
import type { RuleId } from "./rules.ts";

export interface AppContext extends ValidateOptions {
  /** Commit under validation, named in messages. */
  commit?: string;
  defaultNamespace: string;
}

/** Something that makes pods, or is one. */
interface Workload extends WorkloadFacts {
  declared: Declared;
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
      const { service, budget, references } = factsOf(each);
      if (service !== undefined) this.#service(each, service);
      if (budget !== undefined) this.#budget(each, budget);
      for (const reference of references ?? []) this.#reference(each, reference);
    }
    for (const workload of this.#workloads) {
      this.#overlap(workload);
      this.#unwatched(workload);
    }
    const ordering = checkOrdering(this.#declared, this.#byKey, this.#where);
    this.#diagnostics.push(...ordering.filter(({ rule }) => !this.#disabled.has(rule)));
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
    const { workload: facts } = factsOf(declared);
    if (facts === undefined) return;
    const workload: Workload = { declared, ...facts };
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

  #service(service: Declared, { selector, targets }: ServiceFacts): void {
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
    for (const { target, path } of targets) this.#targetPort(service, target, path, selected);
  }

  #targetPort(service: Declared, target: string | number, path: FieldPath, selected: readonly Workload[]): void {
    const lacking = selected.find((workload) => !declaresPort(workload, target));
    if (lacking === undefined) return;
    const what = typeof target === "number" ? `port ${target}` : `a port named ${target}`;
    this.#say(
      "warning",
      "service-target-port",
      service,
      path,
      `${displayId(service.id)} sends to ${what}, which no container of ${displayId(lacking.declared.id)} declares`,
      `Declare it under ports of the container.`,
      "value",
    );
  }

  #overlap(workload: Workload): void {
    const { declared, selector } = workload;
    if (selector === undefined) return;
    for (const other of this.#selected(declared.id.namespace, textOnly(selector.matchLabels))) {
      if (other === workload || !matchesSelector(selector, other.labels)) continue;
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
  #unwatched({ declared, watched = [] }: Workload): void {
    const said = new Set<ObjectKey>();
    for (const { kind, name, path } of watched) {
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
  #reference(declared: Declared, reference: ReferenceFacts): void {
    const { group, kind, namespace = declared.id.namespace, name, path, key } = reference;
    const id = { group, kind, namespace, name };
    const target = this.#byKey.get(keyOfId(id));
    if (target !== undefined) {
      if (key !== undefined) this.#key(declared, target, key);
      return;
    }
    const when = makesPods(declared.id.group, declared.id.kind) ? "the pods start" : "it is applied";
    this.#say(
      "warning",
      "reference-missing",
      declared,
      path,
      `${displayId(declared.id)} needs ${displayId(id)}, which ${this.#where} does not declare`,
      `Declare the ${kind}, or see that it is there before ${when}.`,
      "value",
    );
  }

  #key(declared: Declared, target: Declared, { text, path }: NonNullable<ReferenceFacts["key"]>): void {
    if (factsOf(target).keys?.includes(text) === true) return;
    this.#say(
      "warning",
      "reference-missing",
      declared,
      path,
      `${displayId(declared.id)} needs the key ${text} of ${displayId(target.id)}, which does not have it`,
      undefined,
      "value",
    );
  }

  /** A budget for pods that nobody here makes protects nothing. */
  #budget(budget: Declared, labels: Record<string, string>): void {
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

function pairs(labels: Record<string, string>): string {
  const text = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return text.length === 0 ? "no labels" : text.join(",");
}

/** The labels whose values are text: what the schema refuses is another rule's matter. */
function textOnly(labels: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const texts = Object.entries(labels ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(texts);
}

function declaresPort({ ports, portNames }: WorkloadFacts, target: string | number): boolean {
  return typeof target === "number" ? ports.includes(target) : portNames.includes(target);
}
