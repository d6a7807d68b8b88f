/** Writes what a workload's configuration contains into its pod template, so that other content is another template. Pure. */
import { createHmac } from "node:crypto";
import { watchedUses } from "../model/config-use.ts";
import type { Declared, FieldPath } from "../model/manifest.ts";
import { type KubeObject, keyOfId, type ObjectKey } from "../model/object.ts";
import type { FieldChange } from "../model/plan.ts";
import { ANNOTATION } from "../model/workload.ts";

/** Names the content of an object: equal names mean equal content. Must not tell what the content is. */
export type ConfigDigest = (object: string, content: string) => string;

/** Hexadecimal digits kept of a digest: 128 bits. */
const DIGITS = 32;
const STAMP_PATH: FieldPath = ["spec", "template", "metadata", "annotations", ANNOTATION.configDigest];
const STAMP_FIELD = `spec.template.metadata.annotations["${ANNOTATION.configDigest}"]`;

/** HMAC-SHA-256: without the key nobody can try out which password a digest belongs to. */
export function keyedDigest(key: Uint8Array): ConfigDigest {
  return (object, content) =>
    createHmac("sha256", key)
      .update(JSON.stringify([object, content]))
      .digest("hex")
      .slice(0, DIGITS);
}

/**
 * Numbers each object's contents in the order in which they are met: for comparisons that keep nothing. A digest with a key
 * that everybody knows would give small secrets away as soon as somebody shows the comparison.
 */
export function numberedDigest(): ConfigDigest {
  const known = new Map<string, number>();
  const counts = new Map<string, number>();
  return (object, content) => {
    const key = JSON.stringify([object, content]);
    const number = known.get(key) ?? (counts.get(object) ?? 0) + 1;
    if (!known.has(key)) counts.set(object, number);
    known.set(key, number);
    return `content-${number}`;
  };
}

interface Stamped {
  value: string;
  declared: Declared;
}

/**
 * Stamps the Deployments that ask for it (`trueup/restart-on`). Remembers by instance: content is digested once per
 * declared ConfigMap or Secret, and a Deployment is the same instance as long as neither it nor what it uses changes.
 */
export class ConfigStamper {
  readonly #digest: ConfigDigest;
  readonly #digests = new WeakMap<Declared, string>();
  readonly #stamped = new WeakMap<Declared, Stamped>();
  #digested = 0;

  constructor(digest: ConfigDigest) {
    this.#digest = digest;
  }

  /** How many contents were digested so far: what a test of "proportional to the change" counts. */
  get digested(): number {
    return this.#digested;
  }

  /**
   * @param declared All objects of one app: only what the app itself declares counts
   * @returns The objects in the same order; the same array when none is stamped
   */
  stamp(declared: readonly Declared[]): readonly Declared[] {
    if (!declared.some(({ object }) => isWatcher(object))) return declared;
    const configs = new Map<ObjectKey, Declared>();
    for (const each of declared) {
      if (each.id.group !== "" || (each.id.kind !== "ConfigMap" && each.id.kind !== "Secret")) continue;
      const key = keyOfId(each.id);
      if (!configs.has(key)) configs.set(key, each);
    }
    return declared.map((each) => (isWatcher(each.object) ? this.#stampOne(each, configs) : each));
  }

  #stampOne(workload: Declared, configs: ReadonlyMap<ObjectKey, Declared>): Declared {
    const { namespace } = workload.id;
    const parts = new Set<string>();
    for (const { kind, name } of watchedUses(workload.object)) {
      const config = configs.get(keyOfId({ group: "", kind, namespace, name }));
      if (config !== undefined) parts.add(`${kind.toLowerCase()}/${name}=${this.#digestOf(config)}`);
    }
    if (parts.size === 0) return workload;
    const value = [...parts].sort().join(",");
    const known = this.#stamped.get(workload);
    if (known?.value === value) return known.declared;
    const stamped = { value, declared: withStamp(workload, value) };
    this.#stamped.set(workload, stamped);
    return stamped.declared;
  }

  #digestOf(config: Declared): string {
    const known = this.#digests.get(config);
    if (known !== undefined) return known;
    this.#digested++;
    const digest = this.#digest(keyOfId(config.id), contentOf(config));
    this.#digests.set(config, digest);
    return digest;
  }
}

