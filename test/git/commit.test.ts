/** Commits made without a work tree: what they hold, what they refuse before changing anything, and checked-out branches. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CommitRequest, commitFiles } from "../../src/git/commit.ts";
import { createRepository } from "../../src/git/init.ts";
import { openRepository, type Repository } from "../../src/git/repository.ts";
import type { CommitId } from "../../src/model/source.ts";
import { commitAll, gitIn, headOf, ISOLATED, initRepository, temporary } from "./support.ts";

const REF = "refs/heads/main";
let root: string;
let dispose: () => void;
let repository: Repository;
let head: CommitId;
const environment: Record<string, string | undefined> = {};

beforeEach(async () => {
  for (const [name, value] of Object.entries(ISOLATED)) {
    environment[name] = process.env[name];
    process.env[name] = value;
  }
  ({ path: root, dispose } = temporary());
  initRepository(root);
  writeFileSync(join(root, "run.sh"), "#!/bin/sh\n", { mode: 0o755 });
  symlinkSync("a.yaml", join(root, "link"));
  head = commitAll(root, {
    "a.yaml": "a: 1\n",
    "app/b.yaml": "b: 1\n",
    "app/deep/c.yaml": "c: 1\n",
    "other.yaml": "o\n",
  });
  repository = await openRepository(root);
});

afterEach(async () => {
  await repository.close();
  dispose();
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

function commit(changes: CommitRequest["changes"], rest: Partial<CommitRequest> = {}): Promise<CommitId> {
  return commitFiles(repository, { ref: REF, expectedHead: head, changes, message: "Change it", ...rest });
}

const tree = (revision: string): string[] => gitIn(root, ["ls-tree", "-r", revision]).split("\n");
const status = (path = root): string => gitIn(path, ["status", "--porcelain"]);

describe("commitFiles", () => {
  it("writes, adds and deletes files, keeps modes, and brings the checked-out work tree along", async () => {
    const id = await commit([
      { path: "a.yaml", content: "a: 2\n" },
      { path: "run.sh", content: "#!/bin/sh\ntrue\n" },
      { path: "new/dir/n.yaml", content: Buffer.from("n\n") },
      { path: "new/tool", content: "t", executable: true },
      { path: "app/deep/c.yaml", delete: true },
    ]);
    expect(headOf(root)).toBe(id);
    expect(status()).toBe("");
    expect(gitIn(root, ["diff", "--name-status", head, id])).toBe(
      ["M\ta.yaml", "D\tapp/deep/c.yaml", "A\tnew/dir/n.yaml", "A\tnew/tool", "M\trun.sh"].join("\n"),
    );
    expect(gitIn(root, ["log", "-1", "--format=%an <%ae>|%s|%P", id])).toBe(
      `Test Author <author@example.org>|Change it|${head}`,
    );
    expect(tree(id).map((line) => [line.slice(0, 6), line.split("\t")[1]])).toEqual([
      ["100644", "a.yaml"],
      ["100644", "app/b.yaml"],
      ["120000", "link"],
      ["100644", "new/dir/n.yaml"],
      ["100755", "new/tool"],
      ["100644", "other.yaml"],
      ["100755", "run.sh"],
    ]);
    expect(readFileSync(join(root, "a.yaml"), "utf8")).toBe("a: 2\n");
    expect(statSync(join(root, "new/tool")).mode & 0o100).toBe(0o100);
    expect(existsSync(join(root, "app/deep"))).toBe(false);
    gitIn(root, ["fsck", "--strict", "--no-dangling"]);
  });

  it("leaves other people's work in the same work tree as it was", async () => {
    writeFileSync(join(root, "other.yaml"), "edited\n");
    writeFileSync(join(root, "staged.yaml"), "s\n");
    gitIn(root, ["add", "staged.yaml"]);
    writeFileSync(join(root, "untracked"), "u\n");
    const before = status();
    await commit([{ path: "a.yaml", content: "a: 2\n" }]);
    expect(status()).toBe(before);
    expect(before.split("\n")).toEqual([" M other.yaml", "A  staged.yaml", "?? untracked"]);
  });

  it("refuses, before anything changes, when a path it touches is not clean in the work tree", async () => {
    writeFileSync(join(root, ".git/info/exclude"), "ignored\n");
    const table: { what: string; prepare: () => void; path: string; reason: RegExp }[] = [
      {
        what: "edited",
        prepare: () => writeFileSync(join(root, "a.yaml"), "x"),
        path: "a.yaml",
        reason: /a\.yaml has a change that is not committed/,
      },
      {
        what: "staged",
        prepare: () => {
          writeFileSync(join(root, "a.yaml"), "x");
          gitIn(root, ["add", "a.yaml"]);
        },
        path: "a.yaml",
        reason: /a\.yaml has a staged change/,
      },
      { what: "deleted", prepare: () => rmSync(join(root, "a.yaml")), path: "a.yaml", reason: /a\.yaml is deleted/ },
      {
        what: "untracked",
        prepare: () => writeFileSync(join(root, "new"), "x"),
        path: "new",
        reason: /new is there, untracked or ignored/,
      },
      {
        what: "ignored",
        prepare: () => writeFileSync(join(root, "ignored"), "x"),
        path: "ignored",
        reason: /ignored is there, untracked or ignored/,
      },
      {
        what: "staged and gone",
        prepare: () => {
          writeFileSync(join(root, "new"), "x");
          gitIn(root, ["add", "new"]);
          rmSync(join(root, "new"));
        },
        path: "new",
        reason: /new has a staged change/,
      },
      { what: "directory there", prepare: () => mkdirSync(join(root, "new")), path: "new", reason: /new is there/ },
      {
        what: "link above",
        prepare: () => symlinkSync("/tmp", join(root, "out")),
        path: "out/new",
        reason: /out is no directory there/,
      },
      {
        what: "a filter",
        prepare: () => writeFileSync(join(root, ".gitattributes"), "*.yaml filter=evil\n"),
        path: "a.yaml",
        reason: /a\.yaml goes through the filter "evil"/,
      },
    ];
    for (const { what, prepare, path, reason } of table) {
      prepare();
      const before = status();
      await expect(
        commit([
          { path: "app/b.yaml", content: "b: 2\n" },
          { path, content: "mine\n" },
        ]),
        what,
      ).rejects.toMatchObject({
        code: "conflict",
        message: expect.stringMatching(reason),
      });
      expect(headOf(root), what).toBe(head);
      expect(status(), what).toBe(before);
      gitIn(root, ["reset", "-q", "--hard"]);
      gitIn(root, ["clean", "-qfdx"]);
    }
  });

  it("takes a file that was only written again with the same content as clean", async () => {
    utimesSync(join(root, "a.yaml"), 1, 1);
    const id = await commit([{ path: "a.yaml", content: "a: 2\n" }]);
    expect(headOf(root)).toBe(id);
    expect(status()).toBe("");
  });

  it("brings every linked work tree of the branch along, and none of another branch", async () => {
    const linked = join(root, "../", `${root.split("/").at(-1)}-linked`);
    gitIn(root, ["checkout", "-q", "-b", "side"]);
    gitIn(root, ["worktree", "add", "-q", linked, "main"]);
    try {
      const id = await commit([{ path: "a.yaml", content: "a: 2\n" }]);
      expect(headOf(linked)).toBe(id);
      expect(status(linked)).toBe("");
      expect(readFileSync(join(linked, "a.yaml"), "utf8")).toBe("a: 2\n");
      expect(readFileSync(join(root, "a.yaml"), "utf8")).toBe("a: 1\n");
      expect(status()).toBe("");
      writeFileSync(join(linked, "a.yaml"), "edited");
      await expect(commit([{ path: "a.yaml", content: "a: 3\n" }], { expectedHead: id })).rejects.toThrow(linked);
    } finally {
      rmSync(linked, { recursive: true, force: true });
    }
    expect(await commit([{ path: "a.yaml", content: "a: 3\n" }], { expectedHead: headOf(root, "main") })).toBe(
      headOf(root, "main"),
    );
  });

  it("makes commits in bare repositories and on branches that nobody has checked out", async () => {
    gitIn(root, ["branch", "other"]);
    const id = await commit([{ path: "a.yaml", content: "a: 9\n" }], { ref: "refs/heads/other" });
    expect(headOf(root, "other")).toBe(id);
    expect(headOf(root)).toBe(head);
    expect(status()).toBe("");
    gitIn(root, ["clone", "-q", "--bare", root, "bare.git"]);
    const bare = await openRepository(join(root, "bare.git"));
    try {
      const author = { name: "Ada", email: "ada@example.org" };
      const changes = [{ path: "a.yaml", content: "a: 5\n" }];
      const made = await commitFiles(bare, {
        ref: REF,
        expectedHead: head,
        changes,
        message: "m",
        author,
        fallbackIdentity: author,
      });
      expect(headOf(bare.path, "main")).toBe(made);
      expect((await bare.commit(made)).authorName).toBe("Ada");
    } finally {
      await bare.close();
    }
  });

  it("compares and swaps: a branch that moved is a conflict and stays where it is", async () => {
    const moved = commitAll(root, { "a.yaml": "a: theirs\n" });
    await expect(commit([{ path: "other.yaml", content: "mine\n" }])).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining(`must stand at ${head.slice(0, 7)}: it stands at ${moved.slice(0, 7)}`),
    });
    await expect(commit([{ path: "x", content: "x" }], { expectedHead: null })).rejects.toMatchObject({
      code: "conflict",
    });
    expect(headOf(root)).toBe(moved);
    expect(status()).toBe("");
  });

  it("lets exactly one of two commits at the same time through", async () => {
    const results = await Promise.allSettled(["1", "2"].map((n) => commit([{ path: `n${n}`, content: n }])));
    const made = results.filter((result) => result.status === "fulfilled");
    const refused = results.filter((result) => result.status === "rejected");
    expect(made).toHaveLength(1);
    expect(refused[0]?.reason).toMatchObject({ name: "TrueupError" });
    expect(headOf(root)).toBe(made[0]?.value);
  });

  it("runs no hook of the repository", async () => {
    const hooks = join(root, ".git/hooks");
    mkdirSync(hooks, { recursive: true });
    const names = [
      "pre-commit",
      "commit-msg",
      "prepare-commit-msg",
      "post-commit",
      "reference-transaction",
      "post-checkout",
      "post-index-change",
      "update",
    ];
    for (const name of names)
      writeFileSync(join(hooks, name), `#!/bin/sh\ntouch ${root}/ran-${name}\nexit 1\n`, { mode: 0o755 });
    gitIn(root, ["config", "core.fsmonitor", `touch ${root}/ran-fsmonitor; false`]);
    await commit([{ path: "a.yaml", content: "a: 2\n" }]);
    for (const name of [...names, "fsmonitor"]) expect(existsSync(join(root, `ran-${name}`)), name).toBe(false);
  });

  it("refuses unsafe paths, empty changes and messages, and paths that run through what is no directory", async () => {
    const table: { changes: CommitRequest["changes"]; rest?: Partial<CommitRequest>; code: string; message: RegExp }[] =
      [
        { changes: [{ path: "../x", content: "" }], code: "invalid", message: /must lie inside the repository/ },
        { changes: [{ path: "/etc/x", content: "" }], code: "invalid", message: /must lie inside the repository/ },
        { changes: [{ path: ".git/config", content: "" }], code: "invalid", message: /must lie inside the repository/ },
        { changes: [{ path: "a/.GIT /x", content: "" }], code: "invalid", message: /must lie inside the repository/ },
        { changes: [], code: "invalid", message: /there must be a change/ },
        { changes: [{ path: "a.yaml", content: "a: 1\n" }], code: "invalid", message: /the content is as it was/ },
        { changes: [{ path: "a.yaml", content: "x" }], rest: { message: " \n" }, code: "invalid", message: /message/ },
        {
          changes: [{ path: "a.yaml", content: "x" }],
          rest: { ref: "main" },
          code: "invalid",
          message: /branch's full name/,
        },
        {
          changes: [{ path: "a.yaml", content: "x" }],
          rest: { ref: "refs/heads/a b" },
          code: "invalid",
          message: /branch's full name/,
        },
        { changes: [{ path: "none", delete: true }], code: "not-found", message: /must be there/ },
        { changes: [{ path: "none/x", delete: true }], code: "not-found", message: /must be there/ },
        { changes: [{ path: "app", content: "x" }], code: "invalid", message: /it is a tree/ },
        { changes: [{ path: "link", content: "x" }], code: "invalid", message: /it is a symlink/ },
        {
          changes: [{ path: "a.yaml/x", content: "x" }],
          code: "invalid",
          message: /must be a directory: it is a file/,
        },
        {
          changes: [
            { path: "x", content: "x" },
            { path: "x", delete: true },
          ],
          code: "invalid",
          message: /named twice/,
        },
        {
          changes: [
            { path: "x", content: "x" },
            { path: "x/y", content: "y" },
          ],
          code: "invalid",
          message: /to be both/,
        },
      ];
    for (const { changes, rest, code, message } of table) {
      await expect(commit(changes, rest), JSON.stringify(changes)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    }
    expect(headOf(root)).toBe(head);
    expect(status()).toBe("");
  });

  it("lets a file become a directory and a directory a file, and takes blobs that are there, where nothing is checked out", async () => {
    gitIn(root, ["branch", "other"]);
    const rest = { ref: "refs/heads/other" };
    const files = await repository.filesAt(head, ["a.yaml", "run.sh"]);
    const [a, run] = [files.get("a.yaml"), files.get("run.sh")];
    if (a === undefined || run === undefined) throw new Error("they are not there");
    const id = await commit(
      [
        { path: "a.yaml", delete: true },
        { path: "a.yaml/x", blob: run.blob, executable: false },
        { path: "app/b.yaml", delete: true },
        { path: "app/deep/c.yaml", delete: true },
        { path: "app", blob: a.blob, executable: true },
      ],
      rest,
    );
    const lines = tree(id).map((line) => line.replace(/^(\d+) blob (\w+)\t/, "$1 $2 "));
    expect(lines.slice(0, 2)).toEqual([`100644 ${run.blob} a.yaml/x`, `100755 ${a.blob} app`]);
    expect(headOf(root)).toBe(head);
    const both = [
      { path: "app/b.yaml", delete: true as const },
      { path: "app", content: "app/deep is in the way" },
    ];
    await expect(commit(both, { ...rest, expectedHead: head })).rejects.toMatchObject({ code: "conflict" });
    gitIn(root, ["branch", "third"]);
    await expect(commit(both, { ref: "refs/heads/third" })).rejects.toThrow(/to be both/);
  });

  it("uses git's identity, else the fallback, else says how to set one", async () => {
    gitIn(root, ["config", "--unset", "user.name"]);
    gitIn(root, ["config", "--unset", "user.email"]);
    await expect(commit([{ path: "x", content: "x" }])).rejects.toMatchObject({
      code: "invalid",
      hint: expect.stringContaining("git config --global user.name"),
    });
    const id = await commit([{ path: "x", content: "x" }], {
      fallbackIdentity: { name: "Fall Back", email: "f@example.org" },
    });
    expect(gitIn(root, ["log", "-1", "--format=%an %ae %cn", id])).toBe("Fall Back f@example.org Fall Back");
  });
});

describe("createRepository", () => {
  const files = [
    { path: "README.md", content: "hello\n" },
    { path: "images/web/v1/server.js", content: "#!/usr/bin/env node\n", executable: true },
  ];
  const fallbackIdentity = { name: "trueup demo", email: "demo@example.org" };

  it("makes main with one commit and a clean work tree, with a local identity when git has none", async () => {
    const dir = join(root, "demo/repo");
    const made = await createRepository(dir, { files, message: "Version 1", fallbackIdentity });
    try {
      expect(await made.head()).toEqual({ ref: REF, commit: headOf(dir) });
      expect(status(dir)).toBe("");
      expect(readFileSync(join(dir, "README.md"), "utf8")).toBe("hello\n");
      expect(statSync(join(dir, "images/web/v1/server.js")).mode & 0o111).not.toBe(0);
      expect(gitIn(dir, ["config", "--local", "user.name"])).toBe("trueup demo");
      expect(gitIn(dir, ["log", "--format=%an %s"])).toBe("trueup demo Version 1");
    } finally {
      await made.close();
    }
    await expect(createRepository(dir, { files, message: "again", fallbackIdentity })).rejects.toMatchObject({
      code: "conflict",
    });
  });

  it("leaves git's own identity alone, and nothing behind when it fails", async () => {
    const config = join(root, "gitconfig");
    writeFileSync(config, "[user]\n\tname = Own Name\n\temail = own@example.org\n");
    process.env.GIT_CONFIG_GLOBAL = config;
    const dir = join(root, "own");
    await (await createRepository(dir, { files, message: "Version 1", fallbackIdentity })).close();
    expect(() => gitIn(dir, ["config", "--local", "user.name"])).toThrow();
    expect(gitIn(dir, ["log", "--format=%an"])).toBe("Own Name");
    const broken = { files: [{ path: "../x", content: "" }], message: "m", fallbackIdentity };
    await expect(createRepository(join(root, "broken"), broken)).rejects.toMatchObject({ code: "invalid" });
    expect(existsSync(join(root, "broken/.git"))).toBe(false);
  });
});
