import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/util/clock.ts";
import { type Processor, WorkQueue, type WorkQueueOptions } from "../../src/util/work-queue.ts";

let clock: VirtualClock;
let queue: WorkQueue;
let processed: string[];
let errors: string[];

function open(process: Processor, options: Partial<WorkQueueOptions> = {}): WorkQueue {
  queue = new WorkQueue({
    clock,
    process,
    onError: (key, error, failures) =>
      errors.push(`${clock.monotonic()} ${key}: ${(error as Error).message} (${failures})`),
    ...options,
  });
  return queue;
}

/** Notes the key and the time. */
function note(key: string): void {
  processed.push(`${clock.monotonic()} ${key}`);
}

beforeEach(() => {
  clock = new VirtualClock();
  processed = [];
  errors = [];
});

afterEach(() => queue.close());

/** A promise that the test settles. */
function gate(): { wait: Promise<void>; open: () => void } {
  let release = (): void => {};
  const wait = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { wait, open: () => release() };
}

describe("a work queue", () => {
  it("processes keys in the order in which they were added, each once", async () => {
    open(note);
    for (const key of ["b", "a", "b", "c", "a"]) queue.add(key);
    expect(processed).toEqual([]);
    expect(queue.size).toBe(3);
    await queue.idle();
    expect(processed).toEqual(["0 b", "0 a", "0 c"]);
    expect(queue.size).toBe(0);
  });

  it("needs neither the clock nor a timer for keys that wait now", async () => {
    open(note);
    for (let n = 0; n < 50; n++) queue.add(`k${n}`);
    expect(clock.pending).toBe(0);
    await Promise.resolve();
    expect(processed).toHaveLength(50);
  });

  it("lets timers have their turn after 64 keys, so that keys that bring keys starve nothing", async () => {
    let count = 0;
    open((key) => {
      count++;
      queue.add(key);
    });
    queue.add("again");
    let fired = 0;
    clock.setTimer(0, () => {
      fired = count;
    });
    await clock.runUntil(() => count >= 200, 0);
    expect(fired).toBe(64);
    expect(count).toBe(256);
  });

  it("processes a key again that is added while it is in work, and never twice at once", async () => {
    let now = 0;
    let most = 0;
    const first = gate();
    open(
      async (key) => {
        most = Math.max(most, ++now);
        note(key);
        if (processed.length === 1) await first.wait;
        now--;
      },
      { concurrency: 4 },
    );
    queue.add("a");
    await clock.advance(0);
    queue.add("a");
    queue.add("a");
    await clock.advance(10);
    expect(processed).toEqual(["0 a"]);
    first.open();
    await queue.idle();
    expect(processed).toEqual(["0 a", "10 a"]);
    expect(most).toBe(1);
  });

  it("works on as many keys at once as it may", async () => {
    const gates = new Map(["a", "b", "c"].map((key) => [key, gate()]));
    open(
      async (key) => {
        note(key);
        await gates.get(key)?.wait;
      },
      { concurrency: 2 },
    );
    for (const key of gates.keys()) queue.add(key);
    await clock.advance(1);
    expect(processed).toEqual(["0 a", "0 b"]);
    gates.get("b")?.open();
    await clock.advance(1);
    expect(processed).toEqual(["0 a", "0 b", "1 c"]);
    for (const { open: release } of gates.values()) release();
    await queue.idle();
  });

  it("refuses a concurrency that lets nothing happen", () => {
    open(note);
    expect(() => new WorkQueue({ clock, process: note, onError: () => {}, concurrency: 0 })).toThrow(
      /must be >= 1: it is 0/,
    );
  });
});

