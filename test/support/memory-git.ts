/** A git object database and refs in memory, with the ids that git would give: commits cost microseconds, not processes. */
import { createHash } from "node:crypto";
import type { GitObject, ObjectDatabase, ObjectHeader, ObjectSink } from "../../src/git/cat-file.ts";
import type { GitResult } from "../../src/git/command.ts";
import { TrueupError } from "../../src/model/errors.ts";
import { asCommitId, type CommitId } from "../../src/model/source.ts";

/** `100644` unless given; `160000` with the id of a commit as its content. */
export interface MemoryFile {
  mode?: "100644" | "100755" | "120000" | "160000";
  content: string;
}

export interface MemoryCommit {
  files: ReadonlyMap<string, MemoryFile>;
  parents: readonly CommitId[];
  subject: string;
  /** Seconds since the epoch. */
  at: number;
  author?: string;
}

interface StoredObject {
  type: "blob" | "tree" | "commit";
  content: Buffer;
}

const FULL_ID = /^[0-9a-f]{40}$/;

export class MemoryGit {
  /** Full names to ids. */
  readonly refs = new Map<string, CommitId>();
  /** What HEAD holds: a full ref name, or the id of a commit when it is detached. */
  head = "refs/heads/main";
  /** Asked before each read; what it returns is thrown. */
  failure: () => TrueupError | undefined = () => undefined;
  /** Reads that were answered. */
  reads = 0;
  readonly #objects = new Map<string, StoredObject>();

  commit({ files, parents, subject, at, author = "Ada <ada@example.org>" }: MemoryCommit): CommitId {
    const lines = [
      `tree ${this.#writeTree(nest(files))}`,
      ...parents.map((parent) => `parent ${parent}`),
      `author ${author} ${at} +0000`,
      `committer ${author} ${at} +0000`,
    ];
    return asCommitId(this.#put("commit", Buffer.from(`${lines.join("\n")}\n\n${subject}\n`)));
  }

  /** As a repository would that was cloned without it, or that has collected it. */
  forget(id: CommitId): void {
    this.#objects.delete(id);
  }

  parentsOf(id: CommitId): CommitId[] {
    return this.#parentsOf(id).map(asCommitId);
  }

  /** What each opened repository reads from. */
  database(): ObjectDatabase {
    const { reads } = this;
    const asked = (): number => this.reads - reads;
    return {
      get asked() {
        return asked();
      },
      pid: null,
      read: async (name, maxBytes = Number.MAX_SAFE_INTEGER) => this.#read(name, maxBytes),
      stream: async (name, sink) => this.#stream(name, sink),
      reset: () => {},
      close: async () => {},
    };
  }

  /** Answers the few commands by which `src/git/` asks for more than objects. */
  run(args: readonly string[]): GitResult {
    const failure = this.failure();
    if (failure !== undefined) throw failure;
    const [command, ...rest] = args;
    if (command === "rev-parse" && rest[0] === "--git-dir") return done(".");
    if (command === "rev-parse") return this.#revParse(rest.at(-1) ?? "");
    if (command === "symbolic-ref") return this.head.startsWith("refs/") ? done(this.head) : { ...done(""), code: 1 };
    if (command === "for-each-ref") return this.#forEachRef(rest.at(-1) ?? "");
    if (command === "rev-list") return this.#revList(rest);
    throw new Error(`this repository in memory knows no git ${args.join(" ")}`);
  }

  #put(type: StoredObject["type"], content: Buffer): string {
    const hash = createHash("sha1").update(`${type} ${content.length}\0`).update(content).digest("hex");
    if (!this.#objects.has(hash)) this.#objects.set(hash, { type, content });
    return hash;
  }

  #writeTree(tree: Nested): string {
    const entries = [...tree].map(([name, entry]) => {
      if (entry instanceof Map) return { name, sortedAs: `${name}/`, mode: "40000", hash: this.#writeTree(entry) };
      const { mode = "100644", content } = entry;
      const hash = mode === "160000" ? content : this.#put("blob", Buffer.from(content));
      return { name, sortedAs: name, mode, hash };
    });
    const sorted = entries
      .map((entry) => ({ ...entry, bytes: Buffer.from(entry.sortedAs) }))
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    const parts = sorted.flatMap(({ mode, name, hash }) => [
      Buffer.from(`${mode} ${name}\0`),
      Buffer.from(hash, "hex"),
    ]);
    return this.#put("tree", Buffer.concat(parts));
  }

  #read(name: string, maxBytes: number): GitObject {
    const failure = this.failure();
    if (failure !== undefined) throw failure;
    this.reads++;
    const hash = this.#hashOf(name);
    const object = hash === undefined ? undefined : this.#objects.get(hash);
    if (hash === undefined || object === undefined) {
      throw new TrueupError("not-found", `Cannot read ${name} of memory as it must exist: there is no such object.`);
    }
    const { type, content } = object;
    const size = content.length;
    if (size > maxBytes) {
      throw new TrueupError("invalid", `Cannot read ${type} ${name} as it must have at most ${maxBytes} bytes.`);
    }
    return { hash, type, size, content };
  }

