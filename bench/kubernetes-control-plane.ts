/** A real control plane for a benchmark, with a client that tells when each request was answered, and its audit log. */
import { connectApi } from "../src/backend/kubernetes/connect.ts";
import { KubernetesBackend } from "../src/backend/kubernetes/kubernetes.ts";
import type { KubeApi, KubeCall } from "../src/model/kube-api.ts";
import type { JsonObject } from "../src/model/object.ts";
import { SystemClock } from "../src/util/clock.ts";
import { systemRandom } from "../src/util/random.ts";
import { readKubeconfig } from "../test/support/kubernetes/access.ts";
import { Api } from "../test/support/kubernetes/api.ts";
import { AuditLog, type AuditMark } from "../test/support/kubernetes/audit.ts";
import { ControlPlane } from "../test/support/kubernetes/control-plane.ts";
import type { User } from "../test/support/kubernetes/parts.ts";
import { controlPlaneProgram } from "../test/support/kubernetes/program.ts";
import { run } from "../test/support/processes.ts";

/** Connections of `backend/kubernetes/transport.ts`: as many requests are under way at a time, whoever asks. */
export const CONCURRENCY = 64;
/** Controllers work through what they were given at 20 requests a second each. */
const LONGEST_REST_MS = 1_800_000;

/** A request of our own, when its answer was there. */
export interface Answer {
  call: KubeCall;
  /** Milliseconds since the epoch. */
  at: number;
}

/** Requests by what they do, as the audit log has them. */
export interface Counts {
  writes: number;
  dryRuns: number;
  reads: number;
}

export class BenchCluster {
  readonly api: Api;
  readonly #plane: ControlPlane;
  readonly #program: string;
  readonly #audit: AuditLog;

  private constructor(program: string, plane: ControlPlane) {
    this.#program = program;
    this.#plane = plane;
    this.api = new Api(readKubeconfig(plane.kubeconfig("admin")));
    this.#audit = new AuditLog(plane.auditLog, this.api);
  }

  static async start(): Promise<BenchCluster> {
    const program = await controlPlaneProgram();
    return new BenchCluster(program, await ControlPlane.start(program));
  }

  async stop(): Promise<void> {
    await this.api.close().finally(() => this.#plane.stop());
  }

  kubeconfig(user: User): string {
    return this.#plane.kubeconfig(user);
  }

  /** The client of the Kubernetes backend, as this user. */
  async client(user: User): Promise<KubeApi> {
    const options = { kubeconfig: this.kubeconfig(user), env: {}, clock: new SystemClock(), random: systemRandom };
    return (await connectApi(options)).api;
  }

  /** The backend with that client; `heard` is told each answer. */
  async backend(ownerId: string, heard: (answer: Answer) => void): Promise<KubernetesBackend> {
    const api = new HeardApi(await this.client("trueup"), heard);
    const clock = new SystemClock();
    return new KubernetesBackend({ api, clock, random: systemRandom, ownerId, namespace: "trueup-system" });
  }

  mark(): Promise<AuditMark> {
    return this.#audit.mark();
  }

  /** What trueup asked since the mark; watches are left out. */
  async counts(since: AuditMark): Promise<Counts> {
    const counts = { writes: 0, dryRuns: 0, reads: 0 };
    for (const { verb, uri } of await this.#audit.since(since, { user: "trueup" })) {
      if (verb === "get" || verb === "list") counts.reads++;
      else if (uri.includes("dryRun=")) counts.dryRuns++;
      else if (verb !== "watch") counts.writes++;
    }
    return counts;
  }

  /** Collections that trueup began to watch since the mark, with the number of objects in each. */
  async watched(since: AuditMark): Promise<Map<string, number>> {
    const watches = await this.#audit.since(since, { user: "trueup", verb: "watch" });
    const found = new Map<string, number>();
    for (const path of new Set(watches.map(({ uri }) => uri.slice(0, uri.indexOf("?"))))) {
      const { items, metadata } = await this.api.request<Page>("GET", `${path}?limit=1`);
      found.set(path, items.length + (metadata.remainingItemCount ?? 0));
    }
    return found;
  }

  /** Waits until the cluster's own controllers have done what they were given to do: it would be counted as ours. */
  async rest(): Promise<void> {
    const limit = performance.now() + LONGEST_REST_MS;
    for (let quiet = 0, version = ""; quiet < 3; ) {
      const busy = (await this.api.list("/apis/apps/v1/deployments")).filter(
        ({ status, metadata }) =>
          (status as { observedGeneration?: number } | undefined)?.observedGeneration !== metadata.generation,
      );
      const now = (await this.api.request<Page>("GET", "/api/v1/configmaps?limit=1")).metadata.resourceVersion;
      quiet = busy.length === 0 && now === version ? quiet + 1 : 0;
      version = now;
      if (performance.now() > limit) throw new Error(`Cannot go on as the controllers must be done: they are not`);
      await new Promise((done) => setTimeout(done, 1_000));
    }
  }

  /** Milliseconds that kubectl took, as the admin. @param codes Exit codes that are no failure */
  async kubectl(args: readonly string[], codes: readonly number[] = [0]): Promise<number> {
    const { directory } = this.#plane;
    const env = { PATH: process.env.PATH ?? "", HOME: directory, KUBECONFIG: this.kubeconfig("admin") };
    const begun = performance.now();
    const { code, stderr } = await run([this.#program, "kubectl", ...args], { cwd: directory, env });
    if (!codes.includes(code ?? -1)) throw new Error(`kubectl ${args.join(" ")}: exit code ${code}: ${stderr}`);
    return performance.now() - begun;
  }
}

interface Page {
  items: unknown[];
  metadata: { resourceVersion: string; remainingItemCount?: number };
}

/** Requests as they are, with a word about each answer. */
class HeardApi implements KubeApi {
  readonly #inner: KubeApi;
  readonly #heard: (answer: Answer) => void;

  constructor(inner: KubeApi, heard: (answer: Answer) => void) {
    this.#inner = inner;
    this.#heard = heard;
  }

  get server(): string {
    return this.#inner.server;
  }

  async request(call: KubeCall, signal: AbortSignal): Promise<JsonObject> {
    const answer = await this.#inner.request(call, signal);
    this.#heard({ call, at: now() });
    return answer;
  }

  lines(call: KubeCall, signal: AbortSignal, opened?: () => void): AsyncIterable<string> {
    return this.#inner.lines(call, signal, opened);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

/** Milliseconds since the epoch, with fractions. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
