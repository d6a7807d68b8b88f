/** Explanations of the policies, and of what is said of exceptions. */
import type { PolicyId, RuleId } from "../rules.ts";
import type { Example, Explanation } from "./explanation.ts";
import { deploymentWith, podSpecWith, podWith } from "./texts.ts";

const BASELINE = "Kubernetes: Pod Security Standards, baseline";
const RESTRICTED = "Kubernetes: Pod Security Standards, restricted";
const LINTER = "kube-linter, which has the rule under the same name";

/** A manifest below a `trueup.yaml` that switches a policy on. */
function under(policy: PolicyId, manifest: string, setting = "error"): string {
  return `apps: [{ name: web }]\nvalidation: { policies: { ${policy}: ${setting} } }\n# web.yaml\n${manifest}`;
}

function example(policy: PolicyId, manifest: string, line: number, mend: Example["mend"], setting?: string): Example {
  return { text: under(policy, manifest, setting), line, mend, file: "trueup.yaml", lineIn: "web.yaml" };
}

/** A container that lacks what `lines` give it. */
function lacking(policy: PolicyId, lines: string): Example {
  const given = podWith(lines).slice(podWith("").length);
  return example(policy, podWith(""), 6, [/image: web:v1\n/, `image: web:v1\n${given}`]);
}

const EXCEPTION = (until: string, manifest: string): string =>
  `apps: [{ name: web }]
validation:
  policies: { host-network: error }
  exceptions:
  - { rule: host-network, kind: Pod, name: web, reason: moves in May, until: ${until} }
# web.yaml
${manifest}`;