describe("waiting", () => {
  it("has a key processed after a while, at the earliest time that was asked for", async () => {
    open(note);
    queue.addAfter("a", 100);
    queue.addAfter("a", 50);
    queue.addAfter("a", 70);
    await clock.advance(1000);
    expect(processed).toEqual(["50 a"]);
  });

  it("does not count as busy", async () => {
    open(note);
    queue.addAfter("a", 100);
    await queue.idle();
    expect(processed).toEqual([]);
  });

  it("does not keep a key from being processed before", async () => {
    open(note);
    queue.addAfter("a", 100);
    queue.add("a");
    await clock.advance(1000);
    expect(processed).toEqual(["0 a", "100 a"]);
  });

  it("of no time at all is none", async () => {
    open(note);
    queue.addAfter("a", 0);
    queue.addAfter("b", Number.NaN);
    await queue.idle();
    expect(processed).toEqual(["0 a", "0 b"]);
  });

  it("can be what processing asks for, at once or in a promise", async () => {
    open((key) => {
      note(key);
      return processed.length < 3 ? { afterMs: 20 } : undefined;
    });
    queue.add("a");
    await clock.advance(100);
    expect(processed).toEqual(["0 a", "20 a", "40 a"]);
    queue.close();
    processed = [];
    open(async (key) => {
      note(key);
      return processed.length < 2 ? { afterMs: 20 } : undefined;
    });
    queue.add("b");
    await clock.advance(100);
    expect(processed).toEqual(["100 b", "120 b"]);
  });

  it("ends when the key is forgotten", async () => {
    open(note);
    queue.addAfter("a", 100);
    queue.forget("a");
    await clock.advance(1000);
    expect(processed).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe("failures", () => {
  const failing = (times: number) => (key: string) => {
    note(key);
    if (processed.length <= times) throw new Error("no");
  };

  it("are told each time, and tried again after 5, 10, 20, 40 ms", async () => {
    open(failing(4));
    queue.add("a");
    await clock.advance(1000);
    expect(processed).toEqual(["0 a", "5 a", "15 a", "35 a", "75 a"]);
    expect(errors).toEqual(["0 a: no (1)", "5 a: no (2)", "15 a: no (3)", "35 a: no (4)"]);
  });

  it("count the same when a promise rejects", async () => {
    const fail = failing(2);
    open(async (key) => fail(key));
    queue.add("a");
    await clock.advance(1000);
    expect(processed).toEqual(["0 a", "5 a", "15 a"]);
    expect(errors).toHaveLength(2);
  });

  it("wait no longer than the longest wait", async () => {
    open(failing(6), { backoff: { baseMs: 10, maxMs: 25 } });
    queue.add("a");
    await clock.advance(1000);
    expect(processed.map((line) => Number.parseInt(line, 10))).toEqual([0, 10, 30, 55, 80, 105, 130]);
  });

  it("are forgotten on success", async () => {
    let fails = true;
    open((key) => {
      note(key);
      if (fails) throw new Error("no");
    });
    queue.add("a");
    await clock.advance(5);
    fails = false;
    await clock.advance(1000);
    fails = true;
    queue.add("a");
    await clock.advance(0);
    expect(errors.at(-1)).toBe("1005 a: no (1)");
  });

  it("of one key do not hold up another", async () => {
    open((key) => {
      note(key);
      if (key === "bad") throw new Error("no");
    });
    queue.add("bad");
    queue.add("good");
    await queue.idle();
    expect(processed).toEqual(["0 bad", "0 good"]);
  });

  it("end after the given number of retries, until the key is added anew", async () => {
    open(failing(100), { maxRetries: 2 });
    queue.add("a");
    await clock.advance(10_000);
    expect(errors.map((line) => line.slice(-3))).toEqual(["(1)", "(2)", "(3)"]);
    queue.add("a");
    await clock.advance(0);
    expect(errors.at(-1)).toBe("10000 a: no (1)");
  });

  it("do not hide that the key was added meanwhile", async () => {
    const first = gate();
    open(async (key) => {
      note(key);
      if (processed.length > 1) return;
      await first.wait;
      throw new Error("no");
    });
    queue.add("a");
    await clock.advance(0);
    queue.add("a");
    first.open();
    await clock.advance(0);
    expect(processed).toEqual(["0 a", "0 a"]);
  });
});

describe("closing", () => {
  it("drops what waits, and its timers", async () => {
    open(note);
    queue.add("a");
    queue.addAfter("b", 10);
    queue.close();
    queue.add("c");
    queue.addAfter("d", 10);
    await queue.idle();
    await clock.advance(1000);
    expect(processed).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it("lets what is in work end, and tells when it has; its failure is not lost", async () => {
    const first = gate();
    open(async (key) => {
      note(key);
      await first.wait;
      throw new Error("late");
    });
    queue.add("a");
    await clock.advance(0);
    queue.add("a");
    queue.close();
    let isIdle = false;
    const idle = queue.idle().then(() => {
      isIdle = true;
    });
    await clock.advance(100);
    expect(isIdle).toBe(false);
    first.open();
    await idle;
    await clock.advance(1000);
    expect(processed).toEqual(["0 a"]);
    expect(errors).toEqual(["100 a: late (1)"]);
  });
});
