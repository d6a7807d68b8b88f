/** The image store over real repositories and directories: what is found where, laid down how, and never twice. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRepository, type Repository } from "../../src/git/repository.ts";
import { ImageStore } from "../../src/image/store.ts";
import { type CommitId, shortId } from "../../src/model/source.ts";
import { commitAll, gitIn, headOf, initRepository, temporary } from "../git/support.ts";

const CONFIG = JSON.stringify({
  config: { Entrypoint: ["node"], Cmd: ["server.js"], Env: ["A=1"], WorkingDir: "/app" },
});
let root: string;
let state: string;
let repo: string;
let disk: string;
let dispose: () => void;
let repository: Repository;
let commit: CommitId;

beforeEach(async () => {
  ({ path: root, dispose } = temporary());
  repo = join(root, "repo");
  state = join(root, "state/images");
  disk = join(root, "disk");
  initRepository(repo);
  mkdirSync(join(repo, "images/web/v1/bin"), { recursive: true });
  writeFileSync(join(repo, "images/web/v1/bin/run"), "#!/bin/sh\n", { mode: 0o755 });
  symlinkSync("bin/run", join(repo, "images/web/v1/start"));
  commit = commitAll(repo, {
    "images/web/v1/config.json": CONFIG,
    "images/web/v1/server.js": "one\n",
    "images/web/v2/server.js": "two\n",
    "images/web/README": "no image\n",
  });
  repository = await openRepository(repo);
});

afterEach(async () => {
  await repository.close();
  dispose();
});

function put(path: string, content: string): void {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
}

async function updated(references: string[], store?: ImageStore, imagePaths = [disk]): Promise<ImageStore> {
  const target = store ?? (await ImageStore.open(state));
  await target.update({ repository, commit, references, imagePaths });
  return target;
}

/** Digests of v1 and v2, as the store gives them. */
async function digestsOfWeb(): Promise<{ v1: string; v2: string }> {
  const { "web:v1": v1 = "", "web:v2": v2 = "" } = (await updated(["web:v1", "web:v2"])).digests(["web:v1", "web:v2"]);
  return { v1, v2 };
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const laidDown = (): string[] => readdirSync(state).filter((name) => name !== "index.json" && name !== "package.json");

describe("update and resolve", () => {
  it("lay an image down read-only, with its links and executable bits, and read its config", async () => {
    const store = await updated(["registry.example.org:5000/team/web:v1"]);
    const resolution = store.resolve("registry.example.org:5000/team/web:v1");
    expect(resolution).toMatchObject({
      found: true,
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      config: { Entrypoint: ["node"], Cmd: ["server.js"], Env: ["A=1"], WorkingDir: "/app" },
    });
    const directory = resolution.found ? resolution.directory : "";
    expect(directory).toBe(join(state, resolution.found ? resolution.digest.slice(7) : ""));
    expect(readFileSync(join(directory, "server.js"), "utf8")).toBe("one\n");
    expect(readlinkSync(join(directory, "start"))).toBe("bin/run");
    expect([
      modeOf(directory),
      modeOf(join(directory, "bin")),
      modeOf(join(directory, "bin/run")),
      modeOf(join(directory, "server.js")),
    ]).toEqual([0o555, 0o555, 0o555, 0o444]);
    expect([modeOf(state), modeOf(join(state, "index.json"))]).toEqual([0o700, 0o600]);
  });

  it("find references in the repository first, then on disk, or say where they looked", async () => {
    const { v1, v2 } = await digestsOfWeb();
    put(join(disk, "tool/1.0/run"), "tool\n");
    put(join(disk, "web/v1/server.js"), "disk, hidden by the repository\n");
    const other = `sha256:${"0".repeat(64)}`;
    const at = `in commit ${shortId(commit)}`;
    const table: { reference: string; digest?: string; reason?: string; message?: string }[] = [
      { reference: "web:v1", digest: v1 },
      { reference: "a.b/c/web:v2", digest: v2 },
      { reference: `web@${v2}`, digest: v2 },
      { reference: `web:v1@${v1}`, digest: v1 },
      { reference: "tool:1.0", digest: expect.stringMatching(/^sha256:/) as unknown as string },
      {
        reference: "web:v9",
        reason: "ErrImagePull",
        message: `no directory images/web/v9 ${at}; no directory ${disk}/web/v9`,
      },
      {
        reference: "none:1",
        reason: "ErrImagePull",
        message: `no directory images/none/1 ${at}; no directory ${disk}/none/1`,
      },
      {
        reference: "web:README",
        reason: "ErrImagePull",
        message: `no directory images/web/README ${at}; no directory ${disk}/web/README`,
      },
      {
        reference: "web",
        reason: "ErrImagePull",
        message: `no directory images/web/latest ${at}; no directory ${disk}/web/latest`,
      },
      {
        reference: `none@${other}`,
        reason: "ErrImagePull",
        message: `no directory images/none ${at}; no directory ${disk}/none`,
      },
      {
        reference: `web:v2@${v1}`,
        reason: "ErrImagePull",
        message: `images/web/v2 ${at} has digest ${v2}, not ${v1}; no directory ${disk}/web/v2`,
      },
      {
        reference: "not an image",
        reason: "InvalidImageName",
        message: '"not an image" is no image reference: it must be name:tag or name@sha256:…',
      },
      {
        reference: "a/.git:v1",
        reason: "InvalidImageName",
        message: '"a/.git:v1" is no image reference: it must be name:tag or name@sha256:…',
      },
      {
        reference: "web:-v1",
        reason: "InvalidImageName",
        message: '"web:-v1" is no image reference: it must be name:tag or name@sha256:…',
      },
    ];
    const store = await updated(table.map(({ reference }) => reference));
    for (const { reference, digest, reason, message } of table) {
      const resolution = store.resolve(reference);
      const expected = digest === undefined ? { found: false, reason, message } : { found: true, digest };
      expect(resolution, reference).toMatchObject({ reference, ...expected });
    }
    expect(Object.keys(store.digests(table.map(({ reference }) => reference)))).toHaveLength(5);
    const unmatched = store.resolve(`web@${other}`);
    expect(unmatched).toMatchObject({
      found: false,
      message: expect.stringContaining("is in no manifest that was read so far"),
    });
  });

  it("give the same digest for the same content in git and on disk, and another for any difference", async () => {
    const { v1 } = await digestsOfWeb();
    gitIn(repo, ["worktree", "add", "-q", "--detach", join(root, "copy")]);
    const copy = join(root, "copy/images/web");
    const store = await updated(["web:v1"], undefined, [join(root, "copy/images")]);
    const references: Record<string, string> = {};
    const variants: [string, (directory: string) => void][] = [
      ["same", () => {}],
      ["mode", (directory) => chmodSync(join(directory, "server.js"), 0o755)],
      ["content", (directory) => writeFileSync(join(directory, "server.js"), "1\n")],
      ["extra", (directory) => writeFileSync(join(directory, "extra"), "")],
      ["empty-directory", (directory) => mkdirSync(join(directory, "empty"))],
      [
        "link",
        (directory) => {
          rmSync(join(directory, "start"));
          symlinkSync("server.js", join(directory, "start"));
        },
      ],
    ];
    for (const [tag, change] of variants) {
      const directory = join(copy, tag);
      mkdirSync(directory, { recursive: true });
      for (const name of ["config.json", "server.js", "bin/run", "start"]) {
        const from = join(copy, "v1", name);
        mkdirSync(join(directory, name, ".."), { recursive: true });
        if (lstatSync(from).isSymbolicLink()) symlinkSync(readlinkSync(from), join(directory, name));
        else writeFileSync(join(directory, name), readFileSync(from), { mode: statSync(from).mode });
      }
      change(directory);
      await updated([`web:${tag}`], store, [join(root, "copy/images")]);
      references[tag] = store.digests([`web:${tag}`])[`web:${tag}`] ?? "";
    }
    expect(references.same).toBe(v1);
    expect(references["empty-directory"]).toBe(v1);
    expect(new Set(Object.values(references)).size).toBe(5);
  });

  it("refuse images that reach outside or are broken, and never fall back to another place for that tag", async () => {
    const bad = (tag: string): string => join(repo, "images/bad", tag);
    put(join(bad("ok"), "f"), "f");
    put(join(bad("json"), "config.json"), "{ SECRET");
    put(join(bad("entrypoint"), "config.json"), '{"Entrypoint":"node"}');
    put(join(bad("env"), "config.json"), '{"config":{"Env":["SECRET"]}}');
    for (const [tag, target] of [
      ["absolute", "/etc/passwd"],
      ["up", "../ok/f"],
      ["deep", "a/../../ok/f"],
    ] as const) {
      mkdirSync(bad(tag), { recursive: true });
      symlinkSync(target, join(bad(tag), "link"));
    }
    mkdirSync(join(bad("by-links"), "x/y/z"), { recursive: true });
    symlinkSync("../../..", join(bad("by-links"), "x/y/z/top"));
    symlinkSync("x/y/z/top/../secret", join(bad("by-links"), "link"));
    commit = commitAll(repo, {});
    gitIn(repo, ["update-index", "--add", "--cacheinfo", `160000,${commit},images/bad/module/sub`]);
    gitIn(repo, ["commit", "-q", "-m", "with a submodule"]);
    commit = headOf(repo);
    put(join(disk, "bad/absolute/fine"), "would hide the problem");
    mkdirSync(join(root, "elsewhere"));
    mkdirSync(join(disk, "out"), { recursive: true });
    symlinkSync(join(root, "elsewhere"), join(disk, "out/v1"));
    const table = {
      "bad:json": /config\.json as it must be JSON/,
      "bad:entrypoint": /Entrypoint must be a list of strings/,
      "bad:env": /Env\[0\] must have the form NAME=value/,
      "bad:absolute": /link points to "\/etc\/passwd"/,
      "bad:up": /link points to "\.\.\/ok\/f"/,
      "bad:deep": /link points to "a\/\.\.\/\.\.\/ok\/f"/,
      "bad:by-links": /link points to "x\/y\/z\/top\/\.\.\/secret"/,
      "bad:module": /sub is a submodule/,
      "out:v1": /must lie in .*disk: out\/v1 leads to .*elsewhere/,
    };
    const store = await updated(Object.keys(table));
    for (const [reference, message] of Object.entries(table)) {
      const resolution = store.resolve(reference);
      expect(resolution).toMatchObject({
        found: false,
        reason: "ErrImagePull",
        message: expect.stringMatching(message),
      });
      expect(JSON.stringify(resolution)).not.toContain("SECRET");
    }
    expect(laidDown()).toEqual([]);
  });

  it("keep what earlier commits used, and follow a tag whose content changes", async () => {
    const { v1 } = await digestsOfWeb();
    rmSync(join(repo, "images/web/v1"), { recursive: true });
    commit = commitAll(repo, { "images/web/v2/server.js": "two, again\n" });
    const store = await ImageStore.open(state);
    const before = store.digests(["web:v2"])["web:v2"];
    await updated(["web:v2"], store);
    expect(store.resolve("web:v1")).toMatchObject({ found: true, digest: v1 });
    expect(store.digests(["web:v2"])["web:v2"]).not.toBe(before);
    expect(laidDown()).toHaveLength(3);
  });

  it("read nothing when nothing changed, and only what changed otherwise", async () => {
    put(join(disk, "tool/1.0/run"), "tool\n");
    const references = ["web:v1", "web:v2", "tool:1.0", "none:1"];
    const store = await updated(references);
    const index = statSync(join(state, "index.json"));
    const reads = repository.objectReads;
    await updated(references, store);
    expect(repository.objectReads).toBe(reads);
    expect(statSync(join(state, "index.json")).ino).toBe(index.ino);
    commit = commitAll(repo, { "images/web/v2/server.js": "changed\n" });
    await updated(references, store);
    // The commit, the trees from the root to web/v2, and the one blob in it.
    expect(repository.objectReads - reads).toBe(1 + 4 + 1);
  });

  it("throw, and know what they knew before, when git cannot be read", async () => {
    const store = await updated(["web:v1"]);
    const before = store.resolve("web:v1");
    await repository.close();
    commit = commitAll(repo, { "images/web/v1/server.js": "other\n" });
    await expect(updated(["web:v1"], store)).rejects.toMatchObject({ code: "aborted" });
    expect(store.resolve("web:v1")).toEqual(before);
    repository = await openRepository(repo);
    await updated(["web:v1"], store);
    expect(store.resolve("web:v1")).not.toEqual(before);
  });
});

describe("the store on disk", () => {
  it("is known again after a restart, without reading git", async () => {
    const first = await updated(["web:v1", "none:1"]);
    const again = await ImageStore.open(state);
    for (const reference of ["web:v1", "none:1"]) expect(again.resolve(reference)).toEqual(first.resolve(reference));
    const reads = repository.objectReads;
    await updated(["web:v1"], again);
    expect(repository.objectReads).toBe(reads);
  });

  it("forgets half an image that a crash left, and lays it down anew", async () => {
    const first = await updated(["web:v1"]);
    const { "web:v1": digest = "" } = first.digests(["web:v1"]);
    mkdirSync(join(state, ".incoming-abc/sub"), { recursive: true });
    writeFileSync(join(state, ".incoming-abc/sub/half"), "ha");
    chmodSync(join(state, ".incoming-abc/sub"), 0o555);
    const directory = join(state, digest.slice(7));
    chmodSync(directory, 0o700);
    mkdirSync(join(state, ".leaving-x"));
    rmSync(directory, { recursive: true });
    const again = await ImageStore.open(state);
    expect(laidDown()).toEqual([]);
    expect(again.resolve("web:v1").found).toBe(false);
    await updated(["web:v1"], again);
    expect(again.resolve("web:v1")).toMatchObject({ found: true, digest, directory });
    expect(existsSync(join(directory, "server.js"))).toBe(true);
  });

  it("lays an image down again when its directory is gone while running", async () => {
    const store = await updated(["web:v1"]);
    const [name = ""] = laidDown();
    chmodSync(join(state, name), 0o700);
    rmSync(join(state, name), { recursive: true });
    await updated(["web:v1"], store);
    expect(laidDown()).toEqual([name]);
  });

  it("takes an image that is laid down but unknown, as after a crash before the index was written", async () => {
    const { v1 } = await digestsOfWeb();
    rmSync(join(state, "index.json"));
    const store = await updated(["web:v1"]);
    expect(store.resolve("web:v1")).toMatchObject({ found: true, digest: v1, config: { Entrypoint: ["node"] } });
    expect(laidDown()).toHaveLength(2);
  });

  it("removes all images but those that are kept", async () => {
    const { v1, v2 } = await digestsOfWeb();
    const store = await ImageStore.open(state);
    expect(await store.prune([v1, v2])).toEqual([]);
    expect(await store.prune([v1])).toEqual([v2]);
    expect(laidDown()).toEqual([v1.slice(7)]);
    expect(store.resolve("web:v2").found).toBe(false);
    expect(store.resolve("web:v1").found).toBe(true);
    await updated(["web:v2"], store);
    expect(store.digests(["web:v2"])).toEqual({ "web:v2": v2 });
  });

  it("refuses an index that it did not write", async () => {
    mkdirSync(state, { recursive: true });
    for (const text of ["{", '{"version":2}', '{"version":1}']) {
      writeFileSync(join(state, "index.json"), text);
      await expect(ImageStore.open(state), text).rejects.toMatchObject({
        code: "invalid",
        hint: expect.stringContaining("Remove the file"),
      });
    }
  });
});

it("keeps projects around the state directory from deciding what an image's .js files are", async () => {
  mkdirSync(state, { recursive: true });
  writeFileSync(join(root, "package.json"), '{ "type": "module" }');
  await ImageStore.open(state);
  const image = join(state, "image");
  mkdirSync(image);
  writeFileSync(join(image, "main.js"), "console.log(typeof require);\n");
  const { stdout } = spawnSync(process.execPath, [join(image, "main.js")], { encoding: "utf8" });
  expect(stdout).toBe("function\n");
});
