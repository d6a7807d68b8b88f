/** Tells of a ref's new commit as soon as it is there: file events start a read, a slow clock catches what events miss. */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type FSWatcher, watch } from "chokidar";
import { asTrueupError, messageOf, TrueupError } from "../model/errors.ts";
import type { CommitId } from "../model/source.ts";
import { backoffMs } from "../util/backoff.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";
import { assertSafeRefName } from "./paths.ts";
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
  /** File events do not come (the system's limit on watches, say): new commits are then seen late, every 30 s. */
  onLate?: (error: TrueupError) => void;
}

export interface RefWatcher {
  /** What was reported last; null while unreadable. */
  readonly current: RefState | null;
  /** Reads again now, as if an event had come. */
  refresh(): Promise<void>;
  /** Ends everything; nothing is reported afterwards. */
  close(): Promise<void>;
}

/** Events can be lost (a full queue, a network file system), so the ref is read this often anyway. */
export const REREAD_MS = 30_000;
/** After an event the ref is read at once, and again when writes that came with it are over. */
const SETTLE_MS = 25;
const RETRY = { baseMs: 500, maxMs: REREAD_MS };

/**
 * Watches one ref.
 *
 * @param target.ref `HEAD` (follows checkouts), a full name, or the short name of a branch
 * @returns Once it watches and has reported the first state or error
 * @throws {TrueupError} `invalid`, when the name is no ref name
 */
export async function watchRef(
  repository: Repository,
  target: { ref: string },
  options: WatchRefOptions,
): Promise<RefWatcher> {
  const ref = target.ref === "HEAD" || target.ref.startsWith("refs/") ? target.ref : `refs/heads/${target.ref}`;
  assertSafeRefName(ref, `watch a ref of ${repository.path}`);
  const watcher = new Watcher(repository, ref, options);
  await watcher.start();
  return watcher;
}

class Watcher implements RefWatcher {
  readonly #repository: Repository;
  readonly #ref: string;
  readonly #options: WatchRefOptions;
  #files: FSWatcher | null = null;
  /** Identity of the directories that are watched; another one means that they were replaced. */
  #watched = "";
  #stale = false;
  #current: RefState | null = null;
  #failures = 0;
  #closed = false;
  #reading: Promise<void> | null = null;
  #again = false;
  #cancelReread: CancelTimer = () => {};
  #cancelSettle: CancelTimer | null = null;

  constructor(repository: Repository, ref: string, options: WatchRefOptions) {
    this.#repository = repository;
    this.#ref = ref;
    this.#options = options;
  }

  get current(): RefState | null {
    return this.#current;
  }

  start(): Promise<void> {
    return this.refresh();
  }

  /** Reads that are asked for while one is under way become one more read after it. */
  refresh(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#again = true;
    this.#reading ??= this.#readWhileAsked().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelReread();
    this.#cancelSettle?.();
    await this.#reading;
    await this.#stopFiles();
  }

  async #readWhileAsked(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      this.#cancelReread();
      try {
        // Watching comes first: what changes between the two is seen by the read or by an event.
        await this.#keepFilesWatched();
        const state = await this.#read();
        this.#failures = 0;
        if (!this.#closed) this.#report(state);
      } catch (error) {
        this.#failures++;
        this.#stale = true;
        if (!this.#closed) this.#fail(asTrueupError(error, `read ${this.#ref} of ${this.#repository.path}`));
      }
      this.#armReread();
    }
  }

  #armReread(): void {
    if (this.#closed) return;
    const wait = this.#failures === 0 ? REREAD_MS : backoffMs(this.#failures - 1, RETRY);
    this.#cancelReread = this.#options.clock.setTimer(wait, () => void this.refresh());
  }

  async #read(): Promise<RefState> {
    if (this.#ref === "HEAD") return this.#repository.head();
    return { ref: this.#ref, commit: await this.#repository.readRef(this.#ref) };
  }

  #report(state: RefState): void {
    const last = this.#current;
    if (last !== null && last.ref === state.ref && last.commit === state.commit) return;
    this.#current = state;
    this.#options.onChange(state);
  }

