/** What the API server fills in for what runs pods (Kubernetes 1.37, pkg/apis/{apps,batch,core}/v1/defaults.go). */
import { each, type Fields, fill, fillEmpty, isFields, within, withinAlways } from "./fill.ts";
import { defaultPodOnly, defaultPodSpec } from "./pod-spec.ts";
import { qosClass } from "./qos.ts";
import { defaultClaimSpec } from "./volumes.ts";

/** No limit of tries: what Kubernetes counts per index then. */
const MAX_INT_32 = 2_147_483_647;

export function defaultPod(pod: Fields): Fields {
  const filled = withinAlways(pod, "spec", (spec) => defaultPodOnly(defaultPodSpec(spec)));
  return withinAlways(filled, "status", (status) =>
    fill(status, { phase: "Pending", qosClass: qosClass(isFields(filled.spec) ? filled.spec : {}) }),
  );
}

export function defaultDeployment(deployment: Fields): Fields {
  const filled = withinAlways(deployment, "spec", (spec) => {
    const counted = fill(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
    return defaultStrategy(defaultTemplate(counted), "strategy", { maxSurge: "25%", maxUnavailable: "25%" });
  });
  return fill(filled, { status: {} });
}

export function defaultReplicaSet(replicaSet: Fields): Fields {
  const filled = withinAlways(replicaSet, "spec", (spec) => defaultTemplate(fill(spec, { replicas: 1 })));
  return withinAlways(filled, "status", (status) => fill(status, { replicas: 0 }));
}

export function defaultReplicationController(controller: Fields): Fields {
  const filled = withinAlways(controller, "spec", (spec) => defaultTemplate(fill(spec, { replicas: 1 })));
  const labels = templateLabels(filled.spec);
  if (labels === null) return filled;
  const selecting = withinAlways(filled, "spec", (spec) => fillNone(spec, { selector: labels }));
  return withinAlways(selecting, "metadata", (metadata) => fillNone(metadata, { labels }));
}

export function defaultStatefulSet(statefulSet: Fields): Fields {
  return withinAlways(statefulSet, "spec", (spec) => {
    const counted = fill(fillEmpty(spec, { podManagementPolicy: "OrderedReady" }), {
      replicas: 1,
      revisionHistoryLimit: 10,
      serviceName: "",
    });
    const kept = withinAlways(counted, "persistentVolumeClaimRetentionPolicy", (policy) =>
      fillEmpty(policy, { whenDeleted: "Retain", whenScaled: "Retain" }),
    );
    const claimed = each(kept, "volumeClaimTemplates", defaultClaimTemplate);
    return defaultStatefulStrategy(defaultTemplate(claimed));
  });
}

/** The claims that a StatefulSet makes carry their kind, as each is a whole object. */
function defaultClaimTemplate(claim: Fields): Fields {
  const named = fillEmpty(claim, { apiVersion: "v1", kind: "PersistentVolumeClaim" });
  const filled = withinAlways(named, "spec", defaultClaimSpec);
  return withinAlways(filled, "status", (status) => fillEmpty(status, { phase: "Pending" }));
}

/** A rolling update that is named without its settings gets none of them: only an unnamed one is filled in whole. */
function defaultStatefulStrategy(spec: Fields): Fields {
  const settings = { partition: 0, maxUnavailable: 1 };
  const given = isFields(spec.updateStrategy) ? spec.updateStrategy : {};
  if (given.type === "RollingUpdate" && !isFields(given.rollingUpdate)) return spec;
  return defaultStrategy(spec, "updateStrategy", settings);
}

export function defaultDaemonSet(daemonSet: Fields): Fields {
  return withinAlways(daemonSet, "spec", (spec) =>
    defaultStrategy(defaultTemplate(fill(spec, { revisionHistoryLimit: 10 })), "updateStrategy", {
      maxUnavailable: 1,
      maxSurge: 0,
    }),
  );
}

export function defaultJob(job: Fields): Fields {
  const filled = withinAlways(job, "spec", (spec) => defaultJobSpec(spec));
  const labels = templateLabels(filled.spec);
  return labels === null ? filled : withinAlways(filled, "metadata", (metadata) => fillNone(metadata, { labels }));
}

export function defaultCronJob(cronJob: Fields): Fields {
  return withinAlways(cronJob, "spec", (spec) => {
    const filled = fill(fillEmpty(spec, { concurrencyPolicy: "Allow" }), {
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    // Only a Job itself gets what the defaults of Jobs say, not the template of one.
    return withinAlways(filled, "jobTemplate", (template) =>
      withinAlways(template, "spec", (jobSpec) => defaultFailurePolicy(defaultTemplate(jobSpec))),
    );
  });
}

function defaultJobSpec(spec: Fields): Fields {
  const alone = isNone(spec.completions) && isNone(spec.parallelism) ? { completions: 1 } : {};
  const filled = fill(spec, {
    ...alone,
    parallelism: 1,
    backoffLimit: isNone(spec.backoffLimitPerIndex) ? 6 : MAX_INT_32,
    completionMode: "NonIndexed",
    suspend: false,
    podReplacementPolicy: isNone(spec.podFailurePolicy) ? "TerminatingOrFailed" : "Failed",
    manualSelector: false,
  });
  return defaultFailurePolicy(defaultTemplate(filled));
}

function defaultFailurePolicy(spec: Fields): Fields {
  return within(spec, "podFailurePolicy", (policy) =>
    each(policy, "rules", (rule) =>
      each(rule, "onPodConditions", (condition) => fillEmpty(condition, { status: "True" })),
    ),
  );
}

/** Fills in `template`, of a workload or of a PodTemplate itself. */
export function defaultTemplate(holder: Fields): Fields {
  return withinAlways(holder, "template", (template) => withinAlways(template, "spec", defaultPodSpec));
}

function defaultStrategy(spec: Fields, field: string, settings: Fields): Fields {
  return withinAlways(spec, field, (strategy) => {
    const typed = fillEmpty(strategy, { type: "RollingUpdate" });
    if (typed.type !== "RollingUpdate") return typed;
    return withinAlways(typed, "rollingUpdate", (limits) => fill(limits, settings));
  });
}

/** The labels of a pod template; null when it says nothing of labels. */
function templateLabels(spec: unknown): Fields | null {
  const template = isFields(spec) && isFields(spec.template) ? spec.template : {};
  const labels = isFields(template.metadata) ? template.metadata.labels : null;
  return isFields(labels) ? labels : null;
}

/** As `fill`, also where the value is an empty map. */
function fillNone(object: Fields, defaults: Fields): Fields {
  const [key = ""] = Object.keys(defaults);
  const value = object[key];
  const isEmpty = isNone(value) || (isFields(value) && Object.keys(value).length === 0);
  return isEmpty && Object.keys(defaults[key] as Fields).length > 0 ? { ...object, ...defaults } : object;
}

function isNone(value: unknown): boolean {
  return value === undefined || value === null;
}
