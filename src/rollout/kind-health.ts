/** How objects do that trueup's own controllers do not run: the built-in kinds by their status, custom resources by their conditions. Pure. */
import type { Health, HealthStatus } from "../model/health.ts";
import { groupOf, isBuiltInGroup, type KubeObject } from "../model/object.ts";
import type { Condition } from "../model/workload.ts";

type Loose = Readonly<Record<string, unknown>>;
type Judge = (object: KubeObject, spec: Loose, status: Loose) => Health;

const HEALTHY: Health = { status: "Healthy", reason: "" };
/** In `autoscaling/v1` an autoscaler's conditions are text in an annotation. */
const HPA_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions";

const JUDGES: Readonly<Record<string, Judge>> = {
  "apps/StatefulSet": statefulSet,
  "apps/DaemonSet": daemonSet,
  "batch/Job": job,
  "batch/CronJob": (_, spec) => (spec.suspend === true ? health("Suspended", "CronJob suspended") : HEALTHY),
  "/PersistentVolumeClaim": claim,
  "/Namespace": (_, __, { phase }) => (phase === "Terminating" ? health("Progressing", "Pending deletion") : HEALTHY),
  "networking.k8s.io/Ingress": ingress,
  "extensions/Ingress": ingress,
  "autoscaling/HorizontalPodAutoscaler": autoscaler,
  "apiregistration.k8s.io/APIService": apiService,
  "apiextensions.k8s.io/CustomResourceDefinition": definition,
};

/**
 * How an object of another kind than the embedded cluster's does. A built-in kind without a rule is Healthy once it exists; a
 * custom resource is as its conditions say, and Healthy when it has none.
 *
 * @see Argo CD gitops-engine pkg/health for the built-in kinds, kstatus for the conditions of others
 */
export function kindHealth(object: KubeObject): Health {
  const group = groupOf(object.apiVersion);
  const [spec, status] = [loose(object.spec), loose(object.status)];
  const key = `${group}/${object.kind}`;
  const judge = Object.hasOwn(JUDGES, key) ? JUDGES[key] : undefined;
  if (judge !== undefined) return judge(object, spec, status);
  return isBuiltInGroup(group) ? HEALTHY : byConditions(object, status);
}

/**
 * Whether what an object says of itself does not change by waiting: a Job that has failed, a claim whose volume is lost, a
 * custom resource that its controller calls stalled. All else that is Degraded may pass: metrics come late, and many
 * controllers say that something is not ready while they wait for it.
 *
 * @see kstatus, whose one failure for custom resources is Stalled
 */
export function isFinal(object: KubeObject): boolean {
  const group = groupOf(object.apiVersion);
  const status = loose(object.status);
  const conditions = conditionsOf(status);
  switch (`${group}/${object.kind}`) {
    case "/Pod":
      return status.phase === "Failed";
    case "batch/Job":
      return isTrue(conditions, "Failed") !== undefined;
    case "/PersistentVolumeClaim":
      return status.phase === "Lost";
    default:
      if (isBuiltInGroup(group) || (status.observedGeneration !== undefined && isUnseen(object, status))) return false;
      return (isTrue(conditions, "Stalled") ?? isTrue(conditions, "Failed")) !== undefined;
  }
}

function statefulSet(object: KubeObject, spec: Loose, status: Loose): Health {
  if (isUnseen(object, status)) return UNSEEN;
  const wanted = number(spec.replicas, 1);
  const ready = number(status.readyReplicas);
  if (ready < wanted) return health("Progressing", `${ready} of ${wanted} pods are ready`);
  const strategy = loose(spec.updateStrategy);
  if (strategy.type === "OnDelete") return HEALTHY;
  const partition = number(loose(strategy.rollingUpdate).partition);
  const updated = number(status.updatedReplicas);
  if (partition > 0) {
    const due = Math.max(0, wanted - partition);
    return updated < due ? health("Progressing", `${updated} of ${due} pods up to the partition are updated`) : HEALTHY;
  }
  const isDone = status.updateRevision === status.currentRevision;
  return isDone ? HEALTHY : health("Progressing", `${updated} of ${wanted} pods are updated`);
}

function daemonSet(object: KubeObject, spec: Loose, status: Loose): Health {
  if (isUnseen(object, status)) return UNSEEN;
  const wanted = number(status.desiredNumberScheduled);
  const updated = number(status.updatedNumberScheduled);
  const available = number(status.numberAvailable);
  // Pods that a person is to delete are not waited for.
  if (loose(spec.updateStrategy).type !== "OnDelete" && updated < wanted) {
    return health("Progressing", `${updated} of ${wanted} pods are updated`);
  }
  return available < wanted ? health("Progressing", `${available} of ${wanted} pods are available`) : HEALTHY;
}

function job(_: KubeObject, spec: Loose, status: Loose): Health {
  const conditions = conditionsOf(status);
  const failed = isTrue(conditions, "Failed");
  if (failed !== undefined) return health("Degraded", told(failed));
  if (isTrue(conditions, "Complete") !== undefined) return HEALTHY;
  const suspended = isTrue(conditions, "Suspended");
  if (suspended !== undefined) return health("Suspended", told(suspended));
  const wanted = number(spec.completions, 1);
  return health("Progressing", `${number(status.succeeded)} of ${wanted} completions`);
}

