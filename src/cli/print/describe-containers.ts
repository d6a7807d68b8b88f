/** Containers and pod templates as kubectl describes them. */
import type { Container, ContainerState, ContainerStatus, EnvVar, PodTemplate, Probe } from "../../model/workload.ts";
import { longTime } from "./age.ts";
import { annotationLines, labelLines } from "./describe-text.ts";
import { NONE } from "./labels.ts";

/** `Pod Template:` and what it holds; tabs as in kubectl, not yet lined up. */
export function podTemplateLines({ metadata, spec }: PodTemplate): string[] {
  const { serviceAccountName, volumes, nodeSelector } = spec as {
    serviceAccountName?: string;
    volumes?: readonly Volume[];
    nodeSelector?: Record<string, string>;
  };
  return [
    "Pod Template:",
    ...labelLines("  Labels", metadata?.labels),
    ...(metadata?.annotations === undefined ? [] : annotationLines("  Annotations", metadata.annotations)),
    ...(serviceAccountName === undefined ? [] : [`  Service Account:\t${serviceAccountName}`]),
    ...((spec.initContainers ?? []).length === 0
      ? []
      : containerLines("Init Containers", spec.initContainers ?? [], undefined, "  ")),
    ...containerLines("Containers", spec.containers, undefined, "  "),
    ...volumeLines(volumes, "  "),
    ...labelLines("  Node-Selectors", nodeSelector),
    `  Tolerations:\t${NONE}`,
  ];
}

interface Volume {
  name: string;
  [source: string]: unknown;
}

/** Volumes by name and type; what a type holds is left to `-o yaml`. */
export function volumeLines(volumes: readonly Volume[] | undefined, space: string): string[] {
  if (volumes === undefined || volumes.length === 0) return [`${space}Volumes:\t${NONE}`];
  const lines = volumes.flatMap((volume) => {
    const type = Object.keys(volume).find((key) => key !== "name") ?? "emptyDir";
    return [`  ${space === "" ? "" : " "}${volume.name}:`, `    Type:\t${type}`];
  });
  return [`${space}Volumes:`, ...lines];
}

/** @param statuses Of the containers, by name; absent for a template, which has none */
export function containerLines(
  title: string,
  containers: readonly Container[],
  statuses: readonly ContainerStatus[] | undefined,
  space: string,
): string[] {
  const lines = containers.flatMap((container) => {
    const status = statuses?.find(({ name }) => name === container.name);
    return [`  ${space === "" ? "" : " "}${container.name}:`, ...detailLines(container, status)];
  });
  return [`${space}${title}:${containers.length === 0 ? ` ${NONE}` : ""}`, ...lines];
}

