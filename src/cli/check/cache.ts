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
import type { Diagnostic } from "../../model/diagnostic.ts";
import type { FileCheck } from "../../validation/index.ts";

/** More is not kept: reading it would cost what it saves. Characters. */
const MOST_CHARACTERS = 64 * 2 ** 20;
/** One file for each set of options, the ones used last. */
const MOST_FILES = 8;

/** Names a file with this content: what is found names the file too. */
export function keyOf(file: string, content: string | Buffer): string {
  return hash("sha1", `${file}\0${hash("sha1", content)}`);
}

/** What was found in a file, and by what it is known again. */
export interface Kept {
  /** Under which name the file is shown: what is found names it, too. */
  file: string;
  /** As `stampOf` says; "" when only the content tells. */
  stamp: string;
  check: FileCheck;
}

/** A line of the file: parts with tabs between, which JSON has none of. They are told apart when somebody asks: mostly nobody does. */
class Entry {
  readonly key: string;
  readonly stamp: string;
  readonly #rest: string;
  #parts: string[] | undefined;

  constructor(line: string) {
    const first = line.indexOf("\t");
    const second = line.indexOf("\t", first + 1);
    this.key = line.slice(0, first);
    this.stamp = line.slice(first + 1, second);
    this.#rest = line.slice(second + 1);
  }

  /** Of these each as JSON; "" for none. */
  get file(): string {
    return this.#rest.slice(0, this.#rest.indexOf("\t"));
  }

  get diagnostics(): string {
    return this.#part(1);
  }

  get objects(): string {
    return this.#part(2);
  }

  get images(): string {
    return this.#part(3);
  }

  /** Whether this is about the file of that name. */
  isOf(file: string): boolean {
    return this.#rest.startsWith(`${JSON.stringify(file)}\t`);
  }

  /** Whether nothing was found in it, told from its text. */
  get isWell(): boolean {
    return this.#rest.startsWith("\t", this.#rest.indexOf("\t") + 1);
  }

  /** The line again, with another stamp. */
  withStamp(stamp: string): string {
    return `${this.key}\t${stamp}\t${this.#rest}`;
  }

  #part(at: number): string {
    this.#parts ??= this.#rest.split("\t");
    return this.#parts[at] ?? "";
  }
}

/** A check whose parts are read when somebody asks for them: of most files, nobody does. */
class KeptCheck implements FileCheck {
  readonly #entry: Entry;
  #objects: FileCheck["objects"] | undefined;

  constructor(entry: Entry) {
    this.#entry = entry;
  }

