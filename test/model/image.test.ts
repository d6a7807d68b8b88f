/** Image references: what they are split into, and what is none. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseImageReference } from "../../src/model/image.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("parseImageReference", () => {
  it.each([
    ["web", "web", "web", undefined, undefined],
    ["web:v1", "web", "web", "v1", undefined],
    ["library/web:1.2.3-rc_1", "library/web", "web", "1.2.3-rc_1", undefined],
    ["gcr.io/terrycho-sandbox/deployment:v1", "gcr.io/terrycho-sandbox/deployment", "deployment", "v1", undefined],
    ["localhost:5000/a/b", "localhost:5000/a/b", "b", undefined, undefined],
    ["localhost:5000/a/b:v2", "localhost:5000/a/b", "b", "v2", undefined],
    [`web@${DIGEST}`, "web", "web", undefined, DIGEST],
    [`web:v1@${DIGEST}`, "web", "web", "v1", DIGEST],
    ["a__b/c-d.e:v1", "a__b/c-d.e", "c-d.e", "v1", undefined],
  ])("%s", (text, repository, name, tag, digest) => {
    const expected = { text, repository, name, ...(tag && { tag }), ...(digest && { digest }) };
    expect(parseImageReference(text)).toEqual(expected);
  });

  it.each([
    "",
    ":v1",
    "web:",
    "web:../v1",
    "../web:v1",
    "a/../b:v1",
    "web:v1:v2",
    "web@sha256:abc",
    "we b:v1",
    "/web",
    "web/",
    "a//b",
    ".",
    "..",
    "-web",
    "web:.v1",
  ])("refuses %j", (text) => {
    expect(parseImageReference(text)).toBeNull();
  });

  it("never gives a name or a tag that a path could be led astray by", () => {
    const parts = fc.constantFrom("a", "b1", ".", "..", "/", ":", "@", "-", "_", "v1", "\\", "%2e", "\0", " ", DIGEST);
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 8 }), (pieces) => {
        const found = parseImageReference(pieces.join(""));
        if (found === null) return;
        for (const piece of [found.name, found.tag ?? "x"]) {
          expect(piece).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/);
          expect([".", ".."]).not.toContain(piece);
        }
      }),
    );
  });
});
