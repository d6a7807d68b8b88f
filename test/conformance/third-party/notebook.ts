/**
 * A backend as somebody else would write one: objects in a Map, from what the package exports and nothing else of it. It does what
 * the interface says, by its own ways.
 */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import {
  type ApplyRequest,
  type ApplyResult,
  type Backend,
  type BackendCapabilities,
  type DeleteRequest,
  groupOf,
  idOf,
  type KubeObject,
  keyOfId,
  type ListQuery,
  type LogQuery,
  type ObjectId,
  type ObjectList,
  type Observed,
  TrueupError,
  type WatchEvent,
} from "../../../src/index.ts";

type Tree = Readonly<Record<string, unknown>>;
type Change = Extract<WatchEvent, { observed: Observed }>;

const KINDS = ["/ConfigMap", "/Namespace", "/Secret", "apps/Deployment"];
const SERVER_FIELDS = ["uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"];

export class NotebookBackend implements Backend {
  readonly capabilities: BackendCapabilities = {
    name: "notebook",
    cheapDryRun: true,
    localImages: false,
    followLogs: false,
    kinds: KINDS,
  };
  readonly #pages = new Map<string, Observed>();
  readonly #history: Change[] = [];
  #wake: () => void = () => {};
  #changed = this.#nextChange();
  #isClosed = false;

