/** A backend that has and says what a test gives it, and whose pods run nowhere: for what watches, and applies nothing. */
import type { Backend, ListQuery, LogQuery, ObjectList, WatchEvent } from "../../src/model/backend.ts";
import type { TrueupError } from "../../src/model/errors.ts";
import type { Observed } from "../../src/model/plan.ts";
import { settle } from "../../src/util/clock.ts";

export class ScriptedBackend implements Backend {
  readonly capabilities = { name: "scripted", cheapDryRun: true, localImages: false, followLogs: false, kinds: null };
  items: Observed[] = [];
  lists = 0;
  failure: TrueupError | null = null;
  /** By pod. */
  readonly logLines = new Map<string, string[]>();
  #waiting: WatchEvent[] = [];
  #wake: () => void = () => {};
  #ending: TrueupError | null = null;

  async list({ kind }: ListQuery): Promise<ObjectList> {
    this.lists++;
    if (this.failure !== null) throw this.failure;
    return { items: this.items.filter(({ object }) => kind === undefined || object.kind === kind), version: "1" };
  }

  async *watch(_query: ListQuery, _version: string, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    signal.addEventListener("abort", () => this.#wake());
    for (;;) {
      signal.throwIfAborted();
      const ending = this.#ending;
      this.#ending = null;
      if (ending !== null) throw ending;
      yield* this.#waiting.splice(0);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async tell(type: "added" | "modified" | "deleted", observed: Observed): Promise<void> {
    this.#waiting.push({ type, observed, version: "2" });
    this.#wake();
    await settle();
  }

  async breakWatch(error: TrueupError): Promise<void> {
    this.#ending = error;
    this.#wake();
    await settle();
  }

  dryRun(): Promise<never> {
    return Promise.reject(new Error("nothing is applied here"));
  }

  apply(): Promise<never> {
    return Promise.reject(new Error("nothing is applied here"));
  }

  delete(): Promise<never> {
    return Promise.reject(new Error("nothing is deleted here"));
  }

  async *logs({ pod }: LogQuery): AsyncGenerator<string> {
    yield* this.logLines.get(pod) ?? [];
  }
}
