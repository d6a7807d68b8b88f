/** Plays a commit's rollout on a virtual clock: the same controllers and pod workers as in earnest, over simulated containers. */
import { EmbeddedBackend } from "../backend/embedded.ts";
import { EmbeddedCluster } from "../cluster/cluster.ts";
import { Journal } from "../kubelet/journal.ts";
import { LocalKubelet } from "../kubelet/kubelet.ts";
import { nullProxy } from "../kubelet/proxy-contract.ts";
import { type Scenario, scenarioCatalog } from "../kubelet/scenario.ts";
import { SimulatedRuntime } from "../kubelet/simulated-runtime.ts";
import { isPodReady } from "../model/endpoints.ts";
import { worstHealth } from "../model/health.ts";
import type { Declared } from "../model/manifest.ts";
import type { KubeObject } from "../model/object.ts";
import { controllerOf, displayId, idOf } from "../model/object.ts";
import type { RolloutForecast, RolloutSample } from "../model/rollout.ts";
import type { CommitId } from "../model/source.ts";
import type { StoreEvent } from "../model/store.ts";
import type { Deployment, KubeEvent, Pod, ReplicaSet } from "../model/workload.ts";
import { planApp } from "../plan/plan.ts";
import { healthOf } from "../rollout/health.ts";
import { isActivePod, isPodAvailable } from "../rollout/pods.ts";
import { isComplete } from "../rollout/progress.ts";
import { VirtualClock } from "../util/clock.ts";
import { seededRandom } from "../util/random.ts";

/** The owner of everything in the simulated cluster. */
const APP = "simulation";
const NEVER = new AbortController().signal;

export interface SimulationInput {
  /** What runs before; empty: nothing does. */
  before: readonly Declared[];
  after: readonly Declared[];
  commit: CommitId;
  scenario: Scenario;
  /** Milliseconds of virtual time after which a rollout that is not complete is called stuck. */
  limitMs: number;
}

/**
 * Simulates going from one set of manifests to another.
 *
 * Nothing is read or written beyond memory, and the same input gives the same forecast.
 *
 * @throws {TrueupError} When an object is refused, as the backend would refuse it
 */
export async function simulateRollout(input: SimulationInput): Promise<RolloutForecast> {
  const world = new World(input.scenario);
  try {
    await world.apply(input.before, input);
    if (input.before.length > 0) await world.clock.runUntil(() => world.isComplete(), input.limitMs);
    const samples = world.record();
    await world.apply(input.after, input);
    const complete = await world.clock.runUntil(() => world.isComplete(), input.limitMs);
    if (complete) world.sample("all is as the commit wants it", samples);
    return summarize(samples, complete ? "" : world.whyNot());
  } finally {
    await world.close();
  }
}

function summarize(samples: RolloutSample[], reason: string): RolloutForecast {
  const [first] = samples;
  return {
    samples,
    peakPods: samples.reduce((most, { pods }) => Math.max(most, pods), 0),
    lowestAvailable: samples.reduce((least, { available }) => Math.min(least, available), first?.available ?? 0),
    durationMs: samples.at(-1)?.atMs ?? 0,
    outcome: reason === "" ? "complete" : "stuck",
    reason,
  };
}

class World {
  readonly clock = new VirtualClock();
  readonly #cluster: EmbeddedCluster;
  readonly #backend: EmbeddedBackend;
  readonly #kubelet: LocalKubelet;
  #stopRecording: () => void = () => undefined;
  #startedAt = 0;

  constructor(scenario: Scenario) {
    const { clock } = this;
    const random = seededRandom(scenario.seed);
    const runtime = new SimulatedRuntime({ clock, random, scenario });
    const journal = Journal.inMemory();
    this.#kubelet = new LocalKubelet({ runtime, clock, random, proxy: nullProxy, journal, directory: null });
    const images = scenarioCatalog(scenario);
    this.#cluster = new EmbeddedCluster({ path: ":memory:", clock, random, kubelet: this.#kubelet, images });
    this.#backend = new EmbeddedBackend(this.#cluster);
    this.#cluster.start();
  }

