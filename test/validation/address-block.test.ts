/** Blocks of IP addresses: what is one, and which lies within which. */
import { describe, expect, it } from "vitest";
import { isInside, parseBlock } from "../../src/validation/address-block.ts";

describe("address blocks", () => {
  it.each([["10.0.0.0/8"], ["0.0.0.0/0"], ["2001:db8::/32"], ["::/0"], ["::ffff:1.2.3.4/128"]])("%s is one", (text) => {
    expect(parseBlock(text)).toBeDefined();
  });

  it.each([["10.0.0.0"], ["10.0.0.0/33"], ["10.0.0/8"], ["10.0.0.0/08"], ["10.0.0.0/8/8"], ["::/129"], ["a/8"], [""]])(
    "%j is none",
    (text) => {
      expect(parseBlock(text)).toBeUndefined();
    },
  );

  it.each([
    ["10.1.0.0/16", "10.0.0.0/8", true],
    ["10.0.0.0/8", "10.0.0.0/8", false],
    ["11.0.0.0/16", "10.0.0.0/8", false],
    ["10.0.0.0/8", "10.1.0.0/16", false],
    ["200.0.0.0/8", "0.0.0.0/0", true],
    ["2001:db8:1::/48", "2001:db8::/32", true],
    ["2001:db9::/48", "2001:db8::/32", false],
    ["::ffff:1.2.0.0/112", "::ffff:0:0/96", true],
    ["10.0.0.0/16", "::/0", false],
  ])("%s lies within %s: %s", (part, whole, inside) => {
    const [a, b] = [parseBlock(part), parseBlock(whole)];
    expect(a !== undefined && b !== undefined && isInside(a, b)).toBe(inside);
  });
});
