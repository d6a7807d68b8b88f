/** The ledger in the cluster, on a scripted API server: the suite of all ledgers, its objects, its one writer, and bad luck. */
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KubeCall } from "../../src/model/kube-api.ts";
import type { DurableLedger } from "../../src/model/ledger.ts";
import { type Luck, status, unreachable } from "../support/scripted-kube-api.ts";
import { ClusterHome, NAME } from "./cluster-home.ts";
import { ending, minute, opening, playHistory, revision } from "./facts.ts";
import { entriesOf, ledgerSuite } from "./ledger.suite.ts";

ledgerSuite("in the cluster", { newHome: async () => new ClusterHome(), runs: 100 });

let home: ClusterHome;
beforeEach(() => {
  home = new ClusterHome();
});
afterEach(() => home.leave());

const writes = (): string[] => home.api.calls.filter(({ method }) => method !== "GET").map(({ method }) => method);
const once = (...lucks: Luck[]): void => {
  home.api.luck = ({ method }) => (method === "GET" ? "fine" : (lucks.shift() ?? "fine"));
};
const rows = async (ledger: DurableLedger): Promise<string[]> =>
  (await ledger.attempts({})).map(({ commit, row }) => `${row} ${commit.charAt(0)}`);

describe("its objects", () => {
  it("are Secrets that say for people what they have, full ones immutable, one request a fact", async () => {
    const ledger = await home.open();
    home.api.calls.length = 0;
    await playHistory(ledger);
    expect(writes()).toEqual(["PATCH", "PATCH", "PATCH", "POST", "PATCH", "PATCH", "POST", "PATCH", "PATCH"]);
    expect(home.api.calls).toHaveLength(9);
    await ledger.open(opening("d", 8));
    const secrets = [...home.api.secrets.values()];
    expect(
      secrets.map(({ metadata, type, immutable = false, data }) => ({
        ...{ name: metadata.name, type, immutable, keys: Object.keys(data) },
        ...{
          entries: metadata.annotations?.["trueup/ledger-entries"],
          last: metadata.annotations?.["trueup/ledger-last"],
        },
      })),
    ).toEqual([
      {
        ...{ name: `${NAME}-000000001`, type: "trueup/ledger", immutable: true, entries: "1-3" },
        ...{ keys: ["000000001", "000000002", "000000003"], last: `${minute(2)} revision shop aaaaaaa` },
      },
      {
        ...{ name: `${NAME}-000000004`, type: "trueup/ledger", immutable: true, entries: "4-6" },
        ...{ keys: ["000000004", "000000005", "000000006"], last: `${minute(4)} attempt shop bbbbbbb` },
      },
      {
        ...{ name: `${NAME}-000000007`, type: "trueup/ledger", immutable: true, entries: "7-9" },
        ...{ keys: ["000000007", "000000008", "000000009"], last: `${minute(7)} attempt shop ccccccc` },
      },
      {
        ...{ name: `${NAME}-000000010`, type: "trueup/ledger", immutable: false, entries: "10-10" },
        ...{ keys: ["000000010"], last: `${minute(8)} attempt shop ddddddd` },
      },
    ]);
    expect(new Set(secrets.map(({ metadata }) => JSON.stringify(metadata.labels)))).toEqual(
      new Set([
        JSON.stringify({
          "app.kubernetes.io/managed-by": "trueup",
          "app.kubernetes.io/component": "ledger",
          "trueup/ledger": NAME,
        }),
      ]),
    );
    const [entry] = await entriesOf(ledger);
    expect(Buffer.from(secrets[0]?.data["000000001"] ?? "", "base64").toString()).toBe(
      `attempt ${entry?.digest} ${entry?.hash}\n${entry?.content}`,
    );
  });

  it("are listed in pages of one moment, from etcd and not from a cache", async () => {
    const ledger = await home.open({ bytes: 1, entries: 1 });
    for (let ordinal = 1; ordinal <= 220; ordinal++) await ledger.open(opening("a", 0, { ordinal }));
    home.api.calls.length = 0;
    const next = await home.open();
    const lists = home.api.calls.filter(({ method, path }) => method === "GET" && path.endsWith("/secrets"));
    expect(lists.map(({ query }) => query?.limit)).toEqual([100, 100, 100]);
    expect(lists.map(({ query }) => query?.resourceVersion)).toEqual([undefined, undefined, undefined]);
    expect(await next.attempts({ limit: 1 })).toMatchObject([{ row: 220, ordinal: 220 }]);
  });

  it("hold a template larger than a Secret, and refuse what fits in no way without losing their place", async () => {
    const ledger = await home.open();
    await playHistory(ledger);
    const env = Array.from({ length: 60_000 }, (_, index) => ({ name: `KEY_${index}`, value: "the same in all" }));
    const large = { ...revision(2, "b", 8), template: { spec: { containers: [{ name: "web", env }] } } };
    expect(JSON.stringify(large).length).toBeGreaterThan(2_500_000);
    await ledger.startRevision(large);
    const noise = { ...revision(3, "b", 9), template: { noise: randomBytes(900_000).toString("hex") } };
    await ledger.startRevision({ ...noise, template: { noise: randomBytes(300_000).toString("hex") } });
    const tooLarge = { ...noise, revision: 4, template: { noise: randomBytes(1_200_000).toString("hex") } };
    await expect(ledger.startRevision(tooLarge)).rejects.toMatchObject({ code: "invalid" });
    await expect(ledger.startRevision(tooLarge)).rejects.toThrow("must fit into a Secret");
    await ledger.open(opening("d", 10));
    expect((await (await home.open()).revisions({}))[1]).toEqual(large);
    expect(await home.prove()).toMatchObject({ intact: true, entries: 12, revisions: 3 });
  });

  it("are let be when others write to their metadata, and when somebody seals them", async () => {
    const ledger = await home.open();
    await ledger.open(opening("a"));
    home.api.tamper(`${NAME}-000000001`, ({ metadata }) => {
      metadata.annotations = { ...metadata.annotations, "example.org/note": "kept" };
    });
    await ledger.open(opening("b", 1));
    expect(home.api.secrets.get(`ops/${NAME}-000000001`)?.metadata.annotations?.["example.org/note"]).toBe("kept");
    home.api.tamper(`${NAME}-000000001`, (secret) => {
      secret.immutable = true;
    });
    await ledger.open(opening("c", 2));
    expect(home.api.names()).toEqual([`${NAME}-000000001`, `${NAME}-000000003`]);
    expect(await rows(await home.open())).toEqual(["3 c", "2 b", "1 a"]);
  });
});

