/** Reads brackets and quotes whose later lines stand too far left: YAML forbids it, Kubernetes' own reader does not mind. */
import { parseEvents, YAMLException } from "js-yaml";
import { LIMITS } from "./faults.ts";
import { lineStarts } from "./lines.ts";

/** Spaces put before such a line in the text that is parsed; they are more than any indentation that a reader asks for. */
const PAD = 2 * LIMITS.depth;
/** Characters parsed in all while the lines are found, one after the other. */
const EFFORT = 2 * 1024 * 1024;

const DEFICIENT = "deficient indentation";

export interface PaddedText {
  text: string;
  /** Lines, from 0, before which spaces were put. */
  lines: readonly number[];
}

export function isDeficient(thrown: unknown): boolean {
  return thrown instanceof YAMLException && thrown.reason === DEFICIENT;
}

/**
 * Moves lines inside brackets and quotes to the right, where blanks mean nothing, until the text can be read.
 *
 * @returns null when it cannot be read even so (a bracket that is never closed), or only with too much effort
 */
export function padDeficient(text: string): PaddedText | null {
  const lines: number[] = [];
  let padded = text;
  for (let effort = text.length; effort <= EFFORT; effort += padded.length) {
    try {
      parseEvents(padded, { maxDepth: LIMITS.depth });
      return { text: padded, lines };
    } catch (thrown) {
      const line = thrown instanceof YAMLException && isDeficient(thrown) ? thrown.mark?.line : undefined;
      if (line === undefined || lines.includes(line)) return null;
      const start = lineStarts(padded)[line];
      if (start === undefined) return null;
      lines.push(line);
      padded = padded.slice(0, start) + " ".repeat(PAD) + padded.slice(start);
    }
  }
  return null;
}

/** Where the lines of a padded text begin, as if nothing had been put before them. */
export function paddedStarts(text: string, lines: readonly number[] = []): number[] {
  const starts = lineStarts(text);
  for (const line of lines) {
    const start = starts[line];
    if (start !== undefined) starts[line] = start + PAD;
  }
  return starts;
}
