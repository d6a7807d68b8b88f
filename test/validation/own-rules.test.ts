/** A configuration's own rules in CEL: where they hold, where not, and where nobody can tell. */
import { describe, expect, it } from "vitest";
import { validateDeclared } from "../../src/validation/index.ts";
import type { OwnRule } from "../../src/validation/settings.ts";
import { declare, lines } from "./declare.ts";

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {team: a}
spec:
  replicas: 12
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: a, image: "a:1"}]}
`;

function said(text: string, ...rules: Partial<OwnRule>[]): string[] {
  const whole = rules.map((rule): OwnRule => ({ id: "mine", expression: "true", level: "error", ...rule }));
  const found = declare(text).flatMap((each) => validateDeclared(each, { rules: whole }));
  const ids = new Set(whole.map(({ id }) => id));
  return lines(found.filter(({ rule }) => ids.has(rule)));
}

const NOT = "Cannot use deployment/web as the rule mine forbids it:";

describe("rules of one's own", () => {
  const rows: [name: string, rule: Partial<OwnRule>, expected: string[]][] = [
    ["holds", { expression: "object.spec.replicas <= 12" }, []],
    [
      "does not",
      { expression: "object.spec.replicas < 10" },
      [`4:9 error mine: ${NOT} object.spec.replicas < 10 must hold`],
    ],
    [
      "with a message",
      { expression: "false", message: "too many", hint: "Fewer." },
      [`4:9 error mine: ${NOT} too many (Fewer.)`],
    ],
    [
      "with a message that tells of the object, at a field, as a warning",
      {
        expression: "object.spec.replicas < 10",
        messageExpression: "'no more than 9,\\n not ' + string(object.spec.replicas)",
        message: "unused",
        field: ".spec.replicas",
        level: "warning",
      },
      [`7:13 warning mine: ${NOT} no more than 9, not 12`],
    ],
    [
      "whose message cannot be made",
      { expression: "false", messageExpression: "object.nothing", message: "else" },
      [`4:9 error mine: ${NOT} else`],
    ],
    [
      "at a field that is not there",
      { expression: "false", message: "m", field: ".spec.strategy.type" },
      [`6:1 error mine: ${NOT} m`],
    ],
    ["of its kind", { expression: "false", message: "m", kinds: ["Deployment"] }, [`4:9 error mine: ${NOT} m`]],
    ["of its group", { expression: "false", message: "m", kinds: ["apps/*"] }, [`4:9 error mine: ${NOT} m`]],
    ["of other kinds", { expression: "false", kinds: ["Pod", "batch/*", "/Deployment"] }, []],
    [
      "that ends in an error",
      { expression: "object.spec.nothing == 1" },
      [
        "4:9 error mine: Cannot check deployment/web by the rule mine as its expression must hold or not: No such key: nothing",
      ],
    ],
    [
      "that says something else",
      { expression: "object.spec.replicas" },
      [
        "4:9 error mine: Cannot check deployment/web by the rule mine as its expression must hold or not: it gives neither true nor false",
      ],
    ],
  ];
  it.each(rows)("one %s", (_, rule, expected) => {
    expect(said(DEPLOYMENT, rule)).toEqual(expected);
  });

  it("of kinds that are not known, and of objects that are wrong otherwise", () => {
    const thing = "{apiVersion: example.org/v1, kind: Thing, metadata: {name: a}, size: 1}";
    const odd = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {nothing: 1}}";
    const rule = { expression: "false", message: "m" };
    expect(said(`${thing}\n---\n${odd}`, rule)).toEqual([
      "1:60 error mine: Cannot use thing/a as the rule mine forbids it: m",
      "3:46 error mine: Cannot use pod/a as the rule mine forbids it: m",
    ]);
  });

  it("never tell what a Secret holds", () => {
    const secret = "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {password: hunter2}}";
    const told = [
      ...said(secret, { expression: "false", messageExpression: "object.stringData.password" }),
      ...said(secret, { expression: "int(object.stringData.password) == 1" }),
      ...said(secret, { expression: "object.stringData.password" }),
      ...said(secret, { expression: "object[object.stringData.password] == 1" }),
    ];
    expect(told).toHaveLength(4);
    expect(told.join("\n")).not.toContain("hunter2");
  });

  it("take no longer than they may, all together, and say so", () => {
    const list = Array.from({ length: 300 }, (_, at) => at).join(", ");
    const slow = "object.spec.l.all(a, object.spec.l.all(b, object.spec.l.all(c, a + b + c >= 0)))";
    const text = `{apiVersion: example.org/v1, kind: Thing, metadata: {name: a}, spec: {l: [${list}]}}`;
    const rules = Array.from({ length: 50 }, (_, at) => ({ id: `r${at}`, expression: slow }));
    const before = process.cpuUsage().user;
    const found = said(text, ...rules);
    expect(found).toHaveLength(50);
    for (const line of found) expect(line).toMatch(/as its expression must hold or not: it takes more than \d+ steps$/);
    // Far from the half hour that it would take: a bound, and no figure.
    expect(process.cpuUsage().user - before).toBeLessThan(20_000_000);
  });
});