describe("what is recorded at the same moment", () => {
  const openings = (count: number): ReturnType<typeof opening>[] =>
    Array.from({ length: count }, (_, at) => opening("a", at, { app: `app-${at}` }));

  it.each<[string, { bytes: number; entries: number }, string[]]>([
    ["in one segment", { bytes: 60_000, entries: 100 }, ["PATCH"]],
    ["in as many as it takes by number", { bytes: 60_000, entries: 3 }, ["PATCH", "POST", "POST"]],
    ["in as many as it takes by size", { bytes: 1, entries: 100 }, ["PATCH", ...new Array<string>(7).fill("POST")]],
  ])("goes with as few requests as may be, in its order: %s", async (_where, limits, requests) => {
    const ledger = await home.open(limits);
    home.api.calls.length = 0;
    const answers = await Promise.all(openings(8).map((each) => ledger.open(each)));
    expect(answers).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(writes()).toEqual(requests);
    const next = await home.open(limits);
    expect((await next.attempts({})).map(({ row, app }) => `${row} ${app}`)).toEqual(
      Array.from({ length: 8 }, (_, at) => `${8 - at} app-${7 - at}`),
    );
    expect(await home.prove()).toMatchObject({ intact: true, entries: 8, attempts: 8 });
  });

  it("is judged one after the other where it is about the same, and fails alone", async () => {
    const ledger = await home.open({ bytes: 60_000, entries: 4 });
    await ledger.open(opening("a"));
    await ledger.end(opening("a"), ending("deployed", 1));
    const noise = randomBytes(1_200_000).toString("hex");
    const outcomes = await Promise.allSettled([
      ledger.open(opening("b")),
      ledger.end(opening("a"), ending("failed", 1)),
      ledger.event(opening("b"), { at: minute(2), type: "t", message: "m" }),
      ledger.startRevision({ ...revision(1, "b"), template: { noise } }),
      ledger.end(opening("f"), ending("failed", 1)),
      ledger.open(opening("b")),
      ledger.open(opening("c")),
      ledger.end(opening("b"), ending("deployed", 3)),
    ]);
    expect(outcomes.map((each) => (each.status === "rejected" ? each.reason.code : each.value))).toEqual([
      ...[2, "conflict", undefined, "invalid", "not-found", 2, 3, undefined],
    ]);
    const [c, b] = await (await home.open()).attempts({});
    expect([c?.commit, b?.events.length, b?.ending?.outcome]).toEqual([opening("c").commit, 1, "deployed"]);
    expect(await home.prove()).toMatchObject({ intact: true, entries: 6, attempts: 3 });
  });

  it.each<Luck>(["unanswered", "lost"])(
    "is told to all when it is %s, and is there once when it is said again",
    async (luck) => {
      const ledger = await home.open({ bytes: 60_000, entries: 3 });
      const all = openings(7);
      once("fine", luck);
      const first = await Promise.allSettled(all.map((each) => ledger.open(each)));
      expect(first.map(({ status }) => status)).toEqual([
        ...new Array<string>(3).fill("fulfilled"),
        ...new Array<string>(4).fill("rejected"),
      ]);
      expect(await Promise.all(all.map((each) => ledger.open(each)))).toEqual([1, 2, 3, 4, 5, 6, 7]);
      expect(await home.prove()).toMatchObject({ intact: true, entries: 7, attempts: 7 });
    },
  );
});

