/**
 * The Secrets of an API server, in memory, with the bad luck that a test asks for. Shapes and rules as Kubernetes' documentation
 * has them: "Kubernetes API Concepts" (lists in pages with `continue`, 410 for a page that is too old, resource versions,
 * `PartialObjectMetadata`), "API Conventions" (409 for a stale resourceVersion and for a taken name, 422 for what is invalid,
 * `preconditions` of a deletion) and the Secret's own (1 MiB of values, `immutable`). The suite runs against a real server too.
 */
import { TrueupError } from "../../src/model/errors.ts";
import type { KubeApi, KubeCall } from "../../src/model/kube-api.ts";
import type { JsonObject, KubeObject } from "../../src/model/object.ts";

export interface Secret extends KubeObject {
  data: Record<string, string>;
  type: string;
  immutable?: boolean;
}

/** What happens to one request: `lost`: never arrives; `unanswered`: carried out, not answered; `late`: arrives right before the next write. */
export type Luck = "fine" | "lost" | "unanswered" | "late";

const MOST_SECRET_BYTES = 1024 * 1024;
const MOST_BODY_BYTES = 3 * 1024 * 1024;

export class ScriptedKubeApi implements KubeApi {
  readonly server = "https://scripted.invalid";
  readonly namespaces = new Set(["ops"]);
  readonly secrets = new Map<string, Secret>();
  /** All calls that arrived. */
  readonly calls: KubeCall[] = [];
  /** Asked for each request. May throw: then it never arrives. */
  luck: (call: KubeCall) => Luck = () => "fine";
  /** Called when a request was carried out, before its answer is seen. */
  done: (call: KubeCall) => void = () => undefined;
  #version = 100;
  /** Lists that are being read: what was there when they began. */
  readonly #lists = new Map<string, { items: Secret[]; version: number }>();
  readonly #delayed: KubeCall[] = [];
  #uids = 0;

  async request(call: KubeCall, signal: AbortSignal): Promise<JsonObject> {
    signal.throwIfAborted();
    const luck = this.luck(call);
    if (luck === "lost") throw unreachable();
    if (luck === "late") {
      this.#delayed.push(call);
      throw unreachable();
    }
    if (call.method !== "GET") for (const late of this.#delayed.splice(0)) this.#tryLate(late);
    const answer = this.#carryOut(call);
    this.done(call);
    if (luck === "unanswered") throw unreachable();
    // As far away as a server is.
    await new Promise((resolve) => setImmediate(resolve));
    return structuredClone(answer);
  }

  lines(): AsyncIterable<string> {
    throw new Error("the ledger follows no streams");
  }

  async close(): Promise<void> {}

  /** Forgets the moments of all lists, as a server does after some minutes. */
  compact(): void {
    this.#lists.clear();
  }

  /** Does what somebody with kubectl can do; their write has a resource version too. */
  tamper(name: string, change: (secret: Secret) => void): void {
    const secret = structuredClone(this.#require("ops", name));
    change(secret);
    this.#put("ops", secret);
  }

  names(namespace = "ops"): string[] {
    return [...this.secrets.keys()]
      .filter((key) => key.startsWith(`${namespace}/`))
      .map((key) => key.slice(namespace.length + 1))
      .sort();
  }

  #tryLate(call: KubeCall): void {
    try {
      this.#carryOut(call);
      this.done(call);
    } catch (error) {
      // Nobody waits for the answer any more.
      if (!(error instanceof TrueupError)) throw error;
    }
  }

  #carryOut(call: KubeCall): JsonObject {
    this.calls.push(call);
    const [, namespace = "", name] = /^\/api\/v1\/namespaces\/([^/]+)\/secrets(?:\/([^/]+))?$/.exec(call.path) ?? [];
    if (namespace === "") throw status(404, "NotFound", `no such path ${call.path}`);
    if (JSON.stringify(call.body ?? null).length > MOST_BODY_BYTES) {
      throw status(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728");
    }
    const answer = this.#answer(call, namespace, name);
    const isBrief = call.accept?.includes("as=PartialObjectMetadata") === true && call.method !== "DELETE";
    if (!isBrief) return answer as unknown as JsonObject;
    const brief = {
      kind: "PartialObjectMetadata",
      apiVersion: "meta.k8s.io/v1",
      metadata: (answer as Secret).metadata,
    };
    return brief as unknown as JsonObject;
  }

  #answer(call: KubeCall, namespace: string, name: string | undefined): unknown {
    if (name === undefined && call.method === "GET") return this.#list(namespace, call.query ?? {});
    if (name === undefined && call.method === "POST") return this.#create(namespace, call.body as unknown as Secret);
    if (name === undefined) throw status(405, "MethodNotAllowed", "the server does not allow this method");
    if (call.method === "GET") return this.#require(namespace, name);
    if (call.method === "PATCH") return this.#patch(namespace, name, call);
    if (call.method === "DELETE") return this.#delete(namespace, name, call.body ?? {});
    throw status(405, "MethodNotAllowed", "the server does not allow this method");
  }

