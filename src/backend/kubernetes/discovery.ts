/** Which kinds a Kubernetes API server serves, and where: asked for when a kind is not known, and remembered. */
import { TrueupError } from "../../model/errors.ts";
import type { KubeApi } from "../../model/kube-api.ts";
import type { Clock } from "../../util/clock.ts";
import { readGroups, readResources, type ServedGroup, ServedKinds } from "./discovery-document.ts";
import { type KindQuery, type KubeResource, kindKey } from "./resource.ts";
import { statusOf } from "./status.ts";

/** Both forms in one answer since Kubernetes 1.26 (v2 since 1.30); older servers answer with a list of groups. */
const ACCEPT = [
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
  "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
  "application/json",
].join(",");

/** A kind that is not there is asked for again after this: somebody may be about to define it. */
const UNKNOWN_MS = 5_000;

export class Discovery {
  readonly #api: KubeApi;
  readonly #clock: Clock;
  #known: ServedKinds | null = null;
  #readAt = 0;
  #changedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<ServedKinds> | null = null;

  constructor(api: KubeApi, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  /**
   * Where a kind is served; `null` when the server does not serve it.
   *
   * @throws {TrueupError} `unavailable` when that cannot be known: the server does not answer, or what answers for the
   *   kind's group (an aggregated API) is away
   */
  async find(query: KindQuery, signal: AbortSignal): Promise<KubeResource | null> {
    signal.throwIfAborted();
    const known = this.#known?.find(query);
    if (known !== undefined && known !== null) return known;
    // Read soon after a definition changed, it may have been too early: kinds are served some moments later.
    const isEarly = this.#readAt - this.#changedAt < UNKNOWN_MS;
    const isDue = this.#known === null || isEarly || this.#clock.monotonic() - this.#readAt >= UNKNOWN_MS;
    const now = isDue ? await this.#read(signal) : this.#known;
    const found = now?.find(query) ?? null;
    if (found === null && now?.isAway(query.group) === true) {
      throw new TrueupError(
        "unavailable",
        `Cannot say whether ${kindKey(query)} is there as the API group ${query.group} must answer: it does not.`,
        { hint: "An APIService whose server is away; `kubectl get apiservices` says why." },
      );
    }
    return found;
  }

  /** API groups that have a kind of this name. */
  async groupsWith(kind: string, signal: AbortSignal): Promise<string[]> {
    const known = this.#known ?? (await this.#read(signal));
    return known.preferred().flatMap((resource) => (resource.kind === kind ? [resource.group] : []));
  }

  /** All kinds that can be listed and watched, in the version that the server prefers. */
  async all(signal: AbortSignal): Promise<readonly KubeResource[]> {
    return (await this.#read(signal)).preferred();
  }

  /** Forgets, as after a change of a definition of kinds. */
  invalidate(): void {
    this.#known = null;
    this.#changedAt = this.#clock.monotonic();
    // What is being read began before the change: whoever asks from now on is not answered by it.
    this.#reading = null;
  }

  /** One reading at a time; whoever asks meanwhile gets its answer. It does not end with one asker's signal. */
  async #read(signal: AbortSignal): Promise<ServedKinds> {
    const reading = this.#reading ?? this.#begin();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([reading, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #begin(): Promise<ServedKinds> {
    const isLast = (): boolean => this.#reading === reading;
    const reading: Promise<ServedKinds> = this.#readAll()
      .then((read) => {
        if (!isLast()) return read;
        this.#known = read;
        this.#readAt = this.#clock.monotonic();
        return read;
      })
      .finally(() => {
        if (isLast()) this.#reading = null;
      });
    this.#reading = reading;
    return reading;
  }

  async #readAll(): Promise<ServedKinds> {
    const { signal } = new AbortController();
    const answers = await Promise.all(
      ["/api", "/apis"].map((path) => this.#api.request({ method: "GET", path, accept: ACCEPT }, signal)),
    );
    const groups = await Promise.all(
      answers.flatMap((answer) => readGroups(answer)).map((group) => this.#complete(group, signal)),
    );
    return new ServedKinds(groups);
  }

  /** Asks an older server, which only names its groups, for what is in each version of one. */
  async #complete(group: ServedGroup, signal: AbortSignal): Promise<ServedGroup> {
    const versions = await Promise.all(
      group.versions.map(async (version) => {
        if (version.resources !== null) return version;
        const path = group.name === "" ? `/api/${version.name}` : `/apis/${group.name}/${version.name}`;
        try {
          const answer = await this.#api.request({ method: "GET", path }, signal);
          return { ...version, resources: readResources(group.name, version.name, answer) };
        } catch (error) {
          // Only this group is away: an aggregated API whose server answers with 503, or is not found behind the front.
          if (statusOf(error) === null) throw error;
          return { ...version, isAway: true };
        }
      }),
    );
    return { ...group, versions };
  }
}
