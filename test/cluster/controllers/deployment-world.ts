/** A real store with the Deployment and ReplicaSet controllers on it, where the test plays the kubelet. */
import { DeploymentController } from "../../../src/cluster/controllers/deployment.ts";
import { ReplicaSetController } from "../../../src/cluster/controllers/replicaset.ts";
import { SqliteObjectStore } from "../../../src/cluster/store.ts";
import { type KubeObject, keyOf, keyOfId, type ObjectKey } from "../../../src/model/object.ts";
import type { EventRecorder, StoreEvent } from "../../../src/model/store.ts";
import type { Deployment, DeploymentSpec, Pod, ReplicaSet } from "../../../src/model/workload.ts";
import { isActivePod } from "../../../src/rollout/pods.ts";
import { VirtualClock } from "../../../src/util/clock.ts";
import { seededRandom } from "../../../src/util/random.ts";
import { template } from "../../rollout/objects.ts";

export const WEB = keyOfId({ group: "apps", kind: "Deployment", namespace: "default", name: "web" });

export class World {
  readonly clock = new VirtualClock();
  readonly store: SqliteObjectStore;
  readonly deployments: DeploymentController;
  readonly replicaSets: ReplicaSetController;
  /** Events that were recorded, `Deployment/web ScalingReplicaSet: …`, oldest first. */
  readonly events: string[] = [];
  /** Syncs that failed, `key: message (n)`. */
  readonly errors: string[] = [];
  /** Most pods at any moment, terminating and ended ones not counted. */
  mostPods = 0;
  readonly #active = new Set<string>();

  constructor(seed = 1) {
    const random = seededRandom(seed);
    const { clock } = this;
    this.store = new SqliteObjectStore(":memory:", { clock, random });
    const events: EventRecorder = {
      record: (about, type, reason, message) => {
        const warning = type === "Warning" ? "!" : "";
        this.events.push(`${warning}${about.kind}/${about.metadata.name} ${reason}: ${message}`);
      },
    };
    const onError = (key: string, error: unknown, failures: number): void => {
      this.errors.push(`${key}: ${error instanceof Error ? error.message : String(error)} (${failures})`);
    };
    const { store } = this;
    this.deployments = new DeploymentController({ store, events, clock, onError });
    this.replicaSets = new ReplicaSetController({ store, events, clock, random, onError });
    store.subscribe((event) => this.#watch(event));
  }

  start(): void {
    this.deployments.start();
    this.replicaSets.start();
  }

  close(): void {
    this.deployments.close();
    this.replicaSets.close();
    this.store.close();
  }

  /** Lets the controllers do all that is to be done now. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  async createWeb(spec: Partial<DeploymentSpec> = {}): Promise<void> {
    this.store.create({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace: "default" },
      spec: { replicas: 3, selector: { matchLabels: { app: "web" } }, template: template("web:v1"), ...spec },
    });
    await this.settle();
  }

  /** A Deployment that runs, all pods available, and nothing recorded yet. */
  async runWeb(spec: Partial<DeploymentSpec> = {}): Promise<void> {
    this.start();
    await this.createWeb(spec);
    await this.readyAll();
    this.events.length = 0;
    this.mostPods = this.active.length;
  }

  get web(): Deployment {
    return this.#get(WEB) as Deployment;
  }

  async edit(spec: Partial<DeploymentSpec>): Promise<void> {
    const { web } = this;
    this.store.update({ ...web, spec: { ...web.spec, ...spec } });
    await this.settle();
  }

  async annotate(annotations: Record<string, string>): Promise<void> {
    const { web } = this;
    this.store.update({
      ...web,
      metadata: { ...web.metadata, annotations: { ...web.metadata.annotations, ...annotations } },
    });
    await this.settle();
  }

  sets(): ReplicaSet[] {
    return this.store.list({ group: "apps", kind: "ReplicaSet" }) as ReplicaSet[];
  }

  /** The ReplicaSet that runs an image. */
  set(image: string): ReplicaSet {
    const found = this.sets().find(({ spec }) => spec.template.spec.containers[0]?.image === image);
    if (found === undefined) throw new Error(`no ReplicaSet runs ${image}`);
    return found;
  }

  pods(): Pod[] {
    return this.store.list({ group: "", kind: "Pod" }) as Pod[];
  }

  get active(): Pod[] {
    return this.pods().filter(isActivePod);
  }

  podsOf(image: string): Pod[] {
    return this.active.filter(({ spec }) => spec.containers[0]?.image === image);
  }

  /** As a kubelet: the pod runs, and is ready or not. */
  async ready(pod: Pod, ready = true): Promise<void> {
    this.report(pod, ready);
    await this.settle();
  }

  /** As `ready`, but the controllers are left to do what follows from it. */
  report(pod: Pod, ready: boolean): void {
    const condition = {
      type: "Ready",
      status: ready ? ("True" as const) : ("False" as const),
      lastTransitionTime: new Date(this.clock.now()).toISOString(),
    };
    this.store.updateStatus({ ...this.#get(keyOf(pod)), status: { phase: "Running", conditions: [condition] } });
  }

  /** Makes pods ready one by one, or `together`, and ends those that are to go, until nothing changes any more. */
  async readyAll(together = false): Promise<void> {
    for (;;) {
      const waiting = this.active.filter(({ status }) => status?.conditions?.[0]?.status !== "True");
      const going = this.pods().filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
      if (waiting.length === 0 && going.length === 0) return;
      for (const pod of waiting) {
        if (this.store.get(keyOf(pod)) === undefined) continue;
        this.report(pod, true);
        if (!together) await this.settle();
      }
      await this.settle();
      await this.endTerminating();
    }
  }

  /** As a kubelet: the processes of pods that are to go have ended. */
  async endTerminating(): Promise<void> {
    for (const pod of this.pods()) {
      if (pod.metadata.deletionTimestamp !== undefined) this.store.remove(keyOf(pod), pod.metadata.uid ?? "");
    }
    await this.settle();
  }

  /** The Deployment's scale events, without the words that are always the same. */
  scaled(): string[] {
    return this.events.flatMap((line) => /^Deployment\S* ScalingReplicaSet: (.*)$/.exec(line)?.[1] ?? []);
  }

  condition(type: string): string {
    const found = this.web.status?.conditions?.find((condition) => condition.type === type);
    return found === undefined ? "none" : `${found.status} ${found.reason}: ${found.message}`;
  }

  #get(key: ObjectKey): KubeObject {
    const object = this.store.get(key);
    if (object === undefined) throw new Error(`${key} is not there`);
    return object;
  }

  #watch({ type, object }: StoreEvent): void {
    if (object.kind !== "Pod") return;
    if (type !== "deleted" && isActivePod(object as Pod)) this.#active.add(object.metadata.name);
    else this.#active.delete(object.metadata.name);
    this.mostPods = Math.max(this.mostPods, this.#active.size);
  }
}
