/** Tells of a ref's new commit as soon as it is there. */
import type { TrueupError } from "../model/errors.ts";
import type { CommitId } from "../model/source.ts";
import type { Clock } from "../util/clock.ts";
import type { Repository } from "./repository.ts";

export interface RefState {
  /** Full name of the ref; null when HEAD is followed and detached. */
  ref: string | null;
  /** null: the ref was looked for and is not there (deleted, or no commit yet). Never means "unreadable". */
  commit: CommitId | null;
}

export interface WatchRefOptions {
  clock: Clock;
  /** The first state, then each new one; never twice the same in a row, unless an error lay between. */
  onChange: (state: RefState) => void;
  /** The ref could not be read; told once, then reading is tried again until it works. */
  onError: (error: TrueupError) => void;
}

export interface RefWatcher {
  /** What was reported last; null while unreadable. */
  readonly current: RefState | null;
  /** Reads again now, as if an event had come. */
  refresh(): Promise<void>;
  /** Ends everything; nothing is reported afterwards. */
  close(): Promise<void>;
}

/** `ref`: `HEAD` (follows checkouts), a full name, or a branch. Resolves when it watches and has reported once. */
export function watchRef(
  _repository: Repository,
  _target: { ref: string },
  _options: WatchRefOptions,
): Promise<RefWatcher> {
  throw new Error("stub");
}
