/** How an app's objects do, kept up to date object by object from the view. */
import { HEALTH_ORDER, type Health, worstHealth } from "../model/health.ts";
import type { Declared } from "../model/manifest.ts";
import { displayId, type KubeObject, type ObjectKey } from "../model/object.ts";
import type { Deployment, KubeEvent, Pod, ReplicaSet } from "../model/workload.ts";
import { cannotSucceed, type PodFailure } from "../rollout/cannot-succeed.ts";
import { healthOf } from "../rollout/health.ts";
import { findNewReplicaSet } from "../rollout/revisions.ts";
import { secretParts, withoutSecrets } from "../util/secret-text.ts";
import { keyOfDeclared, keyOfObject } from "./observe.ts";
import { MASK, secretValues } from "./secret-values.ts";
import { StartTries } from "./start-tries.ts";
import { type ClusterView, claimsOf } from "./view.ts";

/** Kinds that are done once they exist: nothing about them is waited for. */
const PASSIVE: ReadonlySet<string> = new Set(["/ConfigMap", "/Secret", "/Namespace"]);

/** On an object: its health is not asked for, as with an Ingress whose controller never says that it serves it. */
const WAIT = "trueup/wait";

/** What must not show of a namespace's Secrets, made once for each of the view's lists. */
const knownParts = new WeakMap<readonly KubeObject[], readonly string[]>();

function partsOf(secrets: readonly KubeObject[]): readonly string[] {
  let parts = knownParts.get(secrets);
  if (parts === undefined) {
    parts = secretParts(secretValues(secrets));
    knownParts.set(secrets, parts);
  }
  return parts;
}

/** A change that was made and that the view must have seen before its health counts. */
interface Awaited {
  uid: string | undefined;
  generation: number;
}

export interface WorkloadHealth {
  declared: Declared;
  object: KubeObject | undefined;
  health: Health;
  /** Its rollout cannot succeed, and waiting would not change that; absent as well when only its deadline says so. */
  failure?: PodFailure;
}

export class Workloads {
  readonly #view: ClusterView;
  readonly #hasImage: (reference: string) => boolean;
  /** Where nodes fetch images; null where they lie ready, or do not. */
  readonly #tries: StartTries | null;
  readonly #declared = new Map<ObjectKey, Declared>();
  readonly #awaited = new Map<ObjectKey, Awaited>();
  readonly #health = new Map<ObjectKey, WorkloadHealth>();
  readonly #dirty = new Set<ObjectKey>();

  /** @param hasImage Whether an image is to be had by now, whatever a pod that waits for it still says; null where nodes fetch them */
  constructor(view: ClusterView, hasImage: ((reference: string) => boolean) | null) {
    this.#view = view;
    this.#hasImage = hasImage ?? (() => false);
    this.#tries = hasImage === null ? new StartTries() : null;
  }

  /** From now on these objects are watched over. */
  declare(declared: readonly Declared[]): void {
    this.#declared.clear();
    this.#health.clear();
    for (const each of declared) {
      if (PASSIVE.has(`${each.id.group}/${each.id.kind}`)) continue;
      if (each.object.metadata.annotations?.[WAIT] === "disabled") continue;
      this.#declared.set(keyOfDeclared(each), each);
    }
    this.allDirty();
  }

  /** An object was applied: what the view showed of it before counts no more. */
  applied(object: KubeObject): void {
    const key = keyOfObject(object);
    this.#awaited.set(key, { uid: object.metadata.uid, generation: object.metadata.generation ?? 0 });
    this.#dirty.add(key);
  }

