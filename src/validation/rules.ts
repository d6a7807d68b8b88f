/** Every rule that a diagnostic can name, with what it asks for. The one list that documentation and `--explain` read. */

export const RULES = {
  // Reading files (src/manifest).
  "yaml-syntax": "A manifest is well-formed YAML 1.1 or JSON, as Kubernetes reads it.",
  "yaml-duplicate-key": "A key stands once in its mapping.",
  "yaml-limits": "A file keeps to the limits on size, nesting and what its aliases expand to.",
  "yaml-encoding": "A file is UTF-8, and no character of it was lost on the way.",
  "yaml-boolean":
    "Words that only YAML 1.1 takes for true or false (on, yes, y, NO) are written so that nobody is fooled.",
  "yaml-number": "A number is written as it is read: 0755 is 493, 1.10 is 1.1, 1_000 is 1000.",
  "yaml-merge": "A merge stands before the keys that it must not replace.",
  "yaml-tab": "Text without quotes has no tabs.",
  "manifest-shape": "A document is a mapping, and a List has items.",
  "missing-api-version": "An object names its apiVersion.",
  "missing-kind": "An object names its kind.",
  "missing-name": "An object has a fixed metadata.name.",
  "not-a-manifest": "A YAML file among the manifests declares objects.",
  "needs-rendering": "Kustomizations and charts are rendered before trueup reads them.",
  // Kinds and schemas.
  "api-removed": "An API version that Kubernetes removed is replaced by its successor.",
  "api-deprecated": "An API version that Kubernetes will remove is replaced by its successor.",
  "api-not-served": "The Kubernetes version that is aimed at serves the API version.",
  "unknown-kind": "The kind exists, and in the API version that the object names.",
  "schema-missing": "The schema of a kind that Kubernetes does not bring itself is at hand.",
  "kind-not-run-here": "The kind is one that the target runs.",
  "unknown-field": "A field exists in the kind's schema.",
  "schema-type": "A value has the type that the schema asks for.",
  "schema-required": "A field that the schema requires is given.",
  "unsupported-value": "A value is one of those that Kubernetes knows for the field.",
  "schema-range": "A number fits its integer type.",
  "schema-format": "A quantity, a time or base64 is written as Kubernetes reads it.",
  "schema-limit":
    "A value of a custom kind keeps to the limits of its schema: sizes, patterns, alternatives, unique items.",
  "cel-rule": "The rules (x-kubernetes-validations) of a custom kind hold.",
  "cel-not-checked": "Rules that cannot be checked here are pointed out.",
  "crd-invalid": "A CustomResourceDefinition has fitting names, one stored version, and structural schemas.",
  // Metadata.
  "name-format": "Names and namespaces are DNS names of the form that the kind asks for.",
  "namespace-scope": "Objects that live in no namespace name none.",
  "label-format": "Label keys and values, also in selectors, have the form that Kubernetes accepts.",
  "annotation-format": "Annotation keys are qualified names, and annotations stay under 256 KiB.",
  "finalizer-format": "Finalizers are qualified names.",
  // Workloads.
  "replicas-negative": "Counts of replicas, revisions and seconds are not negative.",
  "selector-empty": "A workload's selector selects something.",
  "selector-expression": "Selector expressions have values exactly where their operator takes them.",
  "selector-mismatch": "A workload's selector matches its own template's labels.",
  "strategy-recreate": "A strategy other than RollingUpdate has no rollingUpdate settings.",
  "strategy-limits": "maxSurge and maxUnavailable are counts or percentages, and not both 0.",
  "progress-deadline": "progressDeadlineSeconds is greater than minReadySeconds.",
  "template-restart-policy": "Pods of workloads that last restart always and have no deadline; those of Jobs end.",
  "containers-missing": "A pod has at least one container.",
  "container-name": "Container names are DNS labels, each given once in a pod.",
  "init-container": "Init containers have no probes and hooks, unless they restart always.",
  "volume-source": "A volume has a name of its own and exactly one source, and mounts name volumes that exist.",
  "port-range": "Ports lie between 1 and 65535.",
  "port-name": "Port names are IANA service names (container) or DNS labels (Service), each given once.",
  "port-duplicate": "A port is given once.",
  "env-name": "Environment variable names are printable, without an equals sign.",
  "env-duplicate": "An environment variable is given once.",
  "env-source": "An environment variable has a value or exactly one source, which says where to look.",
  "probe-handler": "A probe or hook has exactly one handler.",
  "probe-setting": "Probe settings are in range, and a probe's port exists.",
  "restart-on": "trueup/restart-on, on a Deployment, names configmap, secret or both, and what it watches is declared.",
  scheduling: "Tolerations, affinities and spread constraints of a pod are complete and do not contradict themselves.",
  "security-context": "User and group ids, profiles, kernel settings and privileges of a pod fit each other.",
  "pod-network":
    "A pod's name servers and aliases are addresses, its search paths DNS names, its gates qualified names.",
  resources: "Resource requests are not negative and not above their limits.",
  "image-missing": "A container names its image.",
  "image-invalid": "An image is a reference: registry/path/name:tag.",
  "image-tag-missing": "An image has a tag or a digest.",
  "image-upper-case": "An image's path has no upper case letters.",
  "image-tag-latest": "An image's tag names one version, unlike latest.",
  "image-repository": "An image comes from a repository that trueup.yaml allows.",
  "image-digest-missing": "An image carries a digest where trueup.yaml asks for one.",
  "process-runtime-ignores": "What the process runtime does not do is pointed out.",
  "job-setting": "A Job's settings fit each other: indexes, selector, failure and success policies.",
  "cron-schedule": "A CronJob's schedule has five fields in range, or is a word such as @daily, and comes some time.",
  "cron-time-zone": "A CronJob's time zone is one of the IANA database.",
  "volume-claim": "A claim asks for storage, and says how it is accessed.",
  "persistent-volume": "A PersistentVolume has a capacity, access modes, and exactly one source.",
  // Services and configuration.
  "service-ports": "A Service has ports, with names when there are several, and settings that fit its type.",
  "data-key": "Keys of ConfigMaps and Secrets are file names, each given once.",
  "data-base64": "Binary data and Secret data are base64.",
  "data-size": "A ConfigMap or Secret holds at most 1 MiB.",
  "secret-type": "A Secret has the keys that its type asks for.",
  autoscaler: "A HorizontalPodAutoscaler has bounds in order, says what it scales, and its metrics have a target.",
  ingress: "An Ingress has hosts that are DNS names, absolute paths, and backends with one port.",
  gateway: "A Gateway has listeners that differ, on ports, with certificates where their protocol needs them.",
  "gateway-route":
    "An HTTPRoute or GRPCRoute has distinct parents, DNS names, absolute paths, fitting filters, and ports of Services.",
  "network-policy": "A NetworkPolicy's peers, address blocks and ports make sense.",
  rbac: "Roles say which verbs, groups and resources; bindings name a role and subjects that exist.",
  "disruption-budget": "A PodDisruptionBudget has one of minAvailable and maxUnavailable, at most 100%.",
  quota: "LimitRanges and ResourceQuotas name resources that exist, with amounts that fit each other.",
  // Across the objects of an app.
  "duplicate-object": "An object is declared once in an app.",
  "selector-overlap": "Workloads do not select each other's pods.",
  "service-selects-nothing": "A Service's selector matches a workload of the app.",
  "service-target-port": "A Service's targetPort is a port that a selected container declares.",
  "budget-selects-nothing": "A PodDisruptionBudget's selector matches a workload of the app.",
  "reference-missing": "What an object refers to by name, and the keys of it, is declared.",
  "depends-on":
    "What an object waits for (config.kubernetes.io/depends-on) is declared, comes first, and waits for none that waits for it.",
  "sync-wave": "argocd.argoproj.io/sync-wave is a whole number.",
  "sync-hook": "argocd.argoproj.io/hook and its delete policy have the words that Argo CD knows.",
  // Policies: off until `validation.policies` switches them on. Names are those of kube-linter where it has the rule.
  "no-liveness-probe": "Containers that last have a liveness probe.",
  "no-readiness-probe": "Containers that last have a readiness probe.",
  "unset-cpu-requirements": "Containers say how much CPU they need.",
  "unset-memory-requirements": "Containers say how much memory they take at most.",
  "run-as-non-root": "Containers run as a user, and in a group, that is not root.",
  "privilege-escalation-container": "Containers cannot gain privileges beyond those of their parent.",
  "privileged-container": "Containers are not privileged.",
  "host-network": "Pods do not share the host's network.",
  "host-pid": "Pods do not share the host's processes.",
  "host-ipc": "Pods do not share the host's inter-process communication.",
  "host-path": "Pods mount no files of the host.",
  "host-port": "Containers take no ports of the host.",
  "no-read-only-root-fs": "Containers cannot write to their root file system.",
  "drop-capabilities": "Containers drop capabilities that they do not need.",
  "default-service-account": "Pods of the default service account do not mount its token.",
  "image-registry": "Images come from repositories that the policy allows.",
  "required-labels": "Objects carry the labels that the policy names.",
  "minimum-replicas": "Workloads have as many replicas as the policy asks for.",
  // Configuration files.
  "exception-expired": "An exception that has run out is taken out, or given another day.",
  "exception-unused": "An exception is made for something that is found.",
  "config-invalid": "trueup.yaml and trueup.config.yaml fit their schemas and make sense.",
} as const satisfies Readonly<Record<string, string>>;

