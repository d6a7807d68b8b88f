/** Watches every store event of a simulated world, and says which promise an event broke. */
import { createHash, type Hash } from "node:crypto";
import { controllerOf, type KubeObject, keyOf, matchesSelector, type ObjectKey } from "../../src/model/object.ts";
import type { StoreEvent } from "../../src/model/store.ts";
import {
  ANNOTATION,
  type Condition,
  type Deployment,
  type KubeEvent,
  type Pod,
  type ReplicaSet,
} from "../../src/model/workload.ts";
import { desiredOf, isRollingUpdate, maxPodsOf, minAvailableOf } from "../../src/rollout/limits.ts";
import { hasEnded, isActivePod, isPodAvailable } from "../../src/rollout/pods.ts";
import { isComplete, REASON } from "../../src/rollout/progress.ts";
import { revisionOf, sizeOf } from "../../src/rollout/replicasets.ts";
import type { Clock } from "../../src/util/clock.ts";
import { SECRET } from "./app.ts";
import { Mirror } from "./mirror.ts";
import type { Tally } from "./tally.ts";

/** Kinds that only a reconciler or a person deletes. */
const DECLARED_KINDS: ReadonlySet<string> = new Set(["ConfigMap", "Secret", "Service", "Deployment"]);

export class Witness {
  readonly mirror = new Mirror();
  readonly violations: string[] = [];
  /** Uids of pods that people deleted: what that costs is not trueup's doing. */
  readonly deletedByHand = new Set<string>();
  /** Objects that git declares and that may go nevertheless: their app, or somebody, deleted them. */
  mayGo: ReadonlySet<ObjectKey> = new Set();
  /** Uids of pods that the kubelet was told to run. */
  readonly assigned = new Set<string>();
  readonly #clock: Clock;
  readonly #tally: Tally;
  readonly #digest: Hash | null;
  /** Most pods that a Deployment may have, by uid: its limit, or the one before until that is worked off. */
  readonly #ceilings = new Map<string, number>();
  /** Fewest pods that a Deployment must keep available, by uid: its limit, or the one before until that is worked off. */
  readonly #floors = new Map<string, number>();
  /** Pods that were available since they are ready, whatever the clock says now. */
  readonly #available = new Set<string>();
  /** When a ready pod was first seen so, on the clock that nobody sets, milliseconds. */
  readonly #readySince = new Map<string, number>();
  /** Deployments told to recreate while pods of several revisions ran: they may stay so until the old ones are gone. */
  readonly #mixed = new Set<string>();
  /** Deployments amid a rollout when their daemon ended. */
  readonly #interrupted = new Set<string>();

  readonly #trace: (line: string) => void;

  /** @param trace Hears of all that is noted */
  constructor(clock: Clock, tally: Tally, withDigest: boolean, trace: (line: string) => void = () => {}) {
    this.#trace = trace;
    this.#clock = clock;
    this.#tally = tally;
    this.#digest = withDigest ? createHash("sha256") : null;
  }

  /** The state that a daemon starts with. */
  load(objects: readonly KubeObject[]): void {
    const uids = new Set(objects.map(({ metadata }) => metadata.uid));
    for (const uid of this.assigned) {
      if (this.mirror.byUid.has(uid) && !uids.has(uid)) {
        this.violate(`pod ${uid} runs, and the next daemon knows nothing of it`);
      }
    }
    this.mirror.load(objects);
    for (const object of objects) {
      if (object.kind === "Pod" && !isReady(object as Pod)) this.#forgetReadiness(object.metadata.uid ?? "");
      if (object.kind !== "Deployment") continue;
      const deployment = object as Deployment;
      // A status that did not reach the disk is forgotten, and with it that the old limit was worked off.
      this.#raiseCeiling(deployment, this.mirror.activePodsOf(deployment).length);
      const isAmid = deployment.spec.paused !== true && !isComplete(deployment, deployment.status ?? {});
      if (isAmid) this.#interrupted.add(deployment.metadata.uid ?? "");
    }
  }

  /** Of all that happened: equal for equal seeds. */
  get digest(): string {
    return this.#digest?.copy().digest("hex") ?? "";
  }

  note(text: string): void {
    const line = `${this.#clock.monotonic()} ${text}\n`;
    this.#digest?.update(line);
    this.#trace(line);
  }