  #fail(error: TrueupError): void {
    const first = this.#failures === 1;
    this.#current = null;
    if (first) this.#options.onError(error);
  }

  /** Starts the file watcher, or starts it anew when the directories are not those that it watches. */
  async #keepFilesWatched(): Promise<void> {
    const identity = await this.#identity();
    if (this.#files !== null && !this.#stale && identity === this.#watched) return;
    await this.#stopFiles();
    if (this.#closed) return;
    if (this.#watched !== "" && identity !== this.#watched) this.#repository.reset();
    this.#stale = false;
    this.#watched = identity;
    await this.#startFiles();
  }

  #directories(): string[] {
    const { gitDir, commonDir } = this.#repository;
    return [...new Set([gitDir, commonDir])].flatMap((directory) => [
      directory,
      join(directory, "refs"),
      join(directory, "reftable"),
    ]);
  }

  /** @throws {TrueupError} `unavailable`, when the git directory is away */
  async #identity(): Promise<string> {
    const { gitDir, commonDir, path } = this.#repository;
    try {
      const stats = await Promise.all([gitDir, commonDir, join(commonDir, "refs")].map((directory) => stat(directory)));
      return stats.map(({ dev, ino, birthtimeMs }) => `${dev}:${ino}:${birthtimeMs}`).join(" ");
    } catch (error) {
      throw new TrueupError("unavailable", `Cannot watch ${path} as its git directory must be there: it is not.`, {
        cause: error,
      });
    }
  }

  async #startFiles(): Promise<void> {
    const { gitDir, commonDir } = this.#repository;
    const tops = new Set([gitDir, commonDir]);
    const roots = this.#directories();
    // Only directories are watched: one watch each, and a file that git renames into place is an event of its directory.
    const isIgnored = (path: string, stats?: { isDirectory(): boolean }): boolean => {
      if (tops.has(path)) return false;
      if (stats !== undefined && !stats.isDirectory()) return true;
      return !roots.some((root) => !tops.has(root) && (path === root || path.startsWith(`${root}/`)));
    };
    const files = watch([...tops], { ignored: isIgnored, ignoreInitial: true, atomic: false, followSymlinks: false });
    this.#files = files;
    // The raw event comes first and is never throttled. A ref's own lock file says nothing yet; its renaming will.
    files.on("raw", (_event, name, details) => {
      const file = typeof name === "string" ? basename(name) : "";
      const directory = watchedPathOf(details);
      if (file.endsWith(".lock")) return;
      if (tops.has(directory) && file !== "" && !/^(?:HEAD|packed-refs|refs|reftable)$/.test(file)) return;
      this.#hear();
    });
    files.on("addDir", () => this.#hear());
    files.on("unlinkDir", (path) => {
      if (roots.includes(path)) this.#stale = true;
      this.#hear();
    });
    const ready = new Promise<void>((resolve) => files.once("ready", () => resolve()).once("error", () => resolve()));
    files.on("error", (error) => this.#late(error));
    await ready;
  }

  /** Watching is tried again at the next slow read; at once could go round and round. */
  #late(error: unknown): void {
    this.#stale = true;
    // A directory that goes while it is being looked at; its going is an event of its own.
    if (this.#closed || (error as NodeJS.ErrnoException).code === "ENOENT") return;
    const { path } = this.#repository;
    const message = `Cannot watch the files of ${path}, so its commits are seen up to 30 s late: ${messageOf(error)}`;
    this.#options.onLate?.(new TrueupError("unavailable", message, { cause: error }));
  }

  async #stopFiles(): Promise<void> {
    const files = this.#files;
    this.#files = null;
    await files?.close();
  }

  #hear(): void {
    if (this.#closed) return;
    void this.refresh();
    if (this.#cancelSettle !== null) return;
    this.#cancelSettle = this.#options.clock.setTimer(SETTLE_MS, () => {
      this.#cancelSettle = null;
      void this.refresh();
    });
  }
}

/** The directory that a raw event of chokidar is about; "" when it does not say. */
function watchedPathOf(details: unknown): string {
  const named = typeof details === "object" && details !== null && "watchedPath" in details ? details.watchedPath : "";
  return typeof named === "string" ? named : "";
}
