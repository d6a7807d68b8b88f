/** The long-lived git child: framing, pipelining, limits, its death, and its end. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CatFile } from "../../src/git/cat-file.ts";
import { SystemClock, VirtualClock } from "../../src/util/clock.ts";
import { gitIn, initRepository, temporary } from "./support.ts";

let root: string;
let dispose: () => void;
let clock: VirtualClock;
let catFile: CatFile;

beforeEach(() => {
  ({ path: root, dispose } = temporary());
  initRepository(root);
  clock = new VirtualClock();
  catFile = new CatFile({ cwd: root, gitDir: join(root, ".git"), label: root, clock, timeoutMs: 30_000 });
});

afterEach(async () => {
  await catFile.close();
  dispose();
});

/** Writes a blob and gives its id. */
const write = (content: Buffer | string): string => gitIn(root, ["hash-object", "-w", "--stdin"], content);

/** Writes many blobs with one process. */
function writeAll(contents: readonly Buffer[]): string[] {
  const files = contents.map((content, index) => {
    const file = join(root, `.git/blob-${index}`);
    writeFileSync(file, content);
    return file;
  });
  return gitIn(root, ["hash-object", "-w", "--no-filters", "--stdin-paths"], `${files.join("\n")}\n`).split("\n");
}

describe("CatFile", () => {
  it("gives every object's bytes as they are, whatever they look like, many at once over one child", async () => {
    const tricky = ["", "\n", "\n\n", "missing\n", `${"a".repeat(40)} blob 3\nabc\n`, "\0\xff\r\n"].map((text) =>
      Buffer.from(text, "latin1"),
    );
    const random = fc
      .sample(fc.uint8Array({ maxLength: 200 }), { numRuns: 200, seed: 1 })
      .map((bytes) => Buffer.from(bytes));
    const contents = [...tricky, ...random, Buffer.alloc(1_000_000, "line\n"), Buffer.alloc(65_536, 7)];
    const hashes = writeAll(contents);
    const objects = await Promise.all(hashes.map((hash) => catFile.read(hash)));
    for (const [index, { content }] of objects.entries()) {
      expect(content.equals(contents[index] ?? Buffer.of(1)), `object ${index}`).toBe(true);
    }
    expect(objects[0]).toMatchObject({ hash: hashes[0], type: "blob", size: 0 });
    expect(catFile.started).toBe(1);
    expect(catFile.asked).toBe(contents.length);
  });

  it("tells missing, ambiguous, oversized and impossible names apart, and goes on", async () => {
    const good = write("good");
    const big = write(Buffer.alloc(200_000));
    const results = await Promise.allSettled([
      catFile.read(good),
      catFile.read("1".repeat(40)),
      catFile.read("no such name, with spaces"),
      catFile.read(big, 199_999),
      catFile.read("a\nb"),
      catFile.read(""),
      catFile.read(good),
    ]);
    const told = results.map((result) =>
      result.status === "fulfilled" ? result.value.content.toString() : result.reason.code,
    );
    expect(told).toEqual(["good", "not-found", "not-found", "invalid", "invalid", "invalid", "good"]);
  });

  it("lets a slow reader hold git back, and passes over what a reader refuses", async () => {
    const big = write(Buffer.alloc(500_000, "x"));
    const small = write("small");
    let got = 0;
    let inside = 0;
    const slow = catFile.stream(big, {
      begin: () => {},
      chunk: async (bytes) => {
        expect(++inside).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        got += bytes.length;
        inside--;
      },
    });
    const refused = catFile.stream(big, { begin: () => {}, chunk: () => Promise.reject(new Error("no more")) });
    const after = catFile.read(small);
    expect(await slow).toMatchObject({ size: 500_000 });
    await expect(refused).rejects.toThrow("no more");
    expect((await after).content.toString()).toBe("small");
    expect(got).toBe(500_000);
  });

  it("starts a child that died again, and asks again what was under way", async () => {
    const hashes = writeAll(Array.from({ length: 50 }, (_, index) => Buffer.from(`blob ${index}`)));
    await catFile.read(hashes[0] ?? "");
    const pid = catFile.pid ?? 0;
    const reads = hashes.map((hash) => catFile.read(hash));
    process.kill(pid, "SIGKILL");
    const objects = await Promise.all(reads);
    expect(objects.map(({ content }) => content.toString())).toEqual(hashes.map((_, index) => `blob ${index}`));
    expect(catFile.started).toBe(2);
    expect(catFile.pid).not.toBe(pid);
  });

  it("gives up with git's own words when the child cannot live, and works again later", async () => {
    const hash = write("x");
    gitIn(root, ["config", "core.repositoryFormatVersion", "99"]);
    await expect(Promise.all([catFile.read(hash), catFile.read(hash)])).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/it ended: .*99/),
    });
    writeFileSync(join(root, ".git/config"), "[core]\n\trepositoryformatversion = 0\n");
    expect((await catFile.read(hash)).content.toString()).toBe("x");
  });

  it("ends a child that is silent for too long", async () => {
    const hash = write("x");
    await catFile.read(hash);
    process.kill(catFile.pid ?? 0, "SIGSTOP");
    const read = catFile.read(hash);
    const failed = expect(read).rejects.toMatchObject({ code: "timeout" });
    await clock.advance(60_000);
    await failed;
    expect((await catFile.read(hash)).content.toString()).toBe("x");
    // Time without a question is not silence.
    await clock.advance(29_000);
    process.kill(catFile.pid ?? 0, "SIGSTOP");
    const late = catFile.read(hash);
    await clock.advance(29_000);
    process.kill(catFile.pid ?? 0, "SIGCONT");
    expect((await late).content.toString()).toBe("x");
    expect(catFile.started).toBe(2);
  });

  it("gives no answer of an old child to a request of the new one", async () => {
    // So large that the last answers cannot be in a pipe already when the child is ended.
    const padding = Buffer.alloc(200_000);
    const hashes = writeAll(
      Array.from({ length: 40 }, (_, index) => Buffer.concat([Buffer.from(`blob ${index};`), padding])),
    );
    for (let round = 0; round < 5; round++) {
      const reads = hashes.map((hash) => catFile.read(hash));
      await reads[round * 4];
      catFile.reset();
      const objects = await Promise.all(reads);
      const names = objects.map(({ content }) => content.toString("latin1", 0, content.indexOf(";")));
      expect(names).toEqual(hashes.map((_, index) => `blob ${index}`));
    }
    expect(catFile.started).toBe(6);
  });

  it("ends its child when it is closed, and refuses what comes later", async () => {
    const own = new CatFile({
      cwd: root,
      gitDir: join(root, ".git"),
      label: root,
      clock: new SystemClock(),
      timeoutMs: 30_000,
    });
    const hash = write("x");
    await own.read(hash);
    const pid = own.pid ?? 0;
    process.kill(pid, "SIGSTOP");
    const open = expect(own.read(hash)).rejects.toMatchObject({ code: "aborted" });
    process.kill(pid, "SIGCONT");
    await own.close();
    await open;
    await expect(own.read(hash)).rejects.toMatchObject({ code: "aborted" });
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    await own.close();
  });
});
