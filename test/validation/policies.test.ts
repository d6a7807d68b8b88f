/** Every policy, switched on: what it says of which manifests, to the letter and the column, and what it lets pass. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import { EXPLANATIONS } from "../../src/validation/explain/index.ts";
import { RULES, validateDeclared } from "../../src/validation/index.ts";
import { natureOf, POLICY_IDS, type PolicyId } from "../../src/validation/rules.ts";
import type { PolicySetting } from "../../src/validation/settings.ts";
import { BLOB, lines } from "./declare.ts";

type Parameters = Omit<PolicySetting, "rule" | "level">;

/** What one policy, and it alone, says. */
function said(rule: PolicyId, text: string, parameters: Parameters = {}): string[] {
  const { declared, diagnostics } = parseManifestFile({ file: "a.yaml", blob: BLOB, text });
  expect(diagnostics).toEqual([]);
  const policies: PolicySetting[] = [{ rule, level: "warning", ...parameters }];
  const found = declared.flatMap((each) => validateDeclared(each, { policies }));
  return lines(found.filter((each) => each.rule === rule)).map((line) => line.replace(` warning ${rule}: `, " "));
}

const deployment = (containers: string, pod = ""): string =>
  `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
${pod === "" ? "" : `      ${pod}\n`}      containers:
${containers.replaceAll(/^/gm, "      ")}
`;
const TWO = deployment("- name: web\n  image: web:1\n- {name: side, image: side:1}");
const pod = (spec: string): string => `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: ${spec}}`;
const container = (rest: string): string => pod(`{containers: [{name: a, image: "a:1", ${rest}}]}`);
const PATH = "spec.template.spec.containers";

interface Row {
  rule: PolicyId;
  name: string;
  text: string;
  parameters?: Parameters;
  expect: string[];
}

