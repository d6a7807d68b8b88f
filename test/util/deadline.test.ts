/** Deadlines: whichever comes first of the work, its time, and the caller. */
import { describe, expect, it } from "vitest";
import { settle, VirtualClock } from "../../src/util/clock.ts";
import { withDeadline } from "../../src/util/deadline.ts";

const late = (): Error => new Error("late");

function begin(): {
  clock: VirtualClock;
  abort: AbortController;
  seen: AbortSignal[];
  done: PromiseWithResolvers<string>;
  outcome: Promise<string>;
} {
  const clock = new VirtualClock();
  const abort = new AbortController();
  const done = Promise.withResolvers<string>();
  const seen: AbortSignal[] = [];
  const work = (signal: AbortSignal): Promise<string> => {
    seen.push(signal);
    return done.promise;
  };
  const outcome = withDeadline(clock, 1_000, abort.signal, work, late).catch((error: unknown) => String(error));
  return { clock, abort, seen, done, outcome };
}

describe("a wait with a deadline", () => {
  it("gives what the work gives, and leaves no timer", async () => {
    const { clock, seen, done, outcome } = begin();
    done.resolve("done");
    expect(await outcome).toBe("done");
    await clock.advance(10_000);
    expect(seen[0]?.aborted).toBe(false);
  });

  it("throws what the work throws", async () => {
    const { done, outcome } = begin();
    done.reject(new Error("broken"));
    expect(await outcome).toBe("Error: broken");
  });

  it("ends at its deadline and tells the work; what the work says afterwards is nobody's", async () => {
    const { clock, seen, done, outcome } = begin();
    await clock.advance(999);
    await settle();
    expect(seen[0]?.aborted).toBe(false);
    await clock.advance(1);
    expect(await outcome).toBe("Error: late");
    expect(String(seen[0]?.reason)).toBe("Error: late");
    done.reject(new Error("too late to matter"));
    await settle();
  });

  it("ends with the caller's reason, and tells the work", async () => {
    const { abort, seen, outcome } = begin();
    abort.abort(new Error("a newer commit"));
    expect(await outcome).toBe("Error: a newer commit");
    expect(String(seen[0]?.reason)).toBe("Error: a newer commit");
  });

  it("is not begun for a caller that has gone", async () => {
    let begun = false;
    const work = async (): Promise<void> => {
      begun = true;
    };
    const gone = AbortSignal.abort(new Error("gone"));
    await expect(withDeadline(new VirtualClock(), 1, gone, work, late)).rejects.toThrow("gone");
    expect(begun).toBe(false);
  });
});
