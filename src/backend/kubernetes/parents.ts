/** Keeps the parents of ApplySets true: wide enough before an object is applied, no wider than needed after one is gone. */
import { TrueupError } from "../../model/errors.ts";
import type { JsonObject, KubeObject, ObjectId } from "../../model/object.ts";
import { keyOfId } from "../../model/object.ts";
import {
  coversExtent,
  extentOf,
  extentOfMembers,
  joinExtents,
  NO_EXTENT,
  parentIdOf,
  parentObject,
  type SetExtent,
  setIdOf,
  toolOf,
} from "./applyset.ts";
import type { KubeContext } from "./context.ts";
import { statusOf } from "./status.ts";
import { asJson, asObject } from "./write-rules.ts";

/** Owner of the parents' fields, as the convention names it. */
const MANAGER = "trueup-applyset";
export const APPLY_PATCH = "application/apply-patch+yaml";

interface AppState {
  /** Worked out once, as it is a digest and asked for with each object. */
  setId?: string;
  parentId?: ObjectId;
  /** Objects that were tried and may be applied next: one write then makes room for all of them. */
  foreseen: Map<string, ObjectId>;
  /** Objects that are being applied: the parent holds their kinds, and no object may show it yet. */
  underWay: Map<string, ObjectId>;
  /** The last write of the parent: they follow one another. */
  last: Promise<unknown>;
}

export class ParentKeeper {
  readonly #context: Pick<KubeContext, "api" | "cache" | "ownerId" | "namespace" | "isRead">;
  readonly #apps = new Map<string, AppState>();
  /** The parent that is being made while nobody knows whether there is a namespace for it. */
  #first: Promise<unknown> | null = null;
  #hasNamespace = false;

  constructor(context: Pick<KubeContext, "api" | "cache" | "ownerId" | "namespace" | "isRead">) {
    this.#context = context;
  }

