/** The cache of checks: believed only for the very content, and never needed. */

import { hash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CheckCache, type Kept, keyOf } from "../../../src/cli/check/cache.ts";
import { checkFiles } from "../../../src/cli/check/pool.ts";
import type { FileCheck } from "../../../src/validation/index.ts";

let directory: string;
let store: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trueup-cache-"));
  store = join(directory, "checks");
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const EMPTY: FileCheck = { diagnostics: [], objects: [], images: [] };
const SAID: FileCheck = {
  diagnostics: [{ severity: "error", rule: "r", message: "a\nb ü", location: { file: "a.yaml", line: 1, column: 2 } }],
  objects: [],
  images: [],
};

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function keptAs(check: FileCheck, stamp: string): Kept {
  return { file: "a.yaml", stamp, check };
}

function saved(): string {
  new CheckCache(store, "i").save(
    new Map([
      ["k1", keptAs(EMPTY, "s1")],
      ["k2", keptAs(SAID, "")],
    ]),
  );
  return join(store, readdirSync(store)[0] ?? "");
}

describe("CheckCache", () => {
  it("gives back what was saved for the same identity, and nothing for another", () => {
    saved();
    const again = new CheckCache(store, "i");
    expect(plain([again.get("k1"), again.get("k2"), again.get("k3"), again.isEmpty])).toEqual([
      EMPTY,
      SAID,
      null,
      false,
    ]);
    expect(new CheckCache(store, "j").isEmpty).toBe(true);
  });

  it("knows a file by its stamp only under the name that it had", () => {
    saved();
    const again = new CheckCache(store, "i");
    const found = [
      again.unchanged("a.yaml", "s1"),
      again.unchanged("b.yaml", "s1"),
      again.unchanged("a.yaml", "s2"),
      again.unchanged("a.yaml", ""),
    ];
    expect(plain(found)).toEqual([{ key: "k1", check: EMPTY }, null, null, null]);
  });

  it("is nobody else's to read", () => {
    expect(statSync(saved()).mode & 0o777).toBe(0o600);
    expect(statSync(store).mode & 0o777).toBe(0o700);
  });

  it.each<[string, (text: string) => string]>([
    ["cut off", (text) => text.slice(0, -5)],
    ["empty", () => ""],
    ["changed by a character", (text) => text.replace("error", "errxr")],
    ["longer than it was written", (text) => `${text}\nk3\t\t"c.yaml"\t\t\t`],
    ["something else", () => "{}"],
  ])("is empty when its file is %s", (_, damage) => {
    const path = saved();
    writeFileSync(path, damage(readFileSync(path, "utf8")));
    expect(new CheckCache(store, "i").isEmpty).toBe(true);
  });

  it("forgets what the last run did not use, and the sets of options used longest ago", () => {
    saved();
    new CheckCache(store, "i").save(new Map([["k2", keptAs(SAID, "")]]));
    expect(new CheckCache(store, "i").get("k1")).toBeUndefined();
    for (let nth = 0; nth < 12; nth++) {
      new CheckCache(store, `other ${nth}`).save(new Map([["k", keptAs(EMPTY, "")]]));
      for (const name of readdirSync(store)) utimesSync(join(store, name), nth, nth);
    }
    expect(readdirSync(store)).toHaveLength(8);
  });

  it("does without a place to write to", () => {
    writeFileSync(store, "a file where the directory should be");
    new CheckCache(store, "i").save(new Map([["k", keptAs(EMPTY, "")]]));
    expect(new CheckCache(store, "i").isEmpty).toBe(true);
  });

  it("knows a file by name and content", () => {
    expect(keyOf("a.yaml", "x")).toBe(keyOf("a.yaml", Buffer.from("x")));
    expect(new Set([keyOf("a.yaml", "x"), keyOf("b.yaml", "x"), keyOf("a.yaml", "y")]).size).toBe(3);
  });
});

describe("checkFiles with a cache", () => {
  const text = (name: string, replicas: number): string =>
    `apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: { name: ${name} }\nspec: { replicas: ${replicas} }\n`;

  it.each([
    ["read a moment after they were written", 0],
    ["known by their stamps", 60_000],
  ])("says what it would say without one, whatever changed since: files %s", async (_, ahead) => {
    mkdirSync(join(directory, "m"));
    const names = ["a.yaml", "b.yaml", "c.yaml"];
    const files = names.map((file) => ({ file, path: join(directory, "m", file) }));
    const write = (at: number, content: string): void => writeFileSync(files[at]?.path ?? "", content);
    for (const at of names.keys()) write(at, text("web", at));
    const work = { files, defaultNamespace: "default", options: {} };
    const withCache = async (): Promise<FileCheck[]> => {
      const cache = new CheckCache(store, "i");
      const { checks, keep } = await checkFiles(work, { worthACache: 0, cache, now: Date.now() + ahead });
      keep();
      return checks;
    };
    const steps: (() => void)[] = [
      () => undefined,
      () => undefined,
      () => write(1, text("web", -1)),
      // As long as before, so that size says nothing.
      () => write(1, text("web", -2)),
      () => write(1, text("web", 1)),
      () => [write(0, text("web", -2)), write(2, "kind: [")],
      () => [write(0, readFileSync(files[1]?.path ?? "", "utf8")), write(2, "")],
      // Another file in its place, with the times of the one before.
      () => {
        const { path = "" } = files[1] ?? {};
        const { atimeMs, mtimeMs } = statSync(path);
        writeFileSync(`${path}.new`, text("web", -3));
        renameSync(`${path}.new`, path);
        utimesSync(path, atimeMs / 1_000, mtimeMs / 1_000);
      },
    ];
    for (const step of steps) {
      step();
      const plain = JSON.parse(JSON.stringify((await checkFiles(work)).checks)) as FileCheck[];
      expect(JSON.parse(JSON.stringify(await withCache()))).toEqual(plain);
    }
  });

  it("does not read what nobody wrote to", async () => {
    const path = join(directory, "a.yaml");
    writeFileSync(path, text("web", 1));
    const work = { files: [{ file: "a.yaml", path }], defaultNamespace: "default", options: {} };
    const check = async (now: number): Promise<FileCheck[]> => {
      const { checks, keep } = await checkFiles(work, { worthACache: 0, cache: new CheckCache(store, "i"), now });
      keep();
      return checks;
    };
    const first = await check(Date.now() + 60_000);
    // What is known of it is kept by its stamp: the next run says that, not what the file holds.
    const cached = join(store, readdirSync(store)[0] ?? "");
    const body = readFileSync(cached, "utf8")
      .split("\n")
      .slice(1)
      .join("\n")
      .replaceAll('"name":"web"', '"name":"kept"');
    writeFileSync(cached, `${hash("sha1", body)}\n${body}`);
    const [later] = await check(Date.now() + 60_000);
    expect([first[0]?.objects[0]?.id.name, later?.objects[0]?.id.name]).toEqual(["web", "kept"]);
  });
});
