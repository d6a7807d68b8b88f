/**
 * The backend's objects as of the last watch event, for health and for drift; plans read the backend itself. One view serves
 * all apps of a fleet: each hears of its own objects only, so an event costs the same however many apps there are.
 */
import type { Backend, WatchEvent } from "../model/backend.ts";
import { asTrueupError, TrueupError } from "../model/errors.ts";
import { controllerOf, groupOf, type KubeObject, keyOfId, type ObjectKey } from "../model/object.ts";
import type { Observed } from "../model/plan.ts";
import type { KubeEvent, Pod } from "../model/workload.ts";
import { type BackoffLimits, backoffMs } from "../util/backoff.ts";
import { type Clock, sleep } from "../util/clock.ts";
import { BoundedBackend } from "./bounded-backend.ts";
import { keyOfObject, scaledAnew } from "./observe.ts";

/** Waits between tries after a failed read. */
export const READ_BACKOFF: BackoffLimits = { baseMs: 200, maxMs: 30_000 };
/** An object has fewer controllers above it than this: the bound of a walk through references that may form a circle. */
const MOST_LEVELS = 8;

export interface ViewOptions {
  backend: Backend;
  clock: Clock;
  /** Waits between tries after a failed list or watch; `READ_BACKOFF` unless given. */
  backoff?: BackoffLimits;
}

/** What one app wants to hear. */
export interface ViewListener {
  /** An object came, changed or went (then `present` is false). Called after the view shows it. */
  onObject: (observed: Observed, present: boolean, before: KubeObject | undefined) => void;
  /** Everything was read anew: what changed in between is not known. */
  onListed: () => void;
  /** Listing or watching failed; it is tried again. */
  onError: (error: TrueupError) => void;
}

export interface ViewSubscription {
  /** From now on these objects, and what they control, are this app's concern, whoever owns them. */
  declare(keys: Iterable<ObjectKey>): void;
  close(): void;
}

interface Subscriber {
  app: string;
  listener: ViewListener;
  keys: readonly ObjectKey[];
}

