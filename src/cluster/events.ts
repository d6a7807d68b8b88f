/** Events about objects: equal ones are counted, old ones go, and no namespace holds too many. */
import { TrueupError } from "../model/errors.ts";
import { idOf, type KubeObject, keyOf, type ObjectKey, timestamp } from "../model/object.ts";
import type { EventRecorder, ObjectStore } from "../model/store.ts";
import type { KubeEvent } from "../model/workload.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";

export interface EventLimits {
  /** Events kept of one namespace; the one that was not repeated for longest goes first. */
  perNamespace: number;
  /** How long an event is kept after it was last repeated, milliseconds. */
  maxAgeMs: number;
}

/** One hour is the API server's own default (`--event-ttl`). */
export const DEFAULT_EVENT_LIMITS: EventLimits = { perNamespace: 1_000, maxAgeMs: 3_600_000 };

export interface EventLogOptions {
  store: ObjectStore;
  clock: Clock;
  limits?: EventLimits;
}

interface Known {
  key: ObjectKey;
  lastMs: number;
}

export class EventLog implements EventRecorder {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #limits: EventLimits;
  /** By namespace, then by what makes events equal; the longest unrepeated first. */
  readonly #known = new Map<string, Map<string, Known>>();
  #cancel: CancelTimer | null = null;

  constructor({ store, clock, limits = DEFAULT_EVENT_LIMITS }: EventLogOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    const stored = store.list({ group: "", kind: "Event" }) as KubeEvent[];
    for (const event of stored.sort((a, b) => (a.lastTimestamp < b.lastTimestamp ? -1 : 1))) {
      const { namespace = "default" } = event.metadata;
      const lastMs = Date.parse(event.lastTimestamp);
      this.#namespace(namespace).set(sameness(event), { key: keyOf(event), lastMs });
    }
    this.#expire();
  }

  /** Records an event, or counts it when an equal one is kept. Events about what is in a vanishing namespace are dropped. */
  record(about: KubeObject, type: "Normal" | "Warning", reason: string, message: string, component: string): void {
    const id = idOf(about);
    const namespace = id.namespace || "default";
    const involvedObject = {
      apiVersion: about.apiVersion,
      kind: about.kind,
      namespace: id.namespace,
      name: id.name,
      ...(about.metadata.uid !== undefined && { uid: about.metadata.uid }),
    };
    const said = { type, reason, message, source: { component }, involvedObject };
    const now = this.#clock.now();
    const events = this.#namespace(namespace);
    const same = sameness(said);
    const key = this.#repeat(events.get(same), now) ?? this.#create(namespace, said, now);
    if (key === undefined) return;
    events.delete(same);
    events.set(same, { key, lastMs: now });
    if (events.size > this.#limits.perNamespace) this.#dropOldest(events);
    this.#arm();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #namespace(name: string): Map<string, Known> {
    const known = this.#known.get(name) ?? new Map<string, Known>();
    this.#known.set(name, known);
    return known;
  }

  #repeat(known: Known | undefined, now: number): ObjectKey | undefined {
    if (known === undefined || now - known.lastMs >= this.#limits.maxAgeMs) return undefined;
    const event = this.#store.get(known.key) as KubeEvent | undefined;
    if (event === undefined) return undefined;
    this.#store.update({ ...event, count: event.count + 1, lastTimestamp: timestamp(now) } as KubeEvent);
    return known.key;
  }

  #create(namespace: string, said: Said, now: number): ObjectKey | undefined {
    const at = timestamp(now);
    try {
      const event = this.#store.create({
        apiVersion: "v1",
        kind: "Event",
        metadata: { name: "", generateName: `${said.involvedObject.name}.`, namespace },
        ...said,
        count: 1,
        firstTimestamp: at,
        lastTimestamp: at,
      });
      return keyOf(event);
    } catch (error) {
      const gone = error instanceof TrueupError && (error.code === "not-found" || error.code === "forbidden");
      if (gone) return undefined;
      throw error;
    }
  }

  #dropOldest(events: Map<string, Known>): void {
    const [oldest] = events;
    if (oldest === undefined) return;
    events.delete(oldest[0]);
    this.#store.delete(oldest[1].key);
  }

  /** Deletes what is too old, and forgets namespaces without events. */
  #expire(): void {
    const before = this.#clock.now() - this.#limits.maxAgeMs;
    for (const [namespace, events] of this.#known) {
      for (const [, { lastMs }] of events) {
        if (lastMs > before) break;
        this.#dropOldest(events);
      }
      if (events.size === 0) this.#known.delete(namespace);
    }
    this.#arm();
  }

  /** Waits for the event that is due first: with none there is no timer, so a simulation can come to rest. */
  #arm(): void {
    if (this.#cancel !== null) return;
    let first = Number.POSITIVE_INFINITY;
    for (const events of this.#known.values()) {
      for (const { lastMs } of events.values()) {
        first = Math.min(first, lastMs);
        break;
      }
    }
    if (first === Number.POSITIVE_INFINITY) return;
    const wait = Math.max(0, first + this.#limits.maxAgeMs - this.#clock.now());
    this.#cancel = this.#clock.setTimer(wait, () => {
      this.#cancel = null;
      this.#expire();
    });
  }
}

type Said = Pick<KubeEvent, "type" | "reason" | "message" | "source" | "involvedObject">;

/** Events are equal when all but their count and times are. */
function sameness({ type, reason, message, source, involvedObject }: Said): string {
  const { kind, namespace, name, uid = "" } = involvedObject;
  return JSON.stringify([kind, namespace, name, uid, type, reason, source.component, message]);
}
