/** Attempts and the daemon's status as text. */
import { describe, expect, it } from "vitest";
import { styleFor } from "../../../src/cli/output.ts";
import { formatAttempts } from "../../../src/cli/print/log.ts";
import { formatStatus } from "../../../src/cli/print/status.ts";
import type { Attempt, AttemptEnding } from "../../../src/model/ledger.ts";
import { asCommitId } from "../../../src/model/source.ts";
import type { AppStatus, DaemonStatus } from "../../../src/model/status.ts";

const plain = styleFor(false, {});
const commit = asCommitId("3f2c1aa".padEnd(40, "0"));

function attempt(row: number, subject: string, ending?: Partial<AttemptEnding>): Attempt {
  return {
    app: "shop",
    target: "local",
    commit,
    ordinal: 1,
    openedAt: "2026-11-23T12:00:00.000Z",
    ref: "refs/heads/main",
    authorName: "Ann",
    authorEmail: "ann@example.org",
    subject,
    row,
    events: [],
    ...(ending !== undefined && {
      ending: { endedAt: "2026-11-23T12:00:04.200Z", outcome: "deployed", reason: "", ...ending },
    }),
  };
}

describe("log", () => {
  const attempts = [
    attempt(4, "under way"),
    { ...attempt(3, "waits"), events: [{ at: "", type: "held", message: "" }] },
    attempt(2, "bad\u001b[2J", { outcome: "rejected", reason: "web.yaml:3:5: unknown field\nsecond line" }),
    attempt(1, "first", { planDigest: "sha256:0123456789abcdef", changes: { create: 2, update: 0, unchanged: 3 } }),
  ];

  it("prints a line an attempt, and why below", () => {
    expect(formatAttempts(attempts, false, plain)).toBe(
      "TIME                  COMMIT    OUTCOME     TOOK   SUBJECT\n" +
        "2026-11-23 12:00:00   3f2c1aa   under way          under way\n" +
        "2026-11-23 12:00:00   3f2c1aa   held               waits\n" +
        "2026-11-23 12:00:00   3f2c1aa   rejected    4.2s   bad^[[2J\n" +
        "  web.yaml:3:5: unknown field\n" +
        "  second line\n" +
        "2026-11-23 12:00:00   3f2c1aa   deployed    4.2s   first\n",
    );
  });

  it("names the app where there are several", () => {
    const [first, second] = [attempt(1, "first", {}), { ...attempt(2, "second", {}), app: "blog" }];
    expect(formatAttempts([second, first], false, plain)).toBe(
      "TIME                  COMMIT    OUTCOME    TOOK   APP    SUBJECT\n" +
        "2026-11-23 12:00:00   3f2c1aa   deployed   4.2s   blog   second\n" +
        "2026-11-23 12:00:00   3f2c1aa   deployed   4.2s   shop   first\n",
    );
  });

  it("prints app, author, changes and plan when wide", () => {
    expect(formatAttempts(attempts.slice(3), true, plain)).toBe(
      "TIME                  COMMIT    OUTCOME    TOOK   APP    AUTHOR   CHANGES    PLAN           SUBJECT\n" +
        "2026-11-23 12:00:00   3f2c1aa   deployed   4.2s   shop   Ann      2 create   0123456789ab   first\n",
    );
  });

  it("shows when wide what was planned, also of attempts that were overtaken, and nothing where nothing was", () => {
    const [first] = attempts.slice(3);
    if (first === undefined) throw new Error("there is no first attempt");
    const { changes: _changes, planDigest: _digest, ...ending } = first.ending ?? { endedAt: "", outcome: "deployed" };
    const overtaken = { ...ending, outcome: "superseded" as const, reason: "" };
    const detail = { digest: "sha256:abcdef0123456789", changes: { create: 0, update: 2, unchanged: 7 } };
    const planned = { at: first.openedAt, type: "planned", message: "", detail };
    const applied = { at: first.openedAt, type: "applied", message: "" };
    const rows: [Partial<Attempt>, string][] = [
      [{ ending: overtaken, events: [] }, "Ann                                              first"],
      [{ ending: overtaken, events: [planned] }, "Ann      2 update, not all made   abcdef012345   first"],
      [{ ending: overtaken, events: [planned, applied] }, "Ann      2 update   abcdef012345   first"],
      [{ ending: { ...overtaken, changes: { unchanged: 3 }, planDigest: "abc" } }, "Ann      none      abc    first"],
      [{ ending: undefined, events: [planned] }, "Ann      2 update   abcdef012345   first"],
    ];
    for (const [change, expected] of rows) {
      const [, line = ""] = formatAttempts([{ ...first, ...change }], true, plain).split("\n");
      expect(line.slice(line.indexOf("Ann")).replaceAll(/ +/g, " ")).toBe(expected.replaceAll(/ +/g, " "));
    }
  });

  it("lines up in colour, too", () => {
    const coloured = formatAttempts(attempts, false, styleFor(true, {}));
    // A colour code begins with ESC and ends with m.
    const bare = coloured
      .split("\u001b")
      .map((part, index) => (index === 0 ? part : part.slice(part.indexOf("m") + 1)));
    expect(bare.join("")).toBe(formatAttempts(attempts, false, plain));
    expect(coloured).toContain("\u001b[31mrejected\u001b[39m");
  });
});

