/** A program's own log file: lines appended, bounded in size, and never a reason to end the program. */
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";

/** Sizes at which a log is rotated, bytes, and how many older files are kept beside it. */
export interface LogBounds {
  maxBytes: number;
  keep: number;
}

export const OWN_LOG_BOUNDS: LogBounds = { maxBytes: 10 * 1024 * 1024, keep: 1 };

/**
 * Appends lines to a file and rotates it in place: the content is copied to `<file>.1` and the file cut to nothing, so that
 * others who have it open for appending (a kubelet's standard error, for its last words) go on at its beginning.
 *
 * A line that cannot be written is lost and counted; the next one that can be is preceded by their number. The log is how
 * a full disk is told of afterwards, so it must not be what ends the program.
 */
export class BoundedLog {
  readonly path: string;
  readonly #bounds: LogBounds;
  #fd: number | null = null;
  #lost = 0;

  /** Writes nothing yet. */
  constructor(path: string, bounds: LogBounds = OWN_LOG_BOUNDS) {
    this.path = path;
    this.#bounds = bounds;
  }

  /** How many lines could not be written since the last that could. */
  get lost(): number {
    return this.#lost;
  }

  /**
   * @param line Without its line end
   * @param note What to write before it when `count` lines were lost
   */
  write(line: string, note: (count: number) => string): void {
    try {
      this.#fd ??= openSync(this.path, "a", 0o600);
      if (fstatSync(this.#fd).size > this.#bounds.maxBytes) this.#rotate(this.#fd);
      this.#append(this.#fd, this.#lost === 0 ? `${line}\n` : `${note(this.#lost)}\n${line}\n`);
      this.#lost = 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      this.#lost++;
    }
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  /** All of the text or nothing: half a line would join with the next one. */
  #append(fd: number, text: string): void {
    const bytes = Buffer.from(text);
    const { size } = fstatSync(fd);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } catch (error) {
      ftruncateSync(fd, size);
      throw error;
    }
  }

  #rotate(fd: number): void {
    const { keep } = this.#bounds;
    for (let index = keep; index > 1; index--) {
      const older = `${this.path}.${index - 1}`;
      if (statSync(older, { throwIfNoEntry: false }) !== undefined) renameSync(older, `${this.path}.${index}`);
    }
    try {
      copyFileSync(this.path, `${this.path}.1`, constants.COPYFILE_FICLONE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      // No room for both: what is new tells more than what is old, and half a copy tells nothing.
      rmSync(`${this.path}.1`, { force: true });
    }
    ftruncateSync(fd, 0);
  }
}
