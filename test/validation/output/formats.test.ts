/** What CI systems and code scanners get, to the letter. */
import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import { findingsOf } from "../../../src/validation/output/data.ts";
import { fingerprints } from "../../../src/validation/output/fingerprint.ts";
import { githubOutput } from "../../../src/validation/output/github.ts";
import { gitlabOutput } from "../../../src/validation/output/gitlab.ts";
import { junitOutput } from "../../../src/validation/output/junit.ts";
import { sarifOutput } from "../../../src/validation/output/sarif.ts";

const WEB = { group: "apps", kind: "Deployment", namespace: "default", name: "web" };
const ERROR: Diagnostic = {
  severity: "error",
  rule: "schema-type",
  message: 'Cannot read spec.replicas as it must be an integer: it is "3", 50% <&>',
  location: { file: "a b,c:d.yaml", line: 6, column: 13, end: { line: 6, column: 16 } },
  field: "spec.replicas",
  object: WEB,
  hint: "Remove\nthe quotes.",
};
const WARNING: Diagnostic = {
  severity: "warning",
  rule: "not-a-manifest",
  message: "Nothing is applied\u0007",
  location: { file: "x.yaml", line: 1, column: 1, end: { line: 3, column: 1 } },
};
const ALL = [ERROR, WARNING];
const CONTEXT = { prefix: "deploy", files: ["a b,c:d.yaml", "clean.yaml", "x.yaml"], version: "1.2.3" };

describe("github", () => {
  it("is a workflow command a line, escaped as GitHub documents it", () => {
    expect(githubOutput(ALL, CONTEXT)).toBe(
      `::error file=deploy/a b%2Cc%3Ad.yaml,line=6,col=13,endColumn=15,title=schema-type::Cannot read spec.replicas as it must be an integer: it is "3", 50%25 <&>%0ARemove%0Athe quotes.
::warning file=deploy/x.yaml,line=1,col=1,endLine=3,title=not-a-manifest::Nothing is applied\u0007
`,
    );
    expect(githubOutput([], CONTEXT)).toBe("");
  });
});

describe("junit", () => {
  it("has a suite for each file, fails for errors alone, and is XML whatever is in the texts", () => {
    expect(junitOutput(ALL, CONTEXT)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="trueup validate" tests="3" failures="1" errors="0">
  <testsuite name="deploy/a b,c:d.yaml" tests="1" failures="1" errors="0">
    <testcase name="schema-type deployment/web 6:13" classname="deploy/a b,c:d.yaml">
      <failure type="schema-type" message="Cannot read spec.replicas as it must be an integer: it is &quot;3&quot;, 50% &lt;&amp;&gt;">deploy/a b,c:d.yaml:6:13: Cannot read spec.replicas as it must be an integer: it is &quot;3&quot;, 50% &lt;&amp;&gt;
Remove
the quotes.</failure>
    </testcase>
  </testsuite>
  <testsuite name="deploy/clean.yaml" tests="1" failures="0" errors="0">
    <testcase name="valid" classname="deploy/clean.yaml"/>
  </testsuite>
  <testsuite name="deploy/x.yaml" tests="1" failures="0" errors="0">
    <testcase name="not-a-manifest 1:1" classname="deploy/x.yaml">
      <system-out>warning: deploy/x.yaml:1:1: Nothing is applied\uFFFD</system-out>
    </testcase>
  </testsuite>
</testsuites>
`);
  });
});

describe("gitlab", () => {
  it("is a code quality report with a fingerprint of its own for each finding", () => {
    const [first, second, third] = JSON.parse(gitlabOutput([...ALL, WARNING], CONTEXT)) as { fingerprint: string }[];
    expect(first).toEqual({
      description: `${ERROR.message}. Remove\nthe quotes.`,
      check_name: "schema-type",
      fingerprint: expect.stringMatching(/^[0-9a-f]{40}$/),
      severity: "major",
      location: { path: "deploy/a b,c:d.yaml", lines: { begin: 6, end: 6 } },
    });
    expect(second).toMatchObject({
      severity: "minor",
      location: { path: "deploy/x.yaml", lines: { begin: 1, end: 3 } },
    });
    expect(third?.fingerprint).not.toBe(second?.fingerprint);
  });
});

describe("sarif", () => {
  it("is a 2.1.0 log: rules with help, regions, fingerprints", () => {
    const log = JSON.parse(sarifOutput(ALL, CONTEXT)) as Record<string, unknown>;
    expect(log).toEqual({
      $schema: expect.stringMatching(/sarif-schema-2\.1\.0\.json$/),
      version: "2.1.0",
      runs: [
        {
          tool: {
            driver: {
              name: "trueup",
              version: "1.2.3",
              rules: ["not-a-manifest", "schema-type"].map((id) => ({
                id,
                shortDescription: { text: expect.any(String) },
                fullDescription: { text: expect.any(String) },
                help: { text: expect.stringContaining(`trueup explain ${id}`), markdown: expect.any(String) },
                defaultConfiguration: { level: id === "schema-type" ? "error" : "warning" },
              })),
            },
          },
          columnKind: "utf16CodeUnits",
          results: [
            {
              ruleId: "schema-type",
              ruleIndex: 1,
              level: "error",
              message: { text: `${ERROR.message}. ${ERROR.hint}` },
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: { uri: "deploy/a%20b%2Cc%3Ad.yaml" },
                    region: { startLine: 6, startColumn: 13, endLine: 6, endColumn: 16 },
                  },
                  logicalLocations: [{ name: "spec.replicas", fullyQualifiedName: "deployment/web/spec.replicas" }],
                },
              ],
              partialFingerprints: { "trueup/v1": expect.stringMatching(/^[0-9a-f]{40}$/) },
            },
            expect.objectContaining({ ruleId: "not-a-manifest", ruleIndex: 0, level: "warning" }),
          ],
        },
      ],
    });
  });
});

describe("fingerprints", () => {
  const of = (...all: Diagnostic[]): string[] => fingerprints(all, (file) => file);

  it("stay when lines move or a value changes, and differ by rule, file, object, field and count", () => {
    const [base] = of(ERROR);
    expect(of({ ...ERROR, message: "other", location: { ...ERROR.location, line: 99 } })).toEqual([base]);
    const others = of(
      { ...ERROR, rule: "schema-range" },
      { ...ERROR, location: { ...ERROR.location, file: "z" } },
      { ...ERROR, object: { ...WEB, name: "z" } },
      { ...ERROR, field: "z" },
      ERROR,
      ERROR,
    );
    expect(new Set([base, ...others]).size).toBe(6);
    expect(others[4]).toBe(base);
  });
});

describe("json", () => {
  it("keeps its shape", () => {
    expect(JSON.stringify(findingsOf([ERROR]))).toBe(
      '[{"severity":"error","rule":"schema-type","message":"Cannot read spec.replicas as it must be an integer: it is \\"3\\", 50% <&>","location":{"file":"a b,c:d.yaml","line":6,"column":13,"end":{"line":6,"column":16}},"field":"spec.replicas","object":{"group":"apps","kind":"Deployment","namespace":"default","name":"web"},"hint":"Remove\\nthe quotes."}]',
    );
    expect(Object.keys(findingsOf([WARNING])[0] ?? {})).toEqual(["severity", "rule", "message", "location"]);
  });
});
