/** The journal's file: one JSON line a report, after a first line that says where the numbers start. */
import { closeSync, fstatSync, ftruncateSync, openSync } from "node:fs";
import { TrueupError } from "../model/errors.ts";
import type { KubeletReport } from "../model/kubelet.ts";
import { readIfPresent, replaceFile, writeAll } from "./files.ts";

export interface JournalImage {
  /** Number of the last report that is no longer kept. */
  base: number;
  reports: KubeletReport[];
}

export interface JournalFile {
  append(report: KubeletReport): void;
  /** Replaces the content in one step. */
  rewrite(image: JournalImage): void;
  close(): void;
}

function encode(image: JournalImage): string {
  const lines = [JSON.stringify({ base: image.base }), ...image.reports.map((report) => JSON.stringify(report))];
  return `${lines.join("\n")}\n`;
}

/** @throws {TrueupError} `io` when a line other than the last cannot be read, or numbers do not follow each other */
function decode(text: string, path: string): { image: JournalImage; bytes: number } {
  const complete = text.slice(0, text.lastIndexOf("\n") + 1);
  const [first, ...rest] = complete.split("\n").slice(0, -1);
  const fail = (line: number): never => {
    throw new TrueupError(
      "io",
      `Cannot read the kubelet's journal as line ${line} of ${path} must be its next report.`,
      {
        hint: "End the pods with `trueup down`, then delete the state directory.",
      },
    );
  };
  if (first === undefined) return { image: { base: 0, reports: [] }, bytes: 0 };
  const base = (parse(first) as { base?: number } | null)?.base ?? fail(1);
  const reports = rest.map((line, index) => {
    const report = parse(line) as KubeletReport | null;
    return report?.seq === base + index + 1 ? report : fail(index + 2);
  });
  return { image: { base, reports }, bytes: Buffer.byteLength(complete) };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * How many reports a file holds, without changing it; `null` when there is none.
 *
 * @throws {TrueupError} `io` as `openJournalFile` does
 */
export function readJournal(path: string): number | null {
  const text = readIfPresent(path);
  return text === null ? null : decode(text, path).image.reports.length;
}

/**
 * Opens or makes the file. Appends are written before they return but not synced to the disk: they outlive the process,
 * and with the machine the pods go too.
 */
export function openJournalFile(path: string): { file: JournalFile; image: JournalImage } {
  const text = readIfPresent(path) ?? "";
  const { image, bytes } = decode(text, path);
  if (bytes === 0) replaceFile(path, encode(image));
  let fd = openSync(path, "a", 0o600);
  if (bytes > 0 && bytes < Buffer.byteLength(text)) ftruncateSync(fd, bytes);
  const file: JournalFile = {
    append: (report) => {
      const size = fstatSync(fd).size;
      try {
        writeAll(fd, `${JSON.stringify(report)}\n`);
      } catch (error) {
        // Half a line would join with the next one and make the whole file unreadable.
        ftruncateSync(fd, size);
        throw error;
      }
    },
    rewrite: (next) => {
      replaceFile(path, encode(next));
      closeSync(fd);
      fd = openSync(path, "a", 0o600);
    },
    close: () => closeSync(fd),
  };
  return { file, image };
}