  get diagnostics(): FileCheck["diagnostics"] {
    if (this.#entry.isWell) return [];
    return parsed(this.#entry.diagnostics);
  }

  get objects(): FileCheck["objects"] {
    this.#objects ??= parsed(this.#entry.objects);
    return this.#objects;
  }

  get images(): FileCheck["images"] {
    return parsed(this.#entry.images);
  }

  toJSON(): FileCheck {
    return { diagnostics: this.diagnostics, objects: this.objects, images: this.images };
  }
}

/**
 * A cache on disk. Nothing of it is needed: what is absent, damaged, or cannot be written is checked again. Written in one
 * step under a name of its own, so that runs at the same time see whole files only; the last one's is kept.
 */
export class CheckCache {
  readonly #directory: string;
  readonly #path: string;
  readonly #entries = new Map<string, Entry>();
  readonly #byStamp = new Map<string, Entry>();
  #together = "";

  /** @param identity Everything but the files that decides what is found: the program, its version, and the options */
  constructor(directory: string, identity: string) {
    this.#directory = directory;
    this.#path = join(directory, `${hash("sha256", identity).slice(0, 32)}.checks`);
    const [together = "", ...lines] = readLines(this.#path);
    this.#together = together;
    for (const line of lines) {
      const entry = new Entry(line);
      this.#entries.set(entry.key, entry);
      if (entry.stamp !== "") this.#byStamp.set(entry.stamp, entry);
    }
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** What was found in a file of this key. */
  get(key: string): FileCheck | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined ? undefined : new KeptCheck(entry);
  }

  /** What was found in a file that nobody wrote to since, with its key. */
  unchanged(file: string, stamp: string): { key: string; check: FileCheck } | undefined {
    const entry = stamp === "" ? undefined : this.#byStamp.get(stamp);
    if (entry?.isOf(file) !== true) return undefined;
    return { key: entry.key, check: new KeptCheck(entry) };
  }

  /**
   * What the last run found by comparing objects, if it would be found again among these files: when they are the same files,
   * and those that changed have objects that look the same to whoever compares them, and are named by nothing found.
   *
   * @param setsApart Whether what was found in a file decides about what comparing its objects says
   */
  together(found: ReadonlyMap<string, Kept>, setsApart: (diagnostic: Diagnostic) => boolean): Diagnostic[] | undefined {
    if (this.#together === "" || found.size !== this.#entries.size) return undefined;
    const diagnostics = JSON.parse(this.#together) as Diagnostic[];
    const changed = [...found].filter(([key]) => !this.#entries.has(key)).map(([, kept]) => kept);
    if (changed.length === 0) return diagnostics;
    const before = new Map([...this.#entries.values()].map((entry) => [entry.file, entry]));
    const isSame = ({ file, check }: Kept): boolean => {
      const entry = before.get(JSON.stringify(file));
      if (entry === undefined) return false;
      const said = [...parsed<Diagnostic>(entry.diagnostics), ...check.diagnostics];
      if (said.some(setsApart)) return false;
      return entry.objects === written(check.objects) && !this.#together.includes(JSON.stringify(file).slice(1, -1));
    };
    return changed.every(isSame) ? diagnostics : undefined;
  }

  /**
   * Keeps these and forgets all others, unless nothing is new. A disk that is full or read-only keeps nothing.
   *
   * @param found What was found, by key
   * @param together What comparing the objects of all these files found; absent where that depends on more than the files
   */
  save(found: ReadonlyMap<string, Kept>, together?: readonly Diagnostic[]): void {
    const first = together === undefined ? "" : JSON.stringify(together);
    const isKnown = ([key, { stamp }]: [string, Kept]): boolean => this.#entries.get(key)?.stamp === stamp;
    if (first === this.#together && found.size === this.#entries.size && [...found].every(isKnown)) return;
    const lines = [...found].map(([key, kept]) => this.#line(key, kept));
    const body = [first, ...lines].join("\n");
    if (body.length > MOST_CHARACTERS) return;
    const temporary = `${this.#path}.${randomUUID()}`;
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      chmodSync(this.#directory, 0o700);
      // Manifests are not everybody's to read.
      writeFileSync(temporary, `${hash("sha1", body)}\n${body}`, { mode: 0o600 });
      renameSync(temporary, this.#path);
      this.#forgetOldest();
    } catch (error) {
      if (!isErrno(error)) throw error;
      if (existsSync(temporary)) rmSync(temporary, { force: true });
    }
  }

  #line(key: string, { file, stamp, check }: Kept): string {
    const known = this.#entries.get(key);
    if (known !== undefined) return known.withStamp(stamp);
    const parts = [written(check.diagnostics), written(check.objects), written(check.images)];
    return [key, stamp, JSON.stringify(file), ...parts].join("\t");
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

/** The lines below the first, which is their hash; none where the file is absent, cut off, or not what was written. */
function readLines(path: string): string[] {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    if (isErrno(error)) return [];
    throw error;
  }
  const head = content.indexOf("\n");
  const body = content.subarray(head + 1);
  if (head < 0 || hash("sha1", body) !== content.toString("latin1", 0, head)) return [];
  return body.toString("utf8").split("\n");
}

function written(list: readonly unknown[]): string {
  return list.length === 0 ? "" : JSON.stringify(list);
}

function parsed<T>(text: string): T[] {
  return text === "" ? [] : (JSON.parse(text) as T[]);
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error;
}
