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

export interface NodeOptions {
  /** Nodes are named by it and a number from 1. */
  prefix?: string;
  /** Room of each: quantities by resource. */
  allocatable?: Readonly<Record<string, string>>;
  /** Where the API server asks for logs, on loopback. */
  kubeletPort?: number;
}

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

  /** Makes nodes, and waits until pods may be scheduled to them. */
  static async start(api: Api, count: number, options: NodeOptions = {}): Promise<PlayedNodes> {
    const { prefix = "node-" } = options;
    const names = Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
    const nodes = new PlayedNodes(api, names);
    try {
      await Promise.all(names.map((name) => nodes.#create(name, options)));
      nodes.#timer = setInterval(() => nodes.#renewAll(), HEARTBEAT_MS);
      // They are born with a taint, which the controller manager takes away when it has seen that they are ready.
      const isOpen = (node: Node | null): boolean => node !== null && node.spec.taints === undefined;
      await Promise.all(names.map((name) => api.until<Node>(`${NODES}/${name}`, isOpen)));
      return nodes;
    } catch (error) {
      clearInterval(nodes.#timer);
      throw error;
    }
  }

  /** @throws What went wrong with a heartbeat */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beat;
    await Promise.all(this.names.map((name) => this.#api.remove(`${NODES}/${name}`)));
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #renewAll(): void {
    this.#beat = Promise.all(this.names.map((name) => this.#renew(name))).catch((error: unknown) => {
      this.#failure ??= { error };
    });
  }

  async #create(name: string, { allocatable = ALLOCATABLE, kubeletPort }: NodeOptions): Promise<void> {
    const labels = { [PLAYED_LABEL]: "true", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" };
    const now = new Date().toISOString();
    await this.#api.create({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name, labels },
      status: {
        capacity: allocatable,
        allocatable,
        ...(kubeletPort !== undefined && { daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } } }),
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