function detailLines(container: Container, status: ContainerStatus | undefined): string[] {
  const ports = container.ports ?? [];
  const declared = ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol ?? "TCP"}`);
  const host = ports.map(({ hostPort, protocol }) => `${hostPort ?? 0}/${protocol ?? "TCP"}`);
  const many = ports.length > 1 ? "s" : "";
  return [
    ...(status === undefined ? [] : [`    Container ID:\t${status.containerID ?? ""}`]),
    `    Image:\t${container.image ?? ""}`,
    ...(status === undefined ? [] : [`    Image ID:\t${status.imageID}`]),
    `    Port${many}:\t${declared.join(", ") || NONE}`,
    `    Host Port${many}:\t${host.join(", ") || NONE}`,
    ...wordLines("Command", container.command),
    ...wordLines("Args", container.args),
    ...(status === undefined ? [] : statusLines(status)),
    ...probeLines("Liveness", container.livenessProbe),
    ...probeLines("Readiness", container.readinessProbe),
    ...probeLines("Startup", container.startupProbe),
    ...envFromLines(container),
    ...envLines(container.env),
    ...mountLines(container),
  ];
}

function wordLines(title: string, words: readonly string[] | undefined): string[] {
  if (words === undefined || words.length === 0) return [];
  return [`    ${title}:`, ...words.flatMap((word) => word.split("\n").map((line) => `      ${line}`))];
}

function statusLines(status: ContainerStatus): string[] {
  return [
    ...stateLines("State", status.state),
    ...(status.lastState.terminated === undefined ? [] : stateLines("Last State", status.lastState)),
    `    Ready:\t${status.ready ? "True" : "False"}`,
    `    Restart Count:\t${status.restartCount}`,
  ];
}

function stateLines(title: string, { running, waiting, terminated }: ContainerState): string[] {
  if (running !== undefined) return [`    ${title}:\tRunning`, `      Started:\t${longTime(running.startedAt)}`];
  if (terminated !== undefined) {
    const { reason, message, exitCode, signal, startedAt, finishedAt } = terminated;
    return [
      `    ${title}:\tTerminated`,
      ...(reason === "" ? [] : [`      Reason:\t${reason}`]),
      ...messageLines(message),
      `      Exit Code:\t${exitCode ?? "unknown"}`,
      ...(signal === undefined || signal === 0 ? [] : [`      Signal:\t${signal}`]),
      `      Started:\t${longTime(startedAt)}`,
      `      Finished:\t${longTime(finishedAt)}`,
    ];
  }
  return [
    `    ${title}:\tWaiting`,
    ...(waiting === undefined || waiting.reason === "" ? [] : [`      Reason:\t${waiting.reason}`]),
    ...messageLines(waiting?.message),
  ];
}

function messageLines(message: string | undefined): string[] {
  if (message === undefined || message === "") return [];
  const [first = "", ...rest] = message.trimEnd().split("\n");
  return [`      Message:\t${first}`, ...rest.map((line) => `\t${line}`)];
}

function probeLines(title: string, probe: Probe | undefined): string[] {
  return probe === undefined ? [] : [`    ${title}:\t${probeText(probe)}`];
}

/** `http-get http://:8080/healthz delay=0s timeout=1s period=10s #success=1 #failure=3` */
export function probeText(probe: Probe): string {
  const attributes = [
    `delay=${probe.initialDelaySeconds ?? 0}s`,
    `timeout=${probe.timeoutSeconds ?? 1}s`,
    `period=${probe.periodSeconds ?? 10}s`,
    `#success=${probe.successThreshold ?? 1}`,
    `#failure=${probe.failureThreshold ?? 3}`,
  ].join(" ");
  const { exec, httpGet, tcpSocket, grpc } = probe;
  if (exec !== undefined) return `exec [${exec.command.join(" ")}] ${attributes}`;
  if (httpGet !== undefined) {
    const { scheme = "HTTP", host = "", port, path = "/" } = httpGet;
    return `http-get ${scheme.toLowerCase()}://${host}:${port}${path} ${attributes}`;
  }
  if (tcpSocket !== undefined) return `tcp-socket ${tcpSocket.host ?? ""}:${tcpSocket.port} ${attributes}`;
  if (grpc !== undefined) return `grpc <pod>:${grpc.port} ${grpc.service ?? ""} ${attributes}`;
  return `unknown ${attributes}`;
}

function envFromLines({ envFrom = [] }: Container): string[] {
  if (envFrom.length === 0) return [];
  const lines = envFrom.map(({ prefix, configMapRef, secretRef }) => {
    const source = configMapRef ?? secretRef;
    const kind = configMapRef === undefined ? "Secret" : "ConfigMap";
    const optional = source?.optional === true;
    return `      ${source?.name ?? ""}\t${kind}${prefix ? ` with prefix '${prefix}'` : ""}\tOptional: ${optional}`;
  });
  return ["    Environment Variables from:", ...lines];
}

function envLines(env: readonly EnvVar[] | undefined): string[] {
  if (env === undefined || env.length === 0) return [`    Environment:\t${NONE}`];
  return ["    Environment:", ...env.flatMap(envVarLines)];
}

function envVarLines({ name, value = "", valueFrom }: EnvVar): string[] {
  if (valueFrom === undefined) {
    const [first = "", ...rest] = value.split("\n");
    return [`      ${name}:\t${first}`, ...rest.map((line) => `      \t${line}`)];
  }
  const { fieldRef, configMapKeyRef, secretKeyRef, resourceFieldRef } = valueFrom;
  if (fieldRef !== undefined) return [`      ${name}:\t (${fieldRef.apiVersion ?? "v1"}:${fieldRef.fieldPath})`];
  if (resourceFieldRef !== undefined) return [`      ${name}:\t (${resourceFieldRef.resource})`];
  const key = configMapKeyRef ?? secretKeyRef;
  const place = configMapKeyRef === undefined ? "in secret" : "of config map";
  const source = `<set to the key '${key?.key ?? ""}' ${place} '${key?.name ?? ""}'>`;
  return [`      ${name}:\t${source}\tOptional: ${key?.optional === true}`];
}

function mountLines(container: Container): string[] {
  const { volumeMounts } = container as {
    volumeMounts?: readonly { name: string; mountPath: string; readOnly?: boolean }[];
  };
  if (volumeMounts === undefined || volumeMounts.length === 0) return [`    Mounts:\t${NONE}`];
  const lines = volumeMounts.map(
    ({ name, mountPath, readOnly }) => `      ${mountPath} from ${name} (${readOnly === true ? "ro" : "rw"})`,
  );
  return ["    Mounts:", ...lines];
}
