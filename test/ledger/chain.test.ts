/** The chain's format, pinned, and the walk along it: what it calls wrong, and with which entry. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  type Anchor,
  anchorContent,
  attemptContent,
  CHAIN_START,
  ChainWalk,
  endingContent,
  eventContent,
  type FactKind,
  nextLink,
  revisionContent,
  revisionEndingContent,
  type StoredLink,
} from "../../src/ledger/chain.ts";
import { minute, opening, revision } from "./facts.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("a link", () => {
  it("is what the format says, so that another ledger can keep the same chain", () => {
    const first = nextLink(CHAIN_START, "attempt", "{}");
    const zeros = "0".repeat(64);
    expect(first).toEqual({
      seq: 1,
      kind: "attempt",
      digest: sha256("{}"),
      hash: sha256(`trueup ledger 1\n${zeros}\n1\nattempt\n${sha256("{}")}`),
    });
    const second = nextLink(first, "ending", "x");
    expect(second.hash).toBe(sha256(`trueup ledger 1\n${first.hash}\n2\nending\n${sha256("x")}`));
  });

  it("has a hash that must never change: ledgers out there have it", () => {
    expect(nextLink(CHAIN_START, "attempt", attemptContent(opening("a"))).hash).toMatchInlineSnapshot(
      `"a5bdb1fb9c9c283e1fb8467be329585680f52ce43b0fb86732677d87822ffc2f"`,
    );
  });
});

describe("contents", () => {
  const key = { app: "shop", target: "local", commit: opening("a").commit, ordinal: 1 };
  const keyText = `{"app":"shop","commit":"${"a".repeat(40)}","ordinal":1,"target":"local"}`;
  const at = minute(0);

  it.each<[string, string, string]>([
    [
      "an attempt, without what is not known",
      attemptContent({ ...opening("a"), committerName: undefined, committerEmail: undefined } as never),
      `{"app":"shop","authorEmail":"ada@example.org","authorName":"Ada","commit":"${"a".repeat(40)}","openedAt":"${at}",` +
        `"ordinal":1,"ref":"refs/heads/main","subject":"change a","target":"local"}`,
    ],
    [
      "an event, its detail sorted",
      eventContent(key, { at, type: "t", message: "m", detail: { b: 1, a: [2] } }),
      `{"at":"${at}","attempt":${keyText},"detail":{"a":[2],"b":1},"message":"m","type":"t"}`,
    ],
    [
      "an event, half a character as it will be read back",
      eventContent(key, { at, type: "t", message: "\ud800" }),
      `{"at":"${at}","attempt":${keyText},"message":"\ufffd","type":"t"}`,
    ],
    [
      "an ending",
      endingContent(key, { endedAt: at, outcome: "failed", reason: "r" }),
      `{"attempt":${keyText},"endedAt":"${at}","outcome":"failed","reason":"r"}`,
    ],
    [
      "a revision's ending",
      revisionEndingContent(revision(1, "a"), { endedAt: at, outcome: "deployed", reason: "" }),
      `{"endedAt":"${at}","outcome":"deployed","reason":"","revision":{"app":"shop","revision":1,"target":"local","uid":"uid-1"}}`,
    ],
    [
      "an anchor",
      anchorContent({ removedAt: at, attempts: 2, links: [[1, 3]], last: { seq: 3, hash: "h" } }),
      `{"attempts":2,"last":{"hash":"h","seq":3},"links":[[1,3]],"removedAt":"${at}"}`,
    ],
  ])("say of %s only what it says", (_name, content, expected) => {
    expect(content).toBe(expected);
  });

  it("leave nothing of a revision out", () => {
    expect(Object.keys(JSON.parse(revisionContent(revision(1, "a"))))).toEqual(Object.keys(revision(1, "a")).sort());
  });
});

/** A chain of five attempts with contents 1 to 5. */
function chain(kinds: readonly FactKind[] = ["attempt", "attempt", "attempt", "attempt", "attempt"]): StoredLink[] {
  const links: StoredLink[] = [];
  for (const [index, kind] of kinds.entries()) {
    const content = String(index + 1);
    links.push({ ...nextLink(links.at(-1) ?? CHAIN_START, kind, content), content, position: index + 1 });
  }
  return links;
}

function walk(links: readonly StoredLink[], anchors: readonly Anchor[] = []): unknown {
  const walker = new ChainWalk(anchors);
  for (const link of links) {
    const problem = walker.step(link);
    if (problem !== null) return { at: problem.seq, kind: problem.kind, intactTo: walker.head.seq };
  }
  return { intactTo: walker.head.seq };
}

const change = (at: number, rest: Partial<StoredLink>): StoredLink[] =>
  chain().map((link) => (link.seq === at ? { ...link, ...rest } : link));

describe("the walk", () => {
  const anchor: Anchor = {
    removedAt: "",
    attempts: 1,
    links: [
      [1, 1],
      [3, 4],
    ],
    last: { seq: 4, hash: "" },
  };

  it.each<[string, StoredLink[], unknown]>([
    ["nothing", [], { intactTo: 0 }],
    ["a whole chain", chain(), { intactTo: 5 }],
    ["a changed fact", change(3, { content: "x" }), { at: 3, kind: "changed", intactTo: 2 }],
    ["a changed digest", change(3, { digest: sha256("x") }), { at: 3, kind: "changed", intactTo: 2 }],
    [
      "a fact and its digest",
      change(3, { content: "x", digest: sha256("x") }),
      { at: 3, kind: "changed", intactTo: 2 },
    ],
    ["a changed kind", change(3, { kind: "ending" }), { at: 3, kind: "changed", intactTo: 2 }],
    ["a changed hash", change(3, { hash: sha256("x") }), { at: 3, kind: "changed", intactTo: 2 }],
    ["a missing fact", change(3, { content: null }), { at: 3, kind: "missing", intactTo: 2 }],
    ["a missing link", chain().filter(({ seq }) => seq !== 3), { at: 3, kind: "missing", intactTo: 2 }],
    ["a missing first link", chain().slice(1), { at: 1, kind: "missing", intactTo: 0 }],
    ["a link below the first", [{ ...chain()[0], seq: 0 } as StoredLink], { at: 0, kind: "added", intactTo: 0 }],
    ["a row moved up", change(3, { position: 1 }), { at: 3, kind: "moved", intactTo: 2 }],
    ["a cut-off end, which only an expected hash can tell", chain().slice(0, 3), { intactTo: 3 }],
  ])("says of %s what it is", (_name, links, expected) => {
    expect(walk(links)).toEqual(expected);
  });

  it("misses no fact that an anchor covers, and every other one", () => {
    const without = (...gone: number[]): StoredLink[] =>
      chain().map((link) => (gone.includes(link.seq) ? { ...link, content: null } : link));
    expect(walk(without(1, 3, 4), [anchor])).toEqual({ intactTo: 5 });
    expect(walk(without(1, 2, 3), [anchor])).toEqual({ at: 2, kind: "missing", intactTo: 1 });
  });
});
