/** The way between a daemon and its kubelet, which fails as a history says: down, slow, lossy, late, twice. */
import { TrueupError } from "../../src/model/errors.ts";
import type {
  Kubelet,
  KubeletLogQuery,
  KubeletPodSummary,
  KubeletReport,
  PodAssignment,
  ServiceAssignment,
} from "../../src/model/kubelet.ts";
import { sleep } from "../../src/util/clock.ts";
import type { Weather } from "./weather.ts";

/** How many delivered reports can be sent a second time. */
const REMEMBERED = 40;

export interface LinkHooks {
  /** Reports did not follow each other. */
  gap(message: string): void;
  /** An order reaches the kubelet. */
  assign(uid: string): void;
  stop(uid: string): void;
  /** Whether the next report is to get lost, which must not be. */
  loses(): boolean;
}

/** One daemon's connection. */
export class FaultyLink implements Kubelet {
  readonly #running: () => Kubelet | null;
  readonly #weather: Weather;
  readonly #hear: LinkHooks;
  #cut = false;
  readonly #cutters = new Set<() => void>();

  /** @param running The kubelet that runs now; null while there is none */
  constructor(running: () => Kubelet | null, weather: Weather, hear: LinkHooks) {
    this.#running = running;
    this.#weather = weather;
    this.#hear = hear;
  }

  get #kubelet(): Kubelet {
    const kubelet = this.#running();
    if (kubelet === null) throw unavailable();
    return kubelet;
  }

  /** The daemon is dead: nothing it says is heard, and it hears nothing. */
  cut(): void {
    this.#cut = true;
    for (const tell of [...this.#cutters]) tell();
  }

  assign(assignment: PodAssignment): Promise<void> {
    return this.#call(() => {
      this.#hear.assign(assignment.pod.metadata.uid ?? "");
      return this.#kubelet.assign(assignment);
    });
  }

  stop(uid: string, graceSeconds: number): Promise<void> {
    return this.#call(() => {
      this.#hear.stop(uid);
      return this.#kubelet.stop(uid, graceSeconds);
    });
  }

  serve(services: ServiceAssignment[]): Promise<void> {
    return this.#call(() => this.#kubelet.serve(services));
  }

  pods(): Promise<KubeletPodSummary[]> {
    return this.#call(() => this.#kubelet.pods());
  }

  acknowledge(seq: number): Promise<void> {
    return this.#call(() => this.#kubelet.acknowledge(seq));
  }

  logs(query: KubeletLogQuery, signal: AbortSignal): AsyncIterable<string> {
    return this.#kubelet.logs(query, signal);
  }

  async *reports(after: number, signal: AbortSignal): AsyncGenerator<KubeletReport> {
    this.#require();
    const broken = new AbortController();
    const down = (): void => broken.abort(unavailable());
    const stopListening = this.#weather.onDown(down);
    this.#cutters.add(down);
    const { clock, random, tally, delivered } = this.#weather;
    try {
      if (this.#weather.is("link twice")) {
        for (const report of delivered.filter(({ seq }) => seq <= after)) {
          tally.add("report sent twice");
          yield report;
        }
      }
      let last = after;
      for await (const report of this.#kubelet.reports(after, AbortSignal.any([signal, broken.signal]))) {
        if (this.#weather.hits("link delay")) {
          await sleep(clock, Math.floor(random.next() * 3_000), broken.signal);
        }
        if (broken.signal.aborted) throw broken.signal.reason;
        if (this.#hear.loses()) continue;
        if (report.seq !== last + 1) this.#hear.gap(`report ${report.seq} came after report ${last}`);
        if (delivered.some(({ seq }) => seq === report.seq)) tally.add("reports replayed");
        last = report.seq;
        delivered.push(report);
        if (delivered.length > REMEMBERED) delivered.shift();
        yield report;
      }
      if (broken.signal.aborted) throw broken.signal.reason;
    } finally {
      stopListening();
      this.#cutters.delete(down);
    }
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    this.#require();
    await this.#weather.slow("link slow", 2_000);
    this.#require();
    const result = await this.#unlessItDies(work);
    await this.#weather.slow("link slow", 500);
    this.#require();
    if (this.#weather.hits("link lossy")) throw unavailable();
    return result;
  }

  /** A kubelet that dies answers no more: the caller's connection breaks. */
  async #unlessItDies<T>(work: () => Promise<T>): Promise<T> {
    const asked = this.#kubelet;
    const broken = Promise.withResolvers<never>();
    const stopListening = this.#weather.onDown(() => {
      if (this.#running() !== asked) broken.reject(unavailable());
    });
    try {
      return await Promise.race([work(), broken.promise]);
    } finally {
      stopListening();
    }
  }

  #require(): void {
    if (this.#cut || this.#running() === null || this.#weather.hits("link down")) throw unavailable();
  }
}

function unavailable(): TrueupError {
  return new TrueupError("unavailable", "Cannot reach the kubelet as it must answer: it does not.");
}
