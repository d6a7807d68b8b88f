/** How a run is ended: preStop, SIGTERM, and SIGKILL when the grace period is over. */
import type { ContainerLaunch, RunningContainer, Runtime } from "../model/runtime.ts";
import type { Handler } from "../model/workload.ts";
import type { Clock } from "../util/clock.ts";
import { Deadline, LEAST_SHUTDOWN_MS } from "./deadline.ts";
import type { LocalPort } from "./env.ts";
import { runHook } from "./handlers.ts";

export interface EndRunOptions {
  running: RunningContainer;
  deadline: Deadline;
  runtime: Runtime;
  clock: Clock;
  ports: readonly LocalPort[];
  launch: ContainerLaunch | null;
  preStop: Handler | undefined;
  onHookFailed(): void;
}

/** An end that is under way. */
export interface Ending {
  /** Resolves when the run is gone. */
  readonly done: Promise<void>;
  /** Ends it by this deadline too, should it be the earlier one. */
  hasten(deadline: Deadline): void;
}

/**
 * Ends a run. The hook counts in the grace period; after it the run gets at least two seconds between SIGTERM and
 * SIGKILL, as on Kubernetes, unless there is no grace at all.
 */
export function endRun(options: EndRunOptions): Ending {
  const { deadline } = options;
  return {
    done: steps(options),
    hasten: (other) => {
      if (other === deadline) return;
      if (other.forced) deadline.shorten(0);
      else deadline.shorten(other.leftMs);
      // The other one may itself be brought forward to "at once" later.
      void other.passed.then(() => {
        if (other.forced) deadline.shorten(0);
      });
    },
  };
}

async function steps(options: EndRunOptions): Promise<void> {
  const { running, deadline, runtime, clock, ports, launch, preStop } = options;
  let gone = false;
  const exited = running.exited.then(() => {
    gone = true;
  });
  if (preStop !== undefined && launch !== null && !deadline.forced) {
    const hook = runHook(runtime, clock, launch, preStop, ports).then((outcome) => {
      if (!outcome.ok && !gone) options.onHookFailed();
    });
    await Promise.race([hook, exited, deadline.passed]);
  }
  if (!gone && !deadline.forced) {
    running.signal("SIGTERM");
    const least = new Deadline(clock, LEAST_SHUTDOWN_MS);
    await Promise.race([exited, deadline.passed]);
    if (!gone && !deadline.forced) await Promise.race([exited, least.passed, deadline.hurried]);
    least.cancel();
  }
  if (!gone) running.signal("SIGKILL");
  await exited;
}
