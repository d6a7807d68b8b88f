/** Watches a rollout through the daemon's API and remembers the worst moments: fewest available pods, most pods at once. */
import { createClient, type DaemonClient } from "../../src/cli/client.ts";
import { isPodReady } from "../../src/model/endpoints.ts";
import type { Deployment, Pod } from "../../src/model/workload.ts";
import { SystemClock } from "../../src/util/clock.ts";

export class RolloutWitness {
  readonly #pods = new Map<string, Pod>();
  readonly #abort = new AbortController();
  readonly #done: Promise<void>[];
  lowestReady = Number.POSITIVE_INFINITY;
  lowestAvailable = Number.POSITIVE_INFINITY;
  mostPods = 0;
  changes = 0;

  /** Counts from now on; the rollout before must be complete. */
  constructor(socket: string, deployment: string) {
    const client = createClient({ socket, clock: new SystemClock() });
    this.#done = [this.#watchPods(client), this.#watchDeployment(client, deployment)];
  }

  async #watchPods(client: DaemonClient): Promise<void> {
    let synced = false;
    await this.#until(async (signal) => {
      for await (const event of client.watch({ kind: "Pod" }, signal)) {
        if (event.type === "synced") synced = true;
        else if (event.type === "reset") synced = false;
        else if ("object" in event) {
          const pod = event.object as Pod;
          if (event.type === "deleted") this.#pods.delete(pod.metadata.uid ?? "");
          else this.#pods.set(pod.metadata.uid ?? "", pod);
        }
        if (synced) this.#count();
      }
    });
  }

  #count(): void {
    this.changes++;
    const live = [...this.#pods.values()].filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    this.mostPods = Math.max(this.mostPods, live.length);
    this.lowestReady = Math.min(this.lowestReady, live.filter(isPodReady).length);
  }

  async #watchDeployment(client: DaemonClient, name: string): Promise<void> {
    await this.#until(async (signal) => {
      for await (const event of client.watch({ kind: "Deployment", name }, signal)) {
        if (!("object" in event) || event.type === "deleted") continue;
        const { status } = event.object as Deployment;
        this.lowestAvailable = Math.min(this.lowestAvailable, status?.availableReplicas ?? 0);
      }
    });
  }

  async #until(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await work(this.#abort.signal);
    } catch (error) {
      if (!this.#abort.signal.aborted) throw error;
    }
  }

  /** Ends the watch. */
  async stop(): Promise<void> {
    this.#abort.abort(new Error("seen enough"));
    await Promise.all(this.#done);
  }
}
