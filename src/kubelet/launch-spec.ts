/** From a container of a manifest to a resolved launch: program, arguments, directory, environment. Pure. */
import type { ImageResolution } from "../model/image.ts";
import type { PodAssignment } from "../model/kubelet.ts";
import type { ContainerLaunch } from "../model/runtime.ts";
import type { Container } from "../model/workload.ts";
import { expand, type LocalPort, resolveEnv } from "./env.ts";
import { LOOPBACK } from "./status.ts";

export type FoundImage = Extract<ImageResolution, { found: true }>;

export interface LaunchInput {
  assignment: PodAssignment;
  container: Container;
  image: FoundImage;
  run: number;
  ports: readonly LocalPort[];
  workDirectory: string;
  path: string;
}

export type LaunchResult = { ok: true; launch: ContainerLaunch } | { ok: false; message: string };

/**
 * Resolves a launch. `command` replaces the image's Entrypoint and Cmd, `args` only its Cmd. The message of a failure
 * names what is missing, never a value.
 */
export function resolveLaunch(input: LaunchInput): LaunchResult {
  const { assignment, container, image, run } = input;
  const { config } = image;
  const resolved = resolveEnv({
    assignment,
    container,
    imageEnv: config.Env ?? [],
    ports: input.ports,
    workDirectory: input.workDirectory,
    path: input.path,
    podIP: LOOPBACK,
    hostIP: LOOPBACK,
  });
  if (!resolved.ok) return resolved;
  const given = (words: string[] | undefined): string[] | undefined =>
    words === undefined || words.length === 0 ? undefined : words.map((word) => expand(word, resolved.lookup));
  const command = given(container.command);
  const args = given(container.args);
  const argv = [
    ...(command ?? config.Entrypoint ?? []),
    ...(args ?? (command === undefined ? (config.Cmd ?? []) : [])),
  ];
  if (argv.length === 0) return { ok: false, message: "no command specified" };
  const env = lazily(() => ({ ...resolved.env(), TRUEUP_RUN: String(run) }));
  const { metadata } = assignment.pod;
  const launch: ContainerLaunch = {
    podUid: metadata.uid ?? "",
    podName: metadata.name,
    namespace: metadata.namespace ?? "default",
    container: container.name,
    run,
    image,
    argv,
    get env() {
      return env();
    },
    workingDir: container.workingDir ?? config.WorkingDir ?? "",
    ...(isInit(input) && { isInit: true }),
  };
  return { ok: true, launch };
}

/** Whether it runs before the others and ends; a sidecar, which restarts always, does not. */
function isInit({ assignment, container }: LaunchInput): boolean {
  const { initContainers = [] } = assignment.pod.spec;
  return container.restartPolicy !== "Always" && initContainers.some(({ name }) => name === container.name);
}

/** The launch of a run that is already there: its environment only matters for what is run beside it. */
export function launchOfRun(input: LaunchInput): ContainerLaunch {
  const result = resolveLaunch(input);
  if (result.ok) return result.launch;
  const { metadata } = input.assignment.pod;
  const bare = { HOSTNAME: metadata.name, TRUEUP_POD_UID: metadata.uid ?? "", PATH: input.path };
  return {
    podUid: metadata.uid ?? "",
    podName: metadata.name,
    namespace: metadata.namespace ?? "default",
    container: input.container.name,
    run: input.run,
    image: input.image,
    argv: [],
    env: { ...bare, TRUEUP_CONTAINER: input.container.name, TRUEUP_RUN: String(input.run) },
    workingDir: input.container.workingDir ?? "",
  };
}

function lazily<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
