import { describe, expect, it } from "vitest";
import { type Settled, untilSettled } from "../../../src/cli/live/settle.ts";
import type { ErrorCode } from "../../../src/model/errors.ts";
import type { AppStatus, DaemonStatus } from "../../../src/model/status.ts";
import { VirtualClock } from "../../../src/util/clock.ts";
import { FakeDaemon } from "../../server/fake-daemon.ts";

const progressing = { app: "web", phase: "Progressing", reason: "" } as AppStatus;
const unreadable = (trouble: ErrorCode): AppStatus => ({ ...progressing, phase: "Unreadable", reason: "no", trouble });

interface World {
  clock: VirtualClock;
  service: FakeDaemon;
  ended: PromiseWithResolvers<void>;
  settle: (status: DaemonStatus) => void;
  fail: (reason: Error) => void;
  /** Undefined as long as it is waited for. */
  outcome: () => Settled | undefined;
  over: Promise<Settled>;
}

async function wait(apps: AppStatus[], limitMs?: number): Promise<World> {
  const clock = new VirtualClock();
  const service = new FakeDaemon();
  service.apps = apps;
  const end = Promise.withResolvers<DaemonStatus>();
  const ended = Promise.withResolvers<void>();
  const over = untilSettled({ service, settled: () => end.promise, ended: ended.promise }, clock, limitMs);
  let outcome: Settled | undefined;
  over.then(
    (settled) => {
      outcome = settled;
    },
    () => {},
  );
  await clock.advance(0);
  return { clock, service, ended, settle: end.resolve, fail: end.reject, outcome: () => outcome, over };
}

describe("run --once", () => {
  it("waits for the attempts' end, however long a rollout takes, and then hears no more", async () => {
    const { clock, service, settle, outcome } = await wait([progressing]);
    await clock.advance(3_600_000);
    expect(outcome()).toBeUndefined();
    settle(service.status());
    await clock.advance(0);
    expect(outcome()).toEqual({ status: service.status(), givenUp: null });
    expect([clock.pending, service.listenerCount]).toEqual([0, 0]);
  });

  it("waits ten seconds where it is refused, five minutes where something is away", async () => {
    const rows: [ErrorCode, number, string][] = [
      ["forbidden", 10_000, "web was refused for 10 s"],
      ["not-found", 10_000, "web was refused for 10 s"],
      ["unavailable", 300_000, "web was kept from reading for 300 s"],
      ["timeout", 300_000, "web was kept from reading for 300 s"],
    ];
    for (const [code, ms, givenUp] of rows) {
      const { clock, service, outcome } = await wait([unreadable(code)]);
      await clock.advance(ms - 1);
      expect({ code, outcome: outcome() }).toEqual({ code, outcome: undefined });
      // Another reason for the same is no other trouble.
      service.setApps([{ ...unreadable(code), reason: "no, again" }]);
      await clock.advance(1);
      expect({ code, outcome: outcome()?.givenUp }).toEqual({ code, outcome: givenUp });
      expect([clock.pending, service.listenerCount]).toEqual([0, 0]);
    }
  });

  it("begins anew when it could be read in between, or when the trouble is another one", async () => {
    const { clock, service, outcome } = await wait([unreadable("forbidden")]);
    await clock.advance(9_000);
    service.setApps([progressing]);
    await clock.advance(9_000);
    service.setApps([unreadable("forbidden")]);
    await clock.advance(9_000);
    service.setApps([unreadable("unavailable")]);
    await clock.advance(299_000);
    expect(outcome()).toBeUndefined();
    await clock.advance(1_000);
    expect(outcome()?.givenUp).toBe("web was kept from reading for 300 s");
  });

  it("waits no longer than it is allowed to", async () => {
    const { clock, outcome } = await wait([progressing], 60_000);
    await clock.advance(59_999);
    expect(outcome()).toBeUndefined();
    await clock.advance(1);
    expect(outcome()?.givenUp).toBe("--timeout allows 60 s");
  });

  it("fails with what ended the daemon", async () => {
    const lost = await wait([progressing]);
    lost.ended.reject(new Error("taken over"));
    await expect(lost.over).rejects.toThrow("taken over");
    const ended = await wait([progressing]);
    ended.ended.resolve();
    await expect(ended.over).rejects.toThrow("somebody ended it");
    expect([ended.clock.pending, ended.service.listenerCount]).toEqual([0, 0]);
  });

  it("fails as waiting fails", async () => {
    const { clock, service, fail, over } = await wait([progressing]);
    fail(new Error("closed"));
    await expect(over).rejects.toThrow("closed");
    expect([clock.pending, service.listenerCount]).toEqual([0, 0]);
  });
});
