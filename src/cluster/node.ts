/** Joins the object store and a kubelet: pods and Services go there, numbered reports come back. */
import { TrueupError } from "../model/errors.ts";
import type { ImageCatalog } from "../model/image.ts";
import type { Kubelet, PodAssignment, ServiceAssignment } from "../model/kubelet.ts";
import { keyOf, keyOfId, timestamp } from "../model/object.ts";
import type { EventRecorder } from "../model/store.ts";
import type { ConfigMap, Pod, Secret, Service, ServicePort } from "../model/workload.ts";
import { backoffMs } from "../util/backoff.ts";
import { type Clock, sleep } from "../util/clock.ts";
import { orAborted } from "../util/or-aborted.ts";
import { type ProcessAgain, WorkQueue } from "../util/work-queue.ts";
import { sameJson } from "./json.ts";
import { type PreferredPort, podAssignment, sameAssignment, serviceAssignments } from "./node-assignment.ts";
import { NodeIndex } from "./node-index.ts";
import { ReportInbox } from "./report-inbox.ts";
import type { RecordedEvent, SqliteObjectStore } from "./store.ts";

export interface NodeLinkOptions {
  store: SqliteObjectStore;
  events: EventRecorder;
  kubelet: Kubelet;
  images: ImageCatalog;
  clock: Clock;
  /** Name in `spec.nodeName`; `local` when absent. */
  nodeName?: string;
  /** Where to look for a free local port of a LoadBalancer or NodePort Service that has none yet; 0: any. */
  preferredPort?: (service: Service, port: ServicePort) => number;
  /** Has a kubelet answer, where one can be started; called before each connection but the first. */
  reconnect?: () => Promise<void>;
  /** Hears of calls that failed and are tried again; must not throw. */
  onError?: (error: unknown) => void;
}

const RECONNECT = { baseMs: 100, maxMs: 5_000 };
const RETRY = { baseMs: 1_000, maxMs: 60_000 };
/** A clock that went so much farther than time did was set; one that is merely brought into step is not. */
const CLOCK_SET_MS = 1_000;
const CONCURRENT_CALLS = 16;
const DEFAULT_GRACE_SECONDS = 30;
/** Keys of the queue that are no pod's uid. */
const SERVICES = "services";
const NAMESPACE = "namespace/";

/** One connection to the kubelet: what it was told lives as long as the connection does. */
interface Session {
  controller: AbortController;
  /** Last assignment sent, by pod uid. */
  assigned: Map<string, PodAssignment>;
  /** Grace period sent with the last stop, by pod uid. */
  stopped: Map<string, number>;
  /** Pods that the kubelet has and the store does not. */
  strays: Set<string>;
  served: ServiceAssignment[] | null;
}

export class NodeLink {
  readonly #options: NodeLinkOptions;
  readonly #store: SqliteObjectStore;
  readonly #kubelet: Kubelet;
  readonly #preferred: PreferredPort;
  readonly #onError: (error: unknown) => void;
  readonly #queue: WorkQueue;
  readonly #inbox: ReportInbox;
  readonly #index: NodeIndex;
  readonly #closing = new AbortController();
  #session: Session | null = null;
  #connected = false;
  /** Since when the kubelet is heard and the clock was not set, on the monotonic clock. */
  #heardSince = Number.POSITIVE_INFINITY;
  /** The clock's distance from the monotonic one when it was last looked at. */
  #clockOffset = 0;
  #unsubscribe: () => void = () => {};
  #running: Promise<void> = Promise.resolve();

