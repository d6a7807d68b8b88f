/** stub */
import type { Clock } from "../util/clock.ts";
import type { Random } from "../util/random.ts";
import type { KubeletLog } from "./pod-runtime.ts";

export interface RunKubeletOptions {
  stateDir: string;
  socketPath: string;
  version: string;
  clock: Clock;
  random: Random;
  log: KubeletLog;
}

/** The kubelet process's main: resolves when it was told to end. */
export async function runKubelet(_options: RunKubeletOptions): Promise<void> {}
