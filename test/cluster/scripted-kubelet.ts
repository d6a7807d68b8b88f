/** A kubelet that does what a test says, for tests of what the daemon tells it and makes of its reports. */
import { TrueupError } from "../../src/model/errors.ts";
import type { ImageCatalog } from "../../src/model/image.ts";
import type {
  Kubelet,
  KubeletLogQuery,
  KubeletPodSummary,
  KubeletReport,
  KubeletReportBody,
  PodAssignment,
  ServiceAssignment,
} from "../../src/model/kubelet.ts";
import type { PodStatus } from "../../src/model/workload.ts";

export const allImages: ImageCatalog = {
  resolve: (reference) => ({ found: true, reference, digest: `sha256:${reference}`, directory: "/images", config: {} }),
};

/** Status of a pod that runs and is ready. */
export function readyStatus(at = "2026-01-01T00:00:00Z"): PodStatus {
  return {
    phase: "Running",
    conditions: [{ type: "Ready", status: "True", lastTransitionTime: at }],
    podIP: "127.0.0.1",
  };
}

export class ScriptedKubelet implements Kubelet {
  /** What was called, as `assign web-1`, `stop web-1 30`, `serve svc`, `acknowledge 3`. */
  readonly calls: string[] = [];
  readonly assignments = new Map<string, PodAssignment>();
  readonly known = new Map<string, KubeletPodSummary>();
  services: ServiceAssignment[] = [];
  /** For scripts that report once: uids that they have reported. */
  readonly ready = new Set<string>();
  /** Calls fail with this while it is set. */
  failure: Error | null = null;
  acknowledged = 0;
  lines: string[] = [];
  onAssign: (assignment: PodAssignment) => void = () => {};
  onStop: (uid: string) => void = () => {};
  onServe: (services: ServiceAssignment[]) => void = () => {};
  #reports: KubeletReport[] = [];
  #wake: (() => void)[] = [];
  #dropped = false;

  /** Reports, under the next number unless one is given. */
  report(body: KubeletReportBody, seq = (this.#reports.at(-1)?.seq ?? 0) + 1): void {
    this.#reports.push({ ...body, seq, at: "2026-01-01T00:00:00.000Z" });
    this.#wakeAll();
  }

  /** Reports of a pod that was assigned, by name. */
  reportPod(name: string, status: PodStatus, hostPorts: Record<string, number> = {}): void {
    this.report({ type: "pod-status", ...this.#identity(name), status, hostPorts });
  }

  reportGone(name: string): void {
    const identity = this.#identity(name);
    this.known.delete(identity.uid);
    this.assignments.delete(identity.uid);
    this.report({ type: "pod-gone", ...identity });
  }

  /** Breaks all connections; calls fail until `failure` is null again. */
  drop(): void {
    this.failure = new TrueupError("unavailable", "the kubelet is away");
    this.#dropped = true;
    this.#wakeAll();
  }

  /** Sends reports again from the first that was not acknowledged, or from `from`. */
  replay(from: number): KubeletReport[] {
    return this.#reports.filter(({ seq }) => seq >= from);
  }

  assign(assignment: PodAssignment): Promise<void> {
    return this.#call(`assign ${assignment.pod.metadata.name}`, () => {
      const { uid = "", namespace = "", name } = assignment.pod.metadata;
      this.assignments.set(uid, assignment);
      this.known.set(uid, { uid, namespace, name, terminating: false });
      this.onAssign(assignment);
    });
  }

  stop(uid: string, graceSeconds: number): Promise<void> {
    return this.#call(`stop ${this.known.get(uid)?.name ?? "unknown"} ${graceSeconds}`, () => this.onStop(uid));
  }

  serve(services: ServiceAssignment[]): Promise<void> {
    return this.#call(`serve ${services.map(({ name }) => name).join(",")}`, () => {
      this.services = services;
      this.onServe(services);
    });
  }

  async pods(): Promise<KubeletPodSummary[]> {
    if (this.failure !== null) throw this.failure;
    return [...this.known.values()];
  }

  async *reports(after: number, signal: AbortSignal): AsyncIterable<KubeletReport> {
    if (this.failure !== null) throw this.failure;
    this.#dropped = false;
    const wake = (): void => this.#wakeAll();
    signal.addEventListener("abort", wake);
    for (let next = this.#reports.findIndex(({ seq }) => seq > after), last = after; !signal.aborted; ) {
      if (this.#dropped) throw new TrueupError("unavailable", "the kubelet went away");
      if (next < 0) next = this.#reports.findIndex(({ seq }) => seq > last);
      const report = next < 0 ? undefined : this.#reports[next];
      if (report === undefined) {
        await new Promise<void>((resolve) => this.#wake.push(resolve));
        continue;
      }
      next++;
      last = report.seq;
      yield report;
    }
  }

  acknowledge(seq: number): Promise<void> {
    return this.#call(`acknowledge ${seq}`, () => {
      this.acknowledged = seq;
    });
  }

  async *logs(query: KubeletLogQuery, _signal: AbortSignal): AsyncIterable<string> {
    yield* query.tail === undefined ? this.lines : this.lines.slice(-query.tail);
    if (query.follow === true) await new Promise(() => {});
  }

  async #call(what: string, work: () => void): Promise<void> {
    if (this.failure !== null) throw this.failure;
    this.calls.push(what);
    work();
  }

  #identity(name: string): { uid: string; namespace: string; name: string } {
    for (const { uid, namespace, name: known } of this.known.values())
      if (known === name) return { uid, namespace, name };
    throw new Error(`the kubelet knows no pod ${name}`);
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
