/** The one cluster that all test files of a run share: our own control plane with played nodes, or whichever a kubeconfig names. */
import { TrueupError } from "../../../src/model/errors.ts";
import { readKubeconfig } from "./access.ts";
import { Api } from "./api.ts";
import { ControlPlane } from "./control-plane.ts";
import { KubeletLogs } from "./logs.ts";
import { PLAYED_LABEL, PlayedNodes } from "./nodes.ts";
import { controlPlaneProgram } from "./program.ts";

const NODES = 3;

/** What test files are told of it; plain data, as they run in processes of their own. */
export interface SharedCluster {
  /** Path of a kubeconfig with every right. */
  kubeconfig: string;
  /** Whether its pods run only as far as a test plays them. */
  played: boolean;
  /** Only of a control plane of our own. */
  own: { program: string; directory: string; auditLog: string; pids: Record<string, number> } | null;
}

export interface RunningCluster {
  shared: SharedCluster;
  stop(): Promise<void>;
}

/**
 * Starts the cluster for a run, or takes the one that `TRUEUP_TEST_KUBECONFIG` names.
 *
 * @throws {TrueupError} When there is neither Go to build it nor a kubeconfig: the tests must not pass by not running
 */
export async function startCluster(existing = process.env.TRUEUP_TEST_KUBECONFIG ?? ""): Promise<RunningCluster> {
  if (existing !== "") return useCluster(existing);
  const program = await controlPlaneProgram();
  const plane = await ControlPlane.start(program);
  const api = new Api(readKubeconfig(plane.kubeconfig("player")));
  // In the order they are to be ended, which is not that of their start.
  const ends: (() => Promise<void>)[] = [() => api.close(), () => plane.stop()];
  const stop = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const end of ends.splice(0)) await end().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  try {
    const logs = await KubeletLogs.start(api, plane.certificate);
    ends.unshift(() => logs.stop());
    const nodes = await PlayedNodes.start(api, NODES, { kubeletPort: logs.port });
    ends.unshift(() => nodes.stop());
    const { directory, auditLog, pids } = plane;
    return {
      shared: { kubeconfig: plane.kubeconfig("admin"), played: true, own: { program, directory, auditLog, pids } },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Somebody else's cluster stays as it is, but one without any node gets some of ours for as long as the run lasts. */
async function useCluster(kubeconfig: string): Promise<RunningCluster> {
  const api = new Api(readKubeconfig(kubeconfig));
  try {
    const nodes = await api.list("/api/v1/nodes").catch((error: unknown) => {
      const hint = "The kubeconfig that TRUEUP_TEST_KUBECONFIG names must reach a cluster and may do everything there.";
      throw new TrueupError("unavailable", `Cannot use the cluster of ${kubeconfig}: ${String(error)}`, {
        hint,
        cause: error,
      });
    });
    const played = nodes.every(({ metadata }) => metadata.labels?.[PLAYED_LABEL] === "true");
    const ours = nodes.length === 0 ? await PlayedNodes.start(api, NODES) : null;
    const stop = async (): Promise<void> => {
      await ours?.stop();
      await api.close();
    };
    return { shared: { kubeconfig, played, own: null }, stop };
  } catch (error) {
    await api.close();
    throw error;
  }
}
