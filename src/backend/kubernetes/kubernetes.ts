/** The Kubernetes backend: reads from a cache that lists and watches keep true, writes by server-side apply. */
import type {
  ApplyRequest,
  ApplyResult,
  Backend,
  BackendCapabilities,
  DeleteRequest,
  ListQuery,
  LogQuery,
  ObjectList,
  WatchEvent,
} from "../../model/backend.ts";
import { TrueupError } from "../../model/errors.ts";
import type { KubeApi } from "../../model/kube-api.ts";
import { idOf, type KubeObject, type ObjectId } from "../../model/object.ts";
import type { Observed } from "../../model/plan.ts";
import type { Clock } from "../../util/clock.ts";
import type { Random } from "../../util/random.ts";
import { untilAborted } from "../abort.ts";
import { applySetOf, extentOf, membershipOf, parentIdOf, type SetExtent } from "./applyset.ts";
import { ObjectCache } from "./cache.ts";
import type { KubeContext } from "./context.ts";
import { Declarations } from "./declarations.ts";
import { Discovery } from "./discovery.ts";
import { FollowedKinds } from "./followed.ts";
import { completed, listDirectly } from "./list-directly.ts";
import { podLogs } from "./logs.ts";
import { type KindQuery, type KubeResource, kindKey } from "./resource.ts";
import { KubeWriter } from "./writes.ts";

/** Versions of one process never meet those of an earlier one: they begin where no run can have come to. */
const VERSIONS_PER_MS = 1_000;
/** Parents of ApplySets: without them nobody knows which kinds an app has objects of. */
const PARENTS: KindQuery = { group: "", kind: "ConfigMap" };
const EVENT = "/Event";

export interface KubernetesOptions {
  /** Closed with the backend. */
  api: KubeApi;
  /** Of the kubeconfig, for messages; absent in a pod. */
  context?: string;
  clock: Clock;
  random: Random;
  /** Id of the daemon's state: apps of other daemons are told from its own by it. */
  ownerId: string;
  /** Where trueup keeps its own objects. */
  namespace: string;
  /** Only these namespaces are read, where the credentials reach no further; absent: all of them. */
  namespaces?: readonly string[];
}

export class KubernetesBackend implements Backend {
  readonly capabilities: BackendCapabilities = {
    name: "kubernetes",
    cheapDryRun: false,
    localImages: false,
    followLogs: true,
    kinds: null,
  };
  /** Address of the API server, without credentials. */
  readonly server: string;
  /** The context that was taken; `undefined` in a pod. */
  readonly context: string | undefined;
  readonly #api: KubeApi;
  readonly #discovery: Discovery;
  readonly #cache: ObjectCache;
  readonly #followed: FollowedKinds;
  readonly #writer: KubeWriter;
  /** Namespaces that are read; `null` for all. */
  readonly #namespaces: readonly string[] | null;
  /** What the parents of this daemon's apps say that there is: app to parent to kinds. */
  readonly #sets = new Map<string, Map<string, KindQuery[]>>();
  readonly #unsubscribe: () => void;
  #isClosed = false;

