/** Wakes the apps that a commit changes before the others, which only have to say that it changes nothing of theirs. */
import type { Repository } from "../git/repository.ts";
import type { CommitId, ObjectHash } from "../model/source.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";

/** How long those that are changed have the daemon to themselves, if they are not done before. */
const HEAD_START_MS = 250;

/** An app that can be woken. */
export interface Sleeper {
  refChanged(): void;
  /** Settles when it has nothing to do now. */
  idle(): Promise<void>;
}

export class HeadStart {
  readonly #repository: Pick<Repository, "treeAt">;
  readonly #clock: Clock;
  /** Of each app's directory, at the commit that was looked at last. */
  readonly #trees = new Map<string, ObjectHash | null>();
  /** Wakes those that wait still. */
  #wakeOthers: () => void = () => {};

  constructor({ repository, clock }: { repository: Pick<Repository, "treeAt">; clock: Clock }) {
    this.#repository = repository;
    this.#clock = clock;
  }

  /**
   * The apps whose directory is another than at the commit before.
   *
   * @param apps Name, and directory at this commit
   * @throws {TrueupError} When git cannot be read
   */
  async changedBy(commit: CommitId, apps: Iterable<{ name: string; path: string }>): Promise<ReadonlySet<string>> {
    const changed = new Set<string>();
    for (const { name, path } of apps) {
      const tree = await this.#repository.treeAt(commit, path);
      if (this.#trees.get(name) !== tree) changed.add(name);
      this.#trees.set(name, tree);
    }
    return changed;
  }

  /** Wakes all: `changed` now, the others when those are done, or a moment later. */
  wake(apps: ReadonlyMap<string, Sleeper>, changed: ReadonlySet<string>): void {
    this.wakeRest();
    const first = [...apps].flatMap(([name, app]) => (changed.has(name) ? [app] : []));
    const others = [...apps].flatMap(([name, app]) => (changed.has(name) ? [] : [app]));
    for (const app of first) app.refChanged();
    let cancel: CancelTimer = () => {};
    const wakeOthers = (): void => {
      cancel();
      for (const app of others.splice(0)) app.refChanged();
    };
    if (first.length === 0 || others.length === 0) {
      wakeOthers();
      return;
    }
    this.#wakeOthers = wakeOthers;
    cancel = this.#clock.setTimer(HEAD_START_MS, wakeOthers);
    void Promise.all(first.map((app) => app.idle())).then(wakeOthers);
  }

  /** Lets nobody wait longer. */
  wakeRest(): void {
    this.#wakeOthers();
    this.#wakeOthers = () => {};
  }
}
