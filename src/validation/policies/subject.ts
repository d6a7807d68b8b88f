/** What a policy looks at, and how it says what it finds. */
import type { ObjectId } from "../../model/object.ts";
import type { Field } from "../field.ts";
import { makesPods, podSpecOf } from "../pod-spec.ts";
import type { Report } from "../report.ts";
import type { PolicySetting } from "../settings.ts";

/** An object, with its pods' spec where it makes some. */
export class Subject {
  readonly id: ObjectId;
  readonly root: Field;
  readonly pod: Field | undefined;
  /** Of the pod, those that the kubelet starts, in all lists. */
  readonly containers: readonly Field[];

  constructor(id: ObjectId, root: Field) {
    this.id = id;
    this.root = root;
    this.pod = makesPods(id.group, id.kind) ? podSpecOf(id.kind, root) : undefined;
    const { pod } = this;
    const lists = ["containers", "initContainers", "ephemeralContainers"];
    this.containers = pod === undefined ? [] : lists.flatMap((list) => recordsOf(pod.at(list)));
  }

  /** Containers that are to run as long as their pod; none where pods are made to end. */
  get lasting(): readonly Field[] {
    const { pod, id } = this;
    if (pod === undefined || id.kind === "Job" || id.kind === "CronJob") return [];
    const policy = pod.at("restartPolicy").text ?? "Always";
    return policy === "Always" ? recordsOf(pod.at("containers")) : [];
  }

  /** The API server takes no Linux settings for pods of Windows. */
  get isWindows(): boolean {
    return this.pod?.at("os", "name").text === "windows";
  }
}

function recordsOf(list: Field): Field[] {
  return list.items.filter(({ record }) => record !== undefined);
}

/** Says what breaks one policy, as its setting has it; a place is told of once. */
export class Findings {
  readonly setting: PolicySetting;
  readonly #report: Report;
  readonly #told: Set<string>;

  /** @param told `rule field` of what was said of the object already */
  constructor(report: Report, setting: PolicySetting, told: Set<string>) {
    this.#report = report;
    this.setting = setting;
    this.#told = told;
  }

  /** "Cannot use spec.hostNetwork as it must be false: it is true". */
  refuse(field: Field, clause: string, hint?: string): void {
    this.#say(field, `Cannot use ${nameOf(field)} as ${clause}: it is ${this.#report.quoted(field)}`, "value", hint);
  }

  /** "Cannot use spec.containers[0] as livenessProbe must be given: it is missing". */
  lack(owner: Field, keys: readonly string[], hint?: string): void {
    const message = `Cannot use ${nameOf(owner)} as ${keys.join(".")} must be given: it is missing`;
    this.#say(owner.at(...keys), message, "key", hint);
  }

  #say(field: Field, message: string, at: "key" | "value", hint: string | undefined): void {
    const { rule, level } = this.setting;
    const place = `${rule} ${field.name}`;
    if (this.#told.has(place)) return;
    this.#told.add(place);
    this.#report.say(level, rule, field.path, message, hint === undefined ? { at } : { at, hint });
  }
}

function nameOf(field: Field): string {
  return field.name === "" ? "the object" : field.name;
}

export type PolicyCheck = (subject: Subject, findings: Findings) => void;
