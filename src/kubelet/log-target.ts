/** Which run's log a person means. */
import { TrueupError } from "../model/errors.ts";
import type { KubeletLogQuery } from "../model/kubelet.ts";
import type { ContainerLaunch } from "../model/runtime.ts";
import type { PodWorker } from "./pod-worker.ts";

/**
 * The newest run of the container that is asked for, or the one before it.
 *
 * @throws {TrueupError} `not-found` when there is no such container or run, `unavailable` when it has not run yet
 */
export function launchForLogs(worker: PodWorker, { container, previous }: KubeletLogQuery): ContainerLaunch {
  const pod = worker.pod.metadata.name;
  const name = container ?? worker.defaultContainer;
  const launch = worker.launchOf(name);
  if (launch === undefined) {
    throw new TrueupError("not-found", `Cannot read logs of pod ${pod} as it has no container "${name}".`, {
      hint: `It has ${worker.containerNames.join(", ")}.`,
    });
  }
  if (launch === null) {
    const why = `container "${name}" must have started: it waits to`;
    throw new TrueupError("unavailable", `Cannot read logs of pod ${pod} as ${why}.`, {
      hint: `\`trueup describe pod/${pod}\` says what it waits for.`,
    });
  }
  if (previous !== true) return launch;
  if (launch.run === 0) {
    throw new TrueupError("not-found", `Cannot read logs of pod ${pod} as container "${name}" has no earlier run.`);
  }
  return { ...launch, run: launch.run - 1 };
}