function claim(_: KubeObject, __: Loose, { phase }: Loose): Health {
  switch (phase) {
    case "Bound":
      return HEALTHY;
    case "Pending":
      return health("Progressing", "not bound to a volume yet");
    case "Lost":
      return health("Degraded", "its volume is lost");
    default:
      return health("Unknown", `phase ${String(phase ?? "not reported")}`);
  }
}

function ingress(_: KubeObject, __: Loose, status: Loose): Health {
  const addresses = loose(status.loadBalancer).ingress;
  const isServed = Array.isArray(addresses) && addresses.length > 0;
  return isServed ? HEALTHY : health("Progressing", "no address serves it yet");
}

function autoscaler({ metadata }: KubeObject, _: Loose, status: Loose): Health {
  const text = metadata.annotations?.[HPA_CONDITIONS];
  const conditions = text === undefined ? conditionsOf(status) : conditionsIn(text);
  const broken = conditions.find(
    (each) =>
      each.status === "False" && /^(?:Failed|Invalid)/.test(each.reason ?? "") && each.type !== "ScalingLimited",
  );
  if (broken !== undefined) return health("Degraded", told(broken));
  // That a metric was found does not say that the target can be scaled.
  const works = isTrue(conditions, "AbleToScale") ?? isTrue(conditions, "ScalingLimited");
  if (works !== undefined) return HEALTHY;
  const [first] = conditions;
  return health("Progressing", first === undefined ? "it has not scaled yet" : told(first));
}

function apiService(_: KubeObject, __: Loose, status: Loose): Health {
  const available = conditionsOf(status).find(({ type }) => type === "Available");
  if (available?.status === "True") return HEALTHY;
  return health("Progressing", available === undefined ? "not served yet" : told(available));
}

function definition(_: KubeObject, __: Loose, status: Loose): Health {
  const conditions = conditionsOf(status);
  const refused = conditions.find(({ type, status: is }) => type === "NamesAccepted" && is === "False");
  if (refused !== undefined) return health("Degraded", told(refused));
  const established = conditions.find(({ type }) => type === "Established");
  if (established?.status === "True") return HEALTHY;
  return health("Progressing", established === undefined ? "not established yet" : told(established));
}

/** The conditions that most controllers keep: what stalls, what is under way, and at last whether it is ready. */
function byConditions(object: KubeObject, status: Loose): Health {
  const conditions = conditionsOf(status);
  if (conditions.length === 0) return HEALTHY;
  // Many controllers report no generation: then what they say counts.
  if (status.observedGeneration !== undefined && isUnseen(object, status)) return UNSEEN;
  const bad = isTrue(conditions, "Stalled") ?? isTrue(conditions, "Failed") ?? isTrue(conditions, "Degraded");
  if (bad !== undefined) return health("Degraded", told(bad));
  const paused = isTrue(conditions, "Suspended") ?? isTrue(conditions, "Paused");
  if (paused !== undefined) return health("Suspended", told(paused));
  const moving = isTrue(conditions, "Reconciling");
  if (moving !== undefined) return health("Progressing", told(moving));
  for (const type of ["Ready", "Available", "Programmed", "Accepted"]) {
    const said = conditions.find((each) => each.type === type);
    if (said === undefined) continue;
    if (said.status === "True") return HEALTHY;
    return health(said.status === "False" && !isPassing(said) ? "Degraded" : "Progressing", told(said));
  }
  return HEALTHY;
}

/** A reason that says that something is still under way: `Issuing`, `Pending`, `WaitingForReady`, `Progressing`. */
function isPassing({ reason = "" }: Condition): boolean {
  return /(?:ing|ingWithRetry)$|^(?:Waiting|Pending|InProgress|Creating)/.test(reason);
}

const UNSEEN: Health = { status: "Progressing", reason: "the new spec is not observed yet" };

function isUnseen({ metadata }: KubeObject, status: Loose): boolean {
  return number(metadata.generation) > number(status.observedGeneration);
}

function conditionsOf({ conditions }: Loose): Condition[] {
  if (!Array.isArray(conditions)) return [];
  return conditions.filter((each) => typeof loose(each).type === "string") as Condition[];
}

function conditionsIn(text: string): Condition[] {
  try {
    return conditionsOf({ conditions: JSON.parse(text) as unknown });
  } catch (thrown) {
    // Nobody can say what it says: as good as none.
    if (thrown instanceof SyntaxError) return [];
    throw thrown;
  }
}

function isTrue(conditions: readonly Condition[], wanted: string): Condition | undefined {
  return conditions.find(({ type, status }) => type === wanted && status === "True");
}

function told({ type, status, reason, message }: Condition): string {
  return message || reason || `${type} is ${status}`;
}

function health(status: HealthStatus, reason: string): Health {
  return { status, reason };
}

function loose(value: unknown): Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Loose) : {};
}

function number(value: unknown, otherwise = 0): number {
  return typeof value === "number" ? value : otherwise;
}
