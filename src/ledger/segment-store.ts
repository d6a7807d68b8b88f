/** The requests of a ledger in the cluster: segments listed, read, made, added to and deleted. It does not decide. */
import { type ErrorCode, TrueupError } from "../model/errors.ts";
import type { KubeApi, KubeCall } from "../model/kube-api.ts";
import type { LedgerEntry } from "../model/ledger.ts";
import type { JsonObject, KubeObject } from "../model/object.ts";
import type { Clock } from "../util/clock.ts";
import { withDeadline } from "../util/deadline.ts";
import { type Fault, slowEffect } from "../util/fault.ts";
import {
  appendPatch,
  formatOf,
  LABEL,
  readSegment,
  SEGMENT_FORMAT,
  type Segment,
  type SegmentDraft,
  segmentName,
  segmentObject,
} from "./segment.ts";

/** Longest wait for one answer, with what is tried again below. */
const ANSWER_MS = 60_000;
/** Segments listed at once: a few megabytes. */
const PAGE = 100;
/** Answers to writes need not repeat what was written. */
const METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
/** Who says so in the objects' managed fields. */
const MANAGER = { fieldManager: "trueup" };

export interface SegmentStoreOptions {
  api: KubeApi;
  /** Where the segments are; it must be there. */
  namespace: string;
  /** Name of the ledger: the beginning of its segments' names, a DNS label. */
  name: string;
  clock: Clock;
  /** Hears of every write. */
  fault?: Fault;
}

/** Whether a write that failed so may have been made all the same. */
export function isUnsure(error: unknown): boolean {
  const sure: readonly ErrorCode[] = ["conflict", "invalid", "forbidden", "not-found"];
  return !(error instanceof TrueupError && sure.includes(error.code));
}

export class SegmentStore {
  readonly ledger: string;
  readonly #options: SegmentStoreOptions;
  readonly #collection: string;
  readonly #end = new AbortController();

  /** @throws {TrueupError} `usage` when the name cannot begin the names of objects */
  constructor(options: SegmentStoreOptions) {
    this.#options = options;
    this.ledger = options.name;
    if (!/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(options.name)) {
      const message = `Cannot keep a ledger in the cluster as its name must be a DNS label: it is "${options.name}".`;
      throw new TrueupError("usage", message);
    }
    this.#collection = `/api/v1/namespaces/${encodeURIComponent(options.namespace)}/secrets`;
  }

  /** For messages: `trueup-ledger in namespace ops of https://10.0.0.1`. */
  get place(): string {
    const { name, namespace, api } = this.#options;
    return `${name} in namespace ${namespace} of ${api.server}`;
  }

  close(): void {
    const message = `Cannot go on with the ledger ${this.place} as it must be open: it was closed.`;
    this.#end.abort(new TrueupError("aborted", message));
  }

  /**
   * All segments of one moment, in the order of their names, which is that of their entries. Read from etcd, not from a
   * server's cache that may be behind.
   *
   * @param unreadable As for `readSegment`
   * @throws {TrueupError} `unavailable` when the server forgot the moment before all was read
   */
  async *list(unreadable?: (seq: number, name: string) => LedgerEntry): AsyncGenerator<Segment> {
    let next: string | undefined;
    let before = "";
    do {
      const query = { labelSelector: `${LABEL.ledger}=${this.ledger}`, limit: PAGE, continue: next };
      const page = await this.#page(query);
      for (const item of page.items ?? []) {
        // Items of a list say neither kind nor version; the server orders them by key.
        if (item.metadata.name <= before) throw this.#unusable("they must be listed in order", item.metadata.name);
        before = item.metadata.name;
        const segment = this.#read(item, unreadable);
        if (segment !== null) yield segment;
      }
      next = page.metadata?.continue || undefined;
    } while (next !== undefined);
  }

  /** The segment of that name, `null` when there is none. */
  async get(name: string): Promise<Segment | null> {
    try {
      return this.#read((await this.#request({ method: "GET", path: this.#path(name) })) as unknown as KubeObject);
    } catch (error) {
      if (error instanceof TrueupError && error.code === "not-found") return null;
      throw error;
    }
  }

