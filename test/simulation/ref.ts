/** Follows the ref of a repository in memory: told of moves, unless the news gets lost, and looking now and then anyway. */
import { REREAD_MS, type RefState, type RefWatcher, type WatchRefOptions } from "../../src/git/ref-watcher.ts";
import type { Repository } from "../../src/git/repository.ts";
import { asTrueupError } from "../../src/model/errors.ts";
import { backoffMs } from "../../src/util/backoff.ts";
import type { CancelTimer } from "../../src/util/clock.ts";

const RETRY = { baseMs: 500, maxMs: REREAD_MS };

/** Those who want to hear that a ref moved. */
export type Bell = Set<() => void>;

/** A `watchRef` that hears of moves by a bell instead of by its files. */
export function watchByBell(bell: Bell) {
  return async (repository: Repository, { ref }: { ref: string }, options: WatchRefOptions): Promise<RefWatcher> => {
    const watcher = new BellWatcher(repository, `refs/heads/${ref}`, options);
    bell.add(watcher.refresh);
    await watcher.refresh();
    return watcher;
  };
}

class BellWatcher implements RefWatcher {
  current: RefState | null = null;
  readonly #repository: Repository;
  readonly #ref: string;
  readonly #options: WatchRefOptions;
  #failures = 0;
  #isClosed = false;
  #cancel: CancelTimer = () => {};
  #turn: Promise<void> = Promise.resolve();

  constructor(repository: Repository, ref: string, options: WatchRefOptions) {
    this.#repository = repository;
    this.#ref = ref;
    this.#options = options;
  }

  readonly refresh = (): Promise<void> => {
    this.#turn = this.#turn.then(() => this.#read());
    return this.#turn;
  };

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#turn;
  }

  async #read(): Promise<void> {
    if (this.#isClosed) return;
    this.#cancel();
    const { clock, onChange, onError } = this.#options;
    try {
      const state = { ref: this.#ref, commit: await this.#repository.readRef(this.#ref) };
      this.#failures = 0;
      if (this.#isClosed) return;
      if (this.current?.commit !== state.commit || this.current === null) {
        this.current = state;
        onChange(state);
      }
    } catch (error) {
      this.current = null;
      if (this.#failures++ === 0 && !this.#isClosed) onError(asTrueupError(error, "read the ref"));
    }
    if (this.#isClosed) return;
    const wait = this.#failures === 0 ? REREAD_MS : backoffMs(this.#failures - 1, RETRY);
    this.#cancel = clock.setTimer(wait, () => void this.refresh());
  }
}
