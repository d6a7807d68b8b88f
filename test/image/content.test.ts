/** Links stay inside: compared with where the system itself goes. Configs: every field, whole or bare. */
import { mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseImageConfig } from "../../src/image/config.ts";
import { assertLinksInside, ImageDigest, type ImageEntry, sortEntries } from "../../src/image/content.ts";
import { temporary } from "../git/support.ts";

let root: string;
let dispose: () => void;

beforeEach(() => {
  ({ path: root, dispose } = temporary());
});

afterEach(() => dispose());

describe("assertLinksInside", () => {
  const directories = ["", "a", "a/b", "c"];
  const files = ["f", "a/f", "a/b/f", "c/f"];
  const step = fc.constantFrom("..", ".", "a", "b", "c", "f", "l0", "l1", "l2", "none");
  const target = fc.array(step, { minLength: 1, maxLength: 6 }).map((steps) => steps.join("/"));
  const links = fc.array(fc.record({ directory: fc.constantFrom(...directories), target }), {
    minLength: 1,
    maxLength: 3,
  });

  it("accepts no image with a link that the system follows to the outside", () => {
    let accepted = 0;
    fc.assert(
      fc.property(links, (chosen) => {
        const named = chosen.map(({ directory, target: to }, index) => ({ path: join(directory, `l${index}`), to }));
        const entries: ImageEntry[] = [
          ...files.map((path): ImageEntry => ({ path, kind: "file" })),
          ...named.map(({ path }): ImageEntry => ({ path, kind: "symlink" })),
        ];
        try {
          assertLinksInside(entries, new Map(named.map(({ path, to }) => [path, to])));
        } catch {
          return;
        }
        accepted++;
        const image = join(root, "image");
        rmSync(image, { recursive: true, force: true });
        for (const file of files) {
          mkdirSync(dirname(join(image, file)), { recursive: true });
          writeFileSync(join(image, file), "");
        }
        for (const { path, to } of named) symlinkSync(to, join(image, path));
        for (const { path } of named) {
          const real = follow(join(image, path));
          if (real !== null) expect(`${real}/`.startsWith(`${image}/`), `${path} → ${real}`).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
    expect(accepted).toBeGreaterThan(10);
  });

  it("takes circles and links to nothing inside as harmless, and names the link that is not", () => {
    const check = (links: Record<string, string>): void => {
      const entries = Object.keys(links).map((path): ImageEntry => ({ path, kind: "symlink" }));
      assertLinksInside([...entries, { path: "d/f", kind: "file" }], new Map(Object.entries(links)));
    };
    const harmlessOnes: Record<string, string>[] = [
      { a: "b", b: "a" },
      { a: "none/x" },
      { a: "d/../d/f" },
      { "d/a": "../d" },
      { a: "." },
    ];
    for (const harmless of harmlessOnes) check(harmless);
    // As written each stays inside; by way of the other, one does not.
    expect(() => check({ "a/b/up": "../..", "a/b/out": "up/.." })).toThrow("a/b/out points to");
    for (const target of ["", "/", "/x", "..", "d/../..", "a\0b", "x".repeat(5000)]) {
      expect(() => check({ "d/ok": "f", l: target }), target).toThrow("l points to");
    }
  });
});

/** Where a path really leads; null when it leads nowhere. */
function follow(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

describe("ImageDigest", () => {
  it("is the digest of the documented records in byte order of the paths", () => {
    const entries: ImageEntry[] = [
      { path: "b", kind: "file" },
      { path: "a/b", kind: "executable" },
      { path: "a.b", kind: "symlink" },
      { path: "\u{1f600}", kind: "file" },
      { path: "\uffee", kind: "file" },
    ];
    const sorted = sortEntries(entries);
    expect(sorted.map(({ path }) => path)).toEqual(["a.b", "a/b", "b", "\uffee", "\u{1f600}"]);
    const digest = new ImageDigest();
    digest.add({ path: "config.json", kind: "file" }, "ab".repeat(32));
    digest.add({ path: "run", kind: "executable" }, "cd".repeat(32));
    // printf '100644 abab…ab config.json\0100755 cdcd…cd run\0' | sha256sum
    expect(digest.finish()).toBe("sha256:57e51749813f4cb7a3a618cb12f6f67292d9274ec968e39d265b503ac19725af");
  });
});

describe("parseImageConfig", () => {
  const parse = (value: unknown) =>
    parseImageConfig(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));

  it("reads the whole document, the bare inner object, and none at all", () => {
    const inner = { Entrypoint: ["a"], Cmd: ["b", "c"], Env: ["A=1", "B="], WorkingDir: "/x" };
    expect(parse({ architecture: "arm64", config: inner, rootfs: {} })).toEqual(inner);
    expect(parse(inner)).toEqual(inner);
    expect(parseImageConfig(null)).toEqual({});
    expect(parse({})).toEqual({});
    expect(parse({ config: null })).toEqual({});
    expect(
      parse({ config: { Entrypoint: null, Cmd: null, Env: null, WorkingDir: "", User: "x", Labels: {} } }),
    ).toEqual({});
  });

  it("says which field must be what, and never what it is", () => {
    const table: [unknown, RegExp][] = [
      ["", /JSON/],
      ["{'SECRET'}", /JSON/],
      ["[]", /the document must be an object/],
      ["null", /the document must be an object/],
      [{ config: [] }, /config must be an object/],
      [{ Entrypoint: "SECRET" }, /Entrypoint must be a list of strings/],
      [{ Cmd: [1] }, /Cmd must be a list of strings/],
      [{ Cmd: ["a\0"] }, /Cmd must hold no NUL/],
      [{ Env: ["A=1", "SECRET"] }, /Env\[1\] must have the form NAME=value/],
      [{ Env: ["=SECRET"] }, /Env\[0\] must have the form NAME=value/],
      [{ WorkingDir: 1 }, /WorkingDir must be a string/],
    ];
    for (const [value, message] of table) {
      const problem = (() => {
        try {
          return parse(value);
        } catch (error) {
          return error;
        }
      })();
      expect(problem, JSON.stringify(value)).toMatchObject({
        code: "invalid",
        message: expect.stringMatching(message),
      });
      expect(String(problem)).not.toContain("SECRET");
    }
    expect(() => parseImageConfig(Buffer.from([0xff]))).toThrow("JSON in UTF-8");
  });
});
