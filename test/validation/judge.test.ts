/** Levels and exceptions: what becomes of a finding, day by day. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../../src/model/diagnostic.ts";
import type { ObjectId } from "../../src/model/object.ts";
import { dayOf, judge } from "../../src/validation/index.ts";
import { natureOf } from "../../src/validation/rules.ts";
import type { Exception, Level, PolicySetting } from "../../src/validation/settings.ts";
import { lines } from "./declare.ts";

const WEB: ObjectId = { group: "apps", kind: "Deployment", namespace: "shop", name: "web" };
const NODE: ObjectId = { group: "", kind: "Namespace", namespace: "", name: "web" };
const at = (line: number): Diagnostic["location"] => ({ file: "web.yaml", line, column: 1 });

function finding(rule: string, severity: Diagnostic["severity"], object?: ObjectId): Diagnostic {
  return { severity, rule, message: "m", location: at(1), ...(object !== undefined && { object }) };
}

function exception(over: Partial<Exception> = {}): Exception {
  const location = { file: "trueup.yaml", line: 7, column: 3 };
  return { rule: "host-pid", kind: "Deployment", name: "web", reason: "r", until: "2026-11-26", location, ...over };
}

describe("levels", () => {
  const rows: [rule: string, severity: "error" | "warning", level: Level, expected: Level][] = [
    ["yaml-tab", "warning", "error", "error"],
    ["yaml-tab", "warning", "off", "off"],
    ["image-tag-latest", "error", "warning", "warning"],
    ["image-tag-latest", "error", "off", "off"],
    ["my-rule", "warning", "error", "error"],
    ["schema-type", "error", "off", "error"],
    ["schema-type", "error", "warning", "error"],
    ["manifest-unreadable", "error", "off", "error"],
    ["kind-not-run-here", "error", "off", "error"],
    ["kind-not-run-here", "warning", "off", "off"],
  ];
  it.each(rows)("%s, a %s, set to %s: %s", (rule, severity, level, expected) => {
    const settings = { levels: { [rule]: level }, exceptions: [] };
    const found = judge([finding(rule, severity, WEB)], { settings, day: "2026-11-26", objects: () => [WEB] });
    expect(found.map((each) => each.severity)).toEqual(expected === "off" ? [] : [expected]);
  });
});

const ASKED: PolicySetting[] = [
  { rule: "host-pid", level: "error" },
  { rule: "host-ipc", level: "error" },
];

const EXPIRED = (what: string): string =>
  `7:3 warning exception-expired: The exception to host-pid for ${what} counts no more: its last day was 2026-11-26 (r) (Mend what it was for and remove it, or give it another day.)`;
const UNUSED = (what: string): string =>
  `7:3 warning exception-unused: The exception to host-pid for ${what} is for nothing: the rule finds nothing there (Remove it.)`;

describe("exceptions", () => {
  const said = "1:1 error host-pid: m";
  const rows: [name: string, exception: Partial<Exception>, day: string, expected: string[]][] = [
    ["its last day", {}, "2026-11-26", []],
    ["the day after", {}, "2026-11-27", [said, EXPIRED("deployment/web")]],
    ["of its group", { kind: "apps/Deployment" }, "2026-11-26", []],
    ["of another group", { kind: "example.org/Deployment" }, "2026-11-26", [said]],
    ["of another kind", { kind: "Pod" }, "2026-11-26", [said]],
    ["of all kinds", { kind: "*" }, "2026-11-26", []],
    ["of its namespace", { namespace: "shop" }, "2026-11-26", []],
    ["of another namespace", { namespace: "default" }, "2026-11-26", [said]],
    ["of such namespaces", { namespace: "s*p" }, "2026-11-26", []],
    ["of another name", { name: "web2" }, "2026-11-26", [said]],
    ["of such names", { name: "w*" }, "2026-11-26", []],
    [
      "of another rule",
      { rule: "host-ipc" },
      "2026-11-26",
      [said, UNUSED("deployment/web").replaceAll("host-pid", "host-ipc")],
    ],
    ["run out, in a namespace", { namespace: "shop" }, "2027-01-01", [said, EXPIRED("deployment/web in shop")]],
  ];
  it.each(rows)("%s", (_, over, day, expected) => {
    const settings = { levels: {}, exceptions: [exception(over)], policies: ASKED };
    const found = judge([finding("host-pid", "error", WEB)], { settings, day, objects: () => [WEB] });
    expect(lines(found)).toEqual(expected);
  });

  it("do not count for what no object is named in, nor for what the API server refuses", () => {
    const exceptions = [exception({ rule: "yaml-tab" }), exception({ rule: "schema-type" })];
    const found = [finding("yaml-tab", "warning"), finding("schema-type", "error", WEB)];
    const judged = judge(found, { settings: { levels: {}, exceptions }, day: "2026-11-26", objects: () => [] });
    expect(judged).toEqual(found);
  });

  it("are used also where a level leaves out what they are for", () => {
    const settings = { levels: { "yaml-tab": "off" as const }, exceptions: [exception({ rule: "yaml-tab" })] };
    const judging = { settings, day: "2026-11-26", objects: () => [WEB] };
    expect(judge([finding("yaml-tab", "warning", WEB)], judging)).toEqual([]);
  });

  const unused: [name: string, over: Partial<Exception>, wholeOf: string | undefined, said: boolean][] = [
    ["names an object that is here", {}, undefined, true],
    ["names an object that is not here", { name: "other" }, undefined, false],
    ["names many objects", { name: "*" }, undefined, false],
    ["stands in a file that is about nothing else", { name: "other" }, "trueup.yaml", true],
    ["names many objects in a file that is about nothing else", { name: "*" }, "trueup.yaml", true],
    ["stands in another file", { name: "other" }, "trueup.config.yaml", false],
    ["is about a policy that nobody asks for here", { rule: "host-port" }, "trueup.yaml", false],
    ["is about a rule that is not known here", { rule: "theirs" }, "trueup.yaml", false],
    ["has run out", { name: "other", until: "2000-01-01" }, "trueup.yaml", false],
  ];
  it.each(unused)("that is for nothing, and %s", (_, over, wholeOf, expected) => {
    const settings = { levels: {}, exceptions: [exception(over)], policies: ASKED };
    const whole = wholeOf === undefined ? {} : { wholeOf };
    const found = judge([], { settings, day: "2026-11-26", objects: () => [WEB, NODE], ...whole });
    expect(found.some(({ rule }) => rule === "exception-unused")).toBe(expected);
  });

  it("have a level, too", () => {
    const levels = { "exception-expired": "error", "exception-unused": "off" } as const;
    const exceptions = [exception({ until: "2020-01-01" }), exception()];
    const settings = { levels, exceptions, policies: ASKED };
    const found = judge([], { settings, day: "2026-11-26", objects: () => [WEB] });
    expect(found.map(({ rule, severity }) => [rule, severity])).toEqual([["exception-expired", "error"]]);
  });
});

describe("days", () => {
  it.each([
    ["2026-11-26T00:00:00Z", "2026-11-26"],
    ["2026-11-26T23:59:59.999Z", "2026-11-26"],
    ["2026-11-26T23:59:59.999-01:00", "2026-11-27"],
  ])("%s is %s", (time, day) => {
    expect(dayOf(Date.parse(time))).toBe(day);
  });
});

describe("names of what is found", () => {
  it("are no configuration's to take, wherever they are said", () => {
    const root = join(import.meta.dirname, "../../src");
    const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    const said = files.flatMap((name) => [
      ...readFileSync(join(root, name), "utf8").matchAll(/\brule: "([a-z][a-z-]*)"/g),
    ]);
    expect(said.length).toBeGreaterThan(10);
    expect(said.map(([, rule = ""]) => rule).filter((rule) => natureOf(rule) === undefined)).toEqual([]);
  });
});