  #list(namespace: string, query: NonNullable<KubeCall["query"]>): unknown {
    if (query.resourceVersion !== undefined) throw new Error("a list of any age is not what the ledger may ask for");
    const [label = "", value = ""] = String(query.labelSelector ?? "").split("=");
    let all: { items: Secret[]; version: number };
    let from = 0;
    let key = "";
    if (query.continue !== undefined) {
      [key = "", from = 0] = JSON.parse(String(query.continue)) as [string, number];
      const found = this.#lists.get(key);
      if (found === undefined) throw status(410, "Expired", "The provided continue parameter is too old");
      all = found;
    } else {
      const items = this.names(namespace).map((each) => this.#require(namespace, each));
      key = String(this.#lists.size + 1);
      all = {
        items: items.filter(({ metadata }) => label === "" || metadata.labels?.[label] === value),
        version: this.#version,
      };
      this.#lists.set(key, all);
    }
    const to = from + Number(query.limit ?? all.items.length);
    const next = to < all.items.length ? JSON.stringify([key, to]) : undefined;
    return {
      ...{ kind: "SecretList", apiVersion: "v1" },
      metadata: { resourceVersion: String(all.version), ...(next !== undefined && { continue: next }) },
      // Items of a list have neither kind nor apiVersion.
      items: all.items.slice(from, to).map(({ kind: _kind, apiVersion: _version, ...item }) => item),
    };
  }

  #create(namespace: string, body: Secret): Secret {
    if (!this.namespaces.has(namespace)) throw status(404, "NotFound", `namespaces "${namespace}" not found`);
    const { name } = body.metadata;
    if (this.secrets.has(`${namespace}/${name}`))
      throw status(409, "AlreadyExists", `secrets "${name}" already exists`);
    const secret = structuredClone({ ...body, metadata: { ...body.metadata, namespace, uid: `uid-${++this.#uids}` } });
    return this.#put(namespace, secret);
  }

  #patch(namespace: string, name: string, { body = {}, contentType }: KubeCall): Secret {
    if (contentType !== "application/merge-patch+json") throw status(415, "UnsupportedMediaType", "no such patch");
    const before = this.#require(namespace, name);
    const { resourceVersion } = (body.metadata ?? {}) as { resourceVersion?: string };
    if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) {
      throw status(409, "Conflict", "the object has been modified; please apply your changes to the latest version");
    }
    const after = mergePatch(before as unknown as JsonObject, body) as unknown as Secret;
    if (
      before.immutable === true &&
      (JSON.stringify(after.data) !== JSON.stringify(before.data) || after.immutable !== true)
    ) {
      throw status(422, "Invalid", "data: Forbidden: field is immutable when `immutable` is set");
    }
    if (JSON.stringify(before) === JSON.stringify(after)) return before;
    return this.#put(namespace, after);
  }

  #delete(namespace: string, name: string, { preconditions }: JsonObject): unknown {
    const { metadata } = this.#require(namespace, name);
    const { uid } = (preconditions ?? {}) as { uid?: string };
    if (uid !== undefined && uid !== metadata.uid)
      throw status(409, "Conflict", "Precondition failed: UID in precondition");
    this.secrets.delete(`${namespace}/${name}`);
    this.#version += 1;
    return {
      kind: "Status",
      apiVersion: "v1",
      status: "Success",
      details: { name, kind: "secrets", uid: metadata.uid },
    };
  }

  #put(namespace: string, secret: Secret): Secret {
    const values = Object.entries(secret.data ?? {});
    const bytes = values.reduce((sum, [, text]) => sum + Buffer.from(text, "base64").length, 0);
    const key = values.find(([each]) => !/^[-._a-zA-Z0-9]{1,253}$/.test(each));
    if (key !== undefined)
      throw status(422, "Invalid", `data[${key[0]}]: a valid config key must consist of alphanumeric`);
    if (bytes > MOST_SECRET_BYTES) throw status(422, "Invalid", "data: Too long: may not be more than 1048576 bytes");
    this.#version += 1;
    const stored = { ...secret, metadata: { ...secret.metadata, resourceVersion: String(this.#version) } };
    this.secrets.set(`${namespace}/${secret.metadata.name}`, stored);
    return stored;
  }

  #require(namespace: string, name: string): Secret {
    const found = this.secrets.get(`${namespace}/${name}`);
    if (found === undefined) throw status(404, "NotFound", `secrets "${name}" not found`);
    return found;
  }
}

/** RFC 7386. */
function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const result: JsonObject = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    const before = result[key];
    if (value === null) delete result[key];
    else if (typeof value === "object" && !Array.isArray(value)) {
      const isObject = typeof before === "object" && before !== null && !Array.isArray(before);
      result[key] = mergePatch(isObject ? before : {}, value);
    } else result[key] = value;
  }
  return result;
}

/** As `KubeApi` says that answers become errors. */
export function status(code: number, reason: string, message: string): TrueupError {
  const words = {
    404: "not-found",
    409: "conflict",
    410: "not-found",
    403: "forbidden",
    422: "invalid",
    413: "invalid",
  } as const;
  const cause = Object.assign(new Error(message), { status: { code, reason } });
  const said = `Cannot ask the API server as it must agree: it says "${message}".`;
  return new TrueupError(words[code as 404] ?? "unavailable", said, { cause });
}

export function unreachable(): TrueupError {
  return new TrueupError("unavailable", "Cannot reach the API server as it must answer: connection lost.");
}
