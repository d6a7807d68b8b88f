/** The Kubernetes API as tests speak it: paths and plain objects, list and watch. Small on purpose, and not trueup's own client. */
import { Agent, type Dispatcher, request } from "undici";
import { isClusterScoped, type JsonObject, type KubeObject } from "../../../src/model/object.ts";
import type { Access } from "./access.ts";

/** An answer of the API server other than 2xx. */
export class ApiError extends Error {
  readonly status: number;
  /** Kubernetes' own word: `NotFound`, `Conflict`, `Forbidden`, `Expired`, … */
  readonly reason: string;

  constructor(what: string, status: number, text: string) {
    const said = parse(text);
    super(`${what}: ${status} ${said?.message ?? text.slice(0, 300)}`);
    this.name = "ApiError";
    this.status = status;
    this.reason = said?.reason ?? "";
  }
}

export type WatchEvent<T extends KubeObject = KubeObject> =
  /** All that was there when the watch began has been told. Comes again when it had to begin anew. */
  { type: "SYNCED" } | { type: "ADDED" | "MODIFIED" | "DELETED"; object: T };

export type PatchKind = "merge" | "strategic" | "apply";

const PATCH_TYPES: Readonly<Record<PatchKind, string>> = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

const DEFAULT_UNTIL_MS = 60_000;
const MOST_CONNECTIONS = 64;

interface RequestOptions {
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal;
}

export class Api {
  readonly access: Access;
  readonly #agent: Agent;

  constructor(access: Access) {
    this.access = access;
    const { ca, certificate: cert, key } = access;
    // A watch may have nothing to say for longer than any answer may take. Each request has a connection of its own.
    this.#agent = new Agent({ connect: { ca, cert, key }, bodyTimeout: 0, connections: MOST_CONNECTIONS });
  }