  /** Id of the set that the app's objects are in. */
  idOf(app: string): string {
    const state = this.#state(app);
    state.setId ??= setIdOf(this.#scope(app));
    return state.setId;
  }

  /** Notes that the object will be applied soon. */
  foresee(app: string, id: ObjectId): void {
    this.#state(app).foreseen.set(keyOfId(id), id);
  }

  /**
   * Makes sure that the parent names the object's kind and namespace, so that a set that is applied in part is known whole.
   *
   * @param beside What is about to be applied as well: one write then makes room for all of it
   */
  async widen(app: string, id: ObjectId, beside: readonly ObjectId[], signal: AbortSignal): Promise<void> {
    const state = this.#state(app);
    state.underWay.set(keyOfId(id), id);
    if (this.#covers(app, [id])) return;
    await this.#inTurn(state, signal, async () => {
      const ids = [...state.underWay.values(), ...state.foreseen.values(), ...beside];
      state.foreseen.clear();
      if (this.#covers(app, ids)) return;
      await this.#write(app, (present) => joinExtents(present, this.#extent(ids)), signal);
    });
  }

  /** The object is applied, or will not be: from now on it counts only if it is there. */
  settle(app: string, id: ObjectId): void {
    this.#apps.get(app)?.underWay.delete(keyOfId(id));
  }

  /**
   * Takes out of the parent what no object of the app is any more, and the parent of an app without objects away.
   *
   * Done as far as it can be: a parent that names too much costs its reader a list and harms nobody.
   */
  async narrow(app: string, signal: AbortSignal): Promise<void> {
    const state = this.#state(app);
    try {
      await this.#inTurn(state, signal, () => this.#narrow(app, state, signal));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TrueupError)) throw error;
    }
  }

  async #narrow(app: string, state: AppState, signal: AbortSignal): Promise<void> {
    const parent = this.#parent(app);
    // Of what cannot be read, nobody knows that nothing is left: a kind that is taken out is not looked at any more.
    if (parent === undefined || !this.#context.isRead(extentOf(parent))) return;
    const members = this.#context.cache.select({ owner: app }).map(({ object }) => liveId(object));
    const ids = [...members, ...state.underWay.values()];
    if (ids.length === 0) {
      await this.#remove(app, parent, signal);
      return;
    }
    const wanted = this.#extent(ids);
    if (!coversExtent(wanted, extentOf(parent))) await this.#write(app, () => wanted, signal);
  }

  async #remove(app: string, parent: KubeObject, signal: AbortSignal): Promise<void> {
    const { uid = "" } = parent.metadata;
    const id = this.#parentId(app);
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid } };
    try {
      await this.#context.api.request({ method: "DELETE", path: this.#path(app), body }, signal);
    } catch (error) {
      if (statusOf(error)?.code !== 404) throw error;
    }
    this.#context.cache.remove(id, uid);
  }

  /**
   * Writes the parent. One that is not known is made, and read first when it is there after all: what another run of this
   * daemon had put into it must not be lost.
   */
  async #write(app: string, extent: (present: SetExtent) => SetExtent, signal: AbortSignal): Promise<void> {
    if (this.#parent(app) === undefined && (await this.#create(app, extent(NO_EXTENT), signal))) return;
    const parent = this.#parent(app);
    const body = parentObject(this.#scope(app), extent(parent === undefined ? NO_EXTENT : extentOf(parent)));
    const query = { fieldManager: MANAGER, force: true };
    this.#take(
      await this.#context.api.request(
        { method: "PATCH", path: this.#path(app), query, body: asJson(body), contentType: APPLY_PATCH },
        signal,
      ),
    );
  }

  /**
   * The first parent of all is made alone: where the namespace for them is missing, it makes that for the others.
   *
   * @returns False when it is there already; then it is in the cache
   */
  async #create(app: string, extent: SetExtent, signal: AbortSignal): Promise<boolean> {
    while (!this.#hasNamespace && this.#first !== null) {
      // Whoever makes it is told how that failed; the next one tries again.
      await Promise.allSettled([this.#first]);
      signal.throwIfAborted();
    }
    const creating = this.#createNow(app, extent, signal);
    if (this.#hasNamespace) return creating;
    this.#first = creating;
    try {
      const isNew = await creating;
      this.#hasNamespace = true;
      return isNew;
    } finally {
      this.#first = null;
    }
  }

  async #createNow(app: string, extent: SetExtent, signal: AbortSignal): Promise<boolean> {
    const { api, namespace } = this.#context;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps`;
    const body = asJson(parentObject(this.#scope(app), extent));
    const post = (): Promise<JsonObject> =>
      api.request({ method: "POST", path, query: { fieldManager: MANAGER }, body }, signal);
    try {
      this.#take(await post());
      return true;
    } catch (error) {
      const code = statusOf(error)?.code;
      if (code === 409) {
        const parent = await api.request({ method: "GET", path: this.#path(app) }, signal);
        requireOurs(asObject(parent));
        this.#take(parent);
        return false;
      }
      if (code !== 404) throw error;
      await this.#makeNamespace(signal);
      this.#take(await post());
      return true;
    }
  }

  async #makeNamespace(signal: AbortSignal): Promise<void> {
    const { api, namespace } = this.#context;
    const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
    try {
      await api.request({ method: "POST", path: "/api/v1/namespaces", query: { fieldManager: MANAGER }, body }, signal);
    } catch (error) {
      // Another app's parent needed it at the same time.
      if (statusOf(error)?.code !== 409) throw error;
    }
  }

  #take(answer: JsonObject): void {
    this.#context.cache.put(asObject(answer));
  }

  #covers(app: string, ids: readonly ObjectId[]): boolean {
    const parent = this.#parent(app);
    return parent !== undefined && coversExtent(extentOf(parent), this.#extent(ids));
  }

  #extent(ids: Iterable<ObjectId>): SetExtent {
    return extentOfMembers(ids, this.#context.namespace);
  }

  #parent(app: string): KubeObject | undefined {
    return this.#context.cache.get(this.#parentId(app))?.object;
  }

  #parentId(app: string): ObjectId {
    const state = this.#state(app);
    state.parentId ??= parentIdOf(this.#scope(app));
    return state.parentId;
  }

  #path(app: string): string {
    const { namespace, name } = this.#parentId(app);
    return `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps/${encodeURIComponent(name)}`;
  }

  #scope(app: string): { app: string; ownerId: string; namespace: string } {
    const { ownerId, namespace } = this.#context;
    return { app, ownerId, namespace };
  }

  #state(app: string): AppState {
    const known = this.#apps.get(app);
    if (known !== undefined) return known;
    const made: AppState = { foreseen: new Map(), underWay: new Map(), last: Promise.resolve() };
    this.#apps.set(app, made);
    return made;
  }

  async #inTurn(state: AppState, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const before = state.last;
    const done = Promise.withResolvers<void>();
    state.last = done.promise;
    try {
      await before;
      signal.throwIfAborted();
      await work();
    } finally {
      done.resolve();
    }
  }
}

/** Tools leave each other's parents alone: that is the convention. */
function requireOurs(parent: KubeObject): void {
  const tool = toolOf(parent);
  if (tool === "trueup") return;
  const { namespace = "", name } = parent.metadata;
  throw new TrueupError(
    "conflict",
    `Cannot record what an app consists of as ConfigMap ${namespace}/${name} must be trueup's: it is ${tool ?? "nobody"}'s.`,
    { hint: "Move it away, or give trueup another namespace for its own objects." },
  );
}

function liveId({ apiVersion, kind, metadata }: KubeObject): ObjectId {
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : apiVersion.slice(0, slash);
  return { group, kind, namespace: metadata.namespace ?? "", name: metadata.name };
}
