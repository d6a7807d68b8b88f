/** The backend's objects as of the last watch event, for health and for drift; plans read the backend itself. */
import type { Backend, WatchEvent } from "../model/backend.ts";
import { asTrueupError, TrueupError } from "../model/errors.ts";
import { controllerOf, type KubeObject, type ObjectKey } from "../model/object.ts";
import type { Observed } from "../model/plan.ts";
import { type BackoffLimits, backoffMs } from "../util/backoff.ts";
import { type Clock, sleep } from "../util/clock.ts";
import { keyOfObject } from "./observe.ts";

export interface ViewOptions {
  backend: Backend;
  clock: Clock;
  backoff: BackoffLimits;
  /** An object came, changed or went (then `present` is false). Called after the view shows it. */
  onObject: (observed: Observed, present: boolean, before: KubeObject | undefined) => void;
  /** Everything was read anew: what changed in between is not known. */
  onListed: () => void;
  /** Listing or watching failed; it is tried again. */
  onError: (error: TrueupError) => void;
}

export class ClusterView {
  readonly #options: ViewOptions;
  readonly #objects = new Map<ObjectKey, Observed>();
  /** Uid of a controller to the objects that it controls. */
  readonly #controlled = new Map<string, Map<ObjectKey, KubeObject>>();
  /** Namespace to its Secrets. */
  readonly #secrets = new Map<string, Map<ObjectKey, KubeObject>>();
  readonly #end = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: ViewOptions) {
    this.#options = options;
  }

  /** Begins to follow the backend. The first list is reported by `onListed`, a failure by `onError`. */
  start(): void {
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#end.abort(new TrueupError("aborted", "Cannot watch on as the reconciler was closed."));
    await this.#running;
  }

  get(key: ObjectKey): Observed | undefined {
    return this.#objects.get(key);
  }

  secretsIn(namespace: string): KubeObject[] {
    return [...(this.#secrets.get(namespace)?.values() ?? [])];
  }

  /** Objects whose controller has this uid. */
  controlledBy(uid: string): KubeObject[] {
    return [...(this.#controlled.get(uid)?.values() ?? [])];
  }

  async #run(): Promise<void> {
    const { clock, backoff, onError } = this.#options;
    const { signal } = this.#end;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const version = await this.#list(signal);
        for await (const event of this.#options.backend.watch({}, version, signal)) {
          failures = 0;
          this.#take(event);
        }
        // A watch that ends by itself says nothing about what came after it: list again.
        signal.throwIfAborted();
      } catch (thrown) {
        if (signal.aborted) return;
        const error = asTrueupError(thrown, "watch the backend");
        // The version was too old, or this reader too slow: not a fault, the next list has it all.
        if (error.code !== "not-found") onError(error);
      }
      try {
        await sleep(clock, backoffMs(failures++, backoff), signal);
      } catch {
        // Only the signal ends a sleep early.
        return;
      }
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { items, version } = await this.#options.backend.list({}, signal);
    this.#objects.clear();
    this.#controlled.clear();
    this.#secrets.clear();
    for (const observed of items) this.#put(observed);
    this.#options.onListed();
    return version;
  }

  #take(event: WatchEvent): void {
    if (event.type === "bookmark") return;
    const { observed } = event;
    const present = event.type !== "deleted";
    const before = this.#drop(keyOfObject(observed.object));
    if (present) this.#put(observed);
    this.#options.onObject(observed, present, before);
  }

  #put(observed: Observed): void {
    const { object } = observed;
    const key = keyOfObject(object);
    this.#objects.set(key, observed);
    for (const [groups, name] of this.#groupsOf(object)) {
      const group = groups.get(name) ?? new Map<ObjectKey, KubeObject>();
      group.set(key, object);
      groups.set(name, group);
    }
  }

  #drop(key: ObjectKey): KubeObject | undefined {
    const before = this.#objects.get(key)?.object;
    if (before === undefined) return undefined;
    this.#objects.delete(key);
    for (const [groups, name] of this.#groupsOf(before)) {
      const group = groups.get(name);
      group?.delete(key);
      if (group?.size === 0) groups.delete(name);
    }
    return before;
  }

  /** By what an object is found besides its key: those of one controller, the Secrets of one namespace. */
  #groupsOf(object: KubeObject): [Map<string, Map<ObjectKey, KubeObject>>, string][] {
    const found: [Map<string, Map<ObjectKey, KubeObject>>, string][] = [];
    const controller = controllerOf(object)?.uid;
    if (controller !== undefined) found.push([this.#controlled, controller]);
    if (object.kind === "Secret") found.push([this.#secrets, object.metadata.namespace ?? ""]);
    return found;
  }
}
