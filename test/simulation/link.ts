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
import { type Clock, sleep } from "../../src/util/clock.ts";
import type { Random } from "../../src/util/random.ts";
import type { Tally } from "./tally.ts";

/** How many delivered reports can be sent a second time. */
const REMEMBERED = 40;

/** What is wrong with the link now; outlives daemons, as the faults do. */
export class LinkWeather {
  readonly clock: Clock;
  readonly random: Random;
  readonly tally: Tally;
  /** Reports that some daemon got, newest last. */
  readonly delivered: KubeletReport[] = [];
  readonly #until = new Map<string, number>();
  readonly #onDown = new Set<() => void>();

  constructor(clock: Clock, random: Random, tally: Tally) {
    this.clock = clock;
    this.random = random;
    this.tally = tally;
  }

  is(fault: "down" | "slow" | "delay" | "lossy" | "twice"): boolean {
    return (this.#until.get(fault) ?? 0) > this.clock.monotonic();
  }

  begin(fault: "down" | "slow" | "delay" | "lossy" | "twice", forMs: number): void {
    this.#until.set(fault, this.clock.monotonic() + forMs);
    if (fault === "down") {
      this.tally.add("link to the kubelet down");
      for (const tell of [...this.#onDown]) tell();
    } else if (fault === "twice") {
      // Something has to make the daemon ask again.
      for (const tell of [...this.#onDown]) tell();
    }
  }

  clear(): void {
    this.#until.clear();
  }

  onDown(tell: () => void): () => void {
    this.#onDown.add(tell);
    return () => this.#onDown.delete(tell);
  }
}

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
  readonly #kubelet: Kubelet;
  readonly #weather: LinkWeather;
  readonly #hear: LinkHooks;
  #cut = false;
  readonly #cutters = new Set<() => void>();

  constructor(kubelet: Kubelet, weather: LinkWeather, hear: LinkHooks) {
    this.#kubelet = kubelet;
    this.#weather = weather;
    this.#hear = hear;
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
      if (this.#weather.is("twice")) {
        for (const report of delivered.filter(({ seq }) => seq <= after)) {
          tally.add("report sent twice");
          yield report;
        }
      }
      let last = after;
      for await (const report of this.#kubelet.reports(after, AbortSignal.any([signal, broken.signal]))) {
        if (this.#weather.is("delay")) {
          tally.add("reports delayed");
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
    const { clock, random, tally } = this.#weather;
    this.#require();
    if (this.#weather.is("slow")) {
      tally.add("call slow");
      await sleep(clock, Math.floor(random.next() * 2_000));
      this.#require();
    }
    const result = await work();
    if (this.#weather.is("slow")) await sleep(clock, Math.floor(random.next() * 500));
    this.#require();
    if (this.#weather.is("lossy") && random.next() < 0.3) {
      tally.add("answer lost");
      throw unavailable();
    }
    return result;
  }

  #require(): void {
    if (this.#cut) throw unavailable();
    if (!this.#weather.is("down")) return;
    this.#weather.tally.add("call failed as the link was down");
    throw unavailable();
  }
}

function unavailable(): TrueupError {
  return new TrueupError("unavailable", "Cannot reach the kubelet as it must answer: it does not.");
}
