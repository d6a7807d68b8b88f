/** A comment on a pull request: complete while it is small, bounded when it is not, and never broken out of. */
import { describe, expect, it } from "vitest";
import { diffMarkdown, type ObjectDiff, summaryOf } from "../../../src/cli/print/diff.ts";

const diffOf = (object: string, diff: string, action = "update"): ObjectDiff => ({ action, object, fields: [], diff });

describe("a comment", () => {
  it("is a summary line and a block an object", () => {
    expect(diffMarkdown([diffOf("deployment/web", "-a\n+b\n")])).toBe(
      "**trueup diff**: 1 to update\n\n<details><summary>update <code>deployment/web</code></summary>\n\n```diff\n-a\n+b\n```\n\n</details>\n",
    );
    expect(diffMarkdown([])).toBe("**trueup diff**: nothing differs\n");
    expect(summaryOf([diffOf("a", "", "create"), diffOf("b", "", "create"), diffOf("c", "")])).toBe(
      "2 to create, 1 to update",
    );
  });

  it("cannot be left by a fence, a tag or a control character of a manifest", () => {
    const text = diffMarkdown([diffOf("configmap/<b>&", "+````\n+\u001b[2J\n")]);
    expect(text).toContain("`````diff\n+````\n");
    expect(text).toContain("<code>configmap/&lt;b>&amp;</code>");
    expect(text).not.toContain("\u001b");
  });

  it("is bounded, and counts what it leaves out", () => {
    const long = diffOf("configmap/long", "+0123456789\n".repeat(10_000));
    const text = diffMarkdown(Array.from({ length: 30 }, () => long));
    expect(text.length).toBeLessThan(65_536);
    expect(text).toContain("… the rest is left out\n");
    expect(text).toMatch(/… and 26 more objects; `trueup diff` shows all\.\n$/);
  });
});
