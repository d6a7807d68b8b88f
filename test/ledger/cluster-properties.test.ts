/** The ledger in the cluster under bad luck and kills: it ends with the very chain of the ledger in a file to which the same was said. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import type { DurableLedger } from "../../src/model/ledger.ts";
import type { Luck } from "../support/scripted-kube-api.ts";
import { ClusterHome } from "./cluster-home.ts";
import { ending, opening, playHistory } from "./facts.ts";
import { entriesOf, expectSameRows, type Step, step } from "./ledger.suite.ts";

const NOW = Date.UTC(2030, 0, 1);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trueup-ledger-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What ends a daemon in the middle of what it does. */
class Killed extends Error {}

type Fate = Luck | "killed before" | "killed after";

/** A daemon that is started again whenever it was killed, and says again what was not answered. */
class Life {
  readonly home = new ClusterHome();
  /** Of the requests to come; fine when there is none left. */
  readonly fates: Fate[];
  /** Daemons that were killed, and may not be quite dead. */
  readonly former: DurableLedger[] = [];
  #ledger: DurableLedger | null = null;
  #dies = false;

  constructor(fates: readonly Fate[]) {
    this.fates = [...fates];
    this.home.api.luck = () => {
      const fate = this.fates.shift() ?? "fine";
      if (fate === "killed before") throw new Killed();
      this.#dies = fate === "killed after";
      return fate === "killed after" ? "fine" : fate;
    };
    this.home.api.done = () => {
      if (this.#dies) throw new Killed();
    };
  }

  /** Makes one call until it is answered. @returns `ok`, or the code of the refusal */
  async say(call: (ledger: DurableLedger) => Promise<unknown>): Promise<string> {
    for (;;) {
      try {
        this.#ledger ??= await this.home.open();
        await call(this.#ledger);
        return "ok";
      } catch (error) {
        const { code } = error as { code?: string };
        if (error instanceof Killed) {
          if (this.#ledger !== null) this.former.push(this.#ledger);
          this.#ledger = null;
        } else if (code !== "unavailable") return code ?? String(error);
      }
    }
  }

  async ledger(): Promise<DurableLedger> {
    await this.say(async () => undefined);
    if (this.#ledger === null) throw new Error("it was just opened");
    return this.#ledger;
  }
}

const fate: fc.Arbitrary<Fate> = fc.constantFrom<Fate>(
  "fine",
  "fine",
  "fine",
  "lost",
  "unanswered",
  "late",
  "killed before",
  "killed after",
);
const retention: fc.Arbitrary<Step> = fc.integer({ min: 1, max: 2 }).map(
  (keepAttempts): Step =>
    (ledger) =>
      (ledger as DurableLedger).retain({ keepAttempts }, NOW, 100),
);
const said = fc.array(fc.oneof({ weight: 9, arbitrary: step }, { weight: 1, arbitrary: retention }), { maxLength: 25 });

describe("any calls, with requests lost, unanswered or late, and daemons killed between any two", () => {
  it("leave the chain that the file has", async () => {
    let file = 0;
    await fc.assert(
      fc.asyncProperty(said, fc.array(fate, { maxLength: 80 }), async (steps, fates) => {
        const life = new Life(fates);
        const sqlite = new SqliteLedger({ path: join(folder, `${file++}.db`) });
        try {
          for (const call of steps) {
            const outcome = await call(sqlite).then(
              () => "ok",
              (error) => error.code,
            );
            expect(await life.say(call)).toBe(outcome);
          }
          life.fates.length = 0;
          const ledger = await life.ledger();
          await expectSameRows(ledger, sqlite);
          expect(await entriesOf(ledger)).toEqual(await entriesOf(sqlite));
          const proof = await sqlite.prove();
          expect(await ledger.prove()).toEqual(proof);
          expect(await life.home.prove()).toEqual(proof);
          // And so it is for the next one.
          const next = await life.home.open();
          await expectSameRows(next, sqlite);
          for (const former of [...life.former, ledger]) {
            await expect(former.open(opening("f"))).rejects.toMatchObject({ code: "conflict" });
          }
          expect((await life.home.prove()).entries).toBe(proof.entries);
        } finally {
          await sqlite.close();
          await life.home.leave();
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("a daemon that is killed at each request in turn", () => {
  const history: readonly ((ledger: DurableLedger) => Promise<unknown>)[] = [
    (ledger) => playHistory(ledger),
    (ledger) => ledger.open(opening("d", 8)),
    (ledger) => ledger.end(opening("d"), ending("failed", 9)),
    (ledger) => ledger.end(opening("c"), ending("superseded", 9)),
    (ledger) => ledger.open(opening("e", 10)),
    (ledger) => ledger.end(opening("e"), ending("rejected", 11)),
    (ledger) => ledger.open(opening("f", 12)),
    (ledger) => ledger.end(opening("f"), ending("rejected", 13)),
    (ledger) => ledger.retain({ keepAttempts: 1 }, NOW, 100),
    (ledger) => ledger.open(opening("a", 13, { ordinal: 2 })),
  ];

  it.each<Fate>(["killed before", "killed after", "unanswered"])(
    "and %s it: same chain, contents gone, nothing left over",
    async (fate) => {
      const undisturbed = new Life([]);
      for (const call of history) expect(await undisturbed.say(call)).toBe("ok");
      const expected = await entriesOf(await undisturbed.ledger());
      const names = undisturbed.home.api.names();
      const removed = expected.filter(({ content }) => content === null);
      expect(removed.map(({ kind }) => kind)).toEqual(["attempt", "ending", "attempt", "ending"]);
      expect(names.filter((name) => name.includes("-a"))).not.toEqual([]);
      for (let at = 0; ; at++) {
        const life = new Life([...Array.from({ length: at }, (): Fate => "fine"), fate]);
        for (const call of history) expect(await life.say(call)).toBe("ok");
        if (life.fates.length > 0) break;
        expect(await entriesOf(await life.ledger())).toEqual(expected);
        const stored = [...life.home.api.secrets.values()].flatMap(({ data }) => Object.values(data ?? {}));
        expect(stored.filter((value) => !Buffer.from(value, "base64").includes("\n"))).toHaveLength(removed.length);
        // Which segments there are depends on when the next daemon began one; that each number is in one does not.
        const keys = [...life.home.api.secrets.values()].flatMap(({ data }) => Object.keys(data ?? {})).sort();
        expect(keys).toEqual(expected.map(({ seq }) => String(seq).padStart(9, "0")));
        await life.home.leave();
      }
      await undisturbed.home.leave();
    },
  );

  it("in retention leaves it to the next one, whose rules may keep everything, to take out what an anchor covers", async () => {
    for (let at = 0; ; at++) {
      const life = new Life([]);
      for (const call of history.slice(0, -2)) expect(await life.say(call)).toBe("ok");
      life.fates.push(...Array.from({ length: at }, (): Fate => "fine"), "killed after");
      const isWhole = await (await life.ledger()).retain({ keepAttempts: 1 }, NOW, 100).then(
        () => true,
        () => false,
      );
      life.fates.length = 0;
      const next = await life.home.open();
      const entries = await entriesOf(next);
      const anchor = entries.find(({ kind }) => kind === "anchor");
      const gone = entries.filter(({ content }) => content === null);
      expect(gone.length).toBe(anchor === undefined ? 0 : 4);
      expect(await next.attempts({})).toHaveLength(anchor === undefined ? 6 : 4);
      expect(await next.prove()).toMatchObject({ intact: true });
      await life.home.leave();
      if (isWhole) break;
    }
  });
});