const ROWS: Row[] = [
  {
    rule: "no-liveness-probe",
    name: "each container is told of where it begins",
    text: TWO,
    expect: [
      `8:9 Cannot use ${PATH}[0] as livenessProbe must be given: it is missing (Say how to find out that the container hangs.)`,
      `10:9 Cannot use ${PATH}[1] as livenessProbe must be given: it is missing (Say how to find out that the container hangs.)`,
    ],
  },
  { rule: "no-liveness-probe", name: "given", text: container("livenessProbe: {tcpSocket: {port: 80}}"), expect: [] },
  {
    rule: "no-readiness-probe",
    name: "not of init containers",
    text: pod("{initContainers: [{name: i}], containers: [{name: a, readinessProbe: {exec: {command: [a]}}}]}"),
    expect: [],
  },
  {
    rule: "no-readiness-probe",
    name: "not of pods that end",
    text: `${pod("{restartPolicy: Never, containers: [{name: a}]}")}\n---\n{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a}]}}}}`,
    expect: [],
  },
  {
    rule: "no-readiness-probe",
    name: "missing",
    text: pod("{containers: [{name: a}]}"),
    expect: [
      "1:70 Cannot use spec.containers[0] as readinessProbe must be given: it is missing (Say how to find out that the container can serve.)",
    ],
  },
  {
    rule: "unset-cpu-requirements",
    name: "points to what is there of the resources",
    text: deployment(
      "- name: web\n  resources:\n    requests:\n      memory: 1Gi\n- {name: b, resources: {requests: {cpu: 1}}}",
    ),
    expect: [`10:11 Cannot use ${PATH}[0] as resources.requests.cpu must be given: it is missing`],
  },
  {
    rule: "unset-cpu-requirements",
    name: "a limit is a request; an amount of none is none",
    text: pod("{containers: [{name: a, resources: {limits: {cpu: 1}}}, {name: b, resources: {requests: {cpu: 0}}}]}"),
    expect: ["1:150 Cannot use spec.containers[1].resources.requests.cpu as it must be more than 0: it is 0"],
  },
  {
    rule: "unset-cpu-requirements",
    name: "limits and requests, when both are asked for",
    text: container("resources: {requests: {cpu: 1}}"),
    parameters: { require: ["requests", "limits"] },
    expect: ["1:94 Cannot use spec.containers[0] as resources.limits.cpu must be given: it is missing"],
  },
  {
    rule: "unset-memory-requirements",
    name: "a request is no limit; init containers count",
    text: pod("{initContainers: [{name: i}], containers: [{name: a, resources: {requests: {memory: 1Gi}}}]}"),
    expect: [
      "1:109 Cannot use spec.containers[0] as resources.limits.memory must be given: it is missing",
      "1:74 Cannot use spec.initContainers[0] as resources.limits.memory must be given: it is missing",
    ],
  },
  {
    rule: "unset-memory-requirements",
    name: "the pod's own count for its containers",
    text: pod("{resources: {limits: {memory: 1Gi}}, containers: [{name: a}]}"),
    expect: [],
  },
  {
    rule: "run-as-non-root",
    name: "missing, said where it is missing",
    text: deployment("- name: web\n  securityContext:\n    privileged: false"),
    expect: [
      `9:9 Cannot use ${PATH}[0] as securityContext.runAsNonRoot must be given: it is missing (Set it to true, for the container or its pod.)`,
    ],
  },
  {
    rule: "run-as-non-root",
    name: "the pod's counts, once, unless the container says otherwise",
    text: deployment(
      "- {name: a}\n- {name: b}\n- {name: c, securityContext: {runAsUser: 5}}",
      "securityContext: {runAsUser: 0}",
    ),
    expect: ["7:36 Cannot use spec.template.spec.securityContext.runAsUser as the user must not be root: it is 0"],
  },
  {
    rule: "run-as-non-root",
    name: "another user; root's group; told to run as root",
    text: pod(
      "{containers: [{name: a, securityContext: {runAsUser: 1001}}, {name: b, securityContext: {runAsNonRoot: true, runAsGroup: 0}}, {name: c, securityContext: {runAsNonRoot: false}}]}",
    ),
    expect: [
      "1:177 Cannot use spec.containers[1].securityContext.runAsGroup as the group must not be root's: it is 0",
      "1:224 Cannot use spec.containers[2].securityContext.runAsNonRoot as it must be true: it is false",
    ],
  },
  {
    rule: "privilege-escalation-container",
    name: "the default is true",
    text: container("securityContext: {allowPrivilegeEscalation: true}").replace("]", ", {name: b}]"),
    expect: [
      "1:138 Cannot use spec.containers[0].securityContext.allowPrivilegeEscalation as it must be false: it is true",
      "1:146 Cannot use spec.containers[1] as securityContext.allowPrivilegeEscalation must be given: it is missing (Set it to false: the default is true.)",
    ],
  },
  {
    rule: "privilege-escalation-container",
    name: "Windows has none of it",
    text: pod("{os: {name: windows}, containers: [{name: a}]}"),
    expect: [],
  },
  {
    rule: "privileged-container",
    name: "said to be",
    text: container("securityContext: {privileged: true}"),
    expect: ["1:124 Cannot use spec.containers[0].securityContext.privileged as it must be false: it is true"],
  },
  { rule: "privileged-container", name: "not said to be", text: TWO, expect: [] },
  {
    rule: "host-network",
    name: "of a CronJob's pods",
    text: "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {jobTemplate: {spec: {template: {spec: {hostNetwork: true}}}}}}",
    expect: ["1:119 Cannot use spec.jobTemplate.spec.template.spec.hostNetwork as it must be false: it is true"],
  },
  { rule: "host-network", name: "false", text: pod("{hostNetwork: false}"), expect: [] },
  {
    rule: "host-pid",
    name: "true",
    text: pod("{hostPID: true}"),
    expect: ["1:66 Cannot use spec.hostPID as it must be false: it is true"],
  },
  {
    rule: "host-ipc",
    name: "true",
    text: pod("{hostIPC: true}"),
    expect: ["1:66 Cannot use spec.hostIPC as it must be false: it is true"],
  },
  {
    rule: "host-path",
    name: "any",
    text: deployment("- {name: a}", "volumes: [{name: v, hostPath: {path: /tmp}}, {name: w, emptyDir: {}}]"),
    expect: [
      '7:37 Cannot use spec.template.spec.volumes[0].hostPath as pods must not reach files of the host: it is {"path":"/tmp"}',
    ],
  },
  {
    rule: "host-port",
    name: "one of two ports",
    text: container("ports: [{containerPort: 80, hostPort: 80}, {containerPort: 81}]"),
    expect: [
      "1:132 Cannot use spec.containers[0].ports[0].hostPort as containers must not take ports of the host: it is 80 (Use a Service.)",
    ],
  },
  {
    rule: "no-read-only-root-fs",
    name: "false, missing, true",
    text: pod(
      "{containers: [{name: a, securityContext: {readOnlyRootFilesystem: false}}, {name: b}, {name: c, securityContext: {readOnlyRootFilesystem: true}}]}",
    ),
    expect: [
      "1:122 Cannot use spec.containers[0].securityContext.readOnlyRootFilesystem as it must be true: it is false",
      "1:131 Cannot use spec.containers[1] as securityContext.readOnlyRootFilesystem must be given: it is missing (Set it to true, and mount a volume where the container writes.)",
    ],
  },
  {
    rule: "drop-capabilities",
    name: "all, but for the one that low ports take",
    text: pod(
      "{containers: [{name: a, securityContext: {capabilities: {drop: [all], add: [NET_BIND_SERVICE, SYS_TIME]}}}, {name: b}]}",
    ),
    expect: [
      '1:150 Cannot use spec.containers[0].securityContext.capabilities.add[1] as it must not be added: it is "SYS_TIME"',
      "1:164 Cannot use spec.containers[1] as securityContext.capabilities.drop must be given: it is missing (Drop ALL.)",
    ],
  },
  {
    rule: "drop-capabilities",
    name: "one that is named",
    text: pod(
      "{containers: [{name: a, securityContext: {capabilities: {drop: [CAP_NET_RAW]}}}, {name: b, securityContext: {capabilities: {drop: [KILL], add: [NET_RAW]}}}]}",
    ),
    parameters: { capabilities: ["NET_RAW"] },
    expect: [
      '1:186 Cannot use spec.containers[1].securityContext.capabilities.drop as it must name NET_RAW: it is ["KILL"] (Drop NET_RAW.)',
      '1:200 Cannot use spec.containers[1].securityContext.capabilities.add[0] as it must not be added: it is "NET_RAW"',
    ],
  },
  {
    rule: "default-service-account",
    name: "named, not named, its token mounted",
    text: [
      pod("{serviceAccountName: default}"),
      pod("{containers: []}"),
      pod("{automountServiceAccountToken: true}"),
    ].join("\n---\n"),
    expect: [
      `1:77 Cannot use spec.serviceAccountName as pods must not mount the default service account's token: it is "default" (Name a service account of the workload's own, or set automountServiceAccountToken: false.)`,
      "3:50 Cannot use spec as serviceAccountName must be given: it is missing (Name a service account of the workload's own, or set automountServiceAccountToken: false.)",
      "5:87 Cannot use spec.automountServiceAccountToken as pods must not mount the default service account's token: it is true (Name a service account of the workload's own, or set automountServiceAccountToken: false.)",
    ],
  },
  {
    rule: "default-service-account",
    name: "another one, or no token",
    text: [pod("{serviceAccountName: web}"), pod("{automountServiceAccountToken: false}")].join("\n---\n"),
    expect: [],
  },
  {
    rule: "image-registry",
    name: "from elsewhere",
    text: pod(
      '{containers: [{name: a, image: "shop/web:1"}, {name: b, image: "web:1"}, {name: c, image: "r.example/a/b/c@sha256:x"}]}',
    ),
    parameters: { allowed: ["shop/*", "r.example/**"] },
    expect: [
      '1:119 Cannot use spec.containers[1].image as its repository must be one of shop/*, r.example/**: it is "web:1"',
    ],
  },
  {
    rule: "required-labels",
    name: "of workloads",
    text: "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {team: x}}, spec: {}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}",
    parameters: { labels: ["owner", "team"] },
    expect: ["1:49 Cannot use metadata as labels.owner must be given: it is missing"],
  },
  {
    rule: "required-labels",
    name: "of kinds that are named",
    text: "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}",
    parameters: { labels: ["example.org/owner"], kinds: ["/Config*"] },
    expect: ["3:35 Cannot use metadata as labels.example.org/owner must be given: it is missing"],
  },
  {
    rule: "minimum-replicas",
    name: "fewer, and none said",
    text: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 2}}\n---\n{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {}}\n---\n{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}, spec: {}}",
    expect: [
      "1:79 Cannot use spec.replicas as it must be at least 3: it is 2",
      "3:63 Cannot use spec as replicas must be given: it is missing (The default is 1; there must be at least 3.)",
    ],
  },
  {
    rule: "minimum-replicas",
    name: "as many as are asked for",
    text: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 2}}",
    parameters: { replicas: 2 },
    expect: [],
  },
];