function isWatcher(object: KubeObject): boolean {
  return object.kind === "Deployment" && object.metadata.annotations?.[ANNOTATION.restartOn] !== undefined;
}

/** A copy with the stamp, whose place is that of the annotation that asked for it. */
function withStamp(workload: Declared, value: string): Declared {
  const { object } = workload;
  const spec = object.spec as Record<string, unknown>;
  const template = spec.template as Record<string, unknown>;
  const metadata = asRecord(template.metadata);
  const annotations = { ...asRecord(metadata.annotations), [ANNOTATION.configDigest]: value };
  const placeOf = (path: FieldPath): FieldPath =>
    STAMP_PATH.every((step, at) => path[at] === step) ? ["metadata", "annotations", ANNOTATION.restartOn] : path;
  return {
    ...workload,
    object: { ...object, spec: { ...spec, template: { ...template, metadata: { ...metadata, annotations } } } },
    locate: (path) => workload.locate(placeOf(path)),
    locateValue: (path) => workload.locateValue(placeOf(path)),
  };
}

/** What pods get of an object, however it is written: sorted by key, base64 as the bytes it stands for. */
export function contentOf({ id, object }: Pick<Declared, "id" | "object">): string {
  const entries =
    id.kind === "Secret"
      ? // What is given as text replaces what is given as base64, as the API server does it.
        { ...mapped(object.data, "data", decoded), ...mapped(object.stringData, "data", encoded) }
      : { ...mapped(object.data, "data", String), ...mapped(object.binaryData, "binaryData", decoded) };
  return JSON.stringify(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function mapped(data: unknown, part: string, read: (text: string) => string): Record<string, string> {
  const given = Object.entries(asRecord(data)).filter(([, value]) => value !== null);
  return Object.fromEntries(
    given.map(([key, value]) => [`${part}/${key}`, read(typeof value === "string" ? value : JSON.stringify(value))]),
  );
}

function decoded(text: string): string {
  return Buffer.from(text, "base64").toString("base64");
}

function encoded(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The stamp of an object; `undefined` when it has none. */
export function stampOf(object: KubeObject): unknown {
  const template = asRecord(asRecord(object.spec).template);
  return asRecord(asRecord(template.metadata).annotations)[ANNOTATION.configDigest];
}

/** What a changed stamp says of the configuration, as people read it; `null` when the stamp does not change. */
export function configChanges(fields: readonly FieldChange[]): string[] | null {
  const stamp = fields.find(isStamp);
  if (stamp === undefined) return null;
  const before = partsOf(stamp.before);
  const after = partsOf(stamp.after);
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((name) => {
    if (!before.has(name)) return [`${name} is watched from now on`];
    if (!after.has(name)) return [`${name} is watched no more`];
    return before.get(name) === after.get(name) ? [] : [`${name} changed`];
  });
}

/** The objects that a changed stamp says have other content; those that are watched from now on, or no more, have not. */
export function changedConfigs(fields: readonly FieldChange[]): { kind: "ConfigMap" | "Secret"; name: string }[] {
  const stamp = fields.find(isStamp);
  const before = partsOf(stamp?.before);
  return [...partsOf(stamp?.after)].flatMap(([object, digest]) => {
    const [kind, name = ""] = object.split("/");
    const isOther = before.has(object) && before.get(object) !== digest;
    return isOther ? [{ kind: kind === "secret" ? "Secret" : "ConfigMap", name }] : [];
  });
}

/** Whether a field is the stamp, which stands in no manifest. */
export function isStamp({ path }: Pick<FieldChange, "path">): boolean {
  return path === STAMP_FIELD;
}

/** Whether the stamp is all of the pod template that changes. */
export function isOnlyStamp(fields: readonly FieldChange[]): boolean {
  return fields.every(({ path }) => path === STAMP_FIELD || !path.startsWith("spec.template"));
}

function partsOf(value: unknown): Map<string, string> {
  const parts = typeof value === "string" && value !== "" ? value.split(",") : [];
  return new Map(parts.map((part): [string, string] => [part.split("=")[0] ?? "", part.split("=")[1] ?? ""]));
}