  async apply(declared: readonly Declared[], { commit }: SimulationInput): Promise<void> {
    const { items } = await this.#backend.list({}, NEVER);
    const plan = planApp({ app: APP, commit, declared, observed: items });
    for (const change of plan.changes) {
      if (change.declared !== undefined) {
        await this.#backend.apply({ desired: inItsNamespace(change.declared), owner: APP }, NEVER);
      } else if (change.held === undefined) {
        await this.#backend.delete({ id: change.id, owner: APP }, NEVER);
      }
    }
  }

  /** From now on, each scaling decision and each pod's coming and going is a sample. */
  record(): RolloutSample[] {
    const start = this.clock.now();
    this.#startedAt = start;
    const samples: RolloutSample[] = [{ atMs: 0, message: "the commit is applied", ...this.#counts() }];
    this.#stopRecording = this.#cluster.store.subscribe((event) => {
      const message = tell(event);
      if (message !== null) samples.push({ atMs: this.clock.now() - start, message, ...this.#counts() });
    });
    return samples;
  }

  /** By the pods themselves: what controllers have written down of them is always a moment behind. */
  #counts(): { pods: number; available: number } {
    const { store } = this.#cluster;
    const pods = (store.list({ kind: "Pod" }) as Pod[]).filter(isActivePod);
    const replicaSets = store.list({ group: "apps", kind: "ReplicaSet" }) as ReplicaSet[];
    const waits = new Map(replicaSets.map(({ metadata, spec }) => [metadata.uid, spec.minReadySeconds ?? 0]));
    const now = this.clock.now();
    const available = pods.filter((pod) => {
      const wait = waits.get(controllerOf(pod)?.uid);
      return wait !== undefined && isPodAvailable(pod, wait, now);
    });
    return { pods: pods.length, available: available.length };
  }

  /** The last sample: what nobody tells of, a pod that has been ready for long enough, counts in it. */
  sample(message: string, samples: RolloutSample[]): void {
    samples.push({ atMs: this.clock.now() - this.#startedAt, message, ...this.#counts() });
  }

  isComplete(): boolean {
    const { store } = this.#cluster;
    const deployments = store.list({ group: "apps", kind: "Deployment" }) as Deployment[];
    const isEnding = (pod: KubeObject): boolean => pod.metadata.deletionTimestamp !== undefined;
    return (
      deployments.every((deployment) => isComplete(deployment, deployment.status ?? {}) || deployment.spec.paused) &&
      !store.list({ kind: "Pod" }).some(isEnding)
    );
  }

  /** The reasons of the Deployments that are not complete, from as deep as is known. */
  whyNot(): string {
    const { store } = this.#cluster;
    const pods = store.list({ kind: "Pod" }) as Pod[];
    const replicaSets = store.list({ group: "apps", kind: "ReplicaSet" }) as ReplicaSet[];
    const deployments = store.list({ group: "apps", kind: "Deployment" }) as Deployment[];
    const late = deployments.filter((deployment) => !isComplete(deployment, deployment.status ?? {}));
    const { reason } = worstHealth(late.map((deployment) => healthOf(deployment, { pods, replicaSets })));
    return reason === ""
      ? late.map((deployment) => `${displayId(idOf(deployment))} is not complete`).join("; ")
      : reason;
  }

  async close(): Promise<void> {
    this.#stopRecording();
    await this.#cluster.close();
    await this.#kubelet.close();
  }
}

function inItsNamespace({ object, id }: Declared): KubeObject {
  return id.namespace === "" ? object : { ...object, metadata: { ...object.metadata, namespace: id.namespace } };
}

/** The words for a change, or `null` when it is not worth a line. */
function tell({ type, object, previous }: StoreEvent): string | null {
  const { name } = object.metadata;
  if (object.kind === "Event" && type !== "deleted" && (object as KubeEvent).reason === "ScalingReplicaSet") {
    return (object as KubeEvent).message;
  }
  if (object.kind !== "Pod") return null;
  if (type === "added") return `pod ${name} is created`;
  if (type === "deleted") return `pod ${name} has ended`;
  if (object.metadata.deletionTimestamp !== undefined) {
    return previous?.metadata.deletionTimestamp === undefined ? `pod ${name} is told to end` : null;
  }
  const isReady = isPodReady(object as Pod);
  if (previous === undefined || isReady === isPodReady(previous as Pod)) return null;
  return isReady ? `pod ${name} is ready` : `pod ${name} is not ready any more`;
}
