/** A code frame: the line in question with two before it, a caret under the exact columns, secret values masked. */
import { type HiddenSpan, hiddenSpans } from "../../manifest/secret-spans.ts";
import type { Location } from "../../model/source.ts";

/** Lines shown before the line in question. */
const LINES_BEFORE = 2;
/** Columns of source shown at most; longer lines are cut around the place. */
const WIDEST = 120;
/** Columns kept before the place when a line is cut. */
const LEAD = 40;
const TAB_STOP = 4;
const MASK = "***";

export interface FrameLine {
  /** As wide as the largest number; blank before the carets. */
  gutter: string;
  text: string;
  isMark: boolean;
}

/** What stands in one or two columns, or none, and from which code units of the line it comes. */
interface Cell {
  from: number;
  to: number;
  text: string;
  width: number;
}

let segmenter: Intl.Segmenter | undefined;
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
/** East Asian wide and full-width characters, and what is shown as an emoji. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|.\uFE0F|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}])/u;
const WIDTHLESS = /^[\p{M}\u200b-\u200d\ufeff]+$/u;

/** A text whose frames are asked for, read once. */
export class FramedSource {
  readonly #lines: readonly string[];
  readonly #hidden: ReturnType<typeof hiddenSpans>;

  constructor(file: string, text: string) {
    this.#lines = text.split(/\r\n?|\n/);
    this.#hidden = hiddenSpans(text, file.endsWith(".json"));
  }

  /** Empty where nothing may be shown, or the place is not in the text. */
  frame(location: Location): FrameLine[] {
    const line = this.#lines[location.line - 1];
    if (this.#hidden === "all" || line === undefined) return [];
    const cells = this.#cells(location.line);
    const from = location.column - 1;
    const to = location.end?.line === location.line ? location.end.column - 1 : line.length;
    const end = location.end === undefined ? from + 1 : Math.max(to, from + 1);
    const start = columnAt(cells, from);
    const marked = cells.reduce((sum, cell) => (cell.to > from && cell.from < end ? sum + cell.width : sum), 0);
    const shift = start + Math.max(1, marked) <= WIDEST ? 0 : Math.max(0, start - LEAD);
    const width = String(location.line).length;
    const frame: FrameLine[] = [];
    for (let number = Math.max(1, location.line - LINES_BEFORE); number <= location.line; number++) {
      const gutter = String(number).padStart(width);
      frame.push({ gutter, text: cut(this.#cells(number), shift), isMark: false });
    }
    const visible = Math.max(1, Math.min(marked, WIDEST - (start - shift)));
    const text = " ".repeat(start - shift) + "^".repeat(visible);
    frame.push({ gutter: " ".repeat(width), text, isMark: true });
    return frame;
  }

  #cells(number: number): Cell[] {
    const hidden = this.#hidden === "all" ? [] : (this.#hidden.get(number) ?? []);
    return cellsOf(this.#lines[number - 1] ?? "", hidden);
  }

  /** The text with every hidden part masked, line by line; `null` where nothing may be shown. */
  masked(): string[] | null {
    if (this.#hidden === "all") return null;
    return this.#lines.map((_, at) =>
      this.#cells(at + 1)
        .map(({ text }) => text)
        .join(""),
    );
  }
}

function cellsOf(line: string, hidden: readonly HiddenSpan[]): Cell[] {
  const cells: Cell[] = [];
  let column = 0;
  let next = 0;
  // Made when the first line is shown: that takes longer than checking a hundred files, and mostly there is nothing to show.
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  for (const { segment, index } of segmenter.segment(line)) {
    const to = index + segment.length;
    while (next < hidden.length && (hidden[next]?.to ?? 0) <= index) next++;
    const span = hidden[next];
    let cell: Cell;
    if (span !== undefined && span.from < to) {
      // However long the value is, its mask is not: lengths tell something, too.
      const last = cells.at(-1);
      if (last !== undefined && last.text === MASK && last.from >= span.from - 1) {
        last.to = to;
        continue;
      }
      cell = { from: index, to, text: MASK, width: MASK.length };
    } else if (segment === "\t") {
      const width = TAB_STOP - (column % TAB_STOP);
      cell = { from: index, to, text: " ".repeat(width), width };
    } else if (WIDTHLESS.test(segment)) cell = { from: index, to, text: "", width: 0 };
    else cell = { from: index, to, text: segment.replace(CONTROLS, "\uFFFD"), width: WIDE.test(segment) ? 2 : 1 };
    cells.push(cell);
    column += cell.width;
  }
  return cells;
}

/** The column, from 0, at which a code unit is shown; behind the line's end, one for each further unit. */
function columnAt(cells: readonly Cell[], unit: number): number {
  let column = 0;
  for (const cell of cells) {
    if (cell.to > unit) return column;
    column += cell.width;
  }
  return column + Math.min(1, Math.max(0, unit - (cells.at(-1)?.to ?? 0)));
}

/** The columns from `shift` on, with dots where something was left out. */
function cut(cells: readonly Cell[], shift: number): string {
  let column = 0;
  let text = "";
  let isCut = false;
  for (const { text: part, width } of cells) {
    if (column >= shift + WIDEST) {
      isCut = true;
      break;
    }
    if (column >= shift) text += part;
    else if (column + width > shift) text += " ".repeat(column + width - shift);
    column += width;
  }
  if (shift > 0 && text !== "") text = `…${[...text].slice(1).join("")}`;
  return (isCut ? `${text}…` : text).trimEnd();
}