export type RuleId = keyof typeof RULES;

/** Rules that ask for nothing until a configuration switches them on. */
export const POLICY_IDS = [
  "no-liveness-probe",
  "no-readiness-probe",
  "unset-cpu-requirements",
  "unset-memory-requirements",
  "run-as-non-root",
  "privilege-escalation-container",
  "privileged-container",
  "host-network",
  "host-pid",
  "host-ipc",
  "host-path",
  "host-port",
  "no-read-only-root-fs",
  "drop-capabilities",
  "default-service-account",
  "image-registry",
  "required-labels",
  "minimum-replicas",
] as const satisfies readonly RuleId[];

export type PolicyId = (typeof POLICY_IDS)[number];

const POLICIES: ReadonlySet<string> = new Set(POLICY_IDS);

/** Rules whose findings are warnings unless a configuration says otherwise. */
const WARNINGS: ReadonlySet<string> = new Set<RuleId>([
  "api-deprecated",
  "budget-selects-nothing",
  "cel-not-checked",
  "env-duplicate",
  "exception-expired",
  "exception-unused",
  "image-upper-case",
  "kind-not-run-here",
  "namespace-scope",
  "not-a-manifest",
  "process-runtime-ignores",
  "reference-missing",
  "selector-overlap",
  "service-selects-nothing",
  "service-target-port",
  "sync-hook",
  "sync-wave",
  "yaml-boolean",
  "yaml-merge",
  "yaml-number",
  "yaml-tab",
]);