  violate(message: string): void {
    this.violations.push(`at ${(this.#clock.monotonic() / 1_000).toFixed(3)} s: ${message}`);
  }

  see(event: StoreEvent): void {
    if (event.object.kind === "Event" && (event.object as KubeEvent).reason === "Failed" && event.type === "added") {
      this.#tally.add("image missing");
    }
    const { type, object, previous } = event;
    if (type !== "deleted" && wordsOf(object).some((words) => words.includes(SECRET))) {
      this.violate(`${keyOf(object)} tells a secret`);
    }
    if (this.#digest !== null) this.note(`${type} ${keyOf(object)} ${JSON.stringify(object)}`);
    if (type === "modified" && object.kind === "Pod") this.#seeDeletion(previous as Pod, object as Pod);
    this.mirror.apply(event);
    if (type === "deleted" && DECLARED_KINDS.has(object.kind) && !this.mayGo.has(keyOf(object))) {
      this.violate(`${keyOf(object)} was deleted, and nobody asked for that`);
    }
    this.#seeOwners(event);
    if (object.kind === "Deployment") this.#seeDeployment(event);
    else if (object.kind === "ReplicaSet") this.#seeReplicaSet(event);
    else if (object.kind === "Pod") this.#seePod(event);
    const deployment = type === "deleted" ? undefined : this.mirror.deploymentOf(object);
    if (deployment !== undefined && object.kind !== "Event") this.#checkCeiling(deployment);
  }

  /** Once available, a pod is so until it is not ready, though the clock be set back. */
  isAvailable(pod: Pod): boolean {
    const { uid = "" } = pod.metadata;
    if (this.#available.has(uid)) return true;
    const replicaSet = this.mirror.byUid.get(controllerOf(pod)?.uid ?? "") as ReplicaSet | undefined;
    if (!isPodAvailable(pod, replicaSet?.spec.minReadySeconds ?? 0, this.#clock.now())) return false;
    this.#available.add(uid);
    return true;
  }

  #forgetReadiness(uid: string): void {
    this.#available.delete(uid);
    this.#readySince.delete(uid);
  }

  // ---- Promise 2: how many pods ----------------------------------------------------------------------------------------

  #raiseCeiling(deployment: Deployment, least = 0): void {
    const uid = deployment.metadata.uid ?? "";
    this.#ceilings.set(uid, Math.max(this.#ceilings.get(uid) ?? 0, maxPodsOf(deployment), least));
    this.#floors.set(uid, Math.min(this.#floors.get(uid) ?? Number.POSITIVE_INFINITY, minAvailableOf(deployment)));
  }

  #checkCeiling(deployment: Deployment): void {
    const { uid = "", name, generation = 0 } = deployment.metadata;
    const limit = maxPodsOf(deployment);
    const replicaSets = this.mirror.replicaSetsOf(deployment);
    const activeOf = (own: ReplicaSet): number => this.mirror.podsOf(own).filter(isActivePod).length;
    // What is asked for is as good as there, and what is not asked for any more is there until it is gone.
    const most = replicaSets.reduce((sum, own) => sum + Math.max(sizeOf(own), activeOf(own)), 0);
    const active = this.mirror.activePodsOf(deployment).length;
    const ceiling = this.#ceilings.get(uid) ?? limit;
    if (active > ceiling) {
      this.violate(`deployment ${name} has ${active} pods that are not ending; ${ceiling} is the most`);
    }
    const isSettled = (deployment.status?.observedGeneration ?? 0) === generation && most <= limit;
    if (!isSettled) return;
    this.#ceilings.set(uid, limit);
    // Pods that a ReplicaSet is not to have any more go by what was decided before.
    const isWorkedOff = replicaSets.every((own) => activeOf(own) <= sizeOf(own));
    if (isWorkedOff) this.#floors.set(uid, minAvailableOf(deployment));
  }

  /** A pod that a controller has deleted: are enough left? Looked at before the mirror knows of it. */
  #seeDeletion(before: Pod, after: Pod): void {
    const { uid = "" } = after.metadata;
    if (before.metadata.deletionTimestamp !== undefined || after.metadata.deletionTimestamp === undefined) return;
    if (this.deletedByHand.has(uid) || !this.isAvailable(before) || !this.#hasBeenReadyLongEnough(before)) return;
    const deployment = this.mirror.deploymentOf(after);
    if (deployment === undefined || !isRollingUpdate(deployment)) return;
    const left = this.mirror.activePodsOf(deployment).filter((pod) => this.isAvailable(pod)).length - 1;
    const least = Math.min(this.#floors.get(deployment.metadata.uid ?? "") ?? 0, minAvailableOf(deployment));
    if (left < least) {
      const { name } = deployment.metadata;
      this.violate(`pod ${after.metadata.name} was deleted: ${left} of ${name}'s pods are available, not ${least}`);
    }
  }

  /** By a clock that nobody sets: a pod that is available only as the clock was set forward may be taken for a broken one. */
  #hasBeenReadyLongEnough(pod: Pod): boolean {
    const replicaSet = this.mirror.byUid.get(controllerOf(pod)?.uid ?? "") as ReplicaSet | undefined;
    const since = this.#readySince.get(pod.metadata.uid ?? "") ?? Number.POSITIVE_INFINITY;
    return this.#clock.monotonic() - since >= (replicaSet?.spec.minReadySeconds ?? 0) * 1_000;
  }

  #seePod({ type, object, previous }: StoreEvent): void {
    const pod = object as Pod;
    const { uid = "" } = pod.metadata;
    const replicaSet = this.mirror.byUid.get(controllerOf(pod)?.uid ?? "") as ReplicaSet | undefined;
    const ready = isReady(pod);
    if (type === "deleted" || !ready) this.#forgetReadiness(uid);
    else {
      if (!this.#readySince.has(uid)) this.#readySince.set(uid, this.#clock.monotonic());
      this.isAvailable(pod);
    }
    if (previous !== undefined && isReady(previous as Pod) && !ready && isActivePod(pod)) {
      this.#tally.add("readiness lost");
    }
    if (type !== "added" || replicaSet === undefined) return;
    const active = this.mirror.podsOf(replicaSet).filter(isActivePod).length;
    if (active > sizeOf(replicaSet)) {
      this.violate(`replica set ${replicaSet.metadata.name} has ${active} pods; it is to have ${sizeOf(replicaSet)}`);
    }
    const deployment = this.mirror.deploymentOf(replicaSet);
    if (deployment !== undefined && !isRollingUpdate(deployment)) this.#checkRecreate(deployment, replicaSet);
  }

  /** Recreate: nothing new beside anything old. */
  #checkRecreate(deployment: Deployment, replicaSet: ReplicaSet): void {
    const replicaSets = this.mirror.replicaSetsOf(deployment);
    const newest = Math.max(...replicaSets.map(revisionOf));
    if (revisionOf(replicaSet) !== newest || replicaSets.length < 2) return;
    const others = replicaSets.filter((other) => other !== replicaSet).flatMap((other) => this.mirror.podsOf(other));
    if (others.every(hasEnded)) this.#tally.add("recreated");
    else if (!this.#mixed.has(deployment.metadata.uid ?? "")) {
      this.violate(`deployment ${deployment.metadata.name} is to recreate, and starts new pods beside old ones`);
    }
  }

