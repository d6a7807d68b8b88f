/** Tables as kubectl prints them: left-aligned columns, three spaces apart, no borders, no spaces at line ends. */

export interface Table {
  header: readonly string[];
  rows: readonly (readonly string[])[];
}

const PADDING = 3;
const LEAST_WIDTH = 6;

/**
 * Widths of the columns, the last one excepted.
 *
 * @param known Widths that must not shrink: those of the lines that a watch has printed already
 */
export function columnWidths({ header, rows }: Table, known: readonly number[] = []): number[] {
  return header
    .slice(0, -1)
    .map((title, column) =>
      Math.max(
        LEAST_WIDTH,
        known[column] ?? 0,
        title.length + PADDING,
        ...rows.map((row) => displayWidth(row[column] ?? "") + PADDING),
      ),
    );
}

/** One line, without its end. */
export function formatRow(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => {
      const width = widths[column];
      return width === undefined ? cell : cell + " ".repeat(Math.max(0, width - displayWidth(cell)));
    })
    .join("")
    .trimEnd();
}

/** Header and rows, each line ended. */
export function formatTable(table: Table, widths: readonly number[] = columnWidths(table)): string {
  return [table.header, ...table.rows].map((row) => `${formatRow(row, widths)}\n`).join("");
}

/** Characters shown: colour codes take no room, and a surrogate pair is one character. */
function displayWidth(text: string): number {
  const visible = text.includes("\u001b") ? text.replace(/\u001b\[[0-9;]*m/g, "") : text;
  return [...visible].length;
}
