/** Who asked the API server for what, read from its audit log: the honest way to count requests. */
import { randomUUID } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Api } from "./api.ts";

export interface AuditedRequest {
  user: string;
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`. */
  verb: string;
  /** `deployments.apps`, `pods/status`; "" for what is no resource, such as `/readyz`. */
  resource: string;
  namespace: string;
  name: string;
  uri: string;
  /** Of the answer. */
  status: number;
  userAgent: string;
}

/** Which requests: a field that is given must be equal. */
export type AuditFilter = Partial<Pick<AuditedRequest, "user" | "verb" | "resource" | "namespace" | "name">>;

/** A place in the log, given by `mark`. */
export type AuditMark = number;

interface AuditEvent {
  auditID: string;
  stage: string;
  verb: string;
  requestURI: string;
  user: { username: string };
  impersonatedUser?: { username: string };
  userAgent?: string;
  objectRef?: { resource?: string; subresource?: string; apiGroup?: string; namespace?: string; name?: string };
  responseStatus?: { code?: number };
}

const LONGEST_WAIT_MS = 10_000;

export class AuditLog {
  readonly #path: string;
  readonly #api: Api;
  /** Where the last look ended, so that a mark need not read all of it again. */
  #end = 0;

  /** @param api Through it the log is asked whether it is up to date; these requests are not counted */
  constructor(path: string, api: Api) {
    this.#path = path;
    this.#api = api;
  }

  /** The place after all requests that have been answered by now. */
  async mark(): Promise<AuditMark> {
    await this.#read(this.#end);
    return this.#end;
  }

  /** The requests answered since the mark; a watch counts when it begins. */
  async since(mark: AuditMark, filter: AuditFilter = {}): Promise<AuditedRequest[]> {
    const seen = new Set<string>();
    const wanted = Object.entries(filter) as [keyof AuditFilter, string][];
    return (await this.#read(mark))
      .filter(({ auditID }) => !seen.has(auditID) && seen.add(auditID))
      .map(requestOf)
      .filter(
        (request) => !request.uri.includes("fence=") && wanted.every(([field, value]) => request[field] === value),
      );
  }

  /**
   * All from an offset on. An answer can reach its client before the line about it reaches the file, so a request
   * of our own goes last, and the log is read until it is there.
   */
  async #read(from: number): Promise<AuditEvent[]> {
    const fence = randomUUID();
    await this.#api.request("GET", `/version?fence=${fence}`);
    const limit = performance.now() + LONGEST_WAIT_MS;
    while (performance.now() < limit) {
      const text = this.#text(from);
      const whole = text.slice(0, text.lastIndexOf("\n") + 1);
      if (whole.includes(fence)) {
        const lines = whole.split("\n").filter((line) => line !== "");
        this.#end = from + Buffer.byteLength(whole);
        return lines.map((line) => JSON.parse(line) as AuditEvent);
      }
      await pause(5);
    }
    throw new Error(`Cannot count requests as ${this.#path} must tell of the last one: it does not`);
  }

  #text(from: number): string {
    const file = openSync(this.#path, "r");
    try {
      const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - from));
      const read = readSync(file, bytes, 0, bytes.length, from);
      return bytes.toString("utf8", 0, read);
    } finally {
      closeSync(file);
    }
  }
}

function requestOf(event: AuditEvent): AuditedRequest {
  const { resource = "", subresource, apiGroup = "", namespace = "", name = "" } = event.objectRef ?? {};
  const full = `${resource}${apiGroup === "" ? "" : `.${apiGroup}`}${subresource === undefined ? "" : `/${subresource}`}`;
  return {
    user: event.impersonatedUser?.username ?? event.user.username,
    verb: event.verb,
    resource: full,
    namespace,
    name,
    uri: event.requestURI,
    status: event.responseStatus?.code ?? 0,
    userAgent: event.userAgent ?? "",
  };
}
