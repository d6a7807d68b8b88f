/** Elsewhere a damaged or emptied database is taken for a new one and everything is deleted or made anew; here nothing starts. */
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteObjectStore } from "../../src/cluster/store.ts";
import { requireWholeState } from "../../src/daemon/whole-state.ts";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "trueup-damaged-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const openers = {
  "cluster.db": (path: string) => new SqliteObjectStore(path, { clock: new VirtualClock(), random: seededRandom(1) }),
  "ledger.db": (path: string) => new SqliteLedger({ path }),
};

const PAGE = 4096;

/** Overwrites bytes of the file as a bad sector or a stray write would. */
function overwrite(path: string, at: number, length: number): void {
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.alloc(length, 0xa5), 0, length, at);
  closeSync(fd);
}

describe.each(Object.entries(openers))("%s", (name, open) => {
  it.each([
    ["its first page is garbage", 0],
    ["its second page is garbage", PAGE],
    ["its third page is garbage", 2 * PAGE],
  ])("when %s is named with what SQLite says and what to do, and is left as it is", (_case, at) => {
    const path = join(dir, name);
    open(path).close();
    overwrite(path, at, PAGE);
    const before = readFileSync(path);
    let thrown: unknown;
    try {
      open(path).close();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      code: "io",
      message: expect.stringContaining(`${path}: the file is damaged: `),
      hint: expect.stringMatching(/trueup doctor .* trueup restore/),
    });
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

describe("a state whose cluster.db is gone", () => {
  it.each([
    ["missing, with pods", null, ["uid-a"], true],
    ["empty, with pods", 0, ["uid-a", "uid-b"], true],
    ["there, with pods", 1, ["uid-a"], false],
    ["missing, as everything is new", null, [], false],
  ])("%s", (_case, size, pods, refused) => {
    for (const uid of pods) mkdirSync(join(dir, "kubelet", "pods", uid), { recursive: true });
    const path = join(dir, "cluster.db");
    if (size !== null) {
      writeFileSync(path, "x");
      truncateSync(path, size);
      expect(statSync(path).size).toBe(size);
    }
    const require = (): void => requireWholeState(dir);
    if (refused) expect(require).toThrow(`it is missing or empty, and ${pods.length} pods are recorded`);
    else expect(require).not.toThrow();
  });
});