  constructor(options: NodeLinkOptions) {
    const { store, kubelet, clock, onError = () => {}, preferredPort = () => 0 } = options;
    this.#options = options;
    this.#store = store;
    this.#kubelet = kubelet;
    this.#preferred = preferredPort;
    this.#onError = onError;
    this.#index = new NodeIndex(store, clock);
    this.#queue = new WorkQueue({
      clock,
      process: (key) => this.#process(key),
      onError: (key, error) => this.#failed(key, error),
      concurrency: CONCURRENT_CALLS,
      backoff: RETRY,
    });
    this.#inbox = new ReportInbox({
      ...options,
      onError,
      onLost: (error) => this.#lost(error),
      onGone: (uid) => this.#forget(uid),
    });
  }

  /** Whether the kubelet answered last. */
  get connected(): boolean {
    return this.#connected;
  }

  /**
   * Since when the kubelet is heard, milliseconds since the epoch; infinite while it is not. A clock that was set, or a machine
   * that slept, begins it anew: the time that seems to have passed is time in which nobody heard anything.
   */
  get heardSince(): number {
    if (!this.#connected) return Number.POSITIVE_INFINITY;
    const { clock } = this.#options;
    const offset = clock.now() - clock.monotonic();
    if (Math.abs(offset - this.#clockOffset) > CLOCK_SET_MS) this.#heardSince = clock.monotonic();
    this.#clockOffset = offset;
    return this.#heardSince + offset;
  }

  start(): void {
    this.#index.load();
    this.#unsubscribe = this.#store.subscribe((event) => this.#hear(event));
    this.#running = this.#run();
  }

  /** Images may resolve otherwise now: pods whose images changed are assigned again. */
  imagesChanged(): void {
    for (const pod of this.#index.pods()) this.#queue.add(pod);
  }

  /** Ends the link; pods keep running. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#queue.close();
    this.#closing.abort(new TrueupError("aborted", "The link to the kubelet is closed."));
    this.#lost(this.#closing.signal.reason);
    await this.#running;
  }

  #hear(event: RecordedEvent): void {
    if (event.object.apiVersion !== "v1") return;
    const { pods, namespace } = this.#index.hear(event);
    if (namespace !== undefined) {
      this.#queue.add(SERVICES);
      this.#queue.add(`${NAMESPACE}${namespace}`);
    }
    for (const uid of pods) this.#queue.add(uid);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let failures = 0, isFirst = true; !signal.aborted; failures++, isFirst = false) {
      const session: Session = {
        controller: new AbortController(),
        assigned: new Map(),
        stopped: new Map(),
        strays: new Set(),
        served: null,
      };
      this.#session = session;
      try {
        if (!isFirst) await orAborted(this.#reconnect(), session.controller.signal);
        await this.#resynchronise(session);
        failures = 0;
        await this.#consume(session);
      } catch (error) {
        if (!signal.aborted) this.#onError(error);
        this.#lost(error);
      }
      if (signal.aborted) return;
      try {
        await sleep(this.#options.clock, backoffMs(failures, RECONNECT), signal);
      } catch (reason) {
        if (reason !== signal.reason) throw reason;
      }
    }
  }

  async #reconnect(): Promise<void> {
    await this.#options.reconnect?.();
  }

  /** Compares all of the kubelet's pods with all of the store's, and has each pod and the Services told anew. */
  async #resynchronise(session: Session): Promise<void> {
    const known = await orAborted(this.#kubelet.pods(), session.controller.signal);
    for (const { uid } of known) if (this.#store.byUid(uid) === undefined) session.strays.add(uid);
    const { clock } = this.#options;
    this.#heardSince = clock.monotonic();
    this.#clockOffset = clock.now() - clock.monotonic();
    this.#connected = true;
    this.#queue.add(SERVICES);
    for (const uid of session.strays) this.#queue.add(uid);
    for (const uid of this.#index.pods()) this.#queue.add(uid);
  }

  async #consume({ controller: { signal } }: Session): Promise<void> {
    await orAborted(this.#read(signal), signal);
    throw new TrueupError("unavailable", "Cannot follow the kubelet as its reports must go on: they ended.");
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      for await (const report of this.#kubelet.reports(this.#inbox.last, signal)) {
        if (signal.aborted) return;
        this.#inbox.add(report);
      }
    } catch (error) {
      if (signal.aborted) return;
      // A kubelet with a new state directory does not know the number that was asked for: it counts from 1 again.
      if (error instanceof TrueupError && error.code === "not-found") this.#inbox.reset();
      throw error;
    }
  }

  /** The kubelet has the pod no longer: there is nothing to stop when its object goes. */
  #forget(uid: string): void {
    this.#session?.assigned.delete(uid);
    this.#session?.stopped.delete(uid);
    this.#session?.strays.delete(uid);
  }

  /** Ends the session; `#run` opens the next one. */
  #lost(error: unknown): void {
    const session = this.#session;
    if (session === null) return;
    this.#session = null;
    this.#connected = false;
    this.#inbox.clear();
    session.controller.abort(error);
  }

  #failed(key: string, error: unknown): void {
    if (error instanceof TrueupError && error.code === "unavailable") {
      this.#lost(error);
      return;
    }
    this.#onError(error);
    const pod = this.#store.byUid(key);
    // The message is for people: only errors written for them are shown.
    if (pod !== undefined && error instanceof TrueupError) {
      this.#options.events.record(pod, "Warning", "FailedSync", error.message, "kubelet");
    }
  }

  async #process(key: string): Promise<ProcessAgain | undefined> {
    if (key === SERVICES) {
      await this.#serve();
      return undefined;
    }
    if (key.startsWith(NAMESPACE)) {
      for (const uid of this.#index.refresh(key.slice(NAMESPACE.length))) this.#queue.add(uid);
      return undefined;
    }
    const pod = this.#store.byUid(key) as Pod | undefined;
    if (pod === undefined) await this.#stopStray(key);
    else if (pod.metadata.deletionTimestamp !== undefined) await this.#stop(key, pod);
    else if (pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed") return this.#assign(key, pod);
    return undefined;
  }

  async #serve(): Promise<void> {
    const session = this.#session;
    if (session === null || !this.#connected) return;
    const services = this.#store.list({ group: "", kind: "Service" }) as Service[];
    const wanted = serviceAssignments(services, this.#preferred);
    if (session.served !== null && sameJson(session.served, wanted)) return;
    this.#store.flush();
    session.served = wanted;
    try {
      await this.#kubelet.serve(wanted);
    } catch (error) {
      session.served = null;
      throw error;
    }
  }

  /** Ends a pod that the store does not have (any more): it was removed without waiting, or in a time that we missed. */
  async #stopStray(uid: string): Promise<void> {
    const session = this.#session;
    if (session === null || !this.#connected) return;
    const assigned = session.assigned.get(uid);
    if (assigned === undefined && !session.strays.has(uid)) return;
    this.#store.flush();
    await this.#kubelet.stop(uid, assigned?.pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS);
    session.assigned.delete(uid);
    session.strays.delete(uid);
  }

  async #stop(uid: string, pod: Pod): Promise<void> {
    if (pod.spec.nodeName === undefined) {
      // No kubelet ever heard of it.
      this.#store.remove(keyOf(pod), uid);
      return;
    }
    const session = this.#session;
    const grace = pod.metadata.deletionGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
    if (session === null || !this.#connected || session.stopped.get(uid) === grace) return;
    this.#store.flush();
    await this.#kubelet.stop(uid, grace);
    session.stopped.set(uid, grace);
  }

  async #assign(uid: string, pod: Pod): Promise<ProcessAgain | undefined> {
    const session = this.#session;
    if (session === null || !this.#connected) return undefined;
    const { namespace = "default" } = pod.metadata;
    const services = this.#index.services(namespace);
    if (services.waitMs > 0 && pod.spec.nodeName === undefined && pod.spec.enableServiceLinks !== false) {
      return { afterMs: services.waitMs };
    }
    const find = (kind: string, name: string): unknown =>
      this.#store.get(keyOfId({ group: "", kind, namespace, name }));
    const assignment = podAssignment(this.#bind(pod), {
      images: this.#options.images,
      configMap: (name) => find("ConfigMap", name) as ConfigMap | undefined,
      secret: (name) => find("Secret", name) as Secret | undefined,
      serviceEnv: services.env,
    });
    if (sameAssignment(session.assigned.get(uid), assignment)) return undefined;
    this.#store.flush();
    await this.#kubelet.assign(assignment);
    session.assigned.set(uid, assignment);
    return undefined;
  }

  /** Records that the pod runs here, before the kubelet hears of it. */
  #bind(pod: Pod): Pod {
    const { nodeName = "local", clock } = this.#options;
    if (pod.spec.nodeName !== undefined) return pod;
    const scheduled = { type: "PodScheduled", status: "True" as const, lastTransitionTime: timestamp(clock.now()) };
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== scheduled.type);
    return this.#store.write({
      ...pod,
      spec: { ...pod.spec, nodeName },
      status: { phase: "Pending", ...pod.status, conditions: [...others, scheduled] },
    } as Pod) as Pod;
  }
}