describe("status", () => {
  const app: AppStatus = {
    app: "shop",
    target: "local",
    repository: "/repo",
    ref: "refs/heads/main",
    path: "deploy",
    head: { commit, subject: "Set image to v2", author: "Ann", authoredAt: "2026-11-23T11:59:48Z" },
    applied: commit,
    phase: "Progressing",
    reason: "1 of 3 updated replicas are available: pod web-1: container web: not ready",
    health: { status: "Progressing", reason: "1 of 3" },
    diagnostics: [
      { severity: "warning", rule: "r", message: "no probe", location: { file: "web.yaml", line: 3, column: 5 } },
    ],
    attempt: null,
    held: [{ id: { group: "", kind: "ConfigMap", namespace: "default", name: "old" }, reason: "3 deletions" }],
    contested: [],
    planDigest: null,
  };
  const status: DaemonStatus = {
    version: "0.1.0",
    pid: 4711,
    startedAt: "2026-11-23T11:50:00Z",
    stateDir: "/state",
    target: { name: "local", kind: "embedded" },
    runtime: "process",
    kubelet: { connected: true, pid: 42 },
    apps: [app],
  };
  const now = Date.parse("2026-11-23T12:00:00Z");

  it("names a cluster instead of a kubelet", () => {
    const { runtime: _runtime, kubelet: _kubelet, ...rest } = status;
    const target = { name: "stage", kind: "kubernetes", server: "https://10.0.0.1:6443", context: "admin" } as const;
    expect(formatStatus({ ...rest, target, apps: [] }, now, plain)).toBe(
      `trueup 0.1.0, process 4711, up 10m; target stage: kubernetes at https://10.0.0.1:6443 (context admin)
state in /state

no apps
`,
    );
  });

  it("tells commit, phase, health, and what is waited for", () => {
    expect(
      formatStatus(status, now, plain),
    ).toBe(`trueup 0.1.0, process 4711, up 10m; runtime process, kubelet process 42
state in /state

shop: Progressing
  repository  /repo (main, directory deploy)
  head        3f2c1aa Set image to v2 (Ann, 12s ago)
  applied     3f2c1aa
  health      Progressing: 1 of 3
  waits for   1 of 3 updated replicas are available: pod web-1: container web: not ready
  held        configmap/old: 3 deletions
  warning     web.yaml:3:5: no probe
`);
  });

  it.each<[string, Partial<AppStatus>, string[]]>([
    [
      "Held",
      { reason: "deletions wait for approval: old", planDigest: `sha256:${"3f2c1aa9".repeat(8)}` },
      [
        "shop: Held",
        "why         deletions wait for approval: old",
        "held        configmap/old: 3 deletions",
        "approve     trueup approve 3f2c1aa93f2c, or trueup discard",
      ],
    ],
    [
      "RolledBack",
      { held: [], reason: "it crashed; commit aaaaaaa was applied again" },
      ["shop: RolledBack", "why         it crashed; commit aaaaaaa was applied again"],
    ],
    [
      "Contested",
      {
        held: [],
        reason: "somebody else",
        contested: [
          {
            id: { group: "", kind: "ConfigMap", namespace: "default", name: "c" },
            fields: ["data.a", "data.b"],
            until: "2026-01-01T00:12:00.000Z",
          },
        ],
      },
      [
        "shop: Contested",
        "why         somebody else",
        "contested   configmap/c data.a, data.b: left alone until 2026-01-01T00:12:00.000Z",
      ],
    ],
  ])("tells what %s waits for", (phase, rest, wanted) => {
    const text = formatStatus(
      { ...status, apps: [{ ...app, ...rest, phase: phase as AppStatus["phase"] }] },
      now,
      plain,
    );
    const printed = text.split("\n").map((each) => each.trim());
    expect(wanted.filter((each) => !printed.includes(each))).toEqual([]);
    expect(text.includes("trueup approve")).toBe(phase === "Held");
  });

  it("tells an app that has nothing yet, and a kubelet that is away", () => {
    const fresh: AppStatus = {
      ...app,
      path: "",
      head: null,
      applied: null,
      phase: "Unreadable",
      reason: "no such ref",
    };
    const health = { status: "Healthy" as const, reason: "" };
    const apps = [{ ...fresh, health, diagnostics: [], held: [] }];
    expect(
      formatStatus({ ...status, kubelet: { connected: false, pid: null }, apps }, now, plain),
    ).toBe(`trueup 0.1.0, process 4711, up 10m; runtime process, kubelet not connected
state in /state

shop: Unreadable
  repository  /repo (main)
  head        no commit yet
  applied     nothing yet
  health      Healthy
  why         no such ref
`);
    expect(formatStatus({ ...status, apps: [] }, now, plain)).toContain("\nno apps\n");
  });
});