  /** Pods become available with time alone; the controllers see that in their next sync, and so does this. */
  tick(): void {
    for (const object of this.mirror.objects.values()) {
      if (object.kind === "Pod") this.isAvailable(object as Pod);
    }
  }

  // ---- Deployments and their revisions ---------------------------------------------------------------------------------

  #seeDeployment({ type, object, previous }: StoreEvent): void {
    const deployment = object as Deployment;
    const { name, uid = "", generation = 0 } = deployment.metadata;
    if (type === "deleted") {
      this.#ceilings.delete(uid);
      this.#floors.delete(uid);
      return;
    }
    this.#raiseCeiling(deployment);
    const before = previous as Deployment | undefined;
    if (before === undefined) return;
    if (revisionOf(deployment) < revisionOf(before)) {
      this.violate(
        `deployment ${name} went from revision ${revisionOf(before)} back to ${deployment.metadata.annotations?.[ANNOTATION.revision]}`,
      );
    }
    if ((deployment.status?.observedGeneration ?? 0) > generation) {
      this.violate(`deployment ${name} observed generation ${deployment.status?.observedGeneration} of ${generation}`);
    }
    const active = this.mirror.replicaSetsOf(deployment).filter((own) => this.mirror.podsOf(own).length > 0);
    if (active.length < 2) this.#mixed.delete(uid);
    else if (isRollingUpdate(before)) this.#mixed.add(uid);
    this.#countOutcomes(before, deployment);
  }

  #countOutcomes(before: Deployment, after: Deployment): void {
    const reason = progressing(after)?.reason;
    const was = progressing(before)?.reason;
    if (reason === REASON.complete && was !== REASON.complete) {
      this.#tally.add("rollout complete");
      if (this.#interrupted.delete(after.metadata.uid ?? "")) this.#tally.add("rollout went on after a restart");
    }
    if (reason === REASON.timedOut && was !== REASON.timedOut) this.#tally.add("deadline exceeded");
    if (after.spec === before.spec) return;
    const amid = !isComplete(before, before.status ?? {});
    const isNewTemplate = JSON.stringify(after.spec.template) !== JSON.stringify(before.spec.template);
    if (amid && isNewTemplate) this.#tally.add("rollout pre-empted");
    const isScaled = desiredOf(after) !== desiredOf(before);
    const isRolling = this.mirror.replicaSetsOf(after).filter((own) => sizeOf(own) > 0).length > 1;
    if (isScaled && isRolling) this.#tally.add("scaled amid a rollout");
    if (after.spec.paused === true && before.spec.paused !== true) this.#tally.add("paused");
    if (after.spec.paused !== true && before.spec.paused === true) this.#tally.add("resumed");
  }

  #seeReplicaSet({ type, object, previous }: StoreEvent): void {
    const replicaSet = object as ReplicaSet;
    const { name } = replicaSet.metadata;
    const deployment = this.mirror.deploymentOf(replicaSet);
    if (type === "deleted") {
      const owner = this.mirror.byUid.get(controllerOf(replicaSet)?.uid ?? "");
      if (owner !== undefined) this.#tally.add("revision forgotten");
      return;
    }
    if (deployment === undefined) return;
    const before = previous as ReplicaSet | undefined;
    const revision = revisionOf(replicaSet);
    if (before !== undefined && revision === revisionOf(before)) return;
    if (before !== undefined) this.#tally.add("revision renumbered");
    const others = this.mirror.replicaSetsOf(deployment).filter((other) => other.metadata.name !== name);
    const highest = Math.max(0, ...others.map(revisionOf));
    if (revision <= highest) {
      this.violate(`replica set ${name} got revision ${revision}, though ${highest} exists`);
    }
  }

  // ---- Owners ----------------------------------------------------------------------------------------------------------

  #seeOwners({ type, object }: StoreEvent): void {
    const references = object.metadata.ownerReferences ?? [];
    if (type === "deleted") return;
    if (references.filter(({ controller }) => controller === true).length > 1) {
      this.violate(`${keyOf(object)} has more than one controller`);
    }
    for (const { uid, kind, name } of references) {
      const owner = this.mirror.byUid.get(uid);
      if (owner === undefined) {
        if (type === "added") this.violate(`${keyOf(object)} was made for ${kind} ${name}, which is not there`);
      } else if (owner.kind !== kind || owner.metadata.name !== name) {
        this.violate(`${keyOf(object)} names ${kind} ${name} as its owner, which is ${keyOf(owner)}`);
      } else if (owner.kind === "ReplicaSet" || owner.kind === "Deployment") {
        const { selector } = (owner as ReplicaSet | Deployment).spec;
        if (!matchesSelector(selector, object.metadata.labels)) {
          this.violate(`${keyOf(object)} does not match the selector of its owner ${keyOf(owner)}`);
        }
      }
    }
  }
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

export function progressing(deployment: Deployment): Condition | undefined {
  return deployment.status?.conditions?.find(({ type }) => type === "Progressing");
}

/** What a kubelet says in its own words, or in those of a container. */
function wordsOf(object: KubeObject): string[] {
  if (object.kind === "Event") return [(object as KubeEvent).message];
  if (object.kind !== "Pod") return [];
  return ((object as Pod).status?.containerStatuses ?? []).flatMap(({ state, lastState }) =>
    [state, lastState].flatMap(({ waiting, terminated }) => [waiting?.message ?? "", terminated?.message ?? ""]),
  );
}
