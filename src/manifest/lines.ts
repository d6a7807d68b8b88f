/** Offsets of a text as lines and columns, counted from 1. */
import type { Position } from "../model/source.ts";

/** Offsets at which lines begin; `\n`, `\r\n` and a lone `\r` end a line. */
export function lineStarts(text: string): number[] {
  const starts = [0];
  for (const match of text.matchAll(/\r\n?|\n/g)) starts.push(match.index + match[0].length);
  return starts;
}

/** The line and column of an offset, by binary search. */
export function positionIn(starts: readonly number[], offset: number): Position {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}

/** As `positionIn`, for one offset of a text whose lines are not at hand. */
export function positionOf(text: string, offset: number): Position {
  return positionIn(lineStarts(text.slice(0, offset)), offset);
}
