/** What the API server last said of the objects that are followed, and what was written since: lists and plans read this. */
import type { ListQuery } from "../../model/backend.ts";
import type { KubeObject, ObjectId } from "../../model/object.ts";
import { groupOf } from "../../model/object.ts";
import type { Observed } from "../../model/plan.ts";
import { type LoggedChange, matchesQuery, WatchLog } from "../watch-log.ts";
import { Owners } from "./owners.ts";
import { kindKey } from "./resource.ts";
import { trim } from "./trim.ts";
import { isNewer } from "./versions.ts";

/** Changes that are kept for watches: few, as each holds an object that is no more. */
const LOG_CAPACITY = 2_000;

export interface CacheOptions {
  /** Of the first change; grows by one with each. */
  startVersion: number;
  /** The part of an object, given with its managedFields, that trueup applied; `null` when none. */
  appliedPart: (object: KubeObject) => KubeObject | null;
  /** The ApplySet that an object, given with its managedFields, belongs to; `undefined` when it is in none. */
  membershipOf: (object: KubeObject) => string | undefined;
  /** The ApplySet whose parent this object is, and the app that it stands for; `null` for every other object. */
  applySetOf: (object: KubeObject) => { id: string; app: string } | null;
}

/** An object as it is kept. */
export interface Entry {
  key: string;
  observed: Observed;
  /** Id of its ApplySet. */
  partOf: string | undefined;
}

/** One kind's objects by key. */
type KindEntries = Map<string, Entry>;

export class ObjectCache {
  readonly log: WatchLog;
  readonly #options: CacheOptions;
  readonly #kinds = new Map<string, KindEntries>();
  readonly #owners = new Owners();
  /** Uids of objects whose end a write has seen: an older event or list does not bring them back. */
  readonly #gone = new Map<string, string>();
  /** Kind and namespace ("" for all) to the version up to which everything was told: what is older and not here is no more. */
  readonly #told = new Map<string, string>();
  readonly #listeners = new Set<(change: LoggedChange) => void>();
  #version: number;

  constructor(options: CacheOptions) {
    this.#options = options;
    this.#version = options.startVersion;
    this.log = new WatchLog(options.startVersion, LOG_CAPACITY);
  }

  get version(): number {
    return this.#version;
  }

