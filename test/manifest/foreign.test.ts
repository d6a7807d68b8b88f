/** Files among manifests that are another tool's: named in one line, charts with all that belongs to them. */
import { describe, expect, it } from "vitest";
import { findCharts } from "../../src/manifest/foreign.ts";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import { asObjectHash } from "../../src/model/source.ts";

const BLOB = asObjectHash("5".repeat(40));

function said(file: string, text: string): string[] {
  const { declared, diagnostics } = parseManifestFile({ file, blob: BLOB, text });
  expect(declared).toEqual([]);
  return diagnostics.map(({ severity, rule, message, location: { line, column } }) => {
    return `${line}:${column} ${severity} ${rule}: ${message}`;
  });
}

const nothing = (what: string) => [`1:1 warning not-a-manifest: Nothing is applied from this file as it is ${what}`];

describe("a file that is no manifest", () => {
  it.each([
    ["docker-compose.yml", "services:\n  a: {build: .}\n", nothing("a Docker Compose file")],
    ["stack.yaml", "services: {a: {image: x:v1}}\n", nothing("a Docker Compose file")],
    ["ci.yaml", "on: push\njobs: {a: {}}\n", nothing("a GitHub workflow")],
    ["web/values-prod.yaml", "replicas: 2\n", nothing("values of a Helm chart")],
    ["kustomization.yaml", "resources: [a.yaml]\n", nothing("a kustomization")],
    ["pnpm-lock.yaml", "lockfileVersion: '9.0'\n", nothing("a lock file")],
    ["api.yaml", "openapi: 3.1.0\npaths: {}\n", nothing("an API description")],
    ["stack.yaml", "AWSTemplateFormatVersion: '2010-09-09'\n", nothing("a CloudFormation template")],
    ["site.yaml", "- hosts: all\n  tasks: []\n", nothing("an Ansible playbook")],
    [
      "a.yaml",
      "services: 1\n",
      ["1:1 warning not-a-manifest: Nothing is applied from this file as it has neither apiVersion nor kind"],
    ],
    [
      "templates/web.yaml",
      "{{ if .x }}\nkind: Pod\n{{ end }}\n---\na: {{ x }}\n---\nb: {{ y }}\n",
      ["5:5 error needs-rendering: Cannot read the file as it must be rendered first: it is a template"],
    ],
    [
      "web.yaml.j2.yaml",
      "kind: Pod\nmetadata:\n  name: {% if x %}a{% endif %}\n",
      ["3:10 error needs-rendering: Cannot read the file as it must be rendered first: it is a template"],
    ],
    [
      "web.yaml",
      "kind: Pod\n{% if x %}\nmetadata: {}\n{% endif %}\n",
      ["2:2 error needs-rendering: Cannot read the file as it must be rendered first: it is a template"],
    ],
    ["tsconfig.base.json", '{\n  // comments\n  "a": 1,\n}\n', []],
  ])("%s, %j", (file, text, expected) => {
    expect(said(file, text)).toEqual(expected);
  });

  it("is not taken for one when it breaks off: what it declared would seem to be removed", () => {
    expect(said("a.json", '{"apiVersion": "v1",\n "kind": ')).toEqual([
      expect.stringMatching(/^2:\d+ error yaml-syntax: /),
    ]);
  });
});

describe("findCharts", () => {
  const at = (file: string, text = "a: 1\n") => ({ file, text });
  const chart = "apiVersion: v2\nname: web\n";

  it("takes what Helm alone reads, outermost charts only", () => {
    const files = [
      at("charts/web/Chart.yaml", chart),
      at("charts/web/values.yaml"),
      at("charts/web/values.schema.json"),
      at("charts/web/templates/a.yaml"),
      at("charts/web/templates/tests/b.yaml"),
      at("charts/web/charts/db/Chart.yaml", chart),
      at("charts/web/charts/db/templates/c.yaml"),
      at("charts/web/deploy/live.yaml"),
      at("charts/website/a.yaml"),
      at("values.yaml"),
    ];
    expect(findCharts(files).map((each) => ({ ...each, files: [...each.files] }))).toEqual([
      {
        file: "charts/web/Chart.yaml",
        directory: "charts/web",
        templates: 2,
        files: files.slice(0, 7).map(({ file }) => file),
      },
    ]);
  });

  it("takes a chart at the top, and no object that is only called so", () => {
    const top = findCharts([at("Chart.yaml", chart), at("templates/a.yaml"), at("live/a.yaml")]);
    expect(top.map(({ directory, files }) => [directory, [...files]])).toEqual([
      ["", ["Chart.yaml", "templates/a.yaml"]],
    ]);
    expect(findCharts([at("Chart.yaml", "apiVersion: v1\nkind: ConfigMap\n"), at("templates/a.yaml")])).toEqual([]);
  });
});
