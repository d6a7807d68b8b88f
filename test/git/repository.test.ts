/** Reading a repository: where it is found, what its refs, commits, trees and blobs say, and how failures differ from absence. */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRepository, type Repository } from "../../src/git/repository.ts";
import { asCommitId, asObjectHash } from "../../src/model/source.ts";
import { commitAll, gitIn, headOf, initRepository, temporary } from "./support.ts";

let root: string;
let dispose: () => void;
const opened: Repository[] = [];

beforeEach(() => {
  ({ path: root, dispose } = temporary());
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((repository) => repository.close()));
  dispose();
});

async function open(path: string): Promise<Repository> {
  const repository = await openRepository(path);
  opened.push(repository);
  return repository;
}

describe("openRepository", () => {
  it("finds work trees, directories in them, linked work trees, git directories and bare repositories", async () => {
    const main = join(root, "main");
    initRepository(main);
    commitAll(main, { "apps/web/a.yaml": "a\n" });
    gitIn(main, ["worktree", "add", "-q", "-b", "side", join(root, "linked")]);
    gitIn(root, ["clone", "-q", "--bare", main, "bare.git"]);
    const git = join(main, ".git");
    const bare = join(root, "bare.git");
    const linked = join(root, "linked");
    const table = [
      { path: main, at: main, workTree: main, gitDir: git, commonDir: git },
      { path: join(main, "apps/web"), at: main, workTree: main, gitDir: git, commonDir: git },
      { path: git, at: git, workTree: null, gitDir: git, commonDir: git },
      { path: linked, at: linked, workTree: linked, gitDir: join(git, "worktrees/linked"), commonDir: git },
      { path: bare, at: bare, workTree: null, gitDir: bare, commonDir: bare },
    ];
    for (const { path, at, ...expected } of table) {
      const { path: found, workTree, gitDir, commonDir, objectFormat, refFormat } = await open(path);
      expect({ path: found, workTree, gitDir, commonDir, objectFormat, refFormat }).toEqual({
        path: at,
        ...expected,
        objectFormat: "sha1",
        refFormat: "files",
      });
    }
  });

  it("says what is wrong with a path that is no repository", async () => {
    writeFileSync(join(root, "file"), "");
    mkdirSync(join(root, "empty"));
    const table = [
      { path: "missing", code: "not-found", message: /must be a directory/ },
      { path: "file", code: "not-found", message: /must be a directory/ },
      { path: "empty", code: "not-found", message: /git says: not a git repository/ },
    ];
    for (const { path, code, message } of table) {
      await expect(openRepository(join(root, path))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    }
  });

  it("reads sha256 repositories", async () => {
    initRepository(root, ["--object-format=sha256"]);
    const commit = commitAll(root, { "a/b.yaml": "b\n", "c.yaml": "c\n" });
    const repository = await open(root);
    expect(commit).toHaveLength(64);
    expect(repository.objectFormat).toBe("sha256");
    expect(await repository.head()).toEqual({ ref: "refs/heads/main", commit });
    const files = await repository.files(commit, "");
    expect(files.map(({ path }) => path)).toEqual(["a/b.yaml", "c.yaml"]);
    expect(await repository.text(asObjectHash(files[1]?.blob ?? ""))).toBe("c\n");
  });

  it("reads reftable repositories, or says in git's words that this git cannot", async () => {
    try {
      gitIn(root, ["init", "-q", "-b", "main", "--ref-format=reftable"]);
    } catch {
      // git before 2.45 has no reftable: such a repository is one it must refuse, and be quoted in doing so.
      initRepository(root);
      gitIn(root, ["config", "core.repositoryFormatVersion", "1"]);
      gitIn(root, ["config", "extensions.refStorage", "reftable"]);
      await expect(openRepository(root)).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringMatching(/git says: .*refstorage/),
      });
      return;
    }
    gitIn(root, ["config", "user.name", "Test Author"]);
    gitIn(root, ["config", "user.email", "author@example.org"]);
    const commit = commitAll(root, { "a.yaml": "a\n" });
    const repository = await open(root);
    expect(repository.refFormat).toBe("reftable");
    expect(await repository.head()).toEqual({ ref: "refs/heads/main", commit });
    const next = commitAll(root, { "a.yaml": "b\n" });
    expect(await repository.readRef("refs/heads/main")).toBe(next);
  });

  it("does not listen to the caller's GIT_DIR, as a hook that starts trueup would set it", async () => {
    initRepository(join(root, "one"));
    const commit = commitAll(join(root, "one"), { a: "a" });
    initRepository(join(root, "two"));
    process.env.GIT_DIR = join(root, "two/.git");
    try {
      expect(await (await open(join(root, "one"))).head()).toEqual({ ref: "refs/heads/main", commit });
    } finally {
      delete process.env.GIT_DIR;
    }
  });
});

