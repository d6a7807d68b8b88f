/** A process's own death: it kills itself with SIGKILL at an effect that a file names, once. */
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { EffectKind, Fault } from "../../src/util/fault.ts";

/** The so manieth moment of its kind, counted from 1. */
export interface Doom {
  when: "before" | "after";
  kind: EffectKind;
  nth: number;
}

/** Where a half's death is written before it starts, and where it writes what it came by. */
export const doomFile = (directory: string, half: string): string => join(directory, `${half}.json`);
export const tallyFile = (directory: string, half: string): string => join(directory, `${half}.moments`);
export const deathFile = (directory: string, half: string): string => join(directory, `${half}.died`);

/** The hook for this process. The next process of the half finds no doom any more. */
export function doomed(directory: string, half: string): Fault {
  const file = doomFile(directory, half);
  const doom = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Doom) : null;
  rmSync(file, { force: true });
  let seen = 0;
  return (when, kind) => {
    appendFileSync(tallyFile(directory, half), `${when} ${kind}\n`);
    if (doom === null || when !== doom.when || kind !== doom.kind || ++seen !== doom.nth) return;
    appendFileSync(deathFile(directory, half), `${process.pid}\n`);
    process.kill(process.pid, "SIGKILL");
  };
}