export class ClusterView {
  readonly #options: ViewOptions & { backoff: BackoffLimits };
  readonly #objects = new Map<ObjectKey, Observed>();
  /** Uid of a controller to the objects that it controls. */
  readonly #controlled = new Map<string, Map<ObjectKey, KubeObject>>();
  /** Namespace to its Secrets. */
  readonly #secrets = new Map<string, Map<ObjectKey, KubeObject>>();
  readonly #secretLists = new Map<string, readonly KubeObject[]>();
  /** Uid of an object to the events about it. */
  readonly #events = new Map<string, Map<ObjectKey, KubeObject>>();
  /** A claim to the pods that mount it. */
  readonly #claimants = new Map<string, Map<ObjectKey, KubeObject>>();
  readonly #subscribers = new Set<Subscriber>();
  readonly #byApp = new Map<string, Set<Subscriber>>();
  readonly #byKey = new Map<ObjectKey, Set<Subscriber>>();
  readonly #end = new AbortController();
  /** Whether the view shows all there is, but for what the watch is about to say. */
  #isListed = false;
  /** Why it does not; null as well while the first list, or the one after a watch that was too old, is under way. */
  #trouble: TrueupError | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor({ backend, clock, backoff = READ_BACKOFF }: ViewOptions) {
    this.#options = { backend: new BoundedBackend(backend, clock), clock, backoff };
  }

  /** Begins to follow the backend. The first list is reported by `onListed`, a failure by `onError`. */
  start(): void {
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#end.abort(new TrueupError("aborted", "Cannot watch on as the view was closed."));
    await this.#running;
  }

  /**
   * Has an app hear of what it owns, what it declares, and what these control. How the view stands it hears at once: as
   * listed, or why it is not.
   */
  subscribe(app: string, listener: ViewListener): ViewSubscription {
    const subscriber: Subscriber = { app, listener, keys: [] };
    this.#subscribers.add(subscriber);
    addTo(this.#byApp, app, subscriber);
    if (this.#isListed) listener.onListed();
    else if (this.#trouble !== null) listener.onError(this.#trouble);
    const forget = (): void => {
      for (const key of subscriber.keys) dropFrom(this.#byKey, key, subscriber);
      subscriber.keys = [];
    };
    return {
      declare: (keys) => {
        forget();
        // None any more may be declared after `close`: nobody would ever take it out.
        if (!this.#subscribers.has(subscriber)) return;
        subscriber.keys = [...keys];
        for (const key of subscriber.keys) addTo(this.#byKey, key, subscriber);
      },
      close: () => {
        forget();
        this.#subscribers.delete(subscriber);
        dropFrom(this.#byApp, app, subscriber);
      },
    };
  }

  get(key: ObjectKey): Observed | undefined {
    return this.#objects.get(key);
  }

  /** The very list of the last time, as long as no Secret of the namespace changed: what is made of it can be kept by it. */
  secretsIn(namespace: string): readonly KubeObject[] {
    let list = this.#secretLists.get(namespace);
    if (list === undefined) {
      list = [...(this.#secrets.get(namespace)?.values() ?? [])];
      this.#secretLists.set(namespace, list);
    }
    return list;
  }

  /** Objects whose controller has this uid. */
  controlledBy(uid: string): KubeObject[] {
    return [...(this.#controlled.get(uid)?.values() ?? [])];
  }

  eventsAbout(uid: string): KubeEvent[] {
    return [...(this.#events.get(uid)?.values() ?? [])] as KubeEvent[];
  }

  /** Whether a pod mounts the volume claim. */
  isClaimed(key: ObjectKey): boolean {
    return this.#claimants.has(key);
  }

  /** Pods that the object controls, or that what it controls does, at whatever depth. */
  podsBelow(object: KubeObject, levels = MOST_LEVELS): Pod[] {
    const { uid } = object.metadata;
    if (uid === undefined || levels === 0) return [];
    return [...(this.#controlled.get(uid)?.values() ?? [])].flatMap((below) =>
      below.kind === "Pod" ? [below as Pod] : this.podsBelow(below, levels - 1),
    );
  }

  /** The object that controls another, as far as the view has it. */
  controllerOf(object: KubeObject): KubeObject | undefined {
    const owner = controllerOf(object);
    if (owner === undefined) return undefined;
    const namespace = object.metadata.namespace ?? "";
    return this.#objects.get(`${groupOf(owner.apiVersion)}/${owner.kind}/${namespace}/${owner.name}` as ObjectKey)
      ?.object;
  }

  /** The object, its controller, and that one's: a pod, its ReplicaSet, its Deployment. Of an event: of what it is about. */
  *upwards(object: KubeObject): Generator<KubeObject> {
    let at: KubeObject | undefined = this.#aboutOf(object) ?? object;
    for (let level = 0; at !== undefined && level < MOST_LEVELS; level++) {
      yield at;
      at = this.controllerOf(at);
    }
  }

  async #run(): Promise<void> {
    const { clock, backoff } = this.#options;
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
        this.#fail(asTrueupError(thrown, "watch the backend"));
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
    this.#secretLists.clear();
    this.#events.clear();
    this.#claimants.clear();
    for (const observed of items) this.#put(observed);
    this.#isListed = true;
    this.#trouble = null;
    for (const { listener } of [...this.#subscribers]) listener.onListed();
    return version;
  }

  #fail(error: TrueupError): void {
    this.#isListed = false;
    // The version was too old, or this reader too slow: not a fault, the next list has it all.
    if (error.code === "not-found") return;
    this.#trouble = error;
    for (const { listener } of [...this.#subscribers]) listener.onError(error);
  }

  #take(event: WatchEvent): void {
    if (event.type === "bookmark") return;
    const { observed } = event;
    const present = event.type !== "deleted";
    const before = this.#drop(keyOfObject(observed.object));
    if (present) this.#put(observed);
    for (const { listener } of this.#concerned(observed, present, before)) {
      listener.onObject(observed, present, before?.object);
    }
  }

  /**
   * Whom an event concerns: who owns or owned the object, who declares it, who has to do with what controls it, and who
   * declares what an autoscaler begins or ends to scale.
   */
  #concerned(observed: Observed, present: boolean, before: Observed | undefined): Set<Subscriber> {
    const found = new Set<Subscriber>();
    const add = (subscribers: ReadonlySet<Subscriber> | undefined): void => {
      for (const subscriber of subscribers ?? []) found.add(subscriber);
    };
    const addOwner = (owner: string | null | undefined): void => {
      if (typeof owner === "string") add(this.#byApp.get(owner));
    };
    addOwner(observed.owner);
    addOwner(before?.owner);
    for (const at of this.upwards(observed.object)) {
      const key = keyOfObject(at);
      add(this.#byKey.get(key));
      addOwner(this.#objects.get(key)?.owner);
    }
    for (const claim of claimsOf(observed.object)) add(this.#byKey.get(claim));
    for (const scaled of scaledAnew(observed, present, before?.object)) add(this.#byKey.get(scaled));
    return found;
  }

  #aboutOf(object: KubeObject): KubeObject | undefined {
    const about = object.kind === "Event" ? (object as Partial<KubeEvent>).involvedObject : undefined;
    if (about === undefined) return undefined;
    const { apiVersion = "v1", kind, namespace = "", name } = about;
    return this.#objects.get(`${groupOf(apiVersion)}/${kind}/${namespace}/${name}` as ObjectKey)?.object;
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

  #drop(key: ObjectKey): Observed | undefined {
    const before = this.#objects.get(key);
    if (before === undefined) return undefined;
    this.#objects.delete(key);
    for (const [groups, name] of this.#groupsOf(before.object)) {
      const group = groups.get(name);
      group?.delete(key);
      if (group?.size === 0) groups.delete(name);
    }
    return before;
  }

  /** By what an object that comes or goes is found besides its key. */
  #groupsOf(object: KubeObject): [Map<string, Map<ObjectKey, KubeObject>>, string][] {
    const found: [Map<string, Map<ObjectKey, KubeObject>>, string][] = [];
    const controller = controllerOf(object)?.uid;
    if (controller !== undefined) found.push([this.#controlled, controller]);
    if (object.kind === "Secret") {
      const { namespace = "" } = object.metadata;
      this.#secretLists.delete(namespace);
      found.push([this.#secrets, namespace]);
    }
    const about = object.kind === "Event" ? (object as Partial<KubeEvent>).involvedObject?.uid : undefined;
    if (about !== undefined) found.push([this.#events, about]);
    for (const claim of claimsOf(object)) found.push([this.#claimants, claim]);
    return found;
  }
}

/** The volume claims that a pod mounts. */
export function claimsOf(object: KubeObject): ObjectKey[] {
  if (object.kind !== "Pod" || groupOf(object.apiVersion) !== "") return [];
  const { volumes = [] } = (object.spec ?? {}) as { volumes?: { persistentVolumeClaim?: { claimName?: string } }[] };
  return volumes.flatMap(({ persistentVolumeClaim }) => {
    const name = persistentVolumeClaim?.claimName;
    return name === undefined
      ? []
      : [keyOfId({ group: "", kind: "PersistentVolumeClaim", namespace: object.metadata.namespace ?? "", name })];
  });
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function dropFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
