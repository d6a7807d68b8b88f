/** When the daemon has its ledger remove old attempts: at the start, once a day, in small bites, and not after its end. */
import { describe, expect, it } from "vitest";
import { keepRetention } from "../../src/daemon/retention.ts";
import type { RetentionRules } from "../../src/ledger/retention.ts";
import { VirtualClock } from "../../src/util/clock.ts";

const HOUR = 60 * 60 * 1_000;

/** A ledger of which each call removes what `counts` says next; an error is thrown. */
function scene(counts: readonly (number | Error)[], rules: RetentionRules = { keepDays: 1 }) {
  const clock = new VirtualClock(0);
  const calls: { hour: number; rules: RetentionRules; most: number }[] = [];
  const said: string[] = [];
  const note = (line: string): void => void said.push(line);
  const ledger = {
    async retain(given: RetentionRules, nowMs: number, most: number): Promise<number> {
      const next = counts[calls.length] ?? 0;
      calls.push({ hour: nowMs / HOUR, rules: given, most });
      if (next instanceof Error) throw next;
      return next;
    },
  };
  const close = keepRetention({ ledger, rules, clock, log: { info: note, warn: note, error: note } });
  const hours = (): number[] => calls.map(({ hour }) => hour);
  return { clock, calls, said, close, hours };
}

describe("retention", () => {
  it("runs at the start and once a day", async () => {
    const { clock, calls, said, close, hours } = scene([2, 0, 1]);
    await clock.advance(49 * HOUR);
    await close();
    await clock.advance(100 * HOUR);
    expect(hours()).toEqual([0, 24, 48]);
    expect(calls[0]).toEqual({ hour: 0, rules: { keepDays: 1 }, most: 100 });
    expect(said).toEqual([
      "removed 2 old attempts from the ledger, as ledger: in the configuration says",
      "removed 1 old attempts from the ledger, as ledger: in the configuration says",
    ]);
  });

  it("goes on at once where more is left than it removes at a time", async () => {
    const { clock, said, close, hours } = scene([100, 100, 7]);
    await clock.advance(HOUR);
    await close();
    expect(hours()).toEqual([0, 0, 0]);
    expect(said).toEqual(["removed 207 old attempts from the ledger, as ledger: in the configuration says"]);
  });

  it("says what failed, and tries again the next day", async () => {
    const { clock, said, close, hours } = scene([new Error("disk full"), 0]);
    await clock.advance(25 * HOUR);
    await close();
    expect(hours()).toEqual([0, 24]);
    expect(said).toEqual(["Cannot remove old attempts from the ledger: disk full"]);
  });

  it("does nothing without a rule", async () => {
    const { clock, close, hours } = scene([], {});
    await clock.advance(100 * HOUR);
    await close();
    expect(hours()).toEqual([]);
  });
});