  /** @throws {TrueupError} `conflict` when its name is taken */
  async create(draft: SegmentDraft): Promise<Segment> {
    const body = segmentObject(draft);
    const { name, uid, resourceVersion } = await this.#write("make a segment", {
      method: "POST",
      path: this.#collection,
      query: MANAGER,
      body,
    });
    const { first, edition = 0, entries, writer, isSealed } = draft;
    const bytes = bytesOf(body);
    return {
      ...{ name, first, edition, entries: [...entries], bytes, writer, isSealed, uid, resourceVersion, strange: [] },
    };
  }

  /**
   * Adds entries, or writes them anew without their contents.
   *
   * @returns Its new resource version and how many bytes were sent
   * @throws {TrueupError} `conflict` when somebody has written to it since it was read
   */
  async append(
    segment: Segment,
    changed: readonly LedgerEntry[],
    isSealed: boolean,
  ): Promise<{ resourceVersion: string; bytes: number }> {
    const body = appendPatch(segment, changed, isSealed);
    const path = this.#path(segment.name);
    const contentType = "application/merge-patch+json";
    const { resourceVersion } = await this.#write("append", {
      method: "PATCH",
      path,
      query: MANAGER,
      body,
      contentType,
    });
    return { resourceVersion, bytes: bytesOf(body) };
  }

  /** Deletes this very object; done when it is not there. */
  async remove({ name, uid }: Pick<Segment, "name" | "uid">): Promise<void> {
    const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid } };
    try {
      await this.#write("remove a segment", { method: "DELETE", path: this.#path(name), body });
    } catch (error) {
      // With another uid it is another object.
      if (!(error instanceof TrueupError && (error.code === "not-found" || error.code === "conflict"))) throw error;
    }
  }

  /** @param name Of the next segment, or of one that was made anew */
  nameOf(first: number, edition = 0): string {
    return segmentName(this.ledger, first, edition);
  }

  async #page(query: KubeCall["query"] & object): Promise<SecretList> {
    try {
      return (await this.#request({ method: "GET", path: this.#collection, query })) as unknown as SecretList;
    } catch (error) {
      if (query.continue === undefined || !(error instanceof TrueupError && error.code === "not-found")) throw error;
      const message = `Cannot read the ledger ${this.place} as all of it must be read at once: the server forgot the moment.`;
      throw new TrueupError("unavailable", message, { cause: error });
    }
  }

  #read(object: KubeObject, unreadable?: (seq: number, name: string) => LedgerEntry): Segment | null {
    const format = formatOf(object);
    if (format > SEGMENT_FORMAT) {
      throw new TrueupError(
        "invalid",
        `Cannot read the ledger ${this.place} as its form must be at most ${SEGMENT_FORMAT}: it is ${format}.`,
        { hint: "A newer trueup wrote it: use that one." },
      );
    }
    return readSegment(
      this.ledger,
      object,
      unreadable ??
        ((seq, name) => {
          throw this.#unusable("it must have what trueup wrote", `entry ${seq} in secret ${name} is something else`);
        }),
    );
  }

  #unusable(must: string, is: string): TrueupError {
    return new TrueupError("invalid", `Cannot read the ledger ${this.place} as ${must}: ${is}.`, {
      hint: "Somebody changed it. Look at its Secrets, or restore a backup.",
    });
  }

  #path(name: string): string {
    return `${this.#collection}/${encodeURIComponent(name)}`;
  }

  async #write(about: string, call: KubeCall): Promise<{ name: string; uid: string; resourceVersion: string }> {
    const answer = await slowEffect(this.#options.fault, "ledger append", about, () =>
      this.#request({ ...call, accept: METADATA_ONLY }),
    );
    const { name = "", uid = "", resourceVersion = "" } = (answer.metadata ?? {}) as Record<string, string>;
    return { name, uid, resourceVersion };
  }

  #request(call: KubeCall): Promise<JsonObject> {
    const { api, clock } = this.#options;
    const message = `Cannot reach the ledger ${this.place} as the API server must answer within ${ANSWER_MS / 1_000} s: it did not.`;
    return withDeadline(
      clock,
      ANSWER_MS,
      this.#end.signal,
      (signal) => api.request(call, signal),
      () => new TrueupError("timeout", message),
    );
  }
}

interface SecretList {
  metadata?: { continue?: string };
  items?: KubeObject[];
}

/** Of the values that a body carries, before they are spelled in base64. */
function bytesOf({ data }: JsonObject): number {
  return Object.values((data ?? {}) as Record<string, string>).reduce((sum, text) => sum + (text.length * 3) / 4, 0);
}
