/** Nothing that a repository names is run, and work is proportional to the change: counted, not timed. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { gitEnvironment, runGit } from "../../src/git/command.ts";
import { openRepository, type Repository } from "../../src/git/repository.ts";
import { asCommitId, asObjectHash } from "../../src/model/source.ts";
import { commitAll, gitIn, headOf, initRepository, temporary } from "./support.ts";

let root: string;
let dispose: () => void;
const opened: Repository[] = [];

beforeEach(() => {
  ({ path: root, dispose } = temporary());
  initRepository(join(root, "repo"));
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

describe("git", () => {
  it("gets none of the caller's GIT_* but configuration files and identity, and no programs to start", () => {
    const before = { ...process.env };
    Object.assign(process.env, {
      GIT_DIR: "/x",
      GIT_SSH_COMMAND: "x",
      GIT_AUTHOR_NAME: "A",
      GIT_CONFIG_GLOBAL: "/g",
      GIT_CONFIG_COUNT: "1",
      EDITOR: "vi",
      PAGER: "less",
    });
    try {
      const env = gitEnvironment({ GIT_DIR: "/own" });
      const git = Object.keys(env)
        .filter((name) => name.startsWith("GIT_"))
        .sort();
      expect(env).toMatchObject({
        GIT_DIR: "/own",
        GIT_AUTHOR_NAME: "A",
        GIT_CONFIG_GLOBAL: "/g",
        GIT_TERMINAL_PROMPT: "0",
        GIT_OPTIONAL_LOCKS: "0",
        GIT_NO_REPLACE_OBJECTS: "1",
        PATH: process.env.PATH,
      });
      expect(git).not.toContain("GIT_SSH_COMMAND");
      expect(git).not.toContain("GIT_CONFIG_COUNT");
      expect([env.EDITOR, env.PAGER]).toEqual([undefined, undefined]);
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      Object.assign(process.env, before);
    }
  });

  it("is ended when it is cancelled, and says so", async () => {
    const controller = new AbortController();
    const running = runGit({ cwd: join(root, "repo"), args: ["cat-file", "--batch"], signal: controller.signal });
    const failed = expect(running).rejects.toMatchObject({ code: "aborted" });
    setImmediate(() => controller.abort());
    await failed;
  });

  it("is ended when it says nothing for too long", async () => {
    const running = runGit({ cwd: join(root, "repo"), args: ["cat-file", "--batch"], timeoutMs: 50 });
    await expect(running).rejects.toMatchObject({ code: "timeout" });
  });

  it("does not fetch what a partial clone lacks, nor start the program that would", async () => {
    const repo = join(root, "repo");
    const commit = commitAll(repo, { "a.yaml": "a\n" });
    const blob = asObjectHash(gitIn(repo, ["rev-parse", "HEAD:a.yaml"]));
    gitIn(repo, ["config", "uploadpack.allowFilter", "true"]);
    gitIn(root, ["clone", "-q", "--no-checkout", "--filter=blob:none", `file://${repo}`, "partial"]);
    const partial = join(root, "partial");
    writeFileSync(join(root, "evil"), `#!/bin/sh\ntouch ${root}/ran\nexit 1\n`, { mode: 0o755 });
    gitIn(partial, ["config", "remote.origin.uploadpack", join(root, "evil")]);
    const repository = await open(partial);
    expect((await repository.files(commit, "")).map(({ path }) => path)).toEqual(["a.yaml"]);
    await expect(repository.blob(blob)).rejects.toMatchObject({ name: "TrueupError" });
    expect(existsSync(join(root, "ran"))).toBe(false);
    expect(await repository.head()).toEqual({ ref: "refs/heads/main", commit });
  });

  it("reads what a commit says, not what a replacement says", async () => {
    const repo = join(root, "repo");
    const first = commitAll(repo, { a: "1" }, "first");
    const second = commitAll(repo, { a: "2" }, "second");
    gitIn(repo, ["replace", second, first]);
    expect((await (await open(repo)).commit(second)).subject).toBe("second");
  });
});

describe("10,000 files", () => {
  const COUNT = 10_000;
  const PER_DIRECTORY = 100;

  /** Made by `git fast-import`: files app/d<i>/f<j>.yaml. */
  function fill(repo: string): void {
    const lines = ["commit refs/heads/main", "committer T <t@example.org> 0 +0000", "data 1", "x"];
    for (let index = 0; index < COUNT; index++) {
      const path = `app/d${Math.floor(index / PER_DIRECTORY)}/f${index}.yaml`;
      const content = `n: ${index}`;
      lines.push(`M 100644 inline ${path}`, `data ${content.length}`, content);
    }
    gitIn(repo, ["fast-import", "--quiet"], `${lines.join("\n")}\n`);
  }

  it("cost one request a directory once, and a commit of one file costs its depth", async () => {
    const repo = join(root, "repo");
    fill(repo);
    const before = headOf(repo);
    const repository = await open(repo);
    expect(await repository.files(before, "app")).toHaveLength(COUNT);
    // The commit, the root, app, and its directories.
    expect(repository.objectReads).toBe(1 + 1 + 1 + COUNT / PER_DIRECTORY);

    const blob = gitIn(repo, ["hash-object", "-w", "--stdin"], "changed");
    gitIn(repo, ["read-tree", before]);
    gitIn(repo, ["update-index", "--cacheinfo", `100644,${blob},app/d7/f700.yaml`]);
    const after = asCommitId(gitIn(repo, ["commit-tree", "-p", before, "-m", "one", gitIn(repo, ["write-tree"])]));

    let reads = repository.objectReads;
    const [old, next] = [await repository.commit(before), await repository.commit(after)];
    const changes = await repository.changedFiles(old.tree, next.tree, "app");
    expect(changes.changed.map(({ path, blob: hash }) => [path, hash])).toEqual([["app/d7/f700.yaml", blob]]);
    expect([...changes.added, ...changes.removed]).toEqual([]);
    // The new commit, and the new root, app and d7.
    expect(repository.objectReads - reads).toBe(1 + 3);

    reads = repository.objectReads;
    expect(await repository.files(after, "app")).toHaveLength(COUNT);
    expect((await repository.changedFiles(old.tree, next.tree, "")).changed).toHaveLength(1);
    expect((await repository.changedFiles(next.tree, next.tree, "app")).changed).toEqual([]);
    expect(repository.objectReads).toBe(reads);
  });
});
