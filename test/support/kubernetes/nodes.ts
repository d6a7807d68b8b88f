/** Nodes without machines: objects that are Ready, have room, and whose heartbeat we keep up so that nobody gives them up. */
import type { KubeObject } from "../../../src/model/object.ts";
import type { Api } from "./api.ts";

/** Nodes of ours carry it; a cluster with others runs its pods itself. */
export const PLAYED_LABEL = "trueup.test/played";

const HEARTBEAT_MS = 10_000;
const NODES = "/api/v1/nodes";
const LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

/** More than any test needs: what a test wants to be short it declares itself. */
const ALLOCATABLE = { cpu: "1000", memory: "1Ti", "ephemeral-storage": "1Ti", pods: "20000" };

interface Node extends KubeObject {
  spec: { taints?: { key: string }[] };
}

export class PlayedNodes {
  readonly names: readonly string[];
  readonly #api: Api;
  #timer: NodeJS.Timeout | undefined;
  #beat: Promise<unknown> = Promise.resolve();
  #failure: { error: unknown } | undefined;

  private constructor(api: Api, names: readonly string[]) {
    this.#api = api;
    this.names = names;
  }

  /** Makes nodes `prefix1` to `prefixN`, and waits until pods may be scheduled to them. */
  static async start(
    api: Api,
    count: number,
    prefix = "node-",
    allocatable: object = ALLOCATABLE,
  ): Promise<PlayedNodes> {
    const nodes = new PlayedNodes(
      api,
      Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`),
    );
    await Promise.all(nodes.names.map((name) => nodes.#create(name, allocatable)));
    nodes.#timer = setInterval(() => {
      nodes.#beat = Promise.all(nodes.names.map((name) => nodes.#renew(name))).catch((error: unknown) => {
        nodes.#failure ??= { error };
      });
    }, HEARTBEAT_MS);
    // They are born with a taint, which the controller manager takes away when it has seen that they are ready.
    const isOpen = (node: Node | null): boolean => node?.spec.taints === undefined;
    await Promise.all(nodes.names.map((name) => api.until<Node>(`${NODES}/${name}`, isOpen)));
    return nodes;
  }

  /** @throws What went wrong with a heartbeat */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beat;
    await Promise.all(this.names.map((name) => this.#api.remove(`${NODES}/${name}`)));
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #create(name: string, allocatable: object): Promise<void> {
    const labels = { [PLAYED_LABEL]: "true", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" };
    const now = new Date().toISOString();
    await this.#api.create({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name, labels },
      status: {
        capacity: allocatable,
        allocatable,
        addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
        nodeInfo: { kubeletVersion: "v0.0.0-played", operatingSystem: "linux", architecture: "amd64" },
        conditions: [
          { type: "Ready", status: "True", reason: "Played", lastHeartbeatTime: now, lastTransitionTime: now },
        ],
      },
    });
    await this.#api.create({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name, namespace: "kube-node-lease" },
      spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime() },
    });
  }

  async #renew(name: string): Promise<void> {
    await this.#api.patch(`${LEASES}/${name}`, "merge", { spec: { renewTime: microTime() } });
  }
}

/** Kubernetes' MicroTime has six digits after the second. */
function microTime(): string {
  return new Date().toISOString().replace("Z", "000Z");
}