  constructor({ api, context, clock, random, ownerId, namespace, namespaces }: KubernetesOptions) {
    this.server = api.server;
    this.context = context;
    this.#api = api;
    this.#discovery = new Discovery(api, clock);
    const declarations = new Declarations();
    this.#cache = new ObjectCache({
      startVersion: clock.now() * VERSIONS_PER_MS,
      appliedPart: (object) => declarations.of(object),
      membershipOf,
      applySetOf: (object) => applySetOf(object, ownerId),
    });
    const [cache, discovery] = [this.#cache, this.#discovery];
    this.#namespaces = namespaces === undefined ? null : [...new Set(namespaces)];
    const scope = this.#namespaces === null ? {} : { namespaces: this.#namespaces };
    const own = { kind: kindKey(PARENTS), namespace };
    this.#followed = new FollowedKinds({ api, discovery, cache, clock, random, ...scope }, own);
    const follow: KubeContext["follow"] = (kind, signal) => this.#follow(kind, signal);
    const isRead: KubeContext["isRead"] = (extent) => this.#isRead(extent);
    this.#writer = new KubeWriter({ api, discovery, cache, declarations, clock, ownerId, namespace, follow, isRead });
    this.#unsubscribe = cache.subscribe(({ type, observed }) => {
      this.#noteSet(observed.object, type === "deleted", ownerId);
      if (type === "deleted") declarations.forget(observed.object.metadata.uid ?? "");
      // Its kinds are served only some time after it was applied: what was found out meanwhile is out of date.
      if (observed.object.kind === "CustomResourceDefinition") discovery.invalidate();
    });
    this.#followed.follow(PARENTS, true);
  }

  /** What is known of the cluster now; for the parts of the daemon that explain rather than plan. */
  get cache(): ObjectCache {
    return this.#cache;
  }

  /** What cannot be read now, by `group/Kind`: kinds that are forbidden, or a server that is away. */
  problems(): ReadonlyMap<string, TrueupError> {
    return this.#followed.problems();
  }

  async list(query: ListQuery, signal: AbortSignal): Promise<ObjectList> {
    this.#ready(signal);
    const { group, kind, owner } = query;
    if (kind === undefined) {
      await (owner === undefined ? this.#allRead(group, signal) : this.#setRead(owner, signal));
      return { items: this.#cache.select(query), version: String(this.#cache.version) };
    }
    const resources = await this.#resourcesOf(group, kind, signal);
    const items: Observed[] = [];
    for (const resource of resources) {
      const own = inScope({ ...query, group: resource.group }, resource);
      this.#requireRead(own.namespace);
      // Warnings alone are followed; who asks for events wants to see all of them.
      if (kindKey(resource) === EVENT)
        items.push(...(await listDirectly(this.#api, this.#cache, resource, own, signal)));
      // Of a kind that lives in no namespace, "" is the one: an object is then found by its key, not among all of the kind.
      else {
        const where = resource.namespaced ? own : { ...own, namespace: "" };
        items.push(...(await completed(this.#api, resource, this.#cache.select(where), signal)));
      }
    }
    this.#ready(signal);
    return { items, version: String(this.#cache.version) };
  }

  async isNamespaced(kind: KindQuery, signal: AbortSignal): Promise<boolean | null> {
    this.#ready(signal);
    return (await this.#discovery.find(kind, signal))?.namespaced ?? null;
  }

  async *watch(query: ListQuery, version: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    this.#ready(signal);
    const { group, kind } = query;
    const scoped = kind === undefined ? [] : await this.#resourcesOf(group, kind, signal);
    const [resource] = scoped;
    const own = resource === undefined ? query : inScope(query, resource);
    yield* this.#cache.log.watch(own, version, () => {}, signal);
  }

  async dryRun(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    this.#ready(signal);
    await this.#requireKnown(idOf(request.desired), signal);
    return this.#ending(signal, () => this.#writer.dryRun(request, signal));
  }

  async apply(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    this.#ready(signal);
    await this.#requireKnown(idOf(request.desired), signal);
    const result = await this.#ending(signal, () => this.#writer.apply(request, signal));
    const { kind } = request.desired;
    // What such an object defines or serves is there, or elsewhere, from now on.
    if (kind === "CustomResourceDefinition" || kind === "APIService") this.#discovery.invalidate();
    return result;
  }

  async delete(request: DeleteRequest, signal: AbortSignal): Promise<void> {
    this.#ready(signal);
    await this.#requireKnown(request.id, signal);
    await this.#ending(signal, () => this.#writer.delete(request, signal));
  }

  async *logs(query: LogQuery, signal: AbortSignal): AsyncIterable<string> {
    this.#ready(signal);
    const { namespace, pod: name } = query;
    const pod = this.#cache.get({ group: "", kind: "Pod", namespace, name })?.object;
    yield* untilAborted(podLogs(this.#api, query, pod, signal), signal);
  }

  /** Ends all that is under way, and the connections. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unsubscribe();
    this.#cache.log.close(closed());
    await this.#followed.close();
    await this.#api.close();
  }

  #ready(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#isClosed) throw closed();
  }

  /** Whose an object is, or that it is gone, is known only where objects are read. */
  async #requireKnown(id: ObjectId, signal: AbortSignal): Promise<void> {
    if (this.#namespaces === null) return;
    const resource = await this.#discovery.find({ group: id.group, kind: id.kind }, signal);
    if (resource?.namespaced === true) this.#requireRead(id.namespace);
  }

  /** What was never looked at is not absent. */
  #requireRead(namespace: string | undefined): void {
    if (namespace === undefined || this.#namespaces === null || this.#namespaces.includes(namespace)) return;
    throw new TrueupError(
      "forbidden",
      `Cannot handle objects in ${namespace} as the target must read that namespace: it reads ${this.#namespaces.join(", ")}.`,
      { hint: "Add the namespace to the target's namespaces in the operator's configuration." },
    );
  }

  /** The signal's reason, whatever the work made of it. */
  async #ending<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  async #follow(kind: KindQuery, signal: AbortSignal): Promise<KubeResource> {
    const followed = await this.#followed.follow(kind, true).ready(signal);
    // It may be followed in another version, as somebody else asked for that one first: objects are kept in one.
    const resource = followed?.version === kind.version ? followed : await this.#discovery.find(kind, signal);
    if (followed !== null && resource !== null) return resource;
    throw new TrueupError(
      "invalid",
      `Cannot handle ${kind.kind} objects as the API server must serve the kind: it serves no ${kindKey(kind)}.`,
      { hint: "Its CustomResourceDefinition may be missing, or its name or group be misspelt." },
    );
  }

  #isRead({ kinds, namespaces }: SetExtent): boolean {
    if (!kinds.every((kind) => this.#followed.isReady(kindNamed(kind)))) return false;
    return this.#namespaces === null || namespaces.every((each) => this.#namespaces?.includes(each));
  }

  /** Where the kind is served, each followed and read: in one group, or in all that have a kind of this name. */
  async #resourcesOf(group: string | undefined, kind: string, signal: AbortSignal): Promise<KubeResource[]> {
    const groups = group === undefined ? await this.#discovery.groupsWith(kind, signal) : [group];
    // Who owns what is known by the parents alone.
    await this.#followed.ready([PARENTS], signal);
    const found = await Promise.all(
      groups.map((each) => this.#followed.follow({ group: each, kind }, false).ready(signal)),
    );
    return found.filter((resource) => resource !== null);
  }

  /** All kinds that are followed, and those that turn up while waiting, as the parents name them. */
  async #allRead(group: string | undefined, signal: AbortSignal): Promise<void> {
    await this.#followed.ready([PARENTS], signal);
    for (let before = -1; before !== this.#followed.size; ) {
      before = this.#followed.size;
      await this.#followed.allReady(group, signal);
    }
    this.#ready(signal);
  }

  /** The kinds that an app has objects of: another app's kind that cannot be read is no matter of this one. */
  async #setRead(app: string, signal: AbortSignal): Promise<void> {
    await this.#followed.ready([PARENTS], signal);
    for (const kinds of this.#sets.get(app)?.values() ?? []) await this.#followed.ready(kinds, signal);
    this.#ready(signal);
  }

  /** A parent names the kinds of its set: they are read from now on, before anybody declares an object of them. */
  #noteSet(object: KubeObject, isGone: boolean, ownerId: string): void {
    const set = applySetOf(object, ownerId);
    const { name, namespace = "" } = object.metadata;
    // Another daemon's apps are its own business, and what it may read, too.
    if (set === null || parentIdOf({ app: set.app, ownerId, namespace }).name !== name) return;
    const kinds = isGone ? [] : extentOf(object).kinds.map(kindNamed);
    const parents = this.#sets.get(set.app) ?? new Map<string, KindQuery[]>();
    parents.set(namespace, kinds);
    this.#sets.set(set.app, parents);
    for (const kind of kinds) this.#followed.follow(kind, true);
  }
}

/** As ApplySets spell a kind: `Deployment.apps`. */
function kindNamed(text: string): KindQuery {
  const dot = text.indexOf(".");
  return dot < 0 ? { group: "", kind: text } : { group: text.slice(dot + 1), kind: text.slice(0, dot) };
}

/** A kind that lives in no namespace is found whatever namespace is asked for: who asks may not know. */
function inScope({ namespace, ...query }: ListQuery, resource: KubeResource): ListQuery {
  return namespace === undefined || !resource.namespaced ? query : { ...query, namespace };
}

function closed(): TrueupError {
  return new TrueupError("unavailable", "Cannot reach the cluster as the connection to it must be open: it is closed.");
}
