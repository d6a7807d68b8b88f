/** The story of a daemon outlives what it cannot read, and breaks a long silence. */
import { expect, it, vi } from "vitest";
import { narrateDaemon } from "../../../src/cli/live/narrator.ts";
import { streamOutput } from "../../../src/cli/output.ts";
import { TrueupError } from "../../../src/model/errors.ts";
import type { AppStatus } from "../../../src/model/status.ts";
import { VirtualClock } from "../../../src/util/clock.ts";
import { FakeDaemon } from "../../server/fake-daemon.ts";

function recorded(): { output: ReturnType<typeof streamOutput>; lines: () => string[] } {
  let text = "";
  const stream = {
    isTTY: false,
    write: (part: string, done: (error?: Error) => void) => {
      text += part;
      done();
      return true;
    },
  };
  const lines = (): string[] =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.slice("00:00:00".length).trim());
  return { output: streamOutput(stream as never, {}), lines };
}

function app(phase: AppStatus["phase"], reason: string): AppStatus {
  const health: AppStatus["health"] = { status: "Progressing", reason: "" };
  return { app: "shop", phase, reason, health, head: null, diagnostics: [], held: [] } as unknown as AppStatus;
}

it.each([
  ["the API server is away", "unavailable", 1_000],
  ["trueup may not read", "forbidden", 10_000],
] as const)("goes on when %s, as a daemon must not end by it", async (_what, code, everyMs) => {
  const daemon = new FakeDaemon();
  const clock = new VirtualClock();
  const over = new AbortController();
  const list = vi.spyOn(daemon.backend, "list");
  for (let tries = 0; tries < 2; tries++) list.mockRejectedValueOnce(new TrueupError(code, "Cannot read pods."));
  const story = narrateDaemon(daemon, recorded().output, clock, over.signal);
  await clock.advance(everyMs - 1);
  expect(list.mock.calls.length).toBe(1);
  await clock.advance(everyMs + 1);
  expect(list.mock.calls.length).toBe(3);
  over.abort();
  await clock.advance(everyMs);
  await expect(story).resolves.toBeUndefined();
});

it("ends with a fault of trueup's own, so that it is seen", async () => {
  const daemon = new FakeDaemon();
  vi.spyOn(daemon.backend, "list").mockRejectedValueOnce(new TrueupError("internal", "Cannot be."));
  const story = narrateDaemon(daemon, recorded().output, new VirtualClock(), new AbortController().signal);
  await expect(story).rejects.toThrow("Cannot be.");
});

it("says what is waited for when nothing was told for half a minute, and nothing where nothing is", async () => {
  const daemon = new FakeDaemon();
  const clock = new VirtualClock();
  const over = new AbortController();
  const { output, lines } = recorded();
  daemon.setApps([app("Contested", "somebody else writes it")]);
  const story = narrateDaemon(daemon, output, clock, over.signal);
  await clock.advance(10_000);
  daemon.setApps([app("Synced", "")]);
  daemon.setApps([app("Progressing", "service/web: nothing has given it an address yet")]);
  const before = ["somebody else writes it", "runs: what is in git is what runs"];
  await clock.advance(29_999);
  expect(lines()).toEqual(before);
  await clock.advance(1);
  expect(lines()).toEqual([...before, "still waits: service/web: nothing has given it an address yet"]);
  daemon.setApps([app("Synced", "")]);
  await clock.advance(120_000);
  expect(lines()).toEqual([
    ...before,
    "still waits: service/web: nothing has given it an address yet",
    "runs: what is in git is what runs",
  ]);
  over.abort();
  await clock.advance(1);
  await story;
});
