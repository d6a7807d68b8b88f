/** A log that is bounded and never ends its program: rotation in place, others' descriptors, and a disk that is full. */
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BoundedLog } from "../../src/util/bounded-log.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "trueup-log-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const note = (count: number): string => `${count} lost`;

it("keeps no more than its bounds, whatever is written", () => {
  const log = new BoundedLog(join(dir, "x.log"), { maxBytes: 1_000, keep: 2 });
  const line = "y".repeat(99);
  for (let index = 0; index < 200; index++) log.write(`${String(index).padStart(3, "0")}${line}`, note);
  log.close();
  expect(readdirSync(dir).sort()).toEqual(["x.log", "x.log.1", "x.log.2"]);
  for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).size).toBeLessThanOrEqual(1_000 + 103);
  expect(statSync(join(dir, "x.log")).mode & 0o777).toBe(0o600);
  const kept = readdirSync(dir).flatMap((name) => readFileSync(join(dir, name), "utf8").trim().split("\n"));
  // The newest ones, none twice, and none cut.
  expect(kept.map((text) => Number(text.slice(0, 3))).sort((a, b) => b - a)).toEqual(
    kept.map((_, index) => 199 - index),
  );
});

it("goes on in the same file for others who append to it", () => {
  const path = join(dir, "x.log");
  const log = new BoundedLog(path, { maxBytes: 10, keep: 1 });
  const other = openSync(path, "a");
  log.write("long enough", note);
  log.write("next", note);
  writeSync(other, "last words\n");
  closeSync(other);
  log.close();
  expect(readFileSync(path, "utf8")).toBe("next\nlast words\n");
});

it("counts what it cannot write, and says so when it can again", () => {
  const path = join(dir, "x.log");
  // A directory in its place: as with a full disk, opening it for writing fails, until somebody makes room.
  mkdirSync(path);
  const log = new BoundedLog(path, { maxBytes: 1_000, keep: 1 });
  log.write("one", note);
  log.write("two", note);
  expect(log.lost).toBe(2);
  rmdirSync(path);
  log.write("three", note);
  log.write("four", note);
  log.close();
  expect(readFileSync(path, "utf8")).toBe("2 lost\nthree\nfour\n");
});
