/** What a watcher reads of an app's status: each change once, with the app's name where there are several. */
import { describe, expect, it } from "vitest";
import { narrateApp } from "../../../src/cli/live/narrate.ts";
import { asCommitId } from "../../../src/model/source.ts";
import type { AppStatus } from "../../../src/model/status.ts";
import { appStatus } from "../with-daemon.ts";

const head = {
  commit: asCommitId("3f2c1aa".padEnd(40, "0")),
  subject: "Set image to v2",
  author: "Ann",
  authoredAt: "2026-11-23T11:59:48Z",
};
const at = (rest: Partial<AppStatus>): AppStatus => appStatus("shop", { head, ...rest });

function told(previous: AppStatus | undefined, current: AppStatus, label: boolean): string[] {
  return narrateApp(previous, current, label).map(({ text }) => text);
}

describe("an app's status", () => {
  it("is told as commit and outcome, without the app's name where it is the only one", () => {
    const begun = at({ phase: "Progressing", reason: "planning" });
    expect(told(undefined, begun, false)).toEqual(['commit 3f2c1aa "Set image to v2" by Ann']);
    expect(told(begun, at({ phase: "Synced" }), false)).toEqual(["  3f2c1aa runs: what is in git is what runs"]);
    expect(told(at({ phase: "Synced" }), at({ phase: "Synced" }), false)).toEqual([]);
  });

  it("names the app on every line that would be ambiguous", () => {
    const begun = at({ phase: "Progressing" });
    const location = { file: "web.yaml", line: 3, column: 5 };
    const diagnostics = [
      { severity: "error" as const, rule: "r", message: "Cannot use it", location, hint: "Use another." },
      { severity: "warning" as const, rule: "w", message: "is ignored", location },
    ];
    expect(told(undefined, begun, true)).toEqual(['shop: commit 3f2c1aa "Set image to v2" by Ann']);
    expect(told(begun, at({ phase: "Rejected", diagnostics }), true)).toEqual([
      "  shop: 3f2c1aa is rejected: nothing of it is applied, and what ran before still runs",
      "    web.yaml:3:5: Cannot use it. Use another.",
    ]);
    expect(told(begun, at({ phase: "Failed", reason: "deployment/web: late" }), true)).toEqual([
      "  shop: 3f2c1aa failed: deployment/web: late",
    ]);
    expect(told(begun, at({ phase: "Unreadable", reason: "git says no" }), true)).toEqual([
      "  shop: nothing is changed for now: git says no",
    ]);
  });
});