describe("refs", () => {
  it("tell unborn, on a branch and detached apart", async () => {
    initRepository(root);
    const repository = await open(root);
    expect(await repository.head()).toEqual({ ref: "refs/heads/main", commit: null });
    const first = commitAll(root, { a: "a" });
    expect(await repository.head()).toEqual({ ref: "refs/heads/main", commit: first });
    gitIn(root, ["checkout", "-q", "--detach"]);
    expect(await repository.head()).toEqual({ ref: null, commit: first });
    gitIn(root, ["symbolic-ref", "HEAD", "refs/heads/none"]);
    expect(await repository.head()).toEqual({ ref: "refs/heads/none", commit: null });
  });

  it("are read as they are now: loose, packed, deleted, and through a tag", async () => {
    initRepository(root);
    const first = commitAll(root, { a: "a" });
    const repository = await open(root);
    expect(await repository.readRef("refs/heads/main")).toBe(first);
    expect(await repository.readRef("refs/heads/side")).toBeNull();
    gitIn(root, ["branch", "side"]);
    expect(await repository.readRef("refs/heads/side")).toBe(first);
    gitIn(root, ["pack-refs", "--all"]);
    const second = commitAll(root, { a: "b" });
    expect(await repository.readRef("refs/heads/main")).toBe(second);
    expect(await repository.readRef("refs/heads/side")).toBe(first);
    gitIn(root, ["branch", "-q", "-D", "side"]);
    expect(await repository.readRef("refs/heads/side")).toBeNull();
    gitIn(root, ["tag", "-a", "-m", "tagged", "v1", first]);
    expect(await repository.readRef("refs/tags/v1")).toBe(first);
  });

  it("are never told as absent when they cannot be read", async () => {
    initRepository(root);
    const commit = commitAll(root, { a: "a" });
    const repository = await open(root);
    expect(await repository.readRef("refs/heads/main")).toBe(commit);
    writeFileSync(join(root, ".git/refs/heads/broken"), "no id\n");
    writeFileSync(join(root, ".git/refs/heads/dangling"), `${"1".repeat(40)}\n`);
    gitIn(root, ["update-ref", "refs/tags/blob", gitIn(root, ["rev-parse", "HEAD:a"])]);
    const table = [
      { ref: "refs/heads/broken", code: "unavailable" },
      { ref: "refs/heads/dangling", code: "unavailable" },
      { ref: "refs/tags/blob", code: "invalid" },
      { ref: "main", code: "invalid" },
      { ref: "refs/heads/../x", code: "invalid" },
      { ref: "refs/heads/a\nHEAD", code: "invalid" },
    ];
    for (const { ref, code } of table) {
      await expect(repository.readRef(ref), ref).rejects.toMatchObject({ name: "TrueupError", code });
    }
    renameSync(join(root, ".git"), join(root, "away"));
    await expect(repository.readRef("refs/heads/main")).rejects.toMatchObject({ code: "unavailable" });
    await expect(repository.head()).rejects.toMatchObject({ code: "unavailable" });
    await expect(repository.resolve("main")).rejects.toMatchObject({ code: "unavailable" });
    renameSync(join(root, "away"), join(root, ".git"));
    expect(await repository.head()).toEqual({ ref: "refs/heads/main", commit });
  });

  it("never answer for a repository further up when their own is away", async () => {
    initRepository(root);
    commitAll(root, { a: "outer" });
    const inner = join(root, "inner");
    initRepository(inner);
    commitAll(inner, { a: "inner" });
    const repository = await open(inner);
    rmSync(join(inner, ".git"), { recursive: true });
    await expect(repository.head()).rejects.toMatchObject({ code: "unavailable" });
    await expect(repository.resolve("HEAD")).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("resolve", () => {
  it("takes every form of revision that git knows, and names what it does not find", async () => {
    initRepository(root);
    const first = commitAll(root, { a: "a" });
    const second = commitAll(root, { a: "b" });
    gitIn(root, ["tag", "-a", "-m", "tagged", "v1", first]);
    const repository = await open(root);
    const found = {
      HEAD: second,
      "HEAD~1": first,
      main: second,
      "refs/heads/main": second,
      v1: first,
      [first]: first,
      [first.slice(0, 8)]: first,
    };
    for (const [revision, commit] of Object.entries(found)) {
      expect(await repository.resolve(revision), revision).toBe(commit);
    }
    for (const revision of ["nope", "HEAD~2", "HEAD:a", "--all", "", "a\nb", "1".repeat(40)]) {
      await expect(repository.resolve(revision), revision).rejects.toMatchObject({
        name: "TrueupError",
        code: "not-found",
      });
    }
    await expect(repository.resolve("nope")).rejects.toThrow(
      `Cannot resolve "nope" in ${root} as it must name a commit`,
    );
  });

  it("stops when it is cancelled", async () => {
    initRepository(root);
    const repository = await open(root);
    await expect(repository.resolve("main", AbortSignal.abort())).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("commit", () => {
  it("reads author, dates in UTC, parents, tree and subject", async () => {
    initRepository(root);
    const first = commitAll(root, { a: "a" });
    gitIn(
      root,
      ["commit", "-q", "--allow-empty", "-m", "Second\n\nWith a body.", "--author", "Ada Böhm <ada@example.org>"],
      undefined,
      {
        GIT_AUTHOR_DATE: "2026-03-04T05:06:07+02:00",
        GIT_COMMITTER_DATE: "2026-03-05T00:00:00-01:00",
      },
    );
    const id = headOf(root);
    expect(await (await open(root)).commit(id)).toEqual({
      id,
      parents: [first],
      tree: gitIn(root, ["rev-parse", "HEAD^{tree}"]),
      authorName: "Ada Böhm",
      authorEmail: "ada@example.org",
      authoredAt: "2026-03-04T03:06:07Z",
      committerName: gitIn(root, ["log", "-1", "--format=%cn"]),
      committerEmail: gitIn(root, ["log", "-1", "--format=%ce"]),
      committedAt: "2026-03-05T01:00:00Z",
      subject: "Second",
    });
  });

  it("survives hostile and foreign commits: other encodings, control characters, impossible dates, signatures", async () => {
    initRepository(root);
    commitAll(root, { a: "a" });
    const tree = gitIn(root, ["rev-parse", "HEAD^{tree}"]);
    const raw = Buffer.concat([
      Buffer.from(
        `tree ${tree}\nauthor J\xfcrg \x1b[31m <j@x> 99999999999999999 +0000\ncommitter B <b> 0 +0000\n`,
        "latin1",
      ),
      Buffer.from("encoding ISO-8859-1\ngpgsig -----BEGIN\n tree 1234\n -----END\n\nGr\xfc\xdfe\x07\n", "latin1"),
    ]);
    const id = asCommitId(gitIn(root, ["hash-object", "-w", "-t", "commit", "--stdin", "--literally"], raw));
    expect(await (await open(root)).commit(id)).toMatchObject({
      tree,
      authorName: "Jürg \ufffd[31m",
      authoredAt: "1970-01-01T00:00:00Z",
      subject: "Grüße\ufffd",
    });
  });

  it("is not-found when there is none of that id", async () => {
    initRepository(root);
    const repository = await open(root);
    await expect(repository.commit(asCommitId("1".repeat(40)))).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("files", () => {
  it("are listed with their executable bit; symbolic links, submodules and unusable names are told apart", async () => {
    initRepository(root);
    mkdirSync(join(root, "app"));
    symlinkSync("../secret", join(root, "app/link"));
    writeFileSync(join(root, "app/run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    const commit = commitAll(root, {
      "app/a.yaml": "a\n",
      "app/sub/b.yaml": "b\n",
      "other.yaml": "o\n",
      "app-1.yaml": "x\n",
    });
    gitIn(root, ["update-index", "--add", "--cacheinfo", `160000,${commit},app/module`]);
    gitIn(root, ["commit", "-q", "-m", "with a submodule"]);
    const repository = await open(root);
    const head = headOf(root);
    const listing = await repository.list(head, "app");
    expect(listing.files.map(({ path, executable }) => [path, executable])).toEqual([
      ["app/a.yaml", false],
      ["app/run.sh", true],
      ["app/sub/b.yaml", false],
    ]);
    expect(listing.excluded.map(({ path, kind }) => [path, kind])).toEqual([
      ["app/link", "symlink"],
      ["app/module", "submodule"],
    ]);
    const yaml = await repository.files(head, "./", (path) => path.endsWith(".yaml"));
    expect(yaml.map(({ path }) => path)).toEqual(["app-1.yaml", "app/a.yaml", "app/sub/b.yaml", "other.yaml"]);
    await expect(repository.files(head, "nowhere")).rejects.toMatchObject({ code: "not-found" });
    await expect(repository.files(head, "other.yaml")).rejects.toMatchObject({ code: "not-found" });
    for (const path of ["../x", "/etc", "app/../..", ".git", "app//sub"]) {
      await expect(repository.files(head, path), path).rejects.toMatchObject({ code: "invalid" });
    }
  });

  it("of a hostile tree with names that leave the directory are unusable, never files", async () => {
    initRepository(root);
    commitAll(root, { a: "a" });
    const blob = gitIn(root, ["rev-parse", "HEAD:a"]);
    const entry = (mode: string, name: Buffer): Buffer =>
      Buffer.concat([Buffer.from(`${mode} `), name, Buffer.from([0]), Buffer.from(blob, "hex")]);
    const names = ["..", ".git", ".GIT", "a/b", "git~1", "good"].map((name) => entry("100644", Buffer.from(name)));
    const tree = Buffer.concat([
      ...names,
      entry("100644", Buffer.from([0x66, 0xff])),
      entry("100000", Buffer.from("odd")),
    ]);
    const hash = gitIn(root, ["hash-object", "-w", "-t", "tree", "--stdin", "--literally"], tree);
    const commit = asCommitId(gitIn(root, ["commit-tree", "-m", "hostile", hash]));
    const listing = await (await open(root)).list(commit, "");
    expect(listing.files.map(({ path }) => path)).toEqual(["good"]);
    expect(listing.excluded.map(({ path, kind }) => [path, kind])).toEqual(
      ["..", ".git", ".GIT", "a/b", "git~1", "f\ufffd", "odd"].map((path) => [path, "unusable"]),
    );
  });

  it("of a tree that unfolds without end are refused", async () => {
    initRepository(root);
    commitAll(root, { a: "a" });
    let hash = gitIn(root, ["rev-parse", "HEAD:a"]);
    for (let level = 0; level < 8; level++) {
      const kind = level === 0 ? "100644 blob" : "040000 tree";
      const lines = Array.from({ length: 10 }, (_, index) => `${kind} ${hash}\tf${index}`);
      hash = gitIn(root, ["mktree"], `${lines.join("\n")}\n`);
    }
    const commit = asCommitId(gitIn(root, ["commit-tree", "-m", "bomb", hash]));
    await expect((await open(root)).files(commit, "")).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringMatching(/at most 500000 files and/),
    });
  });

  it("of many trees that together unfold without end are refused when they are compared", async () => {
    initRepository(root);
    commitAll(root, { a: "a", "old/a": "a" });
    const many = (count: number, kind: string, hash: string): string => {
      const lines = Array.from({ length: count }, (_, index) => `${kind} ${hash}\tf${index}`);
      return gitIn(root, ["mktree"], `${lines.join("\n")}\n`);
    };
    const inner = many(130, "040000 tree", many(1000, "100644 blob", gitIn(root, ["rev-parse", "HEAD:a"])));
    const repository = await open(root);
    const before = (await repository.commit(headOf(root))).tree;
    // One alone may be listed; its files are more than fit into the arguments of one call.
    const { added } = await repository.changedFiles(before, asObjectHash(many(1, "040000 tree", inner)), "");
    expect(added).toHaveLength(130_000);
    await expect(
      repository.changedFiles(before, asObjectHash(many(5, "040000 tree", inner)), ""),
    ).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringMatching(/at most 500000 files and/),
    });
  });

  it("at exact paths are found, and others are not in the map", async () => {
    initRepository(root);
    symlinkSync("a.yaml", join(root, "link"));
    const commit = commitAll(root, { "a.yaml": "a\n", "d/b.yaml": "b\n" });
    const repository = await open(root);
    const found = await repository.filesAt(commit, ["a.yaml", "d/b.yaml", "d", "link", "none", "a.yaml/x"]);
    expect([...found.keys()]).toEqual(["a.yaml", "d/b.yaml"]);
    expect(await repository.treeAt(commit, "d")).toBe(gitIn(root, ["rev-parse", "HEAD:d"]));
    expect(await repository.treeAt(commit, "a.yaml")).toBeNull();
    expect(await repository.treeAt(commit, "none")).toBeNull();
    await expect(repository.filesAt(commit, ["../a"])).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("changedFiles", () => {
  it("lists what was added, removed and changed, also when a file becomes a directory or a link", async () => {
    initRepository(root);
    const before = commitAll(root, {
      "app/same.yaml": "s",
      "app/edit.yaml": "1",
      "app/gone.yaml": "g",
      "app/kind": "file",
      "app/turn": "t",
      "x/out.yaml": "1",
      "app/old/a": "a",
    });
    rmSync(join(root, "app/kind"));
    rmSync(join(root, "app/turn"));
    symlinkSync("same.yaml", join(root, "app/turn"));
    const after = commitAll(root, {
      "app/edit.yaml": "2",
      "app/gone.yaml": null,
      "app/kind/inner.yaml": "i",
      "app/new.yaml": "n",
      "x/out.yaml": "2",
      "app/old/a": null,
    });
    const repository = await open(root);
    const [a, b] = [(await repository.commit(before)).tree, (await repository.commit(after)).tree];
    const paths = (files: { path: string }[]): string[] => files.map(({ path }) => path);
    const changes = await repository.changedFiles(a, b, "app");
    expect({
      added: paths(changes.added),
      removed: paths(changes.removed),
      changed: paths(changes.changed),
      excludedAdded: paths(changes.excluded.added),
      excludedRemoved: paths(changes.excluded.removed),
    }).toEqual({
      added: ["app/kind/inner.yaml", "app/new.yaml"],
      removed: ["app/gone.yaml", "app/kind", "app/old/a", "app/turn"],
      changed: ["app/edit.yaml"],
      excludedAdded: ["app/turn"],
      excludedRemoved: [],
    });
    expect(changes.changed[0]?.blob).toBe(gitIn(root, ["rev-parse", `${after}:app/edit.yaml`]));
    expect(changes.removed[0]?.blob).toBe(gitIn(root, ["rev-parse", `${before}:app/gone.yaml`]));
    expect(paths((await repository.changedFiles(null, b, "app")).added)).toHaveLength(4);
    expect((await repository.changedFiles(b, b, "app")).changed).toEqual([]);
    await expect(repository.changedFiles(a, b, "none")).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("blobs", () => {
  it("are given byte by byte, up to a limit, and as text only when they are UTF-8", async () => {
    initRepository(root);
    const bytes = Buffer.from([0, 10, 255, 10, 0, 13, 10]);
    const big = Buffer.alloc(300_000, "0123456789\n");
    const commit = commitAll(root, { bytes, big, bom: "\ufefftext: ü\n", empty: "" });
    const repository = await open(root);
    const blobs = await repository.filesAt(commit, ["bytes", "big", "bom", "empty"]);
    const hash = (path: string) => asObjectHash(blobs.get(path)?.blob ?? "");
    expect(await repository.blob(hash("bytes"))).toEqual(bytes);
    expect(await repository.blob(hash("empty"))).toEqual(Buffer.alloc(0));
    expect(await repository.text(hash("bom"))).toBe("text: ü\n");
    await expect(repository.text(hash("bytes"))).rejects.toMatchObject({ code: "invalid" });
    await expect(repository.blob(hash("big"), { maxBytes: 299_999 })).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringMatching(/at most 299999 bytes: it has 300000/),
    });
    expect((await repository.blob(hash("big"), { maxBytes: 300_000 })).equals(big)).toBe(true);
    await expect(repository.blob(asObjectHash("1".repeat(40)))).rejects.toMatchObject({ code: "not-found" });
    const tree = await repository.treeAt(commit, "");
    await expect(repository.blob(asObjectHash(tree ?? ""))).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("history", () => {
  it("lists the first-parent commits since one, and says null when the ref was rewritten", async () => {
    initRepository(root);
    const a = commitAll(root, { a: "1" }, "a");
    gitIn(root, ["checkout", "-q", "-b", "side"]);
    const side = commitAll(root, { s: "1" }, "side");
    gitIn(root, ["checkout", "-q", "main"]);
    const b = commitAll(root, { a: "2" }, "b");
    gitIn(root, ["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    const merge = headOf(root);
    gitIn(root, ["checkout", "-q", "-b", "rewritten", a]);
    const other = commitAll(root, { a: "3" }, "other");
    const repository = await open(root);
    const table = [
      { from: a, to: merge, expected: [b, merge] },
      { from: merge, to: merge, expected: [] },
      { from: side, to: merge, expected: null },
      { from: b, to: other, expected: null },
      { from: merge, to: a, expected: null },
    ];
    for (const { from, to, expected } of table) {
      expect(await repository.firstParentSince(from, to)).toEqual(expected);
    }
    expect(await repository.isAncestor(side, merge)).toBe(true);
    expect(await repository.isAncestor(merge, side)).toBe(false);
    expect(await repository.isAncestor(a, a)).toBe(true);
    const subjects = async (query: object) =>
      (await repository.log({ from: merge, limit: 10, ...query })).map(({ subject }) => subject);
    expect(await subjects({ firstParent: true })).toEqual(["merge", "b", "a"]);
    expect(await subjects({ path: "s" })).toEqual(["side"]);
    expect(await subjects({ limit: 1 })).toEqual(["merge"]);
  });

  it("answers the same over long distances and in shallow clones", async () => {
    initRepository(root);
    const first = commitAll(root, { a: "1" });
    for (let index = 0; index < 40; index++) gitIn(root, ["commit", "-q", "--allow-empty", "-m", `c${index}`]);
    const head = headOf(root);
    const repository = await open(root);
    const expected = gitIn(root, ["rev-list", "--reverse", `${first}..${head}`]).split("\n");
    expect(await repository.firstParentSince(first, head)).toEqual(expected);
    expect(await repository.firstParentSince(head, first)).toBeNull();
    gitIn(root, ["clone", "-q", "--depth", "3", `file://${root}`, "shallow"]);
    const shallow = await open(join(root, "shallow"));
    expect(await shallow.firstParentSince(headOf(root, "HEAD~1"), head)).toEqual([head]);
    await expect(shallow.firstParentSince(first, head)).rejects.toMatchObject({ name: "TrueupError" });
  });
});
