/** Elastic tab stops: tabs in a text become spaces so that neighbouring lines line up, as Go's text/tabwriter does it. */

export interface TabOptions {
  /** Least width of a column, padding included. */
  minWidth: number;
  /** Spaces after the widest cell of a column. */
  padding: number;
}

/** What kubectl's `describe` and `rollout history` use. */
export const DESCRIBE_TABS: TabOptions = { minWidth: 0, padding: 2 };

/**
 * Replaces tabs by spaces. A column is a run of neighbouring lines that all have a tab-terminated cell there; its width is
 * that of its widest cell. What follows a line's last tab belongs to no column.
 */
export function expandTabs(text: string, { minWidth, padding }: TabOptions = DESCRIBE_TABS): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const output: string[] = [];
  const widths: number[] = [];

  const write = (from: number, to: number): void => {
    for (const cells of lines.slice(from, to)) {
      output.push(cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(""));
    }
  };
  const inColumn = (line: number, column: number): boolean => column < (lines[line]?.length ?? 0) - 1;
  const format = (from: number, to: number): void => {
    const column = widths.length;
    let start = from;
    for (let line = from; line < to; line++) {
      if (!inColumn(line, column)) continue;
      write(start, line);
      start = line;
      let width = minWidth;
      for (; line < to && inColumn(line, column); line++) {
        width = Math.max(width, (lines[line]?.[column]?.length ?? 0) + padding);
      }
      widths.push(width);
      format(start, line);
      widths.pop();
      start = line;
    }
    write(start, to);
  };
  format(0, lines.length);
  return output.join("\n");
}