  /** Ends every request and watch that is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /**
   * Any request.
   *
   * @param path From the server's root, with its query
   * @throws {ApiError} When the answer is not 2xx
   */
  async request<T = JsonObject>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const { body } = await this.#send(method, path, options);
    return (await body.json()) as T;
  }

  get<T extends KubeObject = KubeObject>(path: string): Promise<T> {
    return this.request<T>("GET", path);
  }

  async list<T extends KubeObject = KubeObject>(path: string): Promise<T[]> {
    return (await this.request<{ items: T[] }>("GET", path)).items;
  }

  /** Creates an object; its own `metadata.namespace` says where. */
  create<T extends KubeObject>(object: T): Promise<T> {
    return this.request<T>("POST", collectionPath(object), { body: object });
  }

  /** Creates or changes by server-side apply. */
  apply<T extends KubeObject>(object: T, fieldManager: string): Promise<T> {
    return this.patch<T>(
      `${pathOf(object)}?fieldManager=${encodeURIComponent(fieldManager)}&force=true`,
      "apply",
      object,
    );
  }

  patch<T extends KubeObject = KubeObject>(path: string, kind: PatchKind, body: object): Promise<T> {
    return this.request<T>("PATCH", path, { body, contentType: PATCH_TYPES[kind] });
  }

  /** Deletes; whether it was there. @param body DeleteOptions: `gracePeriodSeconds`, `preconditions`, … */
  async remove(path: string, body: JsonObject = {}): Promise<boolean> {
    try {
      await this.request("DELETE", path, { body });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }

  /**
   * Tells what is in a collection and then each change, for as long as wanted: a watch that the server ends is taken up
   * where it was, and one that is too old begins anew.
   *
   * @throws {ApiError} When the list is refused, and the signal's reason when it is aborted
   */
  async *watch<T extends KubeObject = KubeObject>(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const and = path.includes("?") ? "&" : "?";
    for (;;) {
      const list = await this.request<{ items: T[]; metadata: { resourceVersion: string } }>("GET", path, { signal });
      for (const object of list.items) yield { type: "ADDED", object };
      yield { type: "SYNCED" };
      let version: string | null = list.metadata.resourceVersion;
      while (version !== null) {
        const query: string = `watch=true&allowWatchBookmarks=true&resourceVersion=${version}`;
        version = yield* this.#watchFrom<T>(`${path}${and}${query}`, version, signal);
      }
    }
  }

  /** One watch to its end: the version from which the next goes on, or null when that is gone. */
  async *#watchFrom<T extends KubeObject>(
    path: string,
    from: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>, string | null> {
    let version = from;
    const { body } = await this.#send("GET", path, { signal }).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 410) return { body: null };
      throw error;
    });
    if (body === null) return null;
    for await (const line of lines(body)) {
      const event = JSON.parse(line) as { type: string; object: T };
      if (event.type === "ERROR") return null;
      version = event.object.metadata.resourceVersion ?? version;
      if (event.type !== "BOOKMARK") yield event as WatchEvent<T>;
    }
    return version;
  }

  /**
   * Waits until the object of this path is as wanted. Nothing is asked again and again: the server tells.
   *
   * @param test Gets `null` while there is no such object
   * @returns The object as it was then
   * @throws At the deadline, with the object as it was last
   */
  async until<T extends KubeObject = KubeObject>(
    path: string,
    test: (object: T | null) => boolean,
    withinMs: number = DEFAULT_UNTIL_MS,
  ): Promise<T | null> {
    const slash = path.lastIndexOf("/");
    const collection = `${path.slice(0, slash)}?fieldSelector=metadata.name%3D${path.slice(slash + 1)}`;
    const seen = new AbortController();
    const signal = AbortSignal.any([seen.signal, AbortSignal.timeout(withinMs)]);
    let last: T | null = null;
    try {
      for await (const event of this.watch<T>(collection, signal)) {
        if (event.type !== "SYNCED") last = event.type === "DELETED" ? null : event.object;
        // Before that, an object that is there may merely not have been told.
        else if (last !== null) continue;
        if (test(last)) return last;
      }
      throw new Error(`Cannot watch ${path} as its watch must go on: it ended`);
    } catch (error) {
      if (!signal.aborted) throw error;
      const shown = JSON.stringify(last, null, 2);
      throw new Error(`Cannot go on as ${path} must become as wanted within ${withinMs} ms: it is ${shown}`, {
        cause: error,
      });
    } finally {
      seen.abort();
    }
  }

  async #send(
    method: string,
    path: string,
    { body, contentType, signal }: RequestOptions,
  ): Promise<Dispatcher.ResponseData> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (this.access.token !== undefined) headers.authorization = `Bearer ${this.access.token}`;
    if (this.access.impersonate !== undefined) headers["impersonate-user"] = this.access.impersonate;
    if (body !== undefined) headers["content-type"] = contentType ?? "application/json";
    const response = await request(`${this.access.server.replace(/\/$/, "")}${path}`, {
      dispatcher: this.#agent,
      method: method as Dispatcher.HttpMethod,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
    if (response.statusCode >= 200 && response.statusCode < 300) return response;
    throw new ApiError(`${method} ${path}`, response.statusCode, await response.body.text());
  }
}

/** Path of the collection that an object of a built-in kind belongs to. */
export function collectionPath({ apiVersion, kind, metadata }: KubeObject): string {
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  const root = group === "" ? `/api/${apiVersion}` : `/apis/${apiVersion}`;
  const place = isClusterScoped(group, kind) ? "" : `/namespaces/${metadata.namespace ?? "default"}`;
  return `${root}${place}/${plural(kind)}`;
}

/** Path of an object of a built-in kind. */
export function pathOf(object: KubeObject): string {
  return `${collectionPath(object)}/${object.metadata.name}`;
}

/** The resource of a built-in kind: `ingresses` of `Ingress`. */
function plural(kind: string): string {
  const word = kind.toLowerCase();
  if (word === "endpoints") return word;
  if (word.endsWith("s")) return `${word}es`;
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
}

async function* lines(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((line) => line !== "");
  }
}

function parse(text: string): { message?: string; reason?: string } | null {
  try {
    return JSON.parse(text) as { message?: string; reason?: string } | null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
