/** The key of the configuration digests: made once, kept private, never replaced by itself. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CONFIG_KEY_FILE, readConfigKey } from "../../src/daemon/config-key.ts";

let directory: string;
let made = 0;
const random = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(++made);

beforeEach(() => {
  made = 0;
  directory = mkdtempSync(join(tmpdir(), "trueup-key-"));
});
afterEach(() => {
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true });
});

it("is made once, for its user alone", async () => {
  const key = await readConfigKey(directory, random);
  expect([...key]).toEqual(new Array(32).fill(1));
  expect([...(await readConfigKey(directory, random))]).toEqual([...key]);
  expect(made).toBe(1);
  expect(statSync(join(directory, CONFIG_KEY_FILE)).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual([CONFIG_KEY_FILE]);
});

it("is made anew when a kill left half of one", async () => {
  writeFileSync(join(directory, `${CONFIG_KEY_FILE}.new`), "half");
  expect(await readConfigKey(directory, random)).toHaveLength(32);
  expect(readdirSync(directory)).toEqual([CONFIG_KEY_FILE]);
});

it("is not guessed when the file is no key", async () => {
  const path = join(directory, CONFIG_KEY_FILE);
  writeFileSync(path, "short");
  await expect(readConfigKey(directory, random)).rejects.toMatchObject({
    code: "io",
    message: `Cannot use ${path} as it must hold 32 bytes: it holds 5.`,
  });
  expect(readFileSync(path, "utf8")).toBe("short");
});

it("says so when it cannot be read", async () => {
  rmSync(directory, { recursive: true });
  writeFileSync(directory, "a file");
  await expect(readConfigKey(directory, random)).rejects.toMatchObject({ code: "io" });
});
