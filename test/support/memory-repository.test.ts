/** The repository in memory answers as a real one with the same history does, whatever the history. */
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { openRepository, type Repository } from "../../src/git/repository.ts";
import { TrueupError } from "../../src/model/errors.ts";
import { asObjectHash, type CommitId } from "../../src/model/source.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { gitIn, initRepository, temporary } from "../git/support.ts";
import { type MemoryFile, MemoryGit } from "./memory-git.ts";
import { MemoryRepository } from "./memory-repository.ts";

const PATHS = ["a.yaml", "web/a.yaml", "web/b/c.txt", "web.d", "web-1", "web/é.yaml", "images/x/v1/run"];
const MODES = ["100644", "100644", "100755", "120000", "160000"] as const;
const SUBMODULE = "1".repeat(40);

const change = fc.record({
  path: fc.constantFrom(...PATHS),
  mode: fc.constantFrom(...MODES),
  content: fc.option(fc.constantFrom("one\n", "two\n", "../outside", ""), { nil: null }),
});
const act = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("commit" as const), changes: fc.array(change, { maxLength: 4 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("merge" as const),
      with: fc.nat(20),
      changes: fc.array(change, { maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const), to: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete ref" as const) }) },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

interface Made {
  id: CommitId;
  files: Map<string, MemoryFile>;
  parents: CommitId[];
  at: number;
  subject: string;
}

/** Plays the acts in memory and gives every commit that was made. */
function playIn(git: MemoryGit, acts: readonly Act[]): Made[] {
  const made: Made[] = [];
  let current: Made | undefined;
  for (const [index, each] of acts.entries()) {
    if (each.do === "delete ref") {
      if (current !== undefined) git.refs.set("refs/heads/old", current.id);
      git.refs.delete("refs/heads/main");
      current = undefined;
      continue;
    }
    if (each.do === "reset") {
      current = made[each.to % Math.max(1, made.length)];
      if (current !== undefined) git.refs.set("refs/heads/main", current.id);
      continue;
    }
    const files = new Map(current?.files);
    for (const { path, mode, content } of each.changes) {
      files.delete(path);
      if (content === null) continue;
      // A name cannot be a file and a directory.
      for (const other of [...files.keys()]) if (other.startsWith(`${path}/`)) files.delete(other);
      const isBelowFile = path.split("/").some((_, depth, names) => files.has(names.slice(0, depth).join("/")));
      if (!isBelowFile) files.set(path, { mode, content: mode === "160000" ? SUBMODULE : content });
    }
    const other = each.do === "merge" ? made[each.with % Math.max(1, made.length)] : undefined;
    const parents = [current, other].flatMap((parent) => parent?.id ?? []);
    const unique = [...new Set(parents)];
    const at = 1_700_000_000 + index;
    const subject = `commit ${index}`;
    const id = git.commit({ files, parents: unique, subject, at });
    current = { id, files, parents: unique, at, subject };
    made.push(current);
    git.refs.set("refs/heads/main", id);
  }
  return made;
}

/** Makes the same history with git itself, in one process. */
function importInto(path: string, git: MemoryGit, made: readonly Made[]): void {
  const lines: string[] = [];
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  // Ids are not known to it before the end, so parents are named by their marks.
  const marks = new Map(made.map(({ id }, index) => [id, `:${index + 1}`]));
  for (const [index, { files, parents, at, subject }] of made.entries()) {
    const [first, ...others] = parents.map((parent) => marks.get(parent));
    lines.push(`commit refs/import/${index}\nmark :${index + 1}\n`);
    lines.push(`author Ada <ada@example.org> ${at} +0000\ncommitter Ada <ada@example.org> ${at} +0000\n`);
    lines.push(data(`${subject}\n`));
    if (first !== undefined) lines.push(`from ${first}\n`);
    for (const other of others) lines.push(`merge ${other}\n`);
    lines.push("deleteall\n");
    for (const [name, { mode = "100644", content }] of files) {
      lines.push(mode === "160000" ? `M ${mode} ${content} ${name}\n` : `M ${mode} inline ${name}\n${data(content)}`);
    }
    lines.push("\n");
  }
  gitIn(path, ["fast-import", "--quiet", "--force"], lines.join(""));
  for (const [name, id] of git.refs) gitIn(path, ["update-ref", name, id]);
}

/** What an answer is, or with what code it failed. */
async function said(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TrueupError) return { code: error.code };
    throw error;
  }
}

async function answers(repository: Repository, made: readonly Made[]): Promise<unknown[]> {
  const ids = made.map(({ id }) => id);
  const asked: (() => Promise<unknown>)[] = [
    () => repository.head(),
    ...["refs/heads/main", "refs/heads/old", "refs/heads/none", "HEAD"].map((ref) => () => repository.readRef(ref)),
    ...["main", "HEAD", "HEAD~1", "refs/heads/old", "nothing", "", ...ids.slice(0, 2)].map(
      (revision) => () => repository.resolve(revision),
    ),
  ];
  for (const [index, id] of ids.entries()) {
    const other = ids[(index * 7 + 3) % ids.length] ?? id;
    asked.push(
      () => repository.commit(id),
      () => repository.list(id, ""),
      () => repository.files(id, "web"),
      () => repository.treeAt(id, "web"),
      async () => [...(await repository.filesAt(id, [...PATHS, "web"]))],
      async () =>
        repository.changedFiles((await repository.commit(other)).tree, (await repository.commit(id)).tree, ""),
      async () => repository.changedFiles(null, (await repository.commit(id)).tree, "web"),
      async () => repository.tree((await repository.commit(id)).tree),
      async () => repository.listTree((await repository.commit(id)).tree),
      async () => Promise.all((await repository.files(id, "")).map(({ blob }) => repository.text(blob))),
      async () =>
        Promise.all((await repository.files(id, "")).map(({ blob }) => repository.text(blob, { maxBytes: 3 }))),
      () => repository.firstParentSince(other, id),
      () => repository.firstParentSince(id, other),
    );
    // Each of these is a process for the real one.
    if (index < ids.length - 2) continue;
    asked.push(
      () => repository.isAncestor(other, id),
      () => repository.log({ from: id, limit: 50 }),
      () => repository.log({ from: id, limit: 3, firstParent: true }),
    );
  }
  asked.push(() => repository.blob(asObjectHash("2".repeat(40))));
  const found: unknown[] = [];
  for (const ask of asked) found.push(await said(ask));
  return found;
}

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

it("gives the ids and the answers that git gives", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 14 }), fc.boolean(), async (acts, isDetached) => {
      const git = new MemoryGit();
      const made = playIn(git, acts);
      const [first] = made;
      const { path, dispose } = temporary();
      ends.push(dispose);
      initRepository(path);
      importInto(path, git, made);
      if (isDetached && first !== undefined) {
        git.head = first.id;
        gitIn(path, ["update-ref", "--no-deref", "HEAD", first.id]);
      }
      const real = await openRepository(path);
      ends.push(() => real.close());
      const memory = new MemoryRepository(git, path, new VirtualClock());
      expect(await answers(memory, made)).toEqual(await answers(real, made));
    }),
    { numRuns: 12 },
  );
}, 60_000);

it("walks long first-parent lines as git does", async () => {
  const git = new MemoryGit();
  const made = playIn(
    git,
    Array.from({ length: 80 }, () => ({ do: "commit" as const, changes: [] })),
  );
  const { path, dispose } = temporary();
  ends.push(dispose);
  initRepository(path);
  importInto(path, git, made);
  const real = await openRepository(path);
  ends.push(() => real.close());
  const memory = new MemoryRepository(git, path, new VirtualClock());
  for (const [from, to] of [
    [0, 79],
    [79, 0],
    [3, 70],
  ] as const) {
    const [a, b] = [made[from]?.id, made[to]?.id];
    if (a === undefined || b === undefined) throw new Error("a commit is missing");
    expect(await memory.firstParentSince(a, b)).toEqual(await real.firstParentSince(a, b));
  }
});