describe("its one writer", () => {
  it.each([0, 1, 2, 3])("is the daemon that opened it last, whatever the one before knew (%i facts)", async (facts) => {
    const one = await home.open();
    for (let ordinal = 1; ordinal <= facts; ordinal++) await one.open(opening("a", 0, { ordinal }));
    const two = await home.open();
    await expect(one.open(opening("b"))).rejects.toThrow(
      /daemon-1\/.* must be its only writer: daemon-2\/.* took it over/,
    );
    await expect(one.open(opening("b"))).rejects.toMatchObject({ code: "conflict", hint: expect.any(String) });
    // What it has in memory is no more the ledger.
    await expect(one.attempts({})).rejects.toMatchObject({ code: "conflict" });
    await expect(one.retain({ keepAttempts: 1 }, 0, 1)).rejects.toMatchObject({ code: "conflict" });
    await two.open(opening("b"));
    expect(await two.attempts({})).toHaveLength(facts + 1);
    expect(await home.prove()).toMatchObject({ intact: true, entries: facts + 1 });
  });

  it("is one of two that open it at once", async () => {
    const both = await Promise.all([home.open(), home.open()]);
    const said = await Promise.allSettled(both.map((ledger, index) => ledger.open(opening(index === 0 ? "a" : "b"))));
    expect(said.map(({ status: how }) => how).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await home.prove()).toMatchObject({ intact: true, entries: 1 });
  });

  it("takes in what the one before still had on its way", async () => {
    const one = await home.open();
    await one.open(opening("a"));
    // Arrives after the next daemon has read the ledger, and before it has made it its own.
    once("late");
    await expect(one.open(opening("b", 1))).rejects.toMatchObject({ code: "unavailable" });
    const two = await home.open();
    expect(await rows(two)).toEqual(["2 b", "1 a"]);
    await expect(one.attempts({})).rejects.toMatchObject({ code: "conflict" });
  });

  it("loses nothing to a write that arrives when the ledger is another's", async () => {
    const one = await home.open();
    await one.open(opening("a"));
    const two = await home.open();
    once("late");
    await expect(one.open(opening("b", 1))).rejects.toMatchObject({ code: "unavailable" });
    await two.open(opening("c", 2));
    expect(await rows(await home.open())).toEqual(["2 c", "1 a"]);
  });
});