  async #stream(name: string, sink: ObjectSink): Promise<ObjectHeader> {
    const { content, ...header } = this.#read(name, Number.MAX_SAFE_INTEGER);
    sink.begin(header);
    await sink.chunk(content);
    return header;
  }

  /** Of an id, or of what git knows as `NAME^{commit}`. */
  #hashOf(name: string): string | undefined {
    const text = name.replace(/\^\{commit\}$/, "");
    return FULL_ID.test(text) ? text : this.#refId(text);
  }

  #refId(name: string): CommitId | undefined {
    if (name !== "HEAD") return this.refs.get(name);
    return this.head.startsWith("refs/") ? this.refs.get(this.head) : asCommitId(this.head);
  }

  #revParse(revision: string): GitResult {
    const { name = "", back = "0" } = /^(?<name>.*?)(?:~(?<back>\d+))?\^\{commit\}$/.exec(revision)?.groups ?? {};
    let id: string | undefined = FULL_ID.test(name)
      ? name
      : (this.#refId(name) ?? this.#refId(`refs/${name}`) ?? this.#refId(`refs/heads/${name}`));
    for (let left = Number(back); left > 0 && id !== undefined; left--) id = this.#parentsOf(id)[0];
    if (id !== undefined && this.#objects.get(id)?.type === "commit") return done(id);
    return { code: 128, stdout: "", stderr: "fatal: Needed a single revision\n" };
  }

  #forEachRef(pattern: string): GitResult {
    const named = [...this.refs].filter(([name]) => name === pattern || name.startsWith(`${pattern}/`)).sort();
    return done(named.map(([name, id]) => `${name} ${id}`).join("\n"));
  }

  #revList(args: readonly string[]): GitResult {
    const end = args.indexOf("--");
    if (end < args.length - 1) throw new Error("this repository in memory lists no commits by path");
    const firstParent = args.includes("--first-parent");
    const most = Number(args.find((arg) => arg.startsWith("--max-count="))?.slice("--max-count=".length) ?? "Infinity");
    const revisions = args.slice(0, end).filter((arg) => !arg.startsWith("--"));
    const barred = this.#reach(
      revisions.filter((each) => each.startsWith("^")).map((each) => each.slice(1)),
      false,
    );
    const wanted = this.#reach(
      revisions.filter((each) => !each.startsWith("^")),
      firstParent,
    );
    const ids = [...wanted].filter((id) => !barred.has(id)).sort((a, b) => this.#timeOf(b) - this.#timeOf(a));
    const shown = ids.slice(0, most);
    if (args.includes("--count")) return done(String(shown.length));
    return done(
      shown.map((id) => (args.includes("--parents") ? [id, ...this.#parentsOf(id)].join(" ") : id)).join("\n"),
    );
  }

  #reach(from: readonly string[], firstParent: boolean): Set<string> {
    const seen = new Set<string>();
    const open = [...from];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (seen.has(id)) continue;
      seen.add(id);
      const parents = this.#parentsOf(id);
      open.push(...(firstParent ? parents.slice(0, 1) : parents));
    }
    return seen;
  }

  #parentsOf(id: string): string[] {
    const text = this.#objects.get(id)?.content.toString("utf8") ?? "";
    return [...text.slice(0, text.indexOf("\n\n")).matchAll(/^parent (?<id>[0-9a-f]{40})$/gm)].map(
      (match) => match.groups?.id ?? "",
    );
  }

  #timeOf(id: string): number {
    const text = this.#objects.get(id)?.content.toString("utf8") ?? "";
    return Number(/^committer .*> (?<at>\d+) /m.exec(text)?.groups?.at ?? 0);
  }
}

type Nested = Map<string, Nested | MemoryFile>;

function nest(files: ReadonlyMap<string, MemoryFile>): Nested {
  const root: Nested = new Map();
  for (const [path, file] of files) {
    const names = path.split("/");
    let at = root;
    for (const name of names.slice(0, -1)) {
      const known = at.get(name);
      const below: Nested = known instanceof Map ? known : new Map();
      at.set(name, below);
      at = below;
    }
    at.set(names.at(-1) ?? "", file);
  }
  return root;
}

function done(stdout: string): GitResult {
  return { code: 0, stdout: stdout === "" ? "" : `${stdout}\n`, stderr: "" };
}
