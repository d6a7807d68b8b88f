/** Items of lists that are told as changed, and those that are not. */
import { describe, expect, it } from "vitest";
import type { FieldChange } from "../../src/model/plan.ts";
import { describeField } from "../../src/plan/describe.ts";
import { pairItems } from "../../src/plan/pair-items.ts";

const gone = (path: string, before: unknown): FieldChange => ({ path, kind: "remove", before });
const come = (path: string, after: unknown): FieldChange => ({ path, kind: "add", after });

describe("items that came and went", () => {
  it.each<[string, FieldChange[], string[]]>([
    [
      "of one name are one that changed",
      [
        come("spec.ports[port=81]", { name: "http", port: 81, protocol: "TCP", more: [1] }),
        gone("spec.ports[port=80]", { name: "http", port: 80, nodePort: 30080, protocol: "TCP" }),
      ],
      [
        "spec.ports[name=http].more: [1] (new)",
        "spec.ports[name=http].nodePort: 30080 (removed)",
        "spec.ports[name=http].port: 80 → 81",
      ],
    ],
    [
      "of two names are two",
      [come("spec.ports[port=81]", { name: "a" }), gone("spec.ports[port=80]", { name: "b" })],
      ['spec.ports[port=81]: {"name":"a"} (new)', 'spec.ports[port=80]: {"name":"b"} (removed)'],
    ],
    [
      "of two lists are two",
      [come("a[port=81]", { name: "a" }), gone("b[port=80]", { name: "a" })],
      ['a[port=81]: {"name":"a"} (new)', 'b[port=80]: {"name":"a"} (removed)'],
    ],
    [
      "of one name that two have are left alone",
      [come("a[port=1]", { name: "a" }), come("a[port=2]", { name: "a" }), gone("a[port=3]", { name: "a" })],
      ['a[port=1]: {"name":"a"} (new)', 'a[port=2]: {"name":"a"} (new)', 'a[port=3]: {"name":"a"} (removed)'],
    ],
    [
      "without a name, or keys of a map, are left alone",
      [come("a[port=1]", { port: 1 }), come('a["x=1"]', { name: "a" }), gone('a["y=1"]', { name: "a" })],
      ['a[port=1]: {"port":1} (new)', 'a["x=1"]: {"name":"a"} (new)', 'a["y=1"]: {"name":"a"} (removed)'],
    ],
  ])("%s", (_, fields, shown) => {
    expect(pairItems(fields).map((each) => describeField(each).trim())).toEqual(shown);
  });
});
