/** Which kinds are followed, and why: because apps have such objects, somebody asked for them, or health is read from them. */
import { SCALER_VERSION } from "../../diff/versions.ts";
import type { TrueupError } from "../../model/errors.ts";
import { Follower, type FollowOptions } from "./follower.ts";
import { kindsBeside, selectorOf } from "./health-kinds.ts";
import { Lookout } from "./lookout.ts";
import { type KindQuery, kindKey } from "./resource.ts";
import { statusOf } from "./status.ts";

const SCALER = "autoscaling/HorizontalPodAutoscaler";

interface Followed {
  follower: Follower;
  /** Apps have objects of it. Of others, what one has no right to read is left out of lists of everything. */
  isNeeded: boolean;
}

export class FollowedKinds {
  readonly #options: FollowOptions;
  readonly #own: { kind: string; namespace: string };
  readonly #kinds = new Map<string, Followed>();
  readonly #lookout: Lookout;

  /** @param own The one kind (`group/Kind`) that is also read where trueup keeps its own objects, and where */
  constructor(options: FollowOptions, own: { kind: string; namespace: string }) {
    this.#options = options;
    this.#own = own;
    const { api, clock, random, discovery } = options;
    this.#lookout = new Lookout({ api, clock, random, lookAgain: () => this.#lookAgain(discovery) });
  }

  get size(): number {
    return this.#kinds.size;
  }

  /**
   * Begins to follow a kind, and what its health is read from, unless that was done before.
   *
   * @param isNeeded Whether apps have objects of it, or soon will; else somebody merely asks for it
   */
  follow(kind: KindQuery, isNeeded: boolean): Follower {
    const followed = this.#add(kind);
    followed.isNeeded ||= isNeeded;
    if (followed.isNeeded && followed.follower.isAbsent) this.#lookout.begin();
    if (kind.version !== undefined) followed.follower.prefer(kind.version);
    for (const beside of kindsBeside(kind)) this.#add(beside);
    return followed.follower;
  }

  /**
   * Waits until the cache answers for these kinds.
   *
   * @throws {TrueupError} Why one of them cannot be read; what nobody needs and one has no right to read is left out
   */
  ready(kinds: readonly KindQuery[], signal: AbortSignal): Promise<void> {
    return this.#settled(
      kinds.map((kind) => this.#add(kind)),
      signal,
    );
  }

  /** The same for all kinds that are followed, of one API group where it is given. */
  allReady(group: string | undefined, signal: AbortSignal): Promise<void> {
    const all = [...this.#kinds.values()];
    const chosen = group === undefined ? all : all.filter(({ follower }) => follower.kind.group === group);
    return this.#settled(chosen, signal);
  }

  /** Whether the cache answers for a kind now, without waiting. */
  isReady(kind: KindQuery): boolean {
    return this.#kinds.get(kindKey(kind))?.follower.isSettled === true;
  }

  /** What cannot be read now, by `group/Kind`. */
  problems(): Map<string, TrueupError> {
    const found = new Map<string, TrueupError>();
    for (const [key, { follower }] of this.#kinds) {
      if (follower.problem !== null) found.set(key, follower.problem);
    }
    return found;
  }

  async close(): Promise<void> {
    await Promise.all([this.#lookout.close(), ...[...this.#kinds.values()].map(({ follower }) => follower.close())]);
  }

  /** Kinds that apps have objects of and that were not there: as soon as they are, so may be the objects. */
  #lookAgain(discovery: FollowOptions["discovery"]): void {
    const absent = [...this.#kinds.values()].filter(({ follower, isNeeded }) => isNeeded && follower.isAbsent);
    if (absent.length === 0) return;
    discovery.invalidate();
    for (const { follower } of absent) follower.lookAgain();
  }

  #add(asked: KindQuery): Followed {
    const key = kindKey(asked);
    // Declared in one version or another, autoscalers are kept in the one that shows all of them.
    const kind = key === SCALER ? { ...asked, version: SCALER_VERSION } : asked;
    let followed = this.#kinds.get(key);
    if (followed === undefined) {
      const onAbsent = (): void => {
        if (this.#kinds.get(key)?.isNeeded === true) this.#lookout.begin();
      };
      followed = {
        follower: new Follower({ ...this.#optionsFor(key), onAbsent }, kind, selectorOf(kind)),
        isNeeded: false,
      };
      this.#kinds.set(key, followed);
    }
    return followed;
  }

  /** Where only some namespaces are read, trueup's own is for its own objects: no right to read others is needed there. */
  #optionsFor(key: string): FollowOptions {
    const { namespaces } = this.#options;
    if (namespaces === undefined || key !== this.#own.kind) return this.#options;
    return { ...this.#options, namespaces: [...new Set([...namespaces, this.#own.namespace])] };
  }

  async #settled(chosen: readonly Followed[], signal: AbortSignal): Promise<void> {
    // Most of the time there is none to wait for.
    const waiting = chosen.filter(({ follower }) => !follower.isSettled);
    if (waiting.length > 0) await Promise.all(waiting.map((each) => this.#readyOne(each, signal)));
  }

  async #readyOne({ follower, isNeeded }: Followed, signal: AbortSignal): Promise<void> {
    try {
      await follower.ready(signal, false);
    } catch (error) {
      if (isNeeded || statusOf(error)?.code !== 403) throw error;
    }
  }
}
