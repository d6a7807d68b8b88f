/** Keeps what was found in files for the next run of the same trueup with the same options, by the files' content. */
import { hash, randomUUID } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { FileCheck } from "../../validation/index.ts";

/** More is not kept: reading it would cost what it saves. Characters. */
const MOST_CHARACTERS = 64 * 2 ** 20;
/** One file for each set of options, the ones used last. */
const MOST_FILES = 8;

/** Names a file with this content: what is found names the file too. */
export function keyOf(file: string, content: string | Buffer): string {
  return hash("sha1", `${file}\0${hash("sha1", content)}`);
}

/**
 * A cache on disk. Nothing of it is needed: what is absent, damaged, or cannot be written is checked again. Written in one
 * step under a name of its own, so that runs at the same time see whole files only; the last one's is kept.
 */
export class CheckCache {
  readonly #directory: string;
  readonly #path: string;
  readonly #entries: ReadonlyMap<string, string>;

  /** @param identity Everything but the files that decides what is found: the program, its version, and the options */
  constructor(directory: string, identity: string) {
    this.#directory = directory;
    this.#path = join(directory, `${hash("sha256", identity).slice(0, 32)}.checks`);
    this.#entries = readEntries(this.#path);
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** What was found in a file of this key. */
  get(key: string): FileCheck | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined ? undefined : (JSON.parse(entry) as FileCheck);
  }

  /**
   * Keeps these and forgets all others, unless nothing is new. A disk that is full or read-only keeps nothing.
   *
   * @param found What was found, by key
   */
  save(found: ReadonlyMap<string, FileCheck>): void {
    if (found.size === this.#entries.size && [...found.keys()].every((key) => this.#entries.has(key))) return;
    const body = [...found]
      .map(([key, check]) => `${key} ${this.#entries.get(key) ?? JSON.stringify(check)}\n`)
      .join("");
    if (body.length > MOST_CHARACTERS) return;
    const temporary = `${this.#path}.${randomUUID()}`;
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      chmodSync(this.#directory, 0o700);
      // Manifests are not everybody's to read.
      writeFileSync(temporary, `${hash("sha256", body)}\n${body}`, { mode: 0o600 });
      renameSync(temporary, this.#path);
      this.#forgetOldest();
    } catch (error) {
      if (!isErrno(error)) throw error;
      if (existsSync(temporary)) rmSync(temporary, { force: true });
    }
  }

  #forgetOldest(): void {
    const files = readdirSync(this.#directory).map((name) => join(this.#directory, name));
    const aged = files.flatMap((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return found === undefined ? [] : [{ path, at: found.mtimeMs }];
    });
    for (const { path } of aged.sort((a, b) => b.at - a.at).slice(MOST_FILES)) rmSync(path, { force: true });
  }
}

/** Entries by key, each as JSON; none where the file is absent, cut off, or not what was written. */
function readEntries(path: string): Map<string, string> {
  const entries = new Map<string, string>();
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (isErrno(error)) return entries;
    throw error;
  }
  const head = text.indexOf("\n");
  const body = text.slice(head + 1);
  if (head < 0 || hash("sha256", body) !== text.slice(0, head)) return entries;
  for (let from = 0; from < body.length; ) {
    const end = body.indexOf("\n", from);
    const gap = body.indexOf(" ", from);
    entries.set(body.slice(from, gap), body.slice(gap + 1, end));
    from = end + 1;
  }
  return entries;
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error;
}