export const POLICIES = {
  "no-liveness-probe": {
    why: "A container that hangs without ending is restarted by nobody unless a probe finds out.",
    severity: "error",
    example: lacking("no-liveness-probe", "livenessProbe: { tcpSocket: { port: 8080 } }"),
    source: LINTER,
  },
  "no-readiness-probe": {
    why: "Without it a pod gets requests as soon as it runs, and a rollout goes on before the new version can serve.",
    severity: "error",
    example: lacking("no-readiness-probe", "readinessProbe: { tcpSocket: { port: 8080 } }"),
    source: LINTER,
  },
  "unset-cpu-requirements": {
    why: "The scheduler packs pods that ask for no CPU onto full nodes, where they starve.",
    severity: "error",
    example: lacking("unset-cpu-requirements", "resources: { requests: { cpu: 100m } }"),
    source: LINTER,
  },
  "unset-memory-requirements": {
    why: "A container that leaks takes the memory of the whole node, and others are killed for it.",
    severity: "error",
    example: lacking("unset-memory-requirements", "resources: { limits: { memory: 128Mi } }"),
    source: LINTER,
  },
  "run-as-non-root": {
    why: "Who breaks out of a container that runs as root is root on the host.",
    severity: "error",
    example: lacking("run-as-non-root", "securityContext: { runAsNonRoot: true }"),
    source: `${LINTER}; ${RESTRICTED}`,
  },
  "privilege-escalation-container": {
    why: "A program with the setuid bit gives its caller more than the container was meant to have.",
    severity: "error",
    example: lacking("privilege-escalation-container", "securityContext: { allowPrivilegeEscalation: false }"),
    source: `${LINTER}; ${RESTRICTED}`,
  },
  "privileged-container": {
    why: "A privileged container can do on its host whatever root can.",
    severity: "error",
    example: example("privileged-container", podWith("securityContext: { privileged: true }"), 8, [
      ": true",
      ": false",
    ]),
    source: `${LINTER}; ${BASELINE}`,
  },
  "host-network": {
    why: "The pod sees the host's traffic, and reaches what listens on the host alone.",
    severity: "error",
    example: example("host-network", podSpecWith("hostNetwork: true"), 5, [": true", ": false"]),
    source: `${LINTER}; ${BASELINE}`,
  },
  "host-pid": {
    why: "The pod sees all processes of the host, with what their environment holds.",
    severity: "error",
    example: example("host-pid", podSpecWith("hostPID: true"), 5, [": true", ": false"]),
    source: `${LINTER}; ${BASELINE}`,
  },
  "host-ipc": {
    why: "The pod shares memory with processes of the host.",
    severity: "error",
    example: example("host-ipc", podSpecWith("hostIPC: true"), 5, [": true", ": false"]),
    source: `${LINTER}; ${BASELINE}`,
  },
  "host-path": {
    why: "Files of the host lead to its other pods, its credentials and its sockets; and they stay behind when a pod moves.",
    severity: "error",
    example: example("host-path", podSpecWith("volumes: [{ name: tmp, hostPath: { path: /tmp } }]"), 5, [
      "hostPath: { path: /tmp }",
      "emptyDir: {}",
    ]),
    source: BASELINE,
  },
  "host-port": {
    why: "Only one pod of a node can have the port, and it is open to whoever reaches the node.",
    severity: "error",
    example: example("host-port", podWith("ports: [{ containerPort: 80, hostPort: 80 }]"), 8, [", hostPort: 80", ""]),
    source: BASELINE,
  },
  "no-read-only-root-fs": {
    why: "Who gets into the container cannot leave programs there; and what must be kept does not vanish with it.",
    severity: "error",
    example: lacking("no-read-only-root-fs", "securityContext: { readOnlyRootFilesystem: true }"),
    source: LINTER,
  },
  "drop-capabilities": {
    why: "Containers get capabilities that hardly any needs, such as to forge packets (NET_RAW).",
    severity: "error",
    example: lacking("drop-capabilities", "securityContext: { capabilities: { drop: [ALL] } }"),
    source: `${RESTRICTED}; kube-linter's drop-net-raw-capability`,
  },
  "default-service-account": {
    why: "Whatever one workload is allowed by way of the default account, all of the namespace are.",
    severity: "error",
    example: example("default-service-account", podSpecWith("serviceAccountName: default"), 5, [
      "Name: default",
      "Name: web",
    ]),
    source: LINTER,
  },
  "image-registry": {
    why: "An image from elsewhere was built and checked by others.",
    severity: "error",
    example: example("image-registry", podWith(""), 7, ["image: web", "image: shop/web"], '{ allowed: ["shop/*"] }'),
    source: "the configuration that asks for it",
  },
  "required-labels": {
    why: "Without its labels nobody knows whose the object is, or what it belongs to.",
    severity: "error",
    example: example(
      "required-labels",
      podWith(""),
      3,
      ["{ name: web }\nspec", "{ name: web, labels: { owner: shop } }\nspec"],
      "{ labels: [owner] }",
    ),
    source: "the configuration that asks for it; kube-linter's required-label",
  },
  "minimum-replicas": {
    why: "With one pod alone every restart, and every node that is emptied, is an outage.",
    severity: "error",
    example: example("minimum-replicas", deploymentWith("replicas: 1"), 5, ["replicas: 1", "replicas: 3"]),
    source: "kube-linter's minimum-three-replicas",
  },
  "exception-expired": {
    why: "From the day after its last one an exception counts no more: what it was for is found again.",
    severity: "warning",
    example: {
      text: EXCEPTION("2020-05-31", podSpecWith("hostNetwork: false")),
      line: 5,
      mend: [/ {2}exceptions:\n.*\n/, ""],
      file: "trueup.yaml",
    },
    source: "trueup: an exception carries a reason and a day",
  },
  "exception-unused": {
    why: "What it was for is mended, or its kind or name is misspelt; left there, it would hide the next one.",
    severity: "warning",
    example: {
      text: EXCEPTION("9999-12-31", podSpecWith("hostNetwork: false")),
      line: 5,
      mend: ["hostNetwork: false", "hostNetwork: true"],
      file: "trueup.yaml",
    },
    source: "trueup: an exception carries a reason and a day",
  },
} as const satisfies Readonly<Record<PolicyId | Extract<RuleId, `exception-${string}`>, Explanation>>;
