import { expect, it } from "vitest";
import { doubtOf } from "../../src/daemon/pulse.ts";
import { VirtualClock } from "../../src/util/clock.ts";

const SERVER = "https://cluster.test";
const { signal } = new AbortController();

interface Case {
  title: string;
  /** Since when nothing was heard when somebody asks; null: ever. */
  silentMs: number | null;
  /** What becomes of the question; it never ends when absent. */
  answer?: "answers" | "refuses" | "fails";
  doubt: string | null;
  asks: number;
}

const cases: Case[] = [
  { title: "was heard just now", silentMs: 900, doubt: null, asks: 0 },
  { title: "answers", silentMs: 60_000, answer: "answers", doubt: null, asks: 1 },
  { title: "refuses, which is an answer", silentMs: 60_000, answer: "refuses", doubt: null, asks: 1 },
  {
    title: "fails",
    silentMs: 60_000,
    answer: "fails",
    doubt: `The API server ${SERVER} does not answer: connection lost. What is shown is as it was 60 s ago.`,
    asks: 1,
  },
  {
    title: "hangs",
    silentMs: 60_000,
    doubt: `The API server ${SERVER} does not answer: it has not within 2 s. What is shown is as it was 62 s ago.`,
    asks: 1,
  },
  {
    title: "hangs and was never heard",
    silentMs: null,
    doubt: `The API server ${SERVER} does not answer: it has not within 2 s.`,
    asks: 1,
  },
];

it.each(cases)("of a cluster that $title", async ({ silentMs, answer, doubt, asks }) => {
  const clock = new VirtualClock();
  let heardAt = silentMs === null ? null : clock.now();
  await clock.advance(silentMs ?? 0);
  let asked = 0;
  const ping = async (): Promise<void> => {
    asked++;
    if (answer === undefined) await new Promise(() => undefined);
    if (answer !== "fails") heardAt = clock.now();
    if (answer !== "answers") throw new Error("connection lost.");
  };
  const asking = doubtOf({ clock, server: SERVER, ping, heardAt: () => heardAt }, signal);
  await clock.advance(2_000);
  expect(await asking).toBe(doubt);
  expect([asked, clock.pending]).toEqual([asks, 0]);
});