  /** Something about an object changed; so does the health of the workload that it belongs to. */
  touched(object: KubeObject, present: boolean): void {
    this.#tries?.see(object, present);
    for (const claim of claimsOf(object)) if (this.#declared.has(claim)) this.#dirty.add(claim);
    for (const at of this.#view.upwards(object)) {
      const key = keyOfObject(at);
      if (this.#declared.has(key)) this.#dirty.add(key);
    }
  }

  allDirty(): void {
    for (const key of this.#declared.keys()) this.#dirty.add(key);
  }

  /** Images may have come: what failed for want of one is looked at again. */
  imagesChanged(): void {
    for (const [key, { failure }] of this.#health) if (failure?.kind === "image") this.#dirty.add(key);
  }

  /** Brings the healths up to date and gives the objects whose health was looked at again. */
  refresh(): WorkloadHealth[] {
    const looked: WorkloadHealth[] = [];
    for (const key of this.#dirty) {
      const declared = this.#declared.get(key);
      if (declared === undefined) continue;
      const object = this.#view.get(key)?.object;
      const entry = this.#masked(this.#withFailure({ declared, object, health: this.#healthOf(key, object) }));
      this.#health.set(key, entry);
      looked.push(entry);
    }
    this.#dirty.clear();
    return looked;
  }

  /** The worst health; its reason names the object. */
  worst(): Health {
    const worst = worstHealth([...this.#health.values()].map(({ health }) => health));
    const [first] = this.with(worst.status);
    if (first === undefined || worst.status === "Healthy") return { status: worst.status, reason: "" };
    return { status: worst.status, reason: `${displayId(first.declared.id)}: ${first.health.reason}` };
  }

  /** Objects in this health, or in a worse one, as `HEALTH_ORDER` has it when `orWorse` is set. */
  with(status: Health["status"], orWorse = false): WorkloadHealth[] {
    const rank = HEALTH_ORDER.indexOf(status);
    return [...this.#health.values()].filter(({ health }) =>
      orWorse ? HEALTH_ORDER.indexOf(health.status) >= rank : health.status === status,
    );
  }

  replicaSetsOf(deployment: KubeObject): ReplicaSet[] {
    const uid = deployment.metadata.uid;
    const controlled = uid === undefined ? [] : this.#view.controlledBy(uid);
    return controlled.filter((object): object is ReplicaSet => object.kind === "ReplicaSet");
  }

  podsOf(workload: KubeObject): Pod[] {
    return this.#view.podsBelow(workload);
  }

  /** The declared workload that an object belongs to, itself included. */
  workloadOf(object: KubeObject): Declared | undefined {
    for (const at of this.#view.upwards(object)) {
      const declared = this.#declared.get(keyOfObject(at));
      if (declared !== undefined) return declared;
    }
    return undefined;
  }

  /** The object that controls another, as the view has it. */
  controllerOf(object: KubeObject): KubeObject | undefined {
    return this.#view.controllerOf(object);
  }

  #healthOf(key: ObjectKey, object: KubeObject | undefined): Health {
    const awaited = this.#awaited.get(key);
    if (awaited !== undefined) {
      const seen = object?.metadata.uid === awaited.uid && (object?.metadata.generation ?? 0) >= awaited.generation;
      if (!seen) return { status: "Progressing", reason: "it was just applied" };
      this.#awaited.delete(key);
    }
    if (object === undefined) return { status: "Missing", reason: "it is not there" };
    const pods = this.podsOf(object);
    const context = { pods, ownPods: pods, replicaSets: this.replicaSetsOf(object) };
    const health = healthOf(object, context);
    if (isUnclaimed(object) && !this.#view.isClaimed(key)) {
      // Many classes make a volume only for a pod that is to have it: nothing comes of waiting for it before.
      return { status: "Suspended", reason: "no pod mounts it yet" };
    }
    if (health.status === "Healthy") return health;
    const events = [object, ...pods].flatMap(({ metadata: { uid } }) => this.#eventsAbout(uid));
    return events.length === 0 ? health : healthOf(object, { ...context, events });
  }

  #eventsAbout(uid: string | undefined): KubeEvent[] {
    return uid === undefined ? [] : this.#view.eventsAbout(uid);
  }

  /** Everything else that tells a reason, to whomever, takes it from here. */
  #masked(entry: WorkloadHealth): WorkloadHealth {
    const { declared, health } = entry;
    const reason = this.masked(health.reason, declared.id.namespace);
    return reason === health.reason ? entry : { ...entry, health: { ...health, reason } };
  }

  /** A text about pods of a namespace without what its Secrets hold: their last words may quote any of them. */
  masked(text: string, namespace: string): string {
    if (text === "") return text;
    return withoutSecrets(text, partsOf(this.#view.secretsIn(namespace)), MASK);
  }

  /** A rollout under way that cannot succeed is Degraded at once, with the pod that says so. */
  #withFailure(entry: WorkloadHealth): WorkloadHealth {
    const { object, health } = entry;
    if (object === undefined || (health.status !== "Progressing" && health.status !== "Degraded")) return entry;
    const tries = this.#tries;
    const failure = cannotSucceed(
      this.#newestPodsOf(object),
      tries === null ? undefined : (pod, container) => tries.of(pod, container, this.#eventsAbout(pod.metadata.uid)),
    );
    if (failure === undefined || this.#isOnItsWay(failure)) return entry;
    // How often it may fail is what a Job itself is told.
    if (failure.kind === "exits" && (object.kind === "Job" || object.kind === "CronJob")) return entry;
    // Its own word, that the deadline has passed, says more.
    if (object.kind === "Deployment" && health.status === "Degraded") return { ...entry, failure };
    const reason = object.kind === "Pod" ? failure.reason : `pod ${failure.pod.metadata.name}: ${failure.reason}`;
    return { ...entry, failure, health: { status: "Degraded", reason } };
  }

  /** The image came after the pod had asked for it: the kubelet hears of it in a moment. */
  #isOnItsWay({ kind, pod, container }: PodFailure): boolean {
    if (kind !== "image") return false;
    const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
    const image = containers.find(({ name }) => name === container)?.image;
    return image !== undefined && this.#hasImage(image);
  }

  /** Pods of the revision that rolls out; none before the controller has seen what to roll out. */
  #newestPodsOf(object: KubeObject): Pod[] {
    if (object.kind === "Pod") return [object as Pod];
    if (object.kind !== "Deployment") return newestOf(object, this.podsOf(object));
    const deployment = object as Deployment;
    if ((deployment.metadata.generation ?? 0) > (deployment.status?.observedGeneration ?? 0)) return [];
    const current = findNewReplicaSet(deployment, this.replicaSetsOf(deployment));
    return current === undefined ? [] : this.podsOf(current);
  }
}

/** Of a StatefulSet's or DaemonSet's pods, those of the template that rolls out; of others, all. */
function newestOf({ kind, metadata, status }: KubeObject, pods: Pod[]): Pod[] {
  const { updateRevision } = (status ?? {}) as { updateRevision?: string };
  const generation = metadata.annotations?.["deprecated.daemonset.template.generation"];
  const wanted =
    kind === "StatefulSet"
      ? (["controller-revision-hash", updateRevision] as const)
      : kind === "DaemonSet"
        ? (["pod-template-generation", generation] as const)
        : undefined;
  if (wanted?.[1] === undefined) return pods;
  const [label, value] = wanted;
  return pods.filter((pod) => pod.metadata.labels?.[label] === value);
}

function isUnclaimed({ kind, status }: KubeObject): boolean {
  return kind === "PersistentVolumeClaim" && (status as { phase?: string } | undefined)?.phase === "Pending";
}

/** Whether a Deployment's own deadline decides when its rollout has failed. */
export function hasOwnDeadline(object: KubeObject | undefined): boolean {
  if (object?.kind !== "Deployment") return false;
  const seconds = (object as Deployment).spec.progressDeadlineSeconds;
  return typeof seconds === "number" && seconds < 2_147_483_647;
}