describe("bad luck", () => {
  it.each<Luck>(["lost", "unanswered", "late"])(
    "with a request that is %s is told, and what is said again is said once",
    async (luck) => {
      const ledger = await home.open();
      // The fourth fact makes a new object.
      for (const digit of ["a", "b", "c", "d", "e"]) {
        once(luck);
        await expect(ledger.open(opening(digit))).rejects.toMatchObject({ code: "unavailable" });
        await ledger.open(opening(digit));
      }
      once(luck);
      await expect(ledger.end(opening("a"), ending("failed", 1))).rejects.toMatchObject({ code: "unavailable" });
      // Said otherwise, it is known by now whether it was written.
      const otherwise = ledger.end(opening("a"), ending("deployed", 1));
      if (luck === "unanswered" || luck === "late") await expect(otherwise).rejects.toMatchObject({ code: "conflict" });
      else await otherwise;
      expect(await home.prove()).toMatchObject({ intact: true, entries: 6 });
    },
  );

  it("in reading after a write that was not answered is an error, not what was before", async () => {
    const ledger = await home.open();
    once("unanswered");
    await expect(ledger.open(opening("a"))).rejects.toMatchObject({ code: "unavailable" });
    home.api.luck = () => "lost";
    await expect(ledger.attempts({})).rejects.toMatchObject({ code: "unavailable" });
    home.api.luck = () => "fine";
    expect(await rows(ledger)).toEqual(["1 a"]);
  });

  it.each<[string, string, (call: KubeCall) => void]>([
    [
      "nothing answers",
      "unavailable",
      () => {
        throw unreachable();
      },
    ],
    [
      "it may not list",
      "forbidden",
      () => {
        throw status(403, "Forbidden", "secrets is forbidden");
      },
    ],
    [
      "the second page fails",
      "unavailable",
      ({ query }) => {
        if (query?.continue !== undefined) throw unreachable();
      },
    ],
    [
      "the second page is too old",
      "unavailable",
      ({ query }) => {
        if (query?.continue !== undefined) home.api.compact();
      },
    ],
    [
      "it may not write",
      "forbidden",
      ({ method }) => {
        if (method !== "GET") throw status(403, "Forbidden", "no");
      },
    ],
  ])("when it is opened is an error, never an empty ledger: %s", async (_name, code, strike) => {
    const ledger = await home.open({ bytes: 1, entries: 1 });
    for (let ordinal = 1; ordinal <= 110; ordinal++) await ledger.open(opening("a", 0, { ordinal }));
    home.api.luck = (call) => {
      strike(call);
      return "fine";
    };
    await expect(home.open()).rejects.toMatchObject({ code });
    home.api.luck = () => "fine";
    expect(await (await home.open()).attempts({})).toHaveLength(110);
  });

  it("with a server that says nothing ends at a deadline", async () => {
    const ledger = await home.open();
    home.api.request = () => new Promise(() => undefined);
    const said = ledger.open(opening("a"));
    const seen = expect(said).rejects.toMatchObject({ code: "timeout" });
    await home.clock.advance(60_000);
    await seen;
  });

  it("with a namespace that is not there is told", async () => {
    home.api.namespaces.clear();
    await expect(home.open()).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("somebody's hands", () => {
  const MIDDLE = `${NAME}-000000004`;

  beforeEach(async () => {
    await playHistory(await home.open());
  });

  it.each<[string, () => void, string]>([
    ["a deleted segment", () => home.api.secrets.delete(`ops/${MIDDLE}`), "entry 4 must follow: entry 7 does"],
    [
      "a deleted entry",
      () => home.api.tamper(MIDDLE, ({ data }) => delete data["000000005"]),
      "entry 5 must follow: entry 6",
    ],
    [
      "a value that is none",
      () =>
        home.api.tamper(MIDDLE, ({ data }) => {
          data["000000005"] = "bm8=";
        }),
      `entry 5 in secret ${MIDDLE} is something else`,
    ],
    [
      "a newer trueup",
      () =>
        home.api.tamper(MIDDLE, ({ metadata }) => {
          metadata.annotations = { "trueup/ledger-format": "2" };
        }),
      "its form must be at most 1: it is 2",
    ],
  ])("stop the next daemon: %s", async (_name, change, message) => {
    change();
    await expect(home.open()).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining(message) });
  });

  const rewrite = (key: string, from: string, to: string): void =>
    home.api.tamper(
      `${NAME}-${"000000007" <= key ? "000000007" : "000000004" <= key ? "000000004" : "000000001"}`,
      ({ data }) => {
        data[key] = Buffer.from(
          Buffer.from(data[key] ?? "", "base64")
            .toString()
            .replace(from, to),
        ).toString("base64");
      },
    );

  it.each<[string, () => void, { seq?: number; kind: string }]>([
    ["an altered event", () => rewrite("000000002", `"due":1`, `"due":2`), { seq: 2, kind: "changed" }],
    ["an altered ending", () => rewrite("000000005", "deployed", "no-op"), { seq: 5, kind: "changed" }],
    ["an altered kind", () => rewrite("000000005", "ending", "event"), { seq: 5, kind: "changed" }],
    ["text that is no JSON", () => rewrite("000000002", "{", "["), { seq: 2, kind: "changed" }],
    ["a value that is none", () => rewrite("000000005", "ending ", "?"), { seq: 5, kind: "changed" }],
    ["a content taken away", () => rewrite("000000008", `\n{"attempt"`, `\u0000`), { seq: 8, kind: "changed" }],
    [
      "a fact without its content, and no anchor",
      () =>
        home.api.tamper(`${NAME}-000000007`, ({ data }) => {
          const [link = ""] = Buffer.from(data["000000008"] ?? "", "base64")
            .toString()
            .split("\n");
          data["000000008"] = Buffer.from(link).toString("base64");
        }),
      { seq: 8, kind: "missing" },
    ],
    [
      "a deleted entry",
      () => home.api.tamper(MIDDLE, ({ data }) => delete data["000000005"]),
      { seq: 5, kind: "missing" },
    ],
    ["a deleted segment", () => home.api.secrets.delete(`ops/${MIDDLE}`), { seq: 4, kind: "missing" }],
    ["a forgotten start", () => home.api.secrets.delete(`ops/${NAME}-000000001`), { seq: 1, kind: "missing" }],
    [
      "two entries in each other's place",
      () =>
        home.api.tamper(MIDDLE, ({ data }) => {
          [data["000000004"], data["000000005"]] = [data["000000005"] ?? "", data["000000004"] ?? ""];
        }),
      { seq: 4, kind: "changed" },
    ],
    [
      "a key that is no entry",
      () =>
        home.api.tamper(MIDDLE, ({ data }) => {
          data.note = "";
        }),
      { kind: "added" },
    ],
    [
      "an entry put in",
      () =>
        home.api.tamper(MIDDLE, ({ data }) => {
          data["000000010"] = data["000000005"] ?? "";
        }),
      { seq: 7, kind: "missing" },
    ],
  ])("show in the proof: %s", async (_name, change, expected) => {
    const { head } = await home.prove();
    change();
    const { intact, problem } = await home.prove(head.hash);
    expect({ intact, problem }).toEqual({ intact: false, problem: { ...expected, message: expect.any(String) } });
  });

  it("that delete what is added to are told of, and never taken for an attempt that is not open", async () => {
    const ledger = await home.open();
    await ledger.open(opening("d", 8));
    home.api.secrets.delete(`ops/${NAME}-000000010`);
    const said = { at: minute(9), type: "held", message: "" };
    await expect(ledger.event(opening("d"), said)).rejects.toMatchObject({ code: "io", hint: expect.any(String) });
    await expect(ledger.event(opening("d"), said)).rejects.toThrow(
      `its secret ${NAME}-000000010 must be there: it is gone`,
    );
  });

  it("that cut off the end show to whoever wrote the head down", async () => {
    const { head } = await home.prove();
    home.api.secrets.delete(`ops/${NAME}-000000007`);
    expect(await home.prove()).toMatchObject({ intact: true, entries: 6 });
    expect(await home.prove(head.hash)).toMatchObject({ intact: false, problem: { kind: "missing" } });
  });
});
