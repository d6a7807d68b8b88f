/**
 * Follows one collection of an API server: a complete list, then a watch that goes on where the list was taken.
 *
 * @see Kubernetes' page "API concepts", sections "Efficient detection of changes", "Watch bookmarks" and "Retrieving large
 *   results sets in chunks"
 */
import { asTrueupError, TrueupError } from "../../model/errors.ts";
import type { KubeApi } from "../../model/kube-api.ts";
import type { JsonObject, KubeObject } from "../../model/object.ts";
import { backoffMs } from "../../util/backoff.ts";
import { type CancelTimer, type Clock, sleep } from "../../util/clock.ts";
import { parseRecord } from "../../util/json.ts";
import type { Random } from "../../util/random.ts";
import { holdingYoungGeneration } from "../../util/young-generation.ts";
import { apiVersionOf, type KubeResource, pathOf } from "./resource.ts";
import { errorOfStatus, isAboutSecrets, readStatus, statusOf } from "./status.ts";
import { isNewer } from "./versions.ts";

/** Objects in one answer of a list. */
const PAGE = 250;
/** Lists begun anew because their snapshot ran out, before one is asked for in one piece. */
const PAGED_TRIES = 2;
/** The server ends a watch after 4 to 8 minutes; a new one goes on at the same place, maybe on another server. */
const WATCH_S = 240;
/** So much later a watch that the server did not end is given up: its connection is dead. */
const OVERDUE_MS = 30_000;
/** Servers send a bookmark each minute: one that was heard to and says nothing for so long hangs. */
const QUIET_MS = 150_000;
/** Metadata of objects instead of the objects. @see Kubernetes' page "API concepts", section "Metadata-only fetches" */
const NAMES_ALONE = ["PartialObjectMetadataList", "PartialObjectMetadata"]
  .map((kind) => `application/json;as=${kind};g=meta.k8s.io;v=v1`)
  .join(",");
/** A watch that ends sooner counts as a failure, or it would be begun again without end. */
const SHORT_MS = 1_000;
const BACKOFF = { baseMs: 250, maxMs: 30_000 };

export interface ReflectorOptions<T> {
  api: KubeApi;
  clock: Clock;
  random: Random;
  resource: KubeResource;
  /** "" for all namespaces. */
  namespace: string;
  fieldSelector?: string;
  /** Only the objects' metadata is asked for. */
  namesAlone?: boolean;
  sink: ReflectorSink<T>;
}

/**
 * What is told, in order. Each is taken in at once.
 *
 * @typeParam T What stays of an object of a list until the list is complete: ten thousand whole ones would be too many
 */
export interface ReflectorSink<T> {
  keep(object: KubeObject): T;
  /** The whole collection. @param version Its resourceVersion; `null` when the server's history went back */
  replace(kept: readonly T[], version: string | null): void;
  event(type: "added" | "modified" | "deleted", object: KubeObject): void;
  /** What was told is what the server has, as far as it told: a list is complete, and a watch is open. */
  inStep(): void;
  /** Reading failed; it is tried again after a while, or at once when `wake` is called. */
  failed(error: TrueupError): void;
}