  constructor() {
    const object = stored({ apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } }, undefined, "0");
    this.#pages.set(keyOfId(idOf(object)), { object, applied: null, owner: null });
  }

  async list(query: ListQuery, signal: AbortSignal): Promise<ObjectList> {
    this.#ready(signal);
    return { items: [...this.#pages.values()].filter((page) => isMeant(query, page)), version: this.#version };
  }

  async *watch(query: ListQuery, version: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    this.#ready(signal);
    let next = Number(version);
    if (!/^\d+$/.test(version) || next > this.#history.length) {
      throw new TrueupError(
        "not-found",
        `Cannot watch from "${version}" as it must be a version that was told: it is not.`,
      );
    }
    for (let isNew = true; ; ) {
      for (; next < this.#history.length; next++) {
        const change = this.#history[next];
        if (change !== undefined && isMeant(query, change.observed)) yield change;
        this.#ready(signal);
      }
      if (isNew) yield { type: "bookmark", version: this.#version };
      isNew = false;
      this.#ready(signal);
      if (next === this.#history.length) await untilEither(this.#changed, signal);
      this.#ready(signal);
    }
  }

  async dryRun(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    this.#ready(signal);
    return this.#rehearse(request).result;
  }

  async apply(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    this.#ready(signal);
    const { result, declared } = this.#rehearse(request);
    const { action, object } = result;
    const observed = { object, applied: declared, owner: request.owner };
    this.#pages.set(keyOfId(idOf(object)), observed);
    if (action !== "unchanged") this.#tell(action === "create" ? "added" : "modified", observed);
    return result;
  }

  async delete({ id, uid, owner }: DeleteRequest, signal: AbortSignal): Promise<void> {
    this.#ready(signal);
    const page = this.#pages.get(keyOfId(id));
    if (page === undefined) return;
    const by = page.owner ?? "nobody";
    const refuse = (code: "forbidden" | "conflict", why: string): never => {
      throw new TrueupError(code, `Cannot delete ${id.kind} ${id.name} as ${why}.`);
    };
    if (owner !== undefined && owner !== page.owner) refuse("forbidden", `${owner} must have applied it: ${by} did`);
    if (uid !== undefined && uid !== page.object.metadata.uid) refuse("conflict", "it must be the same: it is another");
    this.#pages.delete(keyOfId(id));
    this.#tell("deleted", page);
  }

  /** There are no pods here, and so no lines. */
  logs({ pod }: LogQuery, signal: AbortSignal): AsyncIterable<string> {
    const next = async (): Promise<never> => {
      this.#ready(signal);
      throw new TrueupError("not-found", `Cannot show logs of pod ${pod} as it must exist: it does not.`);
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  get #version(): string {
    return String(this.#history.length);
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #ready(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#isClosed)
      throw new TrueupError("unavailable", "Cannot use the notebook as it must be open: it is closed.");
  }

  #tell(type: Change["type"], observed: Observed): void {
    this.#history.push({ type, observed, version: String(this.#history.length + 1) });
    const wake = this.#wake;
    this.#changed = this.#nextChange();
    wake();
  }

  #rehearse({ desired, owner, from, adopt = false }: ApplyRequest): { result: ApplyResult; declared: KubeObject } {
    const declared = declarationOf(desired);
    const id = idOf(declared);
    this.#check(id);
    const page = this.#pages.get(keyOfId(id));
    if (page === undefined) {
      return { result: { action: "create", object: stored(declared, undefined, this.#version) }, declared };
    }
    if (page.owner !== null && page.owner !== owner && page.owner !== from) {
      throw conflict(id, `${owner} must own it alone: ${page.owner} applied it`);
    }
    const merged = stored(merge(page.applied, page.object, declared) as KubeObject, page.object, this.#version);
    const isSame = merged === page.object;
    if (page.owner === null && !isSame && !adopt)
      throw conflict(id, "it must be as declared, as nobody applied it: it differs");
    return { result: { action: isSame ? "unchanged" : "update", object: merged }, declared };
  }

  #check({ group, kind, namespace }: ObjectId): void {
    if (!KINDS.includes(`${group}/${kind}`)) {
      throw new TrueupError("invalid", `Cannot keep a ${kind} as it must be one of ${KINDS.join(", ")}.`);
    }
    const home = keyOfId({ group: "", kind: "Namespace", namespace: "", name: namespace });
    if (namespace === "" || this.#pages.has(home)) return;
    throw new TrueupError("not-found", `Cannot keep a ${kind} in ${namespace} as that must exist: it does not.`);
  }
}

function conflict({ kind, name }: ObjectId, why: string): TrueupError {
  return new TrueupError("conflict", `Cannot apply ${kind} ${name} as ${why}.`);
}

function isMeant({ group, kind, namespace, name, owner }: ListQuery, page: Observed): boolean {
  const { apiVersion, kind: own, metadata } = page.object;
  const wanted = [group, kind, namespace, name, owner];
  const found = [groupOf(apiVersion), own, metadata.namespace ?? "", metadata.name, page.owner];
  return wanted.every((value, index) => value === undefined || value === found[index]);
}

async function untilEither(changed: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  await Promise.race([changed, aborted]);
}

/** What is declared, without what only a server says, and a Secret's text as it is stored. */
function declarationOf({ status: _status, stringData, ...desired }: KubeObject): KubeObject {
  const metadata = Object.entries(desired.metadata).filter(([key]) => !SERVER_FIELDS.includes(key));
  const encoded = Object.entries((stringData ?? {}) as Record<string, string>).map(([key, text]) => [key, btoa(text)]);
  const data = { ...(desired.data as Tree | undefined), ...Object.fromEntries(encoded) };
  return {
    ...(desired as KubeObject),
    ...(stringData !== undefined && { data }),
    metadata: Object.fromEntries(metadata) as unknown as KubeObject["metadata"],
  };
}

/** As it is kept: with defaults, and as another version when it is another object. @returns `before` when nothing changed */
function stored(object: KubeObject, before: KubeObject | undefined, version: string): KubeObject {
  const spec =
    object.kind === "Deployment"
      ? { progressDeadlineSeconds: 600, revisionHistoryLimit: 10, ...(object.spec as Tree) }
      : object.spec;
  const next = { ...object, ...(spec !== undefined && { spec }) };
  if (before === undefined) {
    const metadata = { ...next.metadata, uid: randomUUID(), resourceVersion: version };
    return { ...next, metadata };
  }
  if (isDeepStrictEqual(next, before)) return before;
  const selectors = [next, before].map(({ spec: of }) => (of as { selector?: unknown } | undefined)?.selector);
  if (!isDeepStrictEqual(selectors[0], selectors[1])) {
    throw new TrueupError("invalid", `Cannot change ${next.metadata.name} as its selector must stay as it is.`);
  }
  return { ...next, metadata: { ...next.metadata, resourceVersion: version } };
}

/** Live, with what is declared set and what was applied and is declared no more removed. */
function merge(applied: unknown, live: unknown, desired: unknown): unknown {
  if (isTree(live) && isTree(desired)) {
    const before = isTree(applied) ? applied : {};
    const merged = new Map(Object.entries(live));
    for (const [key, value] of Object.entries(before)) {
      if (key in desired || !merged.has(key)) continue;
      const rest = isTree(value) && isTree(live[key]) ? merge(value, live[key], {}) : undefined;
      if (isTree(rest) && Object.keys(rest).length > 0) merged.set(key, rest);
      else merged.delete(key);
    }
    for (const [key, value] of Object.entries(desired)) merged.set(key, merge(before[key], live[key], value));
    return Object.fromEntries(merged);
  }
  const [had, have, want] = [named(applied), named(live), named(desired)];
  if (have === null || want === null) return desired;
  const kept = [...have].filter(([name]) => !want.has(name) && had?.has(name) !== true).map(([, item]) => item);
  return [...[...want].map(([name, item]) => merge(had?.get(name), have.get(name), item)), ...kept];
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A list whose items all have names, by name. */
function named(value: unknown): Map<unknown, unknown> | null {
  if (!Array.isArray(value) || !value.every((item) => isTree(item) && "name" in item)) return null;
  return new Map(value.map((item) => [item.name, item]));
}