describe("policies", () => {
  it.each(ROWS.map((row) => [row.rule, row.name, row] as const))("%s: %s", (rule, _, row) => {
    expect(said(rule, row.text, row.parameters)).toEqual(row.expect);
  });

  it("are all shown to say something, and to say nothing while they are off", () => {
    expect([...new Set(ROWS.filter((row) => row.expect.length > 0).map(({ rule }) => rule))].sort()).toEqual(
      [...POLICY_IDS].sort(),
    );
    for (const { text } of ROWS) {
      const { declared } = parseManifestFile({ file: "a.yaml", blob: BLOB, text });
      const rules = declared.flatMap((each) => validateDeclared(each)).map(({ rule }) => natureOf(rule));
      expect(rules).not.toContain("policy");
    }
  });

  it("say a place once, as the graver of two settings has it", () => {
    const { declared } = parseManifestFile({ file: "a.yaml", blob: BLOB, text: TWO });
    const policies: PolicySetting[] = [
      { rule: "image-registry", level: "warning", allowed: ["web"] },
      { rule: "image-registry", level: "error", allowed: ["side"] },
      { rule: "image-registry", level: "warning", allowed: ["none"] },
    ];
    const found = declared.flatMap((each) => validateDeclared(each, { policies }));
    const own = found.filter(({ rule }) => rule === "image-registry");
    expect(own.map(({ severity, field }) => [severity, field])).toEqual([
      ["error", `${PATH}[0].image`],
      ["warning", `${PATH}[1].image`],
    ]);
  });

  it("are in the schemas of both configurations, and explained", () => {
    for (const file of ["trueup.schema.json", "trueup.config.schema.json"]) {
      const schema = JSON.parse(readFileSync(join(import.meta.dirname, "../../schemas", file), "utf8"));
      expect(Object.keys(schema.properties.validation.properties.policies.properties).sort()).toEqual(
        [...POLICY_IDS].sort(),
      );
    }
  });

  it("never throw, whatever an object holds", () => {
    const policies = POLICY_IDS.map((rule): PolicySetting => ({ rule, level: "error", labels: ["a"], allowed: ["b"] }));
    const names = [
      "containers",
      "initContainers",
      "securityContext",
      "capabilities",
      "drop",
      "add",
      "ports",
      "volumes",
    ];
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(null, 0, -1, "", "ALL", true, "a:b"),
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...names, "resources", "limits", "os", "hostPort", "image"), tie("any"), {
          maxKeys: 5,
        }),
      ),
    })).any;
    const [declared] = parseManifestFile({ file: "a.yaml", blob: BLOB, text: pod("{}") }).declared;
    if (declared === undefined) throw new Error("nothing declared");
    fc.assert(
      fc.property(value, (spec) => {
        const object = { ...declared.object, spec } as never;
        const locate = declared.locate.bind(declared);
        validateDeclared({ ...declared, id: declared.id, object, locate, locateValue: locate }, { policies });
      }),
      { numRuns: 300 },
    );
  });
});

describe("the nature of rules", () => {
  it("is what the explanations say", () => {
    for (const [rule, { severity }] of Object.entries(EXPLANATIONS)) {
      expect([rule, natureOf(rule) === "warning"]).toEqual([rule, severity === "warning"]);
    }
    expect(natureOf("something-else")).toBeUndefined();
    expect(Object.keys(RULES).filter((rule) => natureOf(rule) === "own-error")).toEqual([
      "image-tag-missing",
      "image-tag-latest",
      "image-repository",
      "image-digest-missing",
    ]);
  });
});