const EVENT_TYPES: Readonly<Record<string, "added" | "modified" | "deleted">> = {
  ADDED: "added",
  MODIFIED: "modified",
  DELETED: "deleted",
};

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  /** Where the next watch begins; `null` when a list is due. */
  #version: string | null = null;
  /** The newest version that was known: a list that is older is of another history. */
  #newest = "";
  #failures = 0;
  #wake: () => void = () => {};

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
  }

  /**
   * Lists and watches until the server does not serve the collection any more.
   *
   * @throws The signal's reason, when it is aborted: nothing else ends it
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, sink } = this.#options;
    for (;;) {
      try {
        if (this.#version === null) await this.#list(signal);
        await this.#watch(this.#version ?? "", signal);
        this.#failures = 0;
      } catch (thrown) {
        signal.throwIfAborted();
        const error = asTrueupError(thrown, `follow ${this.#options.resource.plural}`);
        const status = statusOf(error);
        if (status?.code === 404) return;
        // An answer about this version (410 Gone, 504 when it is from another history): only a list helps. Whoever is
        // merely busy or away can go on with it later.
        if (status !== null && status.code !== 429 && status.code !== 503) this.#version = null;
        if (status?.code !== 410) sink.failed(error);
        await this.#rest(backoffMs(this.#failures++, BACKOFF) * (1 + random.next() / 2), clock, signal);
      }
    }
  }

  /** Tries again now, where it rests after a failure. */
  wake(): void {
    this.#wake();
  }

  async #rest(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    try {
      await sleep(clock, ms, AbortSignal.any([signal, woken.signal]));
    } catch {
      // Only the two signals end a sleep early; a wake is no error.
      signal.throwIfAborted();
    } finally {
      this.#wake = () => {};
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { sink } = this.#options;
    let tries = 0;
    for (;;) {
      const limit = tries < PAGED_TRIES ? PAGE : undefined;
      const listed = await holdingYoungGeneration(() => this.#pages(limit, signal));
      // The snapshot that the pages were of is gone (410): parts of two snapshots are no list.
      if (listed === null) {
        tries++;
        continue;
      }
      const { kept, version } = listed;
      const isOtherHistory = this.#newest !== "" && isNewer(this.#newest, version);
      sink.replace(kept, isOtherHistory ? null : version);
      this.#version = version;
      this.#newest = version;
      return;
    }
  }

  /** All pages of one snapshot; `null` when it ran out on the way. @param limit Objects a page; absent: all at once */
  async #pages(limit: number | undefined, signal: AbortSignal): Promise<{ kept: T[]; version: string } | null> {
    const { api, resource, namespace, fieldSelector, sink } = this.#options;
    const path = pathOf(resource, namespace);
    const typed = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    const kept: T[] = [];
    let token: string | undefined;
    for (;;) {
      let page: JsonObject;
      try {
        const query = { limit, continue: token, fieldSelector };
        page = await api.request({ method: "GET", path, query, ...this.#accept() }, signal);
      } catch (error) {
        if (token !== undefined && statusOf(error)?.code === 410) return null;
        throw error;
      }
      if (!Array.isArray(page.items)) throw unreadable(path, "an answer without items");
      // Items of a list do not say what they are.
      for (const item of page.items) kept.push(sink.keep({ ...(item as unknown as KubeObject), ...typed }));
      const metadata = page.metadata as { continue?: string; resourceVersion?: string } | undefined;
      token = metadata?.continue || undefined;
      if (token === undefined) {
        if (metadata?.resourceVersion === undefined) throw unreadable(path, "a list without a version");
        return { kept, version: metadata.resourceVersion };
      }
    }
  }

  #accept(): { accept?: string } {
    return this.#options.namesAlone === true ? { accept: NAMES_ALONE } : {};
  }

  /** Until the watch has run its time. @throws {TrueupError} What the server refuses it with, or why it broke */
  async #watch(version: string, signal: AbortSignal): Promise<void> {
    const { api, clock, random, resource, namespace, fieldSelector, sink } = this.#options;
    const seconds = Math.floor(WATCH_S * (1 + random.next()));
    const own = new AbortController();
    const begun = clock.monotonic();
    const silence = new Silence(clock, begun + seconds * 1_000 + OVERDUE_MS, () => own.abort());
    const path = pathOf(resource, namespace);
    const query = {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: version,
      timeoutSeconds: seconds,
      fieldSelector,
    };
    let heard = 0;
    try {
      const both = AbortSignal.any([signal, own.signal]);
      const call = { method: "GET" as const, path, query, ...this.#accept() };
      for await (const line of api.lines(call, both, () => sink.inStep())) {
        if (!this.#take(line, path)) break;
        silence.broken(line.startsWith(BOOKMARK));
        heard++;
        this.#failures = 0;
      }
    } catch (thrown) {
      signal.throwIfAborted();
      // Overdue, or silent for too long: as good as ended. The next one shows whether the server is there.
      if (!own.signal.aborted) throw thrown;
    } finally {
      silence.end();
    }
    if (heard > 0 || clock.monotonic() - begun >= SHORT_MS) return;
    throw new TrueupError("unavailable", `Cannot watch ${path} as the watch must stay open: it ended at once.`);
  }

  /** @returns Whether the watch can go on. @throws {TrueupError} What the server ends it with */
  #take(line: string, path: string): boolean {
    const event = parseRecord(line);
    // Half a line is all that was left of the connection: the next watch tells it again, whole.
    if (event === null) return false;
    const object = event.object as KubeObject | undefined;
    if (event.type === "ERROR") {
      throw errorOfStatus({ method: "GET", path }, readStatus(500, object, isAboutSecrets(path)));
    }
    const version = object?.metadata?.resourceVersion;
    if (object === undefined || version === undefined) throw unreadable(path, `an event without a version`);
    const type = EVENT_TYPES[String(event.type)];
    if (type !== undefined) this.#options.sink.event(type, object);
    else if (event.type !== "BOOKMARK") throw unreadable(path, `an event of type ${JSON.stringify(event.type)}`);
    this.#version = version;
    if (isNewer(version, this.#newest) || this.#newest === "") this.#newest = version;
    return true;
  }
}

/** How lines begin that carry a bookmark, as every API server writes them. */
const BOOKMARK = '{"type":"BOOKMARK"';

/** Notices that a watch does not end, or that it says nothing any more, with one timer however much it says. */
class Silence {
  readonly #clock: Clock;
  readonly #deadline: number;
  readonly #onEnd: () => void;
  #cancel: CancelTimer;
  #heardAt = Number.POSITIVE_INFINITY;

  /** @param deadline On the monotonic clock: then it is over, whatever was heard */
  constructor(clock: Clock, deadline: number, onEnd: () => void) {
    this.#clock = clock;
    this.#deadline = deadline;
    this.#onEnd = onEnd;
    this.#cancel = this.#arm();
  }

  /** Something was heard. Only a server that sends bookmarks can be told from one that has nothing to say. */
  broken(isBookmark: boolean): void {
    const isFirst = this.#heardAt === Number.POSITIVE_INFINITY;
    if (isFirst && !isBookmark) return;
    this.#heardAt = this.#clock.monotonic();
    if (!isFirst) return;
    this.#cancel();
    this.#cancel = this.#arm();
  }

  end(): void {
    this.#cancel();
  }

  #arm(): CancelTimer {
    const due = Math.min(this.#deadline, this.#heardAt + QUIET_MS);
    const wait = due - this.#clock.monotonic();
    if (wait > 0) {
      return this.#clock.setTimer(wait, () => {
        this.#cancel = this.#arm();
      });
    }
    this.#onEnd();
    return () => {};
  }
}

function unreadable(path: string, what: string): TrueupError {
  return new TrueupError(
    "unavailable",
    `Cannot follow ${path} as the API server must tell it readably: it sent ${what}.`,
  );
}
