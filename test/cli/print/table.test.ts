/** Columns that line up: tables, elastic tabs, and what must not reach a terminal. */
import { describe, expect, it } from "vitest";
import { printable, printableLine } from "../../../src/cli/print/escape.ts";
import { columnWidths, formatRow, formatTable } from "../../../src/cli/print/table.ts";
import { expandTabs } from "../../../src/cli/print/tabwriter.ts";

describe("tables", () => {
  it("put three spaces between columns and none at line ends", () => {
    const text = formatTable({
      header: ["NAME", "READY", "AGE"],
      rows: [
        ["web-5d4f8-x2x8z", "1/1", "12s"],
        ["a", "", ""],
      ],
    });
    expect(text).toBe("NAME              READY   AGE\nweb-5d4f8-x2x8z   1/1     12s\na\n");
  });

  it("keep the widths of lines printed before, and grow with wider ones", () => {
    const table = { header: ["NAME", "AGE"], rows: [["abcdefghij", "1s"]] };
    const widths = columnWidths(table, [9]);
    expect(widths).toEqual([13]);
    expect(columnWidths({ header: ["NAME", "AGE"], rows: [["a", "1s"]] }, widths)).toEqual([13]);
    expect(formatRow(["a", "1s"], widths)).toBe("a            1s");
  });

  it("count colour codes as nothing and a surrogate pair as one", () => {
    const widths = columnWidths({ header: ["A", "B"], rows: [["\u001b[31mfailed\u001b[39m", "x"]] });
    expect(widths).toEqual([9]);
    expect(formatRow(["🚀", "x"], [6])).toBe("🚀     x");
  });
});

describe("elastic tabs", () => {
  const cases: [title: string, text: string, expected: string][] = [
    ["line up neighbouring lines", "Name:\tweb\nNamespace:\tdefault", "Name:       web\nNamespace:  default"],
    ["start anew after a line without a tab", "a:\t1\nEvents:\nlonger:\t2", "a:  1\nEvents:\nlonger:  2"],
    ["line up each column by itself", "a\tb\tc\naaa\tbbb\tccc", "a    b    c\naaa  bbb  ccc"],
    ["leave the last cell as it is", "a\tlong text here\nbb\tx", "a   long text here\nbb  x"],
    ["keep empty cells", "Labels:\ta=1\n\tb=2", "Labels:  a=1\n         b=2"],
    ["end a column where a line has no such cell", "a\tb\tc\nxxxx\ty", "a     b  c\nxxxx  y"],
    ["leave text without tabs alone", "plain\ntext", "plain\ntext"],
  ];
  it.each(cases)("%s", (_title, text, expected) => {
    expect(expandTabs(text)).toBe(expected);
  });
});

describe("what objects say", () => {
  it("cannot drive the terminal", () => {
    expect(printable("\u001b[2Jgone\u0007 a\tb\nc\r\u007f\u009b1m")).toBe("^[[2Jgone^G a\tb\nc^M^?\ufffd1m");
    expect(printableLine("one\n\ttwo")).toBe("one two");
  });
});
