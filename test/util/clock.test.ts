import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SystemClock, sleep, VirtualClock } from "../../src/util/clock.ts";

describe("the virtual clock", () => {
  it("stands still until it is told to move", async () => {
    const clock = new VirtualClock(1000);
    expect([clock.now(), clock.monotonic()]).toEqual([1000, 0]);
    await clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1250, 250]);
  });

  it("fires what falls due on the way, at its time", async () => {
    const clock = new VirtualClock(0);
    const fired: number[] = [];
    for (const ms of [30, 10, 20, 41]) clock.setTimer(ms, () => fired.push(clock.now()));
    await clock.advance(40);
    expect(fired).toEqual([10, 20, 30]);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect(fired).toEqual([10, 20, 30, 41]);
  });

  it("fires timers in the order of their times, and equal ones in the order in which they were set", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 60 }), async (delays) => {
        const clock = new VirtualClock();
        const fired: [number, number][] = [];
        delays.forEach((ms, order) => {
          clock.setTimer(ms, () => fired.push([ms, order]));
        });
        await clock.advance(20);
        expect(fired).toEqual([...fired].sort((a, b) => a[0] - b[0] || a[1] - b[1]));
        expect(fired).toHaveLength(delays.length);
      }),
      { numRuns: 30 },
    );
  });

  it("fires timers that timers set, if they fall due in the same stretch", async () => {
    const clock = new VirtualClock(0);
    const fired: number[] = [];
    clock.setTimer(10, () => clock.setTimer(10, () => fired.push(clock.now())));
    await clock.advance(20);
    expect(fired).toEqual([20]);
  });

  it("does not fire what was cancelled, also when it is cancelled twice or after it fired", async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const cancel = clock.setTimer(10, () => fired.push("cancelled"));
    const late = clock.setTimer(5, () => fired.push("fired"));
    cancel();
    cancel();
    expect(clock.pending).toBe(1);
    await clock.advance(20);
    late();
    expect(fired).toEqual(["fired"]);
    expect(clock.pending).toBe(0);
  });

  it("takes a negative delay for none", async () => {
    const clock = new VirtualClock(100);
    let at = -1;
    clock.setTimer(-5, () => {
      at = clock.now();
    });
    await clock.advance(0);
    expect(at).toBe(100);
  });

  it("lets promises run between two timers", async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.setTimer(1, () => {
      void Promise.resolve()
        .then(() => {})
        .then(() => seen.push("promise"));
    });
    clock.setTimer(2, () => seen.push("timer"));
    await clock.advance(2);
    expect(seen).toEqual(["promise", "timer"]);
  });

  it("stops where the condition holds, or else at the limit", async () => {
    const clock = new VirtualClock(0);
    let count = 0;
    const tick = (): void => {
      count++;
      clock.setTimer(10, tick);
    };
    clock.setTimer(10, tick);
    expect(await clock.runUntil(() => count === 3, 1000)).toBe(true);
    expect(clock.now()).toBe(30);
    expect(await clock.runUntil(() => count === 9, 25)).toBe(false);
    expect(clock.now()).toBe(55);
  });

  it("lets two hours pass at once", async () => {
    const clock = new VirtualClock(0);
    let seconds = 0;
    const tick = (): void => {
      seconds++;
      clock.setTimer(60_000, tick);
    };
    clock.setTimer(60_000, tick);
    await clock.advance(7_200_000);
    expect(seconds).toBe(120);
  });
});

describe("sleep", () => {
  it("waits on the clock", async () => {
    const clock = new VirtualClock(0);
    let woke = -1;
    const asleep = sleep(clock, 500).then(() => {
      woke = clock.now();
    });
    await clock.advance(499);
    expect(woke).toBe(-1);
    await clock.advance(1);
    await asleep;
    expect(woke).toBe(500);
  });

  it("ends with the signal's reason, and leaves no timer behind", async () => {
    const clock = new VirtualClock();
    const abort = new AbortController();
    const asleep = sleep(clock, 500, abort.signal);
    abort.abort(new Error("enough"));
    await expect(asleep).rejects.toThrow("enough");
    expect(clock.pending).toBe(0);
    await expect(sleep(clock, 500, abort.signal)).rejects.toThrow("enough");
    expect(clock.pending).toBe(0);
  });
});

describe("the system clock", () => {
  it("tells the Unix time, and its monotonic one never goes back", () => {
    const clock = new SystemClock();
    const first = clock.monotonic();
    expect(clock.monotonic()).toBeGreaterThanOrEqual(first);
    expect(clock.now()).toBeGreaterThan(Date.UTC(2020, 0, 1));
  });

  it("fires timers in order, and not those that were cancelled", async () => {
    const clock = new SystemClock();
    const fired: string[] = [];
    const keepAlive = setInterval(() => {}, 1000);
    clock.setTimer(0, () => fired.push("cancelled"))();
    await new Promise<void>((resolve) => {
      clock.setTimer(0, () => fired.push("first"));
      clock.setTimer(0, resolve);
    });
    clearInterval(keepAlive);
    expect(fired).toEqual(["first"]);
  });

  it("does not fire a very long timer at once", async () => {
    const clock = new SystemClock();
    let fired = false;
    const cancel = clock.setTimer(2 ** 33, () => {
      fired = true;
    });
    const keepAlive = setInterval(() => {}, 1000);
    await new Promise<void>((resolve) => clock.setTimer(5, resolve));
    clearInterval(keepAlive);
    cancel();
    expect(fired).toBe(false);
  });
});
