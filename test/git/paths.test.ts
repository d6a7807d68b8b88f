/** Which paths and ref names are safe: tables of known tricks, and the property that a safe path stays inside. */
import { execFileSync } from "node:child_process";
import { posix } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSafePath, isSafeRefName, isSafeSegment, normaliseDirectory } from "../../src/git/paths.ts";

/** Segments that are likely to be trouble, among ordinary ones. */
const segment = fc.oneof(
  fc.constantFrom(
    "",
    ".",
    "..",
    "...",
    ".git",
    ".GIT",
    ".Git.",
    ".git ",
    "git~1",
    ".g\u200cit",
    "a",
    "b c",
    "-x",
    "\0",
    "a\\b",
  ),
  fc.string({ maxLength: 6 }),
);
const path = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join("/"));

describe("isSafePath", () => {
  it("holds only for paths that stay inside, name something, and never touch .git", () => {
    fc.assert(
      fc.property(path, (candidate) => {
        if (!isSafePath(candidate)) return;
        const resolved = posix.normalize(posix.join("/root", candidate));
        expect(resolved).toBe(`/root/${candidate}`);
        expect(resolved.split("/").some((part) => part.toLowerCase() === ".git")).toBe(false);
        expect(candidate).not.toContain("\0");
      }),
      { numRuns: 2000 },
    );
  });

  it("holds for ordinary names, with spaces, dots and letters of any language", () => {
    for (const good of ["a", "a/b.yaml", ".github/x", "..a/b", "a b/ü.yaml", ".gitignore", "-x", "a\\b"]) {
      expect(isSafePath(good), good).toBe(true);
    }
    for (const bad of [
      "",
      "/",
      "a/",
      "/a",
      "a//b",
      "..",
      "a/..",
      "./a",
      ".git",
      "a/.GIT/b",
      ".git.",
      "GIT~1",
      "a\0b",
    ]) {
      expect(isSafePath(bad), bad).toBe(false);
    }
    expect(isSafeSegment("a/b")).toBe(false);
  });
});

describe("normaliseDirectory", () => {
  it("gives one spelling, or refuses", () => {
    const table: Record<string, string> = { "": "", ".": "", "./": "", a: "a", "./a/": "a", "a/b//": "a/b" };
    for (const [given, expected] of Object.entries(table))
      expect(normaliseDirectory(given, "test"), given).toBe(expected);
    for (const bad of ["/", "/a", "..", "a/../b", "a/./b", ".git"]) {
      expect(() => normaliseDirectory(bad, "test"), bad).toThrow("Cannot test as the path must lie inside");
    }
  });
});

describe("isSafeRefName", () => {
  it("holds only for names that git itself accepts", () => {
    const part = fc.oneof(
      fc.constantFrom("a", "main", "..", ".x", "x.lock", "@{", "a b", "-a", "~", "", "@", "ü", "a."),
      fc.string({ maxLength: 4 }),
    );
    const names = fc.sample(fc.array(part, { minLength: 1, maxLength: 3 }), { numRuns: 120, seed: 7 });
    const accepted = names.map((parts) => `refs/heads/${parts.join("/")}`).filter(isSafeRefName);
    expect(accepted.length).toBeGreaterThan(10);
    for (const name of accepted) execFileSync("git", ["check-ref-format", name]);
  });

  it("holds for HEAD and full names, not for short ones", () => {
    const table: Record<string, boolean> = {
      HEAD: true,
      "refs/heads/main": true,
      "refs/heads/feature/x-1": true,
      "refs/tags/v1.0": true,
      "refs/stash": true,
      main: false,
      "refs/": false,
      "refs/heads": false,
      "refs/heads/": false,
      "refs/heads/a..b": false,
      "refs/heads/a\nb": false,
      "refs/heads/x.lock": false,
      "refs/heads/.x": false,
      "refs/heads/-x": false,
      "refs/heads/a^{commit}": false,
      "": false,
    };
    for (const [name, expected] of Object.entries(table)) expect(isSafeRefName(name), name).toBe(expected);
  });
});
