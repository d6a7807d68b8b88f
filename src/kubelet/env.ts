/** A container's environment, from what its pod refers to. Pure, so each rule is a row of a table test. */
import type { PodAssignment } from "../model/kubelet.ts";
import type { Container, EnvVar, Pod } from "../model/workload.ts";

/** What the environment is made of, besides the assignment. */
export interface EnvInput {
  assignment: PodAssignment;
  container: Container;
  /** `KEY=value` lines of the image's config. */
  imageEnv: readonly string[];
  /** The container's ports in declared order, with the local port of each. */
  ports: readonly LocalPort[];
  /** Directory for HOME and, below it, TMPDIR. */
  workDirectory: string;
  /** Where bare program names are looked up, `a:b:c`. */
  path: string;
  podIP: string;
  hostIP: string;
}

export interface LocalPort {
  name?: string;
  containerPort: number;
  localPort: number;
}

export type EnvResult =
  | {
      ok: true;
      /** The whole environment, made when asked: Services of a large namespace make it long. */
      env: () => Record<string, string>;
      /** The value of a variable, without making the whole. */
      lookup: (name: string) => string | undefined;
    }
  /** Why the container cannot be configured, worded as the kubelet does; names only, never a value. */
  | { ok: false; message: string };

type Value = { value: string | undefined } | { problem: string };

/**
 * Resolves the environment. Later wins: HOME, TMPDIR and PATH; the image's; Services'; `envFrom`; `env`; and last what
 * a pod on a shared host cannot do without: PORT (the first container port), PORT_<NAME>, HOSTNAME, TRUEUP_POD_UID.
 *
 * `$(NAME)` in a value is replaced by a variable defined before it, and stays as it is when there is none; `$$` is `$`.
 */
export function resolveEnv(input: EnvInput): EnvResult {
  const { assignment, container } = input;
  const base: Record<string, string> = {
    HOME: input.workDirectory,
    TMPDIR: `${input.workDirectory}/tmp`,
    PATH: input.path,
    ...splitLines(input.imageEnv),
  };
  const fixed = fixedVariables(input);
  const own: Record<string, string> = {};
  const lookup = (name: string): string | undefined =>
    ownValue(fixed, name) ?? ownValue(own, name) ?? ownValue(assignment.serviceEnv, name) ?? ownValue(base, name);

  const problem = addEnvFrom(own, assignment, container) ?? addEnv(own, input, lookup);
  if (problem !== null) return { ok: false, message: problem };
  return { ok: true, env: () => ({ ...base, ...assignment.serviceEnv, ...own, ...fixed }), lookup };
}

/** Replaces `$(NAME)`; as Kubernetes' third_party/forked/golang/expansion: `$$` escapes, what is unknown stays. */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  return text.replaceAll(/\$(?:\$|\((?<name>[^)]*)\))/g, (match, name: string | undefined) =>
    name === undefined ? "$" : (lookup(name) ?? match),
  );
}

/** The variable that names a port: `PORT_` and the name in capitals, `-` as `_`. */
export function portVariable(name: string): string {
  return `PORT_${name.toUpperCase().replaceAll("-", "_")}`;
}

function fixedVariables({ assignment, container, ports }: EnvInput): Record<string, string> {
  const { metadata } = assignment.pod;
  const fixed: Record<string, string> = {};
  const [first] = ports;
  if (first !== undefined) fixed.PORT = String(first.localPort);
  for (const port of ports) if (port.name !== undefined) fixed[portVariable(port.name)] = String(port.localPort);
  fixed.HOSTNAME = metadata.name;
  fixed.TRUEUP_POD_UID = metadata.uid ?? "";
  fixed.TRUEUP_CONTAINER = container.name;
  return fixed;
}

function addEnvFrom(own: Record<string, string>, assignment: PodAssignment, container: Container): string | null {
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    const ref = configMapRef ?? secretRef;
    if (ref === undefined) continue;
    const data = ownValue(secretRef === undefined ? assignment.configMaps : assignment.secrets, ref.name) ?? null;
    if (data === null) {
      if (ref.optional === true) continue;
      return `${secretRef === undefined ? "configmap" : "secret"} "${ref.name}" not found`;
    }
    for (const [key, value] of Object.entries(data)) if (isVariableName(prefix + key)) own[prefix + key] = value;
  }
  return null;
}

function addEnv(
  own: Record<string, string>,
  input: EnvInput,
  lookup: (name: string) => string | undefined,
): string | null {
  for (const variable of input.container.env ?? []) {
    const result = variableValue(variable, input, lookup);
    if ("problem" in result) return result.problem;
    if (result.value !== undefined) own[variable.name] = result.value;
  }
  return null;
}

function variableValue(variable: EnvVar, input: EnvInput, lookup: (name: string) => string | undefined): Value {
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = variable.valueFrom ?? {};
  const { assignment } = input;
  if (configMapKeyRef !== undefined)
    return keyValue("ConfigMap", assignment.configMaps, configMapKeyRef, assignment.pod);
  if (secretKeyRef !== undefined) return keyValue("Secret", assignment.secrets, secretKeyRef, assignment.pod);
  if (fieldRef !== undefined) return fieldValue(fieldRef.fieldPath, input);
  if (resourceFieldRef !== undefined) {
    return {
      problem: `resourceFieldRef of variable "${variable.name}" is not supported: processes have no limits here`,
    };
  }
  return { value: expand(variable.value ?? "", lookup) };
}

function keyValue(
  kind: "ConfigMap" | "Secret",
  objects: Record<string, Record<string, string> | null>,
  ref: { name: string; key: string; optional?: boolean },
  pod: Pod,
): Value {
  const data = ownValue(objects, ref.name) ?? null;
  const value = data === null ? undefined : ownValue(data, ref.key);
  if (value !== undefined || ref.optional === true) return { value };
  if (data === null) return { problem: `${kind.toLowerCase()} "${ref.name}" not found` };
  return { problem: `couldn't find key ${ref.key} in ${kind} ${pod.metadata.namespace ?? "default"}/${ref.name}` };
}

function fieldValue(path: string, { assignment, podIP, hostIP }: EnvInput): Value {
  const { metadata, spec } = assignment.pod;
  const entry = /^metadata\.(?<map>labels|annotations)\['(?<key>[^']*)'\]$/.exec(path)?.groups;
  if (entry?.map !== undefined && entry.key !== undefined) {
    const map = entry.map === "labels" ? metadata.labels : metadata.annotations;
    return { value: map === undefined ? "" : (ownValue(map, entry.key) ?? "") };
  }
  switch (path) {
    case "metadata.name":
      return { value: metadata.name };
    case "metadata.namespace":
      return { value: metadata.namespace ?? "default" };
    case "metadata.uid":
      return { value: metadata.uid ?? "" };
    case "spec.nodeName":
      return { value: spec.nodeName ?? "" };
    case "spec.serviceAccountName":
      return { value: typeof spec.serviceAccountName === "string" ? spec.serviceAccountName : "default" };
    case "status.podIP":
    case "status.podIPs":
      return { value: podIP };
    case "status.hostIP":
    case "status.hostIPs":
      return { value: hostIP };
    default:
      return { problem: `field "${path}" is not supported by fieldRef` };
  }
}

/** Names that an environment can hold; others are left out, as the kubelet does. */
function isVariableName(name: string): boolean {
  return name !== "" && !/[=\0]/.test(name);
}

/** A value that the record itself has: names come from manifests and may be `constructor`. */
function ownValue<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function splitLines(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const equals = line.indexOf("=");
      return equals < 0 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
}
