/** Small helpers of the benchmarks: medians, a table, and a line that says on which machine. */
import { execFileSync } from "node:child_process";
import { cpus, release, totalmem, type } from "node:os";

/** The middle value, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Runs `measure` so many times, one after the other, and gives the median of what it returns. */
export async function medianOf(runs: number, measure: () => Promise<number> | number): Promise<number> {
  const values: number[] = [];
  for (let run = 0; run < runs; run++) values.push(await measure());
  return median(values);
}

/** Prints rows under a heading; columns but the first are aligned to the right. */
export function printTable(heading: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = heading.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    widths.map((width, column) => pad(cells[column] ?? "", width, column > 0)).join("  ");
  console.log(line(heading));
  console.log(widths.map((width) => "-".repeat(width)).join("  "));
  for (const row of rows) console.log(line(row).trimEnd());
}

function pad(text: string, width: number, right: boolean): string {
  return right ? text.padStart(width) : text.padEnd(width);
}

/** Processor, memory, system and Node, on one line: figures mean nothing without it. */
export function machineLine(): string {
  const all = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return `${all.length} × ${all[0]?.model.trim() ?? "unknown processor"}, ${memory}, ${type()} ${release()}, Node ${process.version}`;
}

/** The first line that a program prints about its version, or `null` when it is not installed. */
export function versionOf(program: string, ...args: string[]): string | null {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n")[0] ?? "";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    // It is there, but says its version with an exit code other than 0, as wrk does.
    const { stdout } = error as { stdout?: string };
    return stdout?.split("\n")[0] ?? "";
  }
}
