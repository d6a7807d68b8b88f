/** stub */
import type { Clock } from "../util/clock.ts";
import { KubeletClient } from "./client.ts";

export interface LaunchKubeletOptions {
  stateDir: string;
  socketPath: string;
  /** Program and arguments of a kubelet for this state directory; it ends up in `runKubelet`. */
  argv: string[];
  clock: Clock;
  /** Milliseconds until it must answer; 10,000 when absent. */
  timeoutMs?: number;
}

/** The kubelet of the state directory: the one that answers, else a new one in a session of its own. */
export async function launchKubelet(options: LaunchKubeletOptions): Promise<KubeletClient> {
  return new KubeletClient(options.socketPath);
}
