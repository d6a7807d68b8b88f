/** Places of fields: keys, items, values, and what a missing field falls back to. */
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import type { FieldPath } from "../../src/model/manifest.ts";
import { asObjectHash } from "../../src/model/source.ts";

const TEXT = `# leading
apiVersion: v1
kind: ConfigMap # kind
metadata:
  name: &name web
  labels: {app: "web", 'tier': *name, on: x}
data:
  literal: |- # a | comment
    one
    two

  folded: >
    three
  empty:
  quoted: 'it''s'
list:
- a
-
- - b
  - {c: [d, ], e: }
-   key: v
merged:
  <<: &base {x: 1}
  z: 2
`;

const [declared] = parseManifestFile({ file: "dir/a.yaml", blob: asObjectHash("2".repeat(40)), text: TEXT }).declared;
const lines = TEXT.split("\n");

function place(path: FieldPath, part: "locate" | "locateValue"): string {
  const location = declared?.[part](path);
  if (location === undefined) return "";
  const { line, column, end, file } = location;
  expect(file).toBe("dir/a.yaml");
  const text = end?.line === line ? lines[line - 1]?.slice(column - 1, end.column - 1) : `…${end?.line}:${end?.column}`;
  return `${line}:${column} ${text}`;
}

describe("locate", () => {
  it.each([
    [["kind"], "3:1 kind", "3:7 ConfigMap"],
    [["metadata"], "4:1 metadata", "5:3 …6:45"],
    [["metadata", "name"], "5:3 name", "5:15 web"],
    [["metadata", "labels", "app"], "6:12 app", '6:17 "web"'],
    [["metadata", "labels", "tier"], "6:24 'tier'", "6:32 *name"],
    [["metadata", "labels", "true"], "6:39 on", "6:43 x"],
    [["data", "literal"], "8:3 literal", "8:12 …10:8"],
    [["data", "folded"], "12:3 folded", "12:11 …13:10"],
    [["data", "empty"], "14:3 empty", "14:3 empty"],
    [["data", "quoted"], "15:3 quoted", "15:11 'it''s'"],
    [["list", 0], "17:3 a", "17:3 a"],
    [["list", 1], "18:2 ", "18:2 "],
    [["list", 2, 1, "c", 0], "20:10 d", "20:10 d"],
    [["list", 2, 1, "e"], "20:16 e", "20:16 e"],
    [["list", 3, "key"], "21:5 key", "21:10 v"],
    [["merged", "x"], "23:14 x", "23:17 1"],
    [["merged", "z"], "24:3 z", "24:6 2"],
    [["data", "absent", "deep"], "7:1 data", "7:1 data"],
    [["list", 9], "16:1 list", "16:1 list"],
    [["absent"], "2:1 …24:7", "2:1 …24:7"],
  ] as const)("%j", (path, key, value) => {
    expect(place(path, "locate")).toBe(key);
    expect(place(path, "locateValue")).toBe(value);
  });

  it("finds the object itself without parsing again", () => {
    expect(declared?.locate([])).toEqual({ file: "dir/a.yaml", line: 2, column: 1 });
  });
});