/** Errors of trueup's own choice: what they are about, the API server would take. An operator may see it otherwise. */
const OWN_ERRORS: ReadonlySet<string> = new Set<RuleId>([
  "image-tag-missing",
  "image-tag-latest",
  "image-repository",
  "image-digest-missing",
]);

/** What the reconciler says of commits, under names that no configuration's own rule may take: errors, each with what it checks. */
export const RECONCILER_RULES = {
  "app-path": "An app's directory is there.",
  "hook-made-anew": "A hook takes the place of nothing but its own earlier runs.",
  "image-tag-reused": "A tag stands for the same image as ever.",
  "immutable-field": "What is fixed once an object exists stays as it is.",
  "manifest-not-a-file": "A manifest is a regular file, no link and no submodule.",
  "manifest-unreadable": "A manifest is text of a size that can be read.",
  "manifests-limit": "An app has no more manifests than the operator allows.",
  "object-declared-by-two-apps": "An object is declared by one app only.",
  "ref-untrusted": "Pods run of refs that the operator trusts.",
  "refused-by-backend": "An object is one that the API server takes.",
} as const;

export type ReconcilerRuleId = keyof typeof RECONCILER_RULES;

/**
 * What a rule is: `policy` is off until it is switched on; `warning` may get any level; `own-error` may be lowered by the
 * operator; `refused` is what no API server, or no run of trueup, would get past; `undefined`: no rule of trueup's.
 */
export function natureOf(rule: string): "policy" | "warning" | "own-error" | "refused" | undefined {
  if (POLICIES.has(rule)) return "policy";
  if (WARNINGS.has(rule)) return "warning";
  if (OWN_ERRORS.has(rule)) return "own-error";
  return Object.hasOwn(RULES, rule) || Object.hasOwn(RECONCILER_RULES, rule) ? "refused" : undefined;
}
