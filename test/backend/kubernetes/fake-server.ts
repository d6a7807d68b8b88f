/**
 * A Kubernetes API server as far as writes need one: objects by path, versions, server-side apply of whole fields, and the
 * refusals that races meet. The real one has its say in `test/real-cluster/`.
 */
import { errorOfStatus, readStatus } from "../../../src/backend/kubernetes/status.ts";
import type { KubeApi, KubeCall } from "../../../src/model/kube-api.ts";
import type { JsonObject, KubeObject } from "../../../src/model/object.ts";

type Fields = Record<string, unknown>;

export class FakeServer implements KubeApi {
  readonly server = "https://fake";
  readonly objects = new Map<string, KubeObject>();
  /** `PATCH /api/v1/…`, as they came; dry runs are marked. */
  readonly calls: string[] = [];
  /** Called before each request is answered: what somebody else does in the meantime; it may refuse by throwing. */
  meanwhile: (call: KubeCall, line: string) => void | Promise<void> = () => {};
  #version = 100;
  #uid = 0;

  async request(call: KubeCall, signal: AbortSignal): Promise<JsonObject> {
    signal.throwIfAborted();
    const line = `${call.method} ${call.path}${call.query?.dryRun === undefined ? "" : " (dry run)"}`;
    this.calls.push(line);
    await this.meanwhile(call, line);
    const { method, path } = call;
    const object = this.objects.get(path);
    if (method === "GET") return json(object ?? this.#refuse(call, 404, "NotFound"));
    if (method === "DELETE") return this.#delete(call, object);
    if (method === "POST") return this.#create(call);
    return json(this.#patch(call, object));
  }

  lines(): AsyncGenerator<string> {
    throw new Error("no stream is served here");
  }

  async close(): Promise<void> {}

  /** Puts an object there, as somebody else's write. @param manager Who set all of its `data` and labels */
  put(path: string, object: KubeObject, manager: string, operation = "Update"): KubeObject {
    const before = this.objects.get(path);
    const metadata = {
      ...object.metadata,
      uid: object.metadata.uid ?? before?.metadata.uid ?? `uid-${++this.#uid}`,
      resourceVersion: String(++this.#version),
      managedFields: [{ manager, operation, apiVersion: object.apiVersion, fieldsV1: fieldsOf(object) }],
    };
    const stored = { ...object, metadata };
    this.objects.set(path, stored);
    return stored;
  }

  /** Refuses as the API server would. */
  refuse(call: KubeCall, code: number, reason: string, more: object = {}): never {
    return this.#refuse(call, code, reason, more);
  }

  #refuse(call: KubeCall, code: number, reason: string, more: object = {}): never {
    const status = { kind: "Status", code, reason, message: `${reason} at ${call.path}`, ...more };
    throw errorOfStatus(call, readStatus(code, status, false));
  }

  #create(call: KubeCall): JsonObject {
    const body = call.body as unknown as KubeObject;
    const path = `${call.path}/${body.metadata.name}`;
    const namespace = /^\/api\/v1\/namespaces\/([^/]+)\//.exec(path)?.[1];
    if (namespace !== undefined && !this.objects.has(`/api/v1/namespaces/${namespace}`)) {
      this.#refuse(call, 404, "NotFound");
    }
    if (this.objects.has(path)) this.#refuse(call, 409, "AlreadyExists");
    return json(this.put(path, body, String(call.query?.fieldManager), "Update"));
  }

  #delete(call: KubeCall, object: KubeObject | undefined): JsonObject {
    if (object === undefined) this.#refuse(call, 404, "NotFound");
    const wanted = (call.body?.preconditions as { uid?: string } | undefined)?.uid;
    if (wanted !== undefined && wanted !== object.metadata.uid) this.#refuse(call, 409, "Conflict");
    if ((object.metadata.finalizers ?? []).length > 0) {
      const metadata = { ...object.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" };
      const leaving = { ...object, metadata };
      this.objects.set(call.path, leaving);
      return json(leaving);
    }
    this.objects.delete(call.path);
    return { kind: "Status", apiVersion: "v1", status: "Success" };
  }

  #patch(call: KubeCall, live: KubeObject | undefined): KubeObject {
    const body = call.body as unknown as KubeObject;
    const { uid, resourceVersion } = body.metadata;
    if (live === undefined && uid !== undefined) this.#refuse(call, 409, "Conflict");
    if (live !== undefined && uid !== undefined && uid !== live.metadata.uid) {
      const details = {
        causes: [{ reason: "FieldValueInvalid", message: "field is immutable", field: "metadata.uid" }],
      };
      this.#refuse(call, 422, "Invalid", { details });
    }
    // Of what is not there, no version is asked for.
    if (live !== undefined && resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion) {
      this.#refuse(call, 409, "Conflict");
    }
    const next = call.contentType === "application/apply-patch+yaml" ? this.#apply(call, live) : merged(live, body);
    const same = live !== undefined && JSON.stringify(next) === JSON.stringify(live);
    const version = same ? live.metadata.resourceVersion : String(++this.#version);
    const metadata = { ...next.metadata, uid: live?.metadata.uid ?? `uid-${++this.#uid}`, resourceVersion: version };
    const stored = same ? live : ({ ...next, metadata } as KubeObject);
    if (call.query?.dryRun === undefined) this.objects.set(call.path, stored);
    return stored;
  }

  /** Whole `data` keys and labels; one other manager's at a time. */
  #apply(call: KubeCall, live: KubeObject | undefined): KubeObject {
    const manager = String(call.query?.fieldManager);
    const body = call.body as unknown as KubeObject;
    const { uid: _uid, resourceVersion: _version, ...metadata } = body.metadata;
    const entries = managedOf(live);
    const own = entries.find((entry) => entry.manager === manager && entry.operation === "Apply");
    const [was, had] = [dataOf(live), keysOf(own)];
    const isTheirs = entries.some((entry) => entry !== own && keysOf(entry).length > 0);
    const data: Record<string, string> = { ...was };
    for (const key of had) if (!(key in dataOf(body))) delete data[key];
    for (const [key, value] of Object.entries(dataOf(body))) {
      const isConflict = isTheirs && !had.includes(key) && was[key] !== undefined && was[key] !== value;
      if (isConflict && call.query?.force !== true) this.#refuse(call, 409, "Conflict");
      data[key] = value;
    }
    const mine = { manager, operation: "Apply", apiVersion: body.apiVersion, fieldsV1: fieldsOf(body) };
    const others = entries.filter((entry) => entry !== own);
    return {
      ...body,
      metadata: {
        ...live?.metadata,
        ...metadata,
        labels: { ...live?.metadata.labels, ...metadata.labels },
        managedFields: [mine, ...others],
      },
      ...(Object.keys(data).length > 0 && { data }),
    } as KubeObject;
  }
}

