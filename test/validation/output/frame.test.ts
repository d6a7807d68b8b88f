/** Code frames: carets under the exact columns, long lines cut around the place, and never a Secret's value. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FramedSource } from "../../../src/validation/output/frame.ts";

function frame(text: string, line: number, column: number, end?: { line: number; column: number }): string {
  const location = { file: "a.yaml", line, column, ...(end !== undefined && { end }) };
  return new FramedSource("a.yaml", text)
    .frame(location)
    .map(({ gutter, text: shown }) => `${gutter}|${shown}`)
    .join("\n");
}

describe("a frame", () => {
  it.each([
    ["two lines before", "a: 1\nb: 2\nc: 3\nd: 4", 4, 4, { line: 4, column: 5 }, "2|b: 2\n3|c: 3\n4|d: 4\n |   ^"],
    ["the first line", "ab: 1", 1, 1, { line: 1, column: 3 }, "1|ab: 1\n |^^"],
    ["a tab, to its stop", "a:\tb", 1, 4, { line: 1, column: 5 }, "1|a:  b\n |    ^"],
    ["wide characters", "a: 日本 x", 1, 7, { line: 1, column: 8 }, "1|a: 日本 x\n |        ^"],
    ["under a wide one", "日: x", 1, 1, { line: 1, column: 2 }, "1|日: x\n |^^"],
    ["an emoji of two code units", "a: 🎉 x", 1, 7, { line: 1, column: 8 }, "1|a: 🎉 x\n |      ^"],
    ["a combining mark", "e\u0301: x", 1, 5, { line: 1, column: 6 }, "1|e\u0301: x\n |   ^"],
    ["a byte order mark", "\uFEFFa: x", 1, 5, { line: 1, column: 6 }, "1|a: x\n |   ^"],
    ["to the line's end, when it goes on", "a: [1,\n 2]", 1, 4, { line: 2, column: 4 }, "1|a: [1,\n |   ^^^"],
    ["behind the end", "a:", 1, 3, undefined, "1|a:\n |  ^"],
    ["line ends of Windows", "a: 1\r\nb: 2\r\n", 2, 4, undefined, "1|a: 1\n2|b: 2\n |   ^"],
    ["control characters", "a: \u001b[31m", 1, 1, undefined, "1|a: \uFFFD[31m\n |^"],
    ["a line that is not there", "a: 1", 9, 1, undefined, ""],
  ])("shows %s", (_name, text, line, column, end, expected) => {
    expect(frame(text, line, column, end)).toBe(expected);
  });

  it("is cut around the place, every line of it alike", () => {
    const text = `short: 1\nlong: ${"x".repeat(300)} here ${"y".repeat(300)}`;
    const column = text.indexOf("here") - text.indexOf("long") + 1;
    const [before, line, mark] = frame(text, 2, column, { line: 2, column: column + 4 }).split("\n");
    expect(before).toBe("1|");
    expect(line).toMatch(/^2\|…x+ here y+…$/);
    expect(line?.indexOf("here")).toBe(mark?.indexOf("^^^^"));
    expect(line?.length).toBeLessThan(130);
  });
});

const SECRET = "hunter2";
const OBJECT = (rest: string): string => `apiVersion: v1\nkind: Secret\nmetadata: { name: a }\n${rest}`;

describe("a Secret's value", () => {
  it.each([
    ["stringData", OBJECT(`stringData:\n  a: ${SECRET}\n`)],
    ["data", OBJECT(`data: { a: ${SECRET} }\n`)],
    ["a block scalar", OBJECT(`stringData:\n  a: |\n    ${SECRET}\n\n    ${SECRET}\n  b: x\n`)],
    ["a folded one", OBJECT(`stringData:\n  a: >-\n    x\n    ${SECRET}\n`)],
    ["quoted text over lines", OBJECT(`stringData:\n  a: "x\n    ${SECRET}"\n`)],
    ["an escaped kind", OBJECT(`data: { a: ${SECRET} }\n`).replace("Secret", '"\\x53ecret"')],
    ["a kind in lower case", OBJECT(`data: { a: ${SECRET} }\n`).replace("Secret", "secret")],
    ["a misspelt kind with stringData", OBJECT(`stringData: { a: ${SECRET} }\n`).replace("Secret", "Secrte")],
    ["a misspelt field", OBJECT(`dta: { a: ${SECRET} }\n`)],
    ["an annotation", OBJECT("").replace("name: a", `name: a, annotations: { last: ${SECRET} }`)],
    ["a comment", OBJECT(`# was ${SECRET}\ndata: {} # ${SECRET}\n`)],
    ["an item of a List", `kind: List\napiVersion: v1\nitems:\n- kind: Secret\n  data: { a: ${SECRET} }\n`],
    ["an item of a SecretList", `kind: SecretList\napiVersion: v1\nitems:\n- metadata: {}\n  data: { a: ${SECRET} }\n`],
    ["an anchor elsewhere", `x: &p ${SECRET}\ny:\n  kind: Secret\n  data: { a: *p }\n`],
    ["a duplicate key", OBJECT(`data: { a: ${SECRET} }\ndata: { a: ${SECRET} }\n`)],
    ["what cannot be parsed", OBJECT(`data:\n  a: ${SECRET}\n bad\n`)],
    ["one that cannot be parsed, beside others", `a: b\n---\n${OBJECT(`data:\n  a: ${SECRET}\n bad\n`)}`],
    [
      "kubectl's last-applied annotation, of whatever",
      `kind: ConfigMap\nmetadata:\n  annotations:\n    last: '{"kind":"Secret","data":{"a":"${SECRET}"}}'\n`,
    ],
  ])("is not shown: %s", (_name, text) => {
    const lines = text.split("\n");
    for (const at of lines.keys()) expect(frame(text, at + 1, 1)).not.toContain(SECRET);
    expect((new FramedSource("a.yaml", text).masked() ?? []).join("\n")).not.toContain(SECRET);
  });

  it("leaves the rest of the file to be seen, and the caret where it belongs", () => {
    const text = `${OBJECT("data:\n  a: aHVudGVyMg==\n")}---\nkind: ConfigMap\ndata: { colour: blue }\n`;
    expect(frame(text, 5, 6, { line: 5, column: 18 })).toBe("3|metadata: { name: a }\n4|data:\n5|  a: ***\n |     ^^^");
    expect(frame(text, 8, 1)).toContain("colour: blue");
  });

  it("is never shown, however it is indented, quoted and commented", () => {
    const styles = [
      (v: string) => v,
      (v: string) => `"${v}"`,
      (v: string) => `'${v}'`,
      (v: string) => `|\n    ${v}`,
      (v: string) => `>+\n    ${v}\n\n`,
      (v: string) => `[${v}, x]`,
      (v: string) => `{ b: ${v} }`,
      (v: string) => `&z ${v}`,
      (v: string) => `!!str ${v}`,
    ];
    const style = fc.constantFrom(...styles);
    const field = fc.constantFrom("data", "stringData", "other");
    fc.assert(
      fc.property(fc.array(style, { minLength: 1, maxLength: 4 }), field, fc.boolean(), (values, name, comment) => {
        const entries = values.map((write, at) => `  k${at}: ${write(SECRET)}\n`).join("");
        const text = OBJECT(`${comment ? `# ${SECRET}\n` : ""}${name}:\n${entries}`);
        for (const at of text.split("\n").keys()) expect(frame(text, at + 1, 1)).not.toContain(SECRET);
      }),
      { numRuns: 200 },
    );
  });
});
