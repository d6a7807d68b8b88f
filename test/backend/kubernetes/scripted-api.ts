/**
 * An API server as a test scripts it: answers by path, watches that say what the test says when it says it. Shapes are those
 * of Kubernetes' page "API concepts" (lists with `continue`, watch events, bookmarks, `Status` with 410) and of the
 * reference pages "Status" and "ListMeta".
 */
import { errorOfStatus, isAboutSecrets, readStatus } from "../../../src/backend/kubernetes/status.ts";
import { TrueupError } from "../../../src/model/errors.ts";
import type { KubeApi, KubeCall } from "../../../src/model/kube-api.ts";
import type { JsonObject } from "../../../src/model/object.ts";

type Answer = (call: KubeCall) => JsonObject | Promise<JsonObject>;

export class ScriptedApi implements KubeApi {
  readonly server = "https://cluster.test";
  /** Requests in order, as `GET /api/v1/pods?limit=500`; watches among them. */
  readonly asked: string[] = [];
  /** Watches that were begun, in order. */
  readonly watches: ScriptedWatch[] = [];
  isClosed = false;
  readonly #answers = new Map<string, Answer[]>();
  readonly #refusals: ((call: KubeCall) => Error)[] = [];

  /** The next answers to requests for this path; the last one stays. */
  on(path: string, ...answers: (JsonObject | Answer)[]): this {
    this.#answers.set(
      path,
      answers.map((answer) => (typeof answer === "function" ? answer : () => answer)),
    );
    return this;
  }

  /** The next watch does not open. */
  refuseWatch(error: (call: KubeCall) => Error): this {
    this.#refusals.push(error);
    return this;
  }

  async request(call: KubeCall, signal: AbortSignal): Promise<JsonObject> {
    signal.throwIfAborted();
    this.#note(call);
    const answers = this.#answers.get(call.path);
    const answer = answers === undefined ? undefined : answers.length > 1 ? answers.shift() : answers[0];
    if (answer === undefined) throw refused(404, "NotFound")(call);
    const aborted = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => aborted.reject(signal.reason), { once: true });
    return Promise.race([(async () => answer(call))(), aborted.promise]);
  }

  async *lines(call: KubeCall, signal: AbortSignal, opened?: () => void): AsyncGenerator<string> {
    signal.throwIfAborted();
    this.#note(call);
    const refusal = this.#refusals.shift();
    if (refusal !== undefined) throw refusal(call);
    const watch = new ScriptedWatch(call, signal);
    this.watches.push(watch);
    opened?.();
    yield* watch.lines();
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  /** The watch that was begun last, of this path where given. */
  watch(path?: string): ScriptedWatch {
    const found = this.watches.findLast(({ call }) => path === undefined || call.path === path);
    if (found === undefined) throw new Error(`No watch of ${path ?? "anything"} was begun`);
    return found;
  }

  /** What was asked since the last call, without what the server's time-out is: that is chance. */
  takeAsked(): string[] {
    return this.asked.splice(0).map((each) => each.replace(/&timeoutSeconds=\d+/, ""));
  }

  #note({ method, path, query }: KubeCall): void {
    const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
    const text = given.map(([key, value]) => `${key}=${value}`).join("&");
    this.asked.push(`${method} ${path}${text === "" ? "" : `?${text}`}`);
  }
}

export class ScriptedWatch {
  readonly call: KubeCall;
  readonly #signal: AbortSignal;
  readonly #waiting: (string | Error | null)[] = [];
  #wake: () => void = () => {};

  constructor(call: KubeCall, signal: AbortSignal) {
    this.call = call;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake());
  }

  get isAborted(): boolean {
    return this.#signal.aborted;
  }

  event(type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR", object: unknown): this {
    return this.raw(JSON.stringify({ type, object }));
  }

  /** Only its version, as the page "API concepts" shows a bookmark. */
  bookmark(version: string): this {
    return this.event("BOOKMARK", {
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: { resourceVersion: version, creationTimestamp: null },
    });
  }

  raw(line: string): this {
    return this.#push(line);
  }

  /** The server ends the answer, as when the time is up. */
  end(): this {
    return this.#push(null);
  }

  /** The connection breaks. */
  fail(error: Error = connectionLost()): this {
    return this.#push(error);
  }

  async *lines(): AsyncGenerator<string> {
    for (;;) {
      this.#signal.throwIfAborted();
      const next = this.#waiting.shift();
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (next === null) return;
      else if (next instanceof Error) throw next;
      else yield next;
    }
  }

  #push(item: string | Error | null): this {
    this.#waiting.push(item);
    this.#wake();
    return this;
  }
}

export function connectionLost(): TrueupError {
  return new TrueupError("unavailable", "Cannot reach the API server https://cluster.test as it must answer: reset.");
}

/** What the server answers with, for a call. */
export function refused(code: number, reason: string, message = `${code} ${reason}`): (call: KubeCall) => TrueupError {
  const status = { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message };
  return (call) => errorOfStatus(call, readStatus(code, status, isAboutSecrets(call.path)));
}

/** The `Status` of a watch whose version is too old, as the page "API concepts" shows it. */
export const GONE = {
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Failure",
  message: "too old resource version: 10 (20)",
  reason: "Expired",
  code: 410,
};

export function configMap(
  name: string,
  version: string | number,
  more: { uid?: string; namespace?: string; data?: JsonObject; metadata?: JsonObject } = {},
): JsonObject {
  const { uid = `uid-${name}`, namespace = "default", data = {}, metadata = {} } = more;
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace, uid, resourceVersion: String(version), ...metadata },
    data,
  };
}

/** A page of a list, whose items do not say what they are. */
export function listOf(kind: string, version: string | number, items: JsonObject[], token?: string): JsonObject {
  return {
    kind: `${kind}List`,
    apiVersion: "v1",
    metadata: { resourceVersion: String(version), ...(token !== undefined && { continue: token }) },
    items: items.map(({ apiVersion: _apiVersion, kind: _kind, ...item }) => item),
  };
}

/** A resource as the aggregated discovery (apidiscovery.k8s.io/v2, `APIResourceDiscovery`) shows it. */
export function resource(kind: string, plural: string, namespaced = true): JsonObject & { verbs: string[] } {
  return {
    resource: plural,
    responseKind: { group: "", version: "", kind },
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: kind.toLowerCase(),
    verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
  };
}

/** An `APIGroupDiscoveryList`; versions in order of preference, those of `stale` as of a server that is away. */
export function aggregated(
  ...groups: { name: string; versions: Record<string, JsonObject[]>; stale?: string[] }[]
): JsonObject {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groups.map(({ name, versions, stale = [] }) => ({
      metadata: { name, creationTimestamp: null },
      versions: Object.entries(versions).map(([version, resources]) => ({
        version,
        resources: resources.map((each) => ({
          ...each,
          responseKind: { ...(each.responseKind as JsonObject), group: name, version },
        })),
        freshness: stale.includes(version) ? "Stale" : "Current",
      })),
    })),
  };
}

/** The core group's part, as `/api` answers. */
export const CORE: JsonObject = aggregated({
  name: "",
  versions: {
    v1: [
      resource("ConfigMap", "configmaps"),
      resource("Event", "events"),
      resource("Namespace", "namespaces", false),
      resource("Pod", "pods"),
      resource("Secret", "secrets"),
    ],
  },
});
