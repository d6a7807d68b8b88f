/** What the incidents share: pods that fail in every way, time that passes, and a fleet of apps over one world. */
import { Fleet } from "../../src/daemon/fleet.ts";
import type { Attempt } from "../../src/model/ledger.ts";
import type { AppStatus } from "../../src/model/status.ts";
import type { ContainerState, PodStatus } from "../../src/model/workload.ts";
import type { VirtualClock } from "../../src/util/clock.ts";
import type { World } from "../reconcile/world.ts";

/** A pod whose only container, `web`, is in such a state and was never ready. */
export function notReady(state: ContainerState, restartCount = 0, lastState: ContainerState = {}): PodStatus {
  return {
    phase: "Pending",
    conditions: [
      { type: "Initialized", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" },
      { type: "Ready", status: "False", lastTransitionTime: "2026-01-01T00:00:00Z" },
    ],
    containerStatuses: [
      { name: "web", image: "", imageID: "", ready: false, started: false, restartCount, state, lastState },
    ],
  };
}

/** A container that has ended three times, with this exit code. */
/** @param message Its last words, where the runtime tells them with its end */
export function crashLoop(exitCode: number, message?: string): PodStatus {
  return notReady({ waiting: { reason: "CrashLoopBackOff", message: "back-off 20s" } }, 2, {
    terminated: { exitCode, reason: "Error", ...(message !== undefined && { message }) },
  });
}

export function waitingFor(reason: string, message: string): PodStatus {
  return notReady({ waiting: { reason, message } });
}

/**
 * Lets virtual time pass, a step at a time, until the newest attempt is as wanted. git answers in real time: each step
 * waits for an answer that stands behind all earlier questions in git's one queue.
 *
 * @returns The attempt, and how much virtual time it took, milliseconds
 */
export async function passTime(
  world: World,
  clock: VirtualClock,
  wanted: (attempt: Attempt) => boolean,
): Promise<{ attempt: Attempt; tookMs: number }> {
  const start = clock.monotonic();
  for (let turn = 0; turn < 20_000; turn++) {
    const [attempt] = await world.ledger.attempts({ limit: 1 });
    if (attempt !== undefined && wanted(attempt)) return { attempt, tookMs: clock.monotonic() - start };
    await world.repository.head();
    await clock.advance(100);
  }
  throw new Error(`it never came; logged: ${world.logged.slice(-5).join(" | ")}`);
}

export const hasEnded =
  (subject: string) =>
  (attempt: Attempt): boolean =>
    attempt.subject === subject && attempt.ending !== undefined;

/** A fleet that follows `main`; close it before the world. */
export async function startFleet(world: World): Promise<Fleet> {
  const note = (message: string): void => {
    world.logged.push(message);
  };
  const fleet = new Fleet({
    target: "local",
    repository: world.repository,
    ref: "main",
    backend: world.backend,
    ledger: world.ledger,
    images: world.images,
    configKey: new Uint8Array(32),
    imagePaths: [],
    clock: world.clock,
    log: { info: note, warn: note, error: note },
    onImages: () => world.cluster.node.imagesChanged(),
  });
  await fleet.start();
  await fleet.settled();
  return fleet;
}

export async function push(
  world: World,
  fleet: Fleet,
  files: Record<string, string | null>,
  subject: string,
): Promise<void> {
  const commit = world.commit(files, subject);
  await untilFleet(fleet, (apps) => apps.every(({ head }) => head?.commit === commit));
  await fleet.settled();
}

/** Resolves as soon as all statuses are as wanted. */
export function untilFleet(fleet: Fleet, wanted: (apps: AppStatus[]) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!wanted(fleet.statuses())) return;
      stop();
      resolve();
    };
    const stop = fleet.onChange(look);
    look();
  });
}

/** App and phase, with the reason where there is one. */
export function phases(fleet: Fleet): Record<string, string> {
  return Object.fromEntries(fleet.statuses().map(({ app, phase, reason }) => [app, `${phase} ${reason}`.trim()]));
}
