/** What CI systems and code scanners get, to the letter. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type AnySchema } from "ajv";
import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import { RULES } from "../../../src/validation/index.ts";
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

describe("reports, as those who read them publish their form", () => {
  const many: Diagnostic[] = Object.keys(RULES).map((rule, at) => ({ ...(at % 2 === 0 ? ERROR : WARNING), rule }));

  it("of SARIF fit the schema of 2.1.0, with and without findings", () => {
    const file = join(import.meta.dirname, "../../fixtures/validation/sarif/sarif-schema-2.1.0.json");
    // One pattern of the schema is none in Unicode mode.
    const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
    ajv.addFormat("uri", (text: string) => URL.canParse(text));
    // Relative to something: no space and nothing that a URI keeps for itself may stand unencoded.
    ajv.addFormat("uri-reference", (text: string) => !/[\s"<>\\^`{|}]/.test(text) && URL.canParse(text, "file:///a/"));
    ajv.addFormat("date-time", (text: string) => !Number.isNaN(Date.parse(text)));
    // Written for draft 4, of which it uses nothing that draft 7 means otherwise.
    const { $schema: _draft, id: _id, ...schema } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    const check = ajv.compile(schema as AnySchema);
    for (const diagnostics of [[], ALL, many, [{ ...ERROR, rule: "of-no-list" }]]) {
      const log: unknown = JSON.parse(sarifOutput(diagnostics, CONTEXT));
      check(log);
      expect(check.errors ?? []).toEqual([]);
    }
    expect(check({ version: "2.1.0", runs: [{ tool: {} }] })).toBe(false);
  });

  it("of GitLab have what its documentation asks of an issue", () => {
    const issues = JSON.parse(gitlabOutput(many, CONTEXT)) as Record<string, unknown>[];
    expect(issues).toHaveLength(many.length);
    for (const issue of issues) {
      expect(Object.keys(issue).sort()).toEqual(["check_name", "description", "fingerprint", "location", "severity"]);
      expect(["info", "minor", "major", "critical", "blocker"]).toContain(issue.severity);
      expect(issue.location).toEqual({
        path: expect.stringMatching(/^[^./]/),
        lines: { begin: expect.any(Number), end: expect.any(Number) },
      });
    }
    // One finding is told from another by its fingerprint.
    expect(new Set(issues.map(({ fingerprint }) => fingerprint)).size).toBe(many.length);
  });

  it("of JUnit are well-formed, nest as its readers expect, and count what they hold", () => {
    const xml = junitOutput(many, CONTEXT);
    const open: string[] = [];
    const nested = new Set<string>();
    const seen = new Map<string, number>();
    for (const [, close, name = "", , empty] of xml.matchAll(/<(\/?)([a-z-]+)((?:\s+[a-z]+="[^"<]*")*)\s*(\/?)>/g)) {
      if (close === "/") {
        expect(open.pop()).toBe(name);
        continue;
      }
      nested.add(`${open.at(-1) ?? ""}>${name}`);
      seen.set(name, (seen.get(name) ?? 0) + 1);
      if (empty === "") open.push(name);
    }
    expect(open).toEqual([]);
    expect([...nested].sort()).toEqual([
      ">testsuites",
      "testcase>failure",
      "testcase>system-out",
      "testsuite>testcase",
      "testsuites>testsuite",
    ]);
    const head = /^<testsuites [^>]*tests="(\d+)" failures="(\d+)"/m.exec(xml);
    expect(head?.slice(1).map(Number)).toEqual([seen.get("testcase"), seen.get("failure")]);
    expect(xml.replace(/<[^>]*>|&(?:amp|lt|gt|quot|apos);/g, "")).not.toMatch(/[<&]/);
  });
});
