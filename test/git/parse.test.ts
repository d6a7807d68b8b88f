/** Trees read with the help of another version are the same as trees read alone. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCommit, parseTree } from "../../src/git/parse.ts";
import { asCommitId } from "../../src/model/source.ts";

/** Few and alike, so that equal beginnings and ends, and hashes that look like entries, do happen. */
const entry = fc.record({
  mode: fc.constantFrom("100644", "100755", "40000", "120000", "160000"),
  name: fc.constantFrom("a", "b", "bb", "1 b", "c".repeat(40), "ü"),
  hash: fc.constantFrom("00".repeat(20), "31".repeat(20), "3130303634342061003131313131313131313131", "ab".repeat(20)),
});
const tree = fc.array(entry, { maxLength: 8 });

function encode(entries: { mode: string; name: string; hash: string }[]): Buffer {
  return Buffer.concat(
    entries.flatMap(({ mode, name, hash }) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(hash, "hex")]),
  );
}

describe("parseTree", () => {
  it("gives the same with and without another version to go by", () => {
    const versions = fc.record({ head: tree, old: tree, next: tree, tail: tree });
    fc.assert(
      fc.property(versions, ({ head, old, next, tail }) => {
        const before = parseTree(encode([...head, ...old, ...tail]), 20);
        const raw = encode([...head, ...next, ...tail]);
        const alone = parseTree(raw, 20);
        expect(alone.entries).toHaveLength(head.length + next.length + tail.length);
        expect(parseTree(raw, 20, before)).toEqual(alone);
      }),
      { numRuns: 1000 },
    );
  });

  it("takes over what is equal", () => {
    const entries = Array.from({ length: 1000 }, (_, index) => ({
      mode: "100644",
      name: `f${index}`,
      hash: "ab".repeat(20),
    }));
    const before = parseTree(encode(entries), 20);
    const changed = entries.map((one, index) => (index === 400 ? { ...one, hash: "cd".repeat(20) } : one));
    const after = parseTree(encode(changed), 20, before);
    const fresh = after.entries.filter((one) => !before.entries.includes(one));
    expect(fresh.map(({ name }) => name)).toEqual(["f400"]);
  });

  it("refuses bytes that are no tree", () => {
    const good = encode([{ mode: "100644", name: "a", hash: "ab".repeat(20) }]);
    for (const bad of [
      good.subarray(0, -1),
      Buffer.from("100644"),
      Buffer.from("100644 a"),
      Buffer.concat([good, Buffer.from("x")]),
    ]) {
      expect(() => parseTree(bad, 20)).toThrow("Cannot read a tree as its entries must be whole");
      expect(() => parseTree(bad, 20, parseTree(good, 20))).toThrow("must be whole");
    }
  });
});

describe("parseCommit", () => {
  const id = asCommitId("1".repeat(40));
  const head = `tree ${"2".repeat(40)}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000`;

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty"])("reads a header line named %s", (name) => {
    const commit = parseCommit(id, Buffer.from(`${head}\n${name} x\n\nsubject\n`));
    expect(commit).toMatchObject({ tree: "2".repeat(40), authorName: "A", subject: "subject" });
  });

  it("reads a head of very many lines", () => {
    const commit = parseCommit(id, Buffer.from(`${head}\n${"x y\n".repeat(300_000)}\nsubject\n`));
    expect(commit.subject).toBe("subject");
  });

  it("shows what would steer a terminal or reorder text as U+FFFD", () => {
    const commit = parseCommit(id, Buffer.from(`${head.replace("A <", "A\u202e\u001b[2J <")}\n\nok \u2066x\u0007\n`));
    expect(commit).toMatchObject({ authorName: "A\ufffd\ufffd[2J", subject: "ok \ufffdx\ufffd" });
  });
});
