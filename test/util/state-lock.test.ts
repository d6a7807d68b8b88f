/** The lock of a state directory, with a real second process that is really killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { takeLock } from "../../src/util/state-lock.ts";

let dir: string;
const children: ReturnType<typeof spawn>[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "trueup-lock-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

it("is given to one at a time, and names its holder to the next", () => {
  const path = join(dir, "lock");
  const first = takeLock(path, "pid 1, the first");
  expect(first.held).toBe(true);
  expect(takeLock(path, "pid 2, the second")).toEqual({ held: false, holder: "pid 1, the first" });
  if (first.held) first.release();
  const third = takeLock(path, "pid 3, the third");
  expect(third.held).toBe(true);
  if (third.held) third.release();
});

it("is kept in files that only their user can read", () => {
  const lock = takeLock(join(dir, "lock"), "pid 1, the first");
  const modes = readdirSync(dir).map((name) => `${name} ${(statSync(join(dir, name)).mode & 0o777).toString(8)}`);
  if (lock.held) lock.release();
  expect(modes.sort()).toEqual(["lock 600", "lock-journal 600", "lock.holder 600"]);
});

it("is free again when its holder is killed", async () => {
  const path = join(dir, "lock");
  const module = resolve(import.meta.dirname, "../../src/util/state-lock.ts");
  const program = `import { takeLock } from ${JSON.stringify(module)};
    const held = takeLock(${JSON.stringify(path)}, "pid " + process.pid).held;
    globalThis.gc();
    console.log(held);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [said] = await once(child.stdout, "data");
  expect(String(said)).toBe("true\n");
  expect(takeLock(path, "me")).toEqual({ held: false, holder: `pid ${child.pid}` });
  child.kill("SIGKILL");
  await once(child, "exit");
  const mine = takeLock(path, "me");
  expect(mine.held).toBe(true);
  if (mine.held) mine.release();
});

it("says the system's error when the file cannot be opened", () => {
  expect(() => takeLock(join(dir, "missing", "lock"), "me")).toThrow(/ENOENT: no such file or directory/);
});
