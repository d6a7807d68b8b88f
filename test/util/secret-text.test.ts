/** What of a secret must not show, in the forms in which programs print it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { secretParts, withoutSecrets } from "../../src/util/secret-text.ts";

const KEY = "-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END KEY-----\n";

describe("a text without secrets", () => {
  const rows: [title: string, values: string[], text: string, masked: string][] = [
    ["a value", ["hunter22"], "pw hunter22!", "pw ***!"],
    ["a value that ends with a line end", ["hunter22\n"], "pw hunter22!", "pw ***!"],
    ["one line of a key", [KEY], "read MIIEvQIBADAN", "read ***"],
    ["a key on one line, escaped", [KEY], JSON.stringify({ key: KEY }), '{"key":"***"}'],
    ["base64", ["hunter22"], `Basic ${Buffer.from("hunter22").toString("base64")}`, "Basic ***"],
    ["a URL", ["p@ss w0rd"], "postgres://u:p%40ss%20w0rd@db", "postgres://u:***@db"],
    ["JSON", ['pa"ss\\word'], JSON.stringify({ pw: 'pa"ss\\word' }), '{"pw":"***"}'],
    ["one value inside another", ["hunter", "hunter22"], "hunter22 hunter", "*** ***"],
    ["a mark of the replacement's own", ["hunter22"], "$& hunter22 $1", "$& *** $1"],
    ["what is too short", ["abc", "a\nb"], "abc a b", "abc a b"],
    ["nothing", [""], "abc", "abc"],
  ];
  it.each(rows)("masks %s", (_title, values, text, masked) => {
    expect(withoutSecrets(text, secretParts(values), "***")).toBe(masked);
  });

  it("never holds a value that is long enough, whatever stands around it", () => {
    const value = fc.string({ minLength: 4, maxLength: 40 }).filter((text) => text.trim().length >= 4);
    fc.assert(
      fc.property(value, fc.string(), fc.string(), (secret, before, after) => {
        const text = withoutSecrets(`${before}${secret}${after}`, secretParts([secret]), "");
        expect(text.includes(secret) && !`${before}${after}`.includes(secret)).toBe(false);
      }),
    );
  });
});
