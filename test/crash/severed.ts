/** A daemon's line to whichever kubelet lives: it breaks when either end dies, as a socket does. */
import { TrueupError } from "../../src/model/errors.ts";
import type {
  Kubelet,
  KubeletLogQuery,
  KubeletPodSummary,
  KubeletReport,
  PodAssignment,
  ServiceAssignment,
} from "../../src/model/kubelet.ts";

export class Severed implements Kubelet {
  readonly #kubelet: () => Kubelet | null;
  readonly #isDead: () => boolean;
  readonly #onStop: (uid: string) => void;
  #stream = new AbortController();

  /**
   * @param kubelet The one that lives; `null`: none does
   * @param isDead Whether the daemon is
   * @param onStop Hears of each pod that the kubelet is told to end
   */
  constructor(kubelet: () => Kubelet | null, isDead: () => boolean, onStop: (uid: string) => void) {
    this.#kubelet = kubelet;
    this.#isDead = isDead;
    this.#onStop = onStop;
  }

  assign(assignment: PodAssignment): Promise<void> {
    return this.#call((kubelet) => kubelet.assign(assignment));
  }

  stop(uid: string, graceSeconds: number): Promise<void> {
    return this.#call((kubelet) => {
      this.#onStop(uid);
      return kubelet.stop(uid, graceSeconds);
    });
  }

  serve(services: ServiceAssignment[]): Promise<void> {
    return this.#call((kubelet) => kubelet.serve(services));
  }

  pods(): Promise<KubeletPodSummary[]> {
    return this.#call((kubelet) => kubelet.pods());
  }

  acknowledge(seq: number): Promise<void> {
    return this.#call((kubelet) => kubelet.acknowledge(seq));
  }

  logs(query: KubeletLogQuery, signal: AbortSignal): AsyncIterable<string> {
    return this.#living().logs(query, signal);
  }

  /** One end has died: the stream breaks. */
  cut(): void {
    this.#stream.abort();
    this.#stream = new AbortController();
  }

  async *reports(after: number, signal: AbortSignal): AsyncGenerator<KubeletReport> {
    const kubelet = this.#living();
    for await (const report of kubelet.reports(after, AbortSignal.any([signal, this.#stream.signal]))) {
      if (this.#living() !== kubelet) throw unreachable();
      yield report;
    }
    throw unreachable();
  }

  /** An order may have been carried out though its answer never comes. */
  async #call<T>(work: (kubelet: Kubelet) => Promise<T>): Promise<T> {
    const kubelet = this.#living();
    const [answer] = await Promise.allSettled([work(kubelet)]);
    if (this.#living() !== kubelet) throw unreachable();
    if (answer.status === "rejected") throw answer.reason;
    return answer.value;
  }

  #living(): Kubelet {
    const kubelet = this.#isDead() ? null : this.#kubelet();
    if (kubelet === null) throw unreachable();
    return kubelet;
  }
}

function unreachable(): TrueupError {
  return new TrueupError("unavailable", "Cannot reach the kubelet as it must answer: it does not.");
}
