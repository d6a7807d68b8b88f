/** Plays the kubelet for the pods of some namespaces: reports what their scripts say when its time comes, and ends them when told to. */
import type { Pod, PodStatus } from "../../../src/model/workload.ts";
import { type CancelTimer, type Clock, SystemClock } from "../../../src/util/clock.ts";
import { type Api, ApiError } from "./api.ts";
import { PLAY_ANNOTATION, type Play, statusAt } from "./play.ts";

interface Actor {
  pod: Pod;
  since: number;
  podIP: string;
  reported: PodStatus | undefined;
  /** Replaces its script, from `since` on. */
  turned: Play | undefined;
  /** When it was first seen to be told to end. */
  endingSince: number | undefined;
  /** One step of a pod after the other. */
  work: Promise<void>;
  cancel: CancelTimer | undefined;
}

export class Player {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #plays: Map<string, Play>;
  readonly #actors = new Map<string, Actor>();
  readonly #abort = new AbortController();
  readonly #watches: Promise<void>[] = [];
  #failure: { error: unknown } | undefined;
  #addresses = 0;

  /**
   * @param namespaces Whose pods it plays; an empty list for those of all namespaces
   * @param plays What containers do, by image; those of other images run and are ready at once
   */
  constructor(
    api: Api,
    namespaces: readonly string[],
    plays: Readonly<Record<string, Play>> = {},
    clock: Clock = new SystemClock(),
  ) {
    this.#api = api;
    this.#clock = clock;
    this.#plays = new Map(Object.entries(plays));
    const paths = namespaces.map((namespace) => `/api/v1/namespaces/${namespace}/pods`);
    for (const path of paths.length === 0 ? ["/api/v1/pods"] : paths) {
      this.#watches.push(this.#watch(path).catch((error: unknown) => this.#fail(error)));
    }
  }

  /** What containers of this image do from now on, those that run included. */
  script(image: string, play: Play): void {
    this.#plays.set(image, play);
    for (const [uid, { pod }] of this.#actors) {
      if (pod.spec.containers.some((container) => container.image === image)) this.#step(uid);
    }
  }

  /**
   * Makes one pod behave otherwise, as if its containers had just started.
   *
   * @throws When it is not played here
   */
  turn(podName: string, play: Play): void {
    const found = [...this.#actors].find(([, { pod }]) => pod.metadata.name === podName);
    if (found === undefined) throw new Error(`Cannot turn ${podName} as it must be a pod that is played: it is none`);
    const [uid, actor] = found;
    actor.turned = play;
    actor.since = this.#clock.now();
    this.#step(uid);
  }

  /**
   * Plays no more; pods stay as they are.
   *
   * @throws What went wrong while playing
   */
  async stop(): Promise<void> {
    this.#abort.abort(new Error("the play is over"));
    for (const { cancel } of this.#actors.values()) cancel?.();
    await Promise.all([...this.#watches, ...[...this.#actors.values()].map(({ work }) => work)]);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #watch(path: string): Promise<void> {
    for await (const event of this.#api.watch<Pod>(path, this.#abort.signal)) {
      if (event.type === "SYNCED") continue;
      const { uid = "" } = event.object.metadata;
      if (event.type === "DELETED") {
        this.#actors.get(uid)?.cancel?.();
        this.#actors.delete(uid);
      } else if (event.object.spec.nodeName !== undefined) {
        this.#see(uid, event.object);
      }
    }
  }

  #see(uid: string, pod: Pod): void {
    const actor = this.#actors.get(uid);
    if (actor === undefined) {
      const address = ++this.#addresses;
      this.#actors.set(uid, {
        pod,
        since: this.#clock.now(),
        podIP: `10.244.${(address >> 8) & 255}.${address & 255}`,
        reported: undefined,
        turned: undefined,
        endingSince: undefined,
        work: Promise.resolve(),
        cancel: undefined,
      });
    } else {
      const before = actor.pod;
      actor.pod = pod;
      // What we reported comes back this way; there is nothing to do then.
      if (partOf(before) === partOf(pod)) return;
    }
    this.#step(uid);
  }

  #step(uid: string): void {
    const actor = this.#actors.get(uid);
    if (actor === undefined) return;
    actor.work = actor.work.then(async () => {
      if (this.#abort.signal.aborted || this.#actors.get(uid) !== actor) return;
      actor.cancel?.();
      const nextAt = await this.#act(actor).catch((error: unknown) => {
        // It may be gone at any time: its namespace was removed, or somebody was not willing to wait.
        if (!(error instanceof ApiError && (error.status === 404 || error.status === 409))) this.#fail(error);
        return null;
      });
      if (nextAt === null || this.#abort.signal.aborted) return;
      actor.cancel = this.#clock.setTimer(nextAt - this.#clock.now(), () => this.#step(uid));
    });
  }

  /** Does what is due, and says when something will be again. */
  async #act(actor: Actor): Promise<number | null> {
    const { pod } = actor;
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
    const now = this.#clock.now();
    if (pod.metadata.deletionTimestamp !== undefined) {
      actor.endingSince ??= now;
      const wanted = Math.max(0, ...pod.spec.containers.map(({ image }) => this.#playOf(actor, image).stopMs ?? 0));
      const grace = (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000;
      const endsAt = actor.endingSince + Math.min(wanted, grace);
      if (endsAt > now) return endsAt;
      const preconditions = { uid: pod.metadata.uid ?? "" };
      await this.#api.remove(path, { gracePeriodSeconds: 0, preconditions });
      return null;
    }
    const playOf = ({ image }: { image?: string }): Play => this.#playOf(actor, image);
    const { since, podIP, reported: before } = actor;
    const report = statusAt({ pod, playOf, since, now, before, podIP });
    if (report === null) return null;
    if (JSON.stringify(before) !== JSON.stringify(report.status)) {
      await this.#api.patch(`${path}/status`, "strategic", {
        metadata: { uid: pod.metadata.uid },
        status: report.status,
      });
      actor.reported = report.status;
    }
    return report.nextAt;
  }

  #playOf({ pod, turned }: Actor, image = ""): Play {
    const own = pod.metadata.annotations?.[PLAY_ANNOTATION];
    return turned ?? (own === undefined ? this.#plays.get(image) : (JSON.parse(own) as Play)) ?? { does: "run" };
  }

  /** Kept for whoever stops the play: a test that waits for what is not played any more must not only time out. */
  #fail(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.#failure ??= { error };
    console.error(`The pods are played no more: ${String(error)}`);
    this.#abort.abort(error);
  }
}

/** What of a pod decides how it is played, to compare. */
function partOf({ spec, metadata }: Pod): string {
  return JSON.stringify([spec, metadata.deletionTimestamp, metadata.annotations?.[PLAY_ANNOTATION]]);
}