  get size(): number {
    return [...this.#kinds.values()].reduce((sum, entries) => sum + entries.size, 0);
  }

  get(id: ObjectId): Observed | undefined {
    return this.#entry(id)?.observed;
  }

  select(query: ListQuery): Observed[] {
    const { group, kind, namespace, name, owner } = query;
    if (group !== undefined && kind !== undefined && namespace !== undefined && name !== undefined) {
      const observed = this.get({ group, kind, namespace, name });
      return observed !== undefined && matchesQuery(query, observed) ? [observed] : [];
    }
    const found: Observed[] = [];
    for (const entry of owner === undefined ? this.#entries(group, kind) : this.#owned(owner)) {
      if (matchesQuery(query, entry.observed)) found.push(entry.observed);
    }
    return found;
  }

  /** Called after each change. @returns Ends it */
  subscribe(listener: (change: LoggedChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes in what a write answered, so that its writer reads it. What a watch already told that is newer stays, be it that
   * the object is gone.
   *
   * @param object With its kind, and with its managedFields
   * @returns The object as it is in the cache now
   */
  put(object: KubeObject): Observed {
    const present = this.#byKey(keyOfLive(object));
    if (present === undefined && this.#wasTold(object)) return this.keep(object).observed;
    // The same version, maybe as another version of the API shows it: the followed one stays.
    if (present !== undefined && isSameWrite(object, present.observed.object)) return present.observed;
    return this.#take(this.keep(object), false);
  }

  /**
   * What trueup applied of this very version of an object is known better than before. It is no change of the object, so that
   * nobody is told: whoever has it already sees it in the same place.
   */
  redeclared(object: KubeObject): void {
    const entry = this.#byKey(keyOfLive(object));
    if (entry === undefined || !isSameWrite(object, entry.observed.object)) return;
    entry.observed.applied = this.#options.appliedPart(object);
  }

  /** Takes out an object whose end a write has seen. One of the same name with another uid stays. */
  remove(id: ObjectId, uid: string): void {
    const entry = this.#entry(id);
    // Not here: its end was told already, and nothing will be told after it.
    if (entry?.observed.object.metadata.uid !== uid) return;
    this.#gone.set(uid, kindKey(id));
    this.#drop(entry);
  }

  /** An event of a watch. One that is older than what a write put here changes nothing. */
  event(type: "added" | "modified" | "deleted", object: KubeObject): void {
    this.#tell(object);
    if (type !== "deleted") {
      this.#take(this.keep(object), false);
      return;
    }
    const uid = object.metadata.uid ?? "";
    this.#gone.delete(uid);
    const entry = this.#byKey(keyOfLive(object));
    // Made again under its name by a write whose answer overtook this event: that one is another object.
    if (entry?.observed.object.metadata.uid === uid) this.#drop(entry);
  }

  /** What would stay of an object, without taking it in; what is there already, when it is the same version of it. */
  keep(received: KubeObject): Entry {
    const key = keyOfLive(received);
    const present = this.#byKey(key);
    const was = present?.observed.object;
    if (
      present !== undefined &&
      was !== undefined &&
      isSameWrite(received, was) &&
      received.apiVersion === was.apiVersion
    )
      return present;
    const applied = this.#options.appliedPart(received);
    const partOf = this.#options.membershipOf(received);
    const object = trim(received, applied !== null);
    return { key, observed: { object, applied, owner: null }, partOf };
  }

  /**
   * A complete list of a kind, in all namespaces or in one. What is not in it is gone, unless it was written after the list
   * was taken.
   *
   * @param version The list's resourceVersion; `null` when the history began anew (a restored server) or the kind is read in
   *   another version: the list is right then, whatever its versions are
   */
  replace(
    { group, kind, namespace }: { group: string; kind: string; namespace: string },
    kept: readonly Entry[],
    version: string | null,
  ): void {
    const listed = new Set(kept.map(({ key }) => key));
    if (version === null) this.#told.delete(`${kindKey({ group, kind })} ${namespace}`);
    else this.#told.set(`${kindKey({ group, kind })} ${namespace}`, version);
    for (const entry of kept) this.#take(entry, version === null);
    for (const entry of [...(this.#kinds.get(kindKey({ group, kind }))?.values() ?? [])]) {
      const { metadata } = entry.observed.object;
      if ((namespace !== "" && metadata.namespace !== namespace) || listed.has(entry.key)) continue;
      const isLater = version !== null && isNewer(metadata.resourceVersion ?? "", version);
      if (!isLater) this.#drop(entry);
    }
    if (this.#gone.size === 0) return;
    const uids = new Set(kept.map(({ observed }) => observed.object.metadata.uid));
    for (const [uid, of] of this.#gone) {
      // The list was taken after that object's end, so nothing will tell of it any more.
      if (of === kindKey({ group, kind }) && !uids.has(uid)) this.#gone.delete(uid);
    }
  }

  /** Name of the collection that tells of the object, as far as one does: of all namespaces, or of its own. */
  #collectionOf({ apiVersion, kind, metadata }: KubeObject): string {
    const key = kindKey({ group: groupOf(apiVersion), kind });
    return this.#told.has(`${key} `) ? `${key} ` : `${key} ${metadata.namespace ?? ""}`;
  }

  #tell(object: KubeObject): void {
    const { resourceVersion = "" } = object.metadata;
    const collection = this.#collectionOf(object);
    if (isNewer(resourceVersion, this.#told.get(collection) ?? "0")) this.#told.set(collection, resourceVersion);
  }

  #wasTold(object: KubeObject): boolean {
    const told = this.#told.get(this.#collectionOf(object));
    return told !== undefined && isNewer(told, object.metadata.resourceVersion ?? "");
  }

  #take(entry: Entry, isForced: boolean): Observed {
    const { object } = entry.observed;
    const before = this.#byKey(entry.key);
    if (before === entry) return entry.observed;
    if (before !== undefined && !isForced && isNewerThan(before.observed.object, object)) return before.observed;
    entry.observed = { ...entry.observed, owner: this.#owners.of(entry.partOf) };
    if (!this.#gone.has(object.metadata.uid ?? "")) this.#set(entry, before);
    return entry.observed;
  }

  #set(entry: Entry, before: Entry | undefined): void {
    const { object } = entry.observed;
    const kindOf = kindKey({ group: groupOf(object.apiVersion), kind: object.kind });
    let entries = this.#kinds.get(kindOf);
    if (entries === undefined) {
      entries = new Map();
      this.#kinds.set(kindOf, entries);
    }
    entries.set(entry.key, entry);
    this.#owners.index(entry.key, before?.partOf, entry.partOf);
    const oldUid = before?.observed.object.metadata.uid;
    if (before !== undefined && oldUid !== object.metadata.uid) this.#emit("deleted", before.observed);
    this.#emit(before === undefined || oldUid !== object.metadata.uid ? "added" : "modified", entry.observed);
    this.#parent(before?.observed.object, object);
  }

  #drop(entry: Entry): void {
    const { object } = entry.observed;
    this.#kinds.get(kindKey({ group: groupOf(object.apiVersion), kind: object.kind }))?.delete(entry.key);
    this.#owners.index(entry.key, entry.partOf, undefined);
    this.#emit("deleted", entry.observed);
    this.#parent(object, undefined);
  }

  /** When a parent comes, goes or stands for another app, its members' owner changes, though nobody wrote them. */
  #parent(before: KubeObject | undefined, after: KubeObject | undefined): void {
    const was = before === undefined ? null : this.#options.applySetOf(before);
    const is = after === undefined ? null : this.#options.applySetOf(after);
    if (was?.id === is?.id && was?.app === is?.app) return;
    if (was !== null) this.#owners.forget(was.id);
    if (is !== null) this.#owners.learn(is.id, is.app);
    const changed = [was, is].flatMap((set) => (set === null ? [] : this.#owners.membersOf(set.id)));
    for (const key of new Set(changed)) {
      const entry = this.#byKey(key);
      if (entry === undefined) continue;
      const owner = this.#owners.of(entry.partOf);
      if (owner === entry.observed.owner) continue;
      entry.observed = { ...entry.observed, owner };
      this.#emit("modified", entry.observed);
    }
  }

  #emit(type: LoggedChange["type"], observed: Observed): void {
    const change = { type, observed, version: ++this.#version };
    this.log.add(change);
    for (const listener of this.#listeners) listener(change);
  }

  #entry({ group, kind, namespace, name }: ObjectId): Entry | undefined {
    return this.#byKey(`${group}/${kind}/${namespace}/${name}`);
  }

  #byKey(key: string): Entry | undefined {
    return this.#kinds.get(key.slice(0, key.indexOf("/", key.indexOf("/") + 1)))?.get(key);
  }

  #owned(owner: string): Entry[] {
    return this.#owners.membersOfApp(owner).flatMap((key) => this.#byKey(key) ?? []);
  }

  *#entries(group: string | undefined, kind: string | undefined): Generator<Entry> {
    for (const [of, entries] of this.#kinds) {
      const slash = of.indexOf("/");
      if (group !== undefined && of.slice(0, slash) !== group) continue;
      if (kind !== undefined && of.slice(slash + 1) !== kind) continue;
      yield* entries.values();
    }
  }
}

function isNewerThan({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean {
  return isNewer(a.resourceVersion ?? "", b.resourceVersion ?? "");
}

function isSameWrite({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean {
  return a.resourceVersion === b.resourceVersion && a.uid === b.uid;
}

/** As the server has it: an object that lives in no namespace says none, of whatever kind it is. */
function keyOfLive({ apiVersion, kind, metadata }: KubeObject): string {
  return `${groupOf(apiVersion)}/${kind}/${metadata.namespace ?? ""}/${metadata.name}`;
}
