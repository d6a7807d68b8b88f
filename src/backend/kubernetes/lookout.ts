/**
 * Says when to look again for kinds that the server did not serve: when it tells that what defines kinds has changed, without asking
 * again and again; where one has no right to hear of that, from time to time.
 */
import type { TrueupError } from "../../model/errors.ts";
import type { KubeApi } from "../../model/kube-api.ts";
import { backoffMs } from "../../util/backoff.ts";
import type { CancelTimer, Clock } from "../../util/clock.ts";
import type { Random } from "../../util/random.ts";
import { Reflector } from "./reflector.ts";
import type { KubeResource } from "./resource.ts";
import { statusOf } from "./status.ts";

/** What defines kinds, by an extension of the server's own or by another server. Who lists neither serves no other kinds either. */
const DEFINING: readonly KubeResource[] = [
  { group: "apiextensions.k8s.io", kind: "CustomResourceDefinition", plural: "customresourcedefinitions" },
  { group: "apiregistration.k8s.io", kind: "APIService", plural: "apiservices" },
].map((each) => ({ ...each, version: "v1", namespaced: false, verbs: [] }));

/** A definition is served some moments after it was accepted: when to look after the last change. */
const AFTER_MS = [0, 1_000, 5_000];
const BLIND = { baseMs: 60_000, maxMs: 600_000 };

export interface LookoutOptions {
  api: KubeApi;
  clock: Clock;
  random: Random;
  lookAgain: () => void;
}

export class Lookout {
  readonly #options: LookoutOptions;
  readonly #end = new AbortController();
  readonly #timers = new Set<CancelTimer>();
  #running: Promise<unknown> | null = null;
  #blindFor = 0;

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  /** Begins to look out, unless that was done before. */
  begin(): void {
    if (this.#end.signal.aborted) return;
    this.#running ??= Promise.all(DEFINING.map((resource) => this.#follow(resource)));
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#cancel();
    await this.#running;
  }

  /** Ends when one has no right to it, as nobody gets one by asking. */
  async #follow(resource: KubeResource): Promise<void> {
    const { api, clock, random } = this.#options;
    const own = new AbortController();
    const signal = AbortSignal.any([this.#end.signal, own.signal]);
    const sink = {
      keep: () => null,
      // The first list may show what came since the kinds were looked for.
      replace: () => this.#changed(),
      event: () => this.#changed(),
      inStep: () => {},
      failed: (error: TrueupError) => {
        if (statusOf(error)?.code === 403) own.abort();
      },
    };
    const reflector = new Reflector({ api, clock, random, resource, namespace: "", namesAlone: true, sink });
    try {
      await reflector.run(signal);
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
    if (!this.#end.signal.aborted && this.#blindFor === 0) this.#lookNowAndThen();
  }

  #changed(): void {
    this.#cancel();
    for (const ms of AFTER_MS) this.#after(ms, () => this.#options.lookAgain());
    if (this.#blindFor > 0) this.#lookNowAndThen();
  }

  #lookNowAndThen(): void {
    this.#after(backoffMs(this.#blindFor++, BLIND), () => {
      this.#options.lookAgain();
      this.#lookNowAndThen();
    });
  }

  #after(ms: number, then: () => void): void {
    const cancel = this.#options.clock.setTimer(ms, () => {
      this.#timers.delete(cancel);
      then();
    });
    this.#timers.add(cancel);
  }

  #cancel(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }
}
