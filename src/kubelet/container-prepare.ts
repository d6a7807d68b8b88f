/** What comes before a container can start: its image and its configuration, waited for as long as it takes. */
import type { ContainerLaunch } from "../model/runtime.ts";
import type { Container } from "../model/workload.ts";
import { backoffMs } from "../util/backoff.ts";
import { BACK_OFF, type ContainerContext } from "./container-record.ts";
import { type LaunchInput, resolveLaunch } from "./launch-spec.ts";
import type { Waiter } from "./waiter.ts";

/** How long ErrImagePull shows before ImagePullBackOff takes its place, as the kubelet's next look would do. */
const PULL_ERROR_SHOWN_MS = 1_000;

export interface PrepareOptions {
  spec: Container;
  run: number;
  context: ContainerContext;
  waiter: Waiter;
  /** It waits for this reason. */
  waiting(reason: string, message: string): void;
}

/** The launch, once image and configuration are there; `null` when the container is stopped meanwhile. */
export async function prepareLaunch(options: PrepareOptions): Promise<ContainerLaunch | null> {
  const { spec, run, context, waiter, waiting } = options;
  for (let pulls = 0; ; ) {
    const image = context.assignment().images[spec.name];
    if (image?.found !== true) {
      const message = image?.message ?? "the assignment names no image";
      if (!(await waitForImage(options, image?.reason ?? "ErrImagePull", message, pulls++))) return null;
      continue;
    }
    const result = resolveLaunch(launchInput(spec, context, image, run));
    if (result.ok) {
      context.event("Normal", "Pulled", `Container image "${spec.image ?? ""}" already present on machine`);
      return result.launch;
    }
    waiting("CreateContainerConfigError", result.message);
    context.event("Warning", "Failed", `Error: ${result.message}`);
    if ((await waiter.wait(null)) === "stop") return null;
  }
}

/** What a launch of this container is resolved from now. */
export function launchInput(
  container: Container,
  { assignment, ports, workDirectory, path }: ContainerContext,
  image: LaunchInput["image"],
  run: number,
): LaunchInput {
  return { assignment: assignment(), container, image, run, ports, workDirectory, path };
}

/**
 * Says that the image is missing and waits: for the back-off, or for an assignment that brings it.
 *
 * @returns Whether to look again; otherwise the container is stopped
 */
async function waitForImage(
  { spec, context, waiter, waiting }: PrepareOptions,
  reason: "ErrImagePull" | "InvalidImageName",
  message: string,
  pulls: number,
): Promise<boolean> {
  const image = spec.image ?? "";
  const arrived = (): boolean => context.assignment().images[spec.name]?.found === true;
  waiting(reason, message);
  if (reason === "InvalidImageName") {
    context.event("Warning", "InspectFailed", `Failed to apply default image tag "${image}": ${message}`);
    context.event("Warning", "Failed", "Error: InvalidImageName");
    return (await waiter.wait(null)) !== "stop";
  }
  context.event("Warning", "Failed", `Failed to pull image "${image}": ${message}`);
  context.event("Warning", "Failed", "Error: ErrImagePull");
  const until = context.clock.monotonic() + backoffMs(pulls, BACK_OFF);
  const shown = await waiter.waitFor(arrived, PULL_ERROR_SHOWN_MS);
  if (shown !== "timer") return shown !== "stop";
  waiting("ImagePullBackOff", `Back-off pulling image "${image}": ErrImagePull: ${message}`);
  context.event("Normal", "BackOff", `Back-off pulling image "${image}"`);
  context.event("Warning", "Failed", "Error: ImagePullBackOff");
  return (await waiter.waitFor(arrived, until - context.clock.monotonic())) !== "stop";
}