interface Managed {
  manager: string;
  operation: string;
  fieldsV1: Fields;
}

function managedOf(object: KubeObject | undefined): Managed[] {
  return ((object?.metadata as { managedFields?: Managed[] } | undefined)?.managedFields ?? []) as Managed[];
}

function dataOf(object: KubeObject | undefined): Record<string, string> {
  return (object?.data ?? {}) as Record<string, string>;
}

function keysOf(entry: Managed | undefined): string[] {
  return Object.keys((entry?.fieldsV1["f:data"] ?? {}) as Fields).map((step) => step.slice(2));
}

function fieldsOf(object: KubeObject): Fields {
  const steps = (map: object): Fields => Object.fromEntries(Object.keys(map).map((key) => [`f:${key}`, {}]));
  return {
    "f:data": steps(dataOf(object)),
    "f:metadata": { "f:labels": steps(object.metadata.labels ?? {}) },
  };
}

/** A merge patch of metadata and data, as deep as tests need. */
function merged(live: KubeObject | undefined, patch: KubeObject): KubeObject {
  const data: Record<string, string | null> = { ...dataOf(live), ...dataOf(patch) };
  for (const [key, value] of Object.entries(data)) if (value === null) delete data[key];
  const metadata = { ...live?.metadata, ...patch.metadata };
  return { ...live, ...patch, metadata, data } as KubeObject;
}

function json(object: KubeObject): JsonObject {
  return object as unknown as JsonObject;
}
