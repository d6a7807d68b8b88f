/** When a kubelet counts as silent, on the virtual clock. */
import { expect, it } from "vitest";
import { Heartbeat } from "../../src/kubelet/heartbeat.ts";
import { VirtualClock } from "../../src/util/clock.ts";

function world() {
  const clock = new VirtualClock(0);
  const heard: (number | null)[] = [];
  const questions: { answer(): void; fail(): void }[] = [];
  const heartbeat = new Heartbeat({
    clock,
    ask: () =>
      new Promise<void>((resolve, reject) => {
        questions.push({ answer: resolve, fail: () => reject(new Error("nobody there")) });
      }),
    onChange: (silentSince) => heard.push(silentSince),
  });
  heartbeat.start();
  return { clock, heard, questions, heartbeat };
}

it("says nothing of one that answers in time, or of one that has gone", async () => {
  const { clock, heard, questions } = world();
  await clock.advance(5_000);
  await clock.advance(9_999);
  questions[0]?.answer();
  await clock.advance(5_000);
  questions[1]?.fail();
  await clock.advance(5_000);
  expect(questions.length).toBe(3);
  expect(heard).toEqual([]);
});

it("tells since when it does not answer, asks no second time meanwhile, and tells when it answers again", async () => {
  const { clock, heard, questions, heartbeat } = world();
  await clock.advance(15_000);
  expect(heard).toEqual([5_000]);
  await clock.advance(3_600_000);
  expect({ heard, asked: questions.length, silentSince: heartbeat.silentSince }).toEqual({
    heard: [5_000],
    asked: 1,
    silentSince: 5_000,
  });
  questions[0]?.answer();
  await clock.advance(5_000);
  expect(heard).toEqual([5_000, null]);
  expect(questions.length).toBe(2);
  heartbeat.close();
  await clock.advance(60_000);
  expect(heard).toEqual([5_000, null]);
});
