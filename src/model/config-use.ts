/** Which ConfigMaps and Secrets a pod uses and where it says so, and on which of them its workload asks to be restarted. */
import type { FieldPath } from "./manifest.ts";
import type { KubeObject } from "./object.ts";
import { ANNOTATION } from "./workload.ts";

export type ConfigKind = "ConfigMap" | "Secret";

/** Words of the annotation `trueup/restart-on`. */
export const RESTART_WORDS: Readonly<Record<string, ConfigKind>> = { configmap: "ConfigMap", secret: "Secret" };

export interface ConfigUse {
  kind: ConfigKind;
  name: string;
  /** Of the name, inside the pod's spec. */
  path: FieldPath;
}

type Loose = Readonly<Record<string, unknown>>;

/**
 * Every use by environments and volumes of all containers, init containers too, in the order of the spec; optional ones
 * count. Takes what a manifest says as it is: whatever has the wrong shape is passed over, as validation names it.
 */
export function configUses(podSpec: unknown): ConfigUse[] {
  const uses: ConfigUse[] = [];
  const add = (kind: ConfigKind, source: unknown, path: FieldPath, nameField = "name"): void => {
    const name = record(source)[nameField];
    if (typeof name === "string" && name !== "") uses.push({ kind, name, path: [...path, nameField] });
  };
  const spec = record(podSpec);
  for (const list of ["initContainers", "containers"]) {
    for (const [at, container] of items(spec[list])) {
      for (const [index, variable] of items(container.env)) {
        const path = [list, at, "env", index, "valueFrom"];
        const { configMapKeyRef, secretKeyRef } = record(variable.valueFrom);
        add("ConfigMap", configMapKeyRef, [...path, "configMapKeyRef"]);
        add("Secret", secretKeyRef, [...path, "secretKeyRef"]);
      }
      for (const [index, source] of items(container.envFrom)) {
        add("ConfigMap", source.configMapRef, [list, at, "envFrom", index, "configMapRef"]);
        add("Secret", source.secretRef, [list, at, "envFrom", index, "secretRef"]);
      }
    }
  }
  for (const [at, volume] of items(spec.volumes)) {
    add("ConfigMap", volume.configMap, ["volumes", at, "configMap"]);
    add("Secret", volume.secret, ["volumes", at, "secret"], "secretName");
    for (const [index, source] of items(record(volume.projected).sources)) {
      const path = ["volumes", at, "projected", "sources", index];
      add("ConfigMap", source.configMap, [...path, "configMap"]);
      add("Secret", source.secret, [...path, "secret"]);
    }
  }
  return uses;
}

/** What the annotation asks for: kinds, and the words that are none. `null` when the object does not carry it. */
export function restartOn(object: KubeObject): { kinds: ReadonlySet<ConfigKind>; unknown: string[] } | null {
  // Read with care, as manifests come here before they are known to be valid.
  const text = record(record(object.metadata).annotations)[ANNOTATION.restartOn];
  if (text === undefined || text === null) return null;
  const kinds = new Set<ConfigKind>();
  const unknown: string[] = [];
  for (const word of String(text).split(",")) {
    const known = word.trim();
    const kind = Object.hasOwn(RESTART_WORDS, known) ? RESTART_WORDS[known] : undefined;
    if (kind === undefined) unknown.push(known);
    else kinds.add(kind);
  }
  return { kinds, unknown };
}

/** The uses whose changes restart a Deployment's pods; none for anything else. */
export function watchedUses(object: KubeObject): ConfigUse[] {
  if (object.kind !== "Deployment") return [];
  const wanted = restartOn(object);
  if (wanted === null) return [];
  const { spec } = record(record(object.spec).template);
  return configUses(spec).filter(({ kind }) => wanted.kinds.has(kind));
}

function record(value: unknown): Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Loose) : {};
}

function items(value: unknown): [number, Loose][] {
  return Array.isArray(value) ? value.map((item, at) => [at, record(item)]) : [];
}
