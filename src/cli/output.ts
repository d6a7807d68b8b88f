/** Where a command writes: text out with back pressure, colour only where a person reads it. */
import { printableWithColours } from "./print/escape.ts";

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

export interface Output {
  /** Whether a person reads it: progress and colours go only there. */
  readonly isTerminal: boolean;
  /** Columns of the terminal; `undefined` when it is none. */
  readonly width: number | undefined;
  readonly style: Style;
  write(text: string): Promise<void>;
  /** Writes the text and a line end. */
  line(text?: string): Promise<void>;
}

const PLAIN: Style = {
  bold: (text) => text,
  dim: (text) => text,
  red: (text) => text,
  green: (text) => text,
  yellow: (text) => text,
  cyan: (text) => text,
};

const sgr =
  (on: number, off: number) =>
  (text: string): string =>
    `\u001b[${on}m${text}\u001b[${off}m`;

const COLOURED: Style = {
  bold: sgr(1, 22),
  dim: sgr(2, 22),
  red: sgr(31, 39),
  green: sgr(32, 39),
  yellow: sgr(33, 39),
  cyan: sgr(36, 39),
};

/** What a stream must offer; `process.stdout` does. */
export interface TextStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string, done: (error?: Error | null) => void): boolean;
}

/** Colour is for terminals, unless NO_COLOR is set to anything but "" (no-color.org) or the terminal is "dumb". */
export function styleFor(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Style {
  const unwanted = (env.NO_COLOR ?? "") !== "" || env.TERM === "dumb";
  return isTerminal && !unwanted ? COLOURED : PLAIN;
}

/**
 * Writes to a stream and waits until it took the text, so that a slow reader slows the command and not its memory. What
 * goes to a terminal cannot steer it, wherever the text comes from: file names, commits, errors of git, logs of pods.
 */
export function streamOutput(stream: TextStream, env: Readonly<Record<string, string | undefined>>): Output {
  const isTerminal = stream.isTTY === true;
  const write = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      stream.write(isTerminal ? printableWithColours(text) : text, (error) => (error ? reject(error) : resolve()));
    });
  return {
    isTerminal,
    get width() {
      return isTerminal ? stream.columns : undefined;
    },
    style: styleFor(isTerminal, env),
    write,
    line: (text = "") => write(`${text}\n`),
  };
}
