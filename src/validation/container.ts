/** Rules on one container: image, ports, environment, probes, hooks, mounts and resources. */
import type { Field } from "./field.ts";
import { checkImage } from "./image.ts";
import { checkMounts } from "./mounts.ts";
import { checkConfigKey, checkEnvName, checkPortName, checkSubdomain } from "./names.ts";
import { checkPortNumber } from "./ports.ts";
import { checkHandler, checkProbe } from "./probe.ts";
import { warnAboutContainer } from "./process.ts";
import type { Report } from "./report.ts";
import { checkResources } from "./resources.ts";
import { checkContainerSecurity } from "./security.ts";

export interface PodFacts {
  isInit: boolean;
  volumes: ReadonlySet<string>;
  /** `protocol/port` of the host ports seen so far, to the field that took it. */
  hostPorts: Map<string, string>;
}

const PROBES = ["livenessProbe", "readinessProbe", "startupProbe"] as const;

export function checkContainer(report: Report, container: Field, facts: PodFacts): void {
  if (container.record === undefined) return;
  checkImage(report, container.at("image"));
  report.oneOf(container.at("imagePullPolicy"), ["Always", "IfNotPresent", "Never"]);
  report.oneOf(container.at("terminationMessagePolicy"), ["File", "FallbackToLogsOnError"]);
  const restarts = container.at("restartPolicy");
  if (facts.isInit) report.oneOf(restarts, ["Always", "Never", "OnFailure"]);
  checkPorts(report, container.at("ports"), facts.hostPorts);
  checkEnvironment(report, container);
  checkMounts(report, container, facts.volumes);
  checkResources(report, container.at("resources"));
  checkContainerSecurity(report, container.at("securityContext"));
  const isPlainInit = facts.isInit && restarts.text !== "Always";
  for (const name of [...PROBES, "lifecycle"] as const) {
    const field = container.at(name);
    if (!field.isGiven) continue;
    if (isPlainInit) {
      report.say(
        "error",
        "init-container",
        field.path,
        `Cannot use ${field.name} as it may not be set for init containers without restartPolicy=Always`,
        {
          at: "key",
        },
      );
    } else if (name !== "lifecycle") checkProbe(report, field, name, container.at("ports"));
  }
  for (const hook of ["postStart", "preStop"]) {
    const field = container.at("lifecycle", hook);
    if (field.isGiven) checkHandler(report, field, ["exec", "httpGet", "tcpSocket", "sleep"], container.at("ports"));
  }
  warnAboutContainer(report, container);
}

function checkPorts(report: Report, ports: Field, hostPorts: Map<string, string>): void {
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const port of ports.items) {
    const name = port.at("name");
    if (name.text !== undefined && name.text !== "") {
      const wrong = checkPortName(name.text);
      if (wrong !== null) report.error("port-name", name, wrong);
      else if (names.has(name.text)) report.error("port-name", name, "a container's port names must be unique");
      names.add(name.text);
    }
    const protocol = port.at("protocol");
    report.oneOf(protocol, ["TCP", "UDP", "SCTP"]);
    const number = port.at("containerPort");
    checkPortNumber(report, number);
    const key = `${protocol.text ?? "TCP"}/${number.integer}`;
    if (number.integer !== undefined && numbers.has(key)) {
      report.warning(
        "port-duplicate",
        number,
        `${number.name} repeats a port that the container already has: ${number.integer}`,
        {
          hint: "Remove one of the two.",
        },
      );
    }
    numbers.add(key);
    checkHostPort(report, port.at("hostPort"), protocol.text ?? "TCP", hostPorts);
  }
}

function checkHostPort(report: Report, hostPort: Field, protocol: string, taken: Map<string, string>): void {
  if (!hostPort.isGiven || hostPort.integer === 0) return;
  checkPortNumber(report, hostPort);
  const key = `${protocol}/${hostPort.integer}`;
  const earlier = taken.get(key);
  if (earlier !== undefined)
    report.error("port-duplicate", hostPort, `a pod's host ports must be unique: ${earlier} has it too`);
  else taken.set(key, hostPort.name);
}

const ENV_SOURCES = ["configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef"] as const;
const ENV_FIELDS =
  /^(?:metadata\.(?:name|namespace|uid|labels\['[^']+'\]|annotations\['[^']+'\])|spec\.(?:nodeName|serviceAccountName)|status\.(?:hostIPs?|podIPs?))$/;

function checkEnvironment(report: Report, container: Field): void {
  const seen = new Set<string>();
  for (const variable of container.at("env").items) {
    const name = variable.at("name");
    if (name.text !== undefined) {
      const wrong = checkEnvName(name.text);
      if (wrong !== null) report.error("env-name", name, wrong);
      else if (seen.has(name.text)) {
        report.warning("env-duplicate", name, `${name.name} repeats ${name.text}: the last one counts`, {
          at: "value",
          hint: "Remove one of the two.",
        });
      }
      seen.add(name.text);
    }
    checkEnvSource(report, variable);
  }
  for (const source of container.at("envFrom").items) {
    const prefix = source.at("prefix");
    const wrong = prefix.text === undefined || prefix.text === "" ? null : checkEnvName(prefix.text);
    if (wrong !== null) report.error("env-name", prefix, wrong);
    const given = ["configMapRef", "secretRef"].filter((key) => source.at(key).isGiven);
    if (given.length !== 1) oneSource(report, source, given, ["configMapRef", "secretRef"]);
    for (const key of given) checkReferenceName(report, source.at(key, "name"));
  }
}

function checkEnvSource(report: Report, variable: Field): void {
  const from = variable.at("valueFrom");
  if (from.record === undefined) return;
  const value = variable.at("value");
  if (value.text !== undefined && value.text !== "") {
    report.say(
      "error",
      "env-source",
      from.path,
      `Cannot use ${from.name} as it may not be specified when \`value\` is not empty`,
      { at: "key" },
    );
  }
  const given = ENV_SOURCES.filter((key) => from.at(key).isGiven);
  if (given.length !== 1) oneSource(report, from, given, ENV_SOURCES);
  for (const key of ["configMapKeyRef", "secretKeyRef"]) {
    const reference = from.at(key);
    if (!reference.isGiven) continue;
    checkReferenceName(report, reference.at("name"));
    const wrong = reference.at("key").text === undefined ? null : checkConfigKey(reference.at("key").text ?? "");
    if (wrong !== null) report.error("env-source", reference.at("key"), wrong);
  }
  const path = from.at("fieldRef", "fieldPath");
  if (path.text !== undefined && !ENV_FIELDS.test(path.text)) {
    report.error("env-source", path, "it must be a field that the pod can read", {
      hint: "Such as metadata.name, metadata.labels['app'], spec.nodeName or status.podIP.",
    });
  }
}

function checkReferenceName(report: Report, name: Field): void {
  if (!name.isGiven || name.value === "") report.missing("env-source", name);
  else {
    const wrong = name.text === undefined ? null : checkSubdomain(name.text);
    if (wrong !== null) report.error("env-source", name, wrong);
  }
}

function oneSource(report: Report, field: Field, given: readonly string[], known: readonly string[]): void {
  const was = given.length === 0 ? "it has none" : `it has ${given.join(", ")}`;
  report.say(
    "error",
    "env-source",
    field.path,
    `Cannot use ${field.name} as it must have exactly one of ${known.join(", ")}: ${was}`,
    { at: "key" },
  );
}
