/** What a rollout will look like: the planners run against pods that become ready after a given time. Pure. */
import type { RolloutForecast, RolloutSample } from "../model/rollout.ts";
import type { Deployment, IntOrPercent, Pod, PodTemplate } from "../model/workload.ts";
import { desiredOf } from "./limits.ts";
import { isComplete } from "./progress.ts";
import { Rehearsal } from "./rehearsal.ts";
import { pendingCounts } from "./rollout-status.ts";

export interface ForecastInput {
  /** Replicas wanted, >= 0. */
  desired: number;
  /** Counts or percentages. */
  limits: { maxSurge: IntOrPercent; maxUnavailable: IntOrPercent };
  strategy: "RollingUpdate" | "Recreate";
  /** Pods of the old template, all available; 0 for a first rollout. */
  current: number;
  /** From the creation of a pod until it is ready, milliseconds; `Infinity` when it never is. */
  startupMs: number;
  minReadySeconds: number;
  /** From the end of a pod's service until it is gone, milliseconds; 0 unless given. */
  terminationMs?: number;
  /** Name of the Deployment, for the messages; `web` unless given. */
  name?: string;
}

interface Due {
  at: number;
  happen: () => void;
}

/**
 * Forecasts the rollout of a new template over `current` pods of an old one.
 *
 * @throws {RangeError} If a limit is a text that is not a percentage
 */
export function forecastRollout(input: ForecastInput): RolloutForecast {
  return new Forecast(input).run();
}

class Forecast {
  readonly #input: ForecastInput;
  readonly #world: Rehearsal;
  readonly #samples: RolloutSample[] = [];
  readonly #messages: string[] = [];
  readonly #due: Due[] = [];
  #peakPods = 0;
  #lowestAvailable = Number.POSITIVE_INFINITY;
  #setUp = true;

  constructor(input: ForecastInput) {
    this.#input = input;
    this.#world = new Rehearsal(firstDeployment(input), 0, {
      created: (pod) => this.#created(pod),
      deleted: (pod) => this.#deleted(pod),
      event: (message) => this.#messages.push(message),
    });
  }

  run(): RolloutForecast {
    this.#prepare();
    const world = this.#world;
    this.#measure();
    world.edit({ replicas: this.#input.desired, template: template(nameOf(this.#input), 2) });
    this.#settle();
    while (!this.#isDone() && this.#due.length > 0) this.#pass();
    const isDone = this.#isDone();
    return {
      samples: this.#samples,
      peakPods: this.#peakPods,
      lowestAvailable: this.#lowestAvailable,
      durationMs: world.now,
      outcome: isDone ? "complete" : "stuck",
      reason: isDone ? "" : (pendingCounts(world.deployment) ?? ""),
    };
  }

  /** The old pods, all available since long ago. */
  #prepare(): void {
    const world = this.#world;
    if (this.#input.current > 0) {
      world.now = -(this.#input.minReadySeconds + 1) * 1000;
      world.settle();
      for (const name of world.pods.keys()) world.setReady(name, true);
      world.now = 0;
      world.settle();
    }
    this.#messages.length = 0;
    this.#setUp = false;
  }

  /** Lets the next thing happen, with all that happens at the same time. */
  #pass(): void {
    this.#due.sort((a, b) => a.at - b.at);
    const at = this.#due[0]?.at ?? 0;
    this.#world.now = at;
    while (this.#due[0] !== undefined && this.#due[0].at <= at) this.#due.shift()?.happen();
    this.#measure();
    this.#settle();
  }

  #created(pod: Pod): void {
    const { startupMs, minReadySeconds } = this.#input;
    if (this.#setUp || !Number.isFinite(startupMs)) return;
    const { name } = pod.metadata;
    const world = this.#world;
    const say = (what: string): number => this.#messages.push(`pod ${name} is ${what}`);
    const readyAt = world.now + startupMs;
    this.#due.push({
      at: readyAt,
      happen: () => {
        if (world.pods.get(name)?.metadata.deletionTimestamp !== undefined || !world.pods.has(name)) return;
        world.setReady(name, true);
        say(minReadySeconds > 0 ? "ready" : "available");
      },
    });
    if (minReadySeconds > 0) {
      this.#due.push({
        at: readyAt + minReadySeconds * 1000,
        happen: () => {
          if (world.pods.has(name)) say("available");
        },
      });
    }
  }

  #deleted(pod: Pod): void {
    const { name } = pod.metadata;
    const after = this.#input.terminationMs ?? 0;
    if (after === 0) this.#world.removePod(name);
    else this.#due.push({ at: this.#world.now + after, happen: () => this.#world.removePod(name) });
  }

  /** Syncs step by step, so that a peak between two steps is seen, and notes what was said at each. */
  #settle(): void {
    const world = this.#world;
    this.#note();
    for (;;) {
      let moved = world.syncDeployment();
      for (const name of [...world.replicaSets.keys()]) {
        while (world.syncReplicaSet(name)) {
          moved = true;
          this.#measure();
        }
      }
      this.#note();
      if (!moved) return;
    }
  }

  #note(): void {
    const { now, active, available } = this.#world;
    for (const message of this.#messages.splice(0)) {
      this.#samples.push({ atMs: now, message, pods: active.length, available });
    }
  }

  #measure(): void {
    const { active, available } = this.#world;
    this.#peakPods = Math.max(this.#peakPods, active.length);
    this.#lowestAvailable = Math.min(this.#lowestAvailable, available);
  }

  #isDone(): boolean {
    const { deployment, pods } = this.#world;
    const desired = desiredOf(deployment);
    return isComplete(deployment, deployment.status ?? {}) && pods.size === desired;
  }
}

function firstDeployment(input: ForecastInput): Deployment {
  const { current, strategy, limits, minReadySeconds } = input;
  const name = nameOf(input);
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, uid: `${name}-uid`, generation: 1 },
    spec: {
      replicas: current,
      selector: { matchLabels: { app: name } },
      strategy: strategy === "Recreate" ? { type: strategy } : { type: strategy, rollingUpdate: limits },
      minReadySeconds,
      template: template(name, 1),
    },
  };
}

function nameOf({ name = "web" }: ForecastInput): string {
  return name;
}

function template(name: string, version: number): PodTemplate {
  return { metadata: { labels: { app: name } }, spec: { containers: [{ name, image: `${name}:v${version}` }] } };
}
