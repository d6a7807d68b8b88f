/** A world for reconcile tests: a real repository, the embedded cluster with a scripted kubelet, a real ledger and images. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedBackend } from "../../src/backend/embedded.ts";
import { EmbeddedCluster } from "../../src/cluster/cluster.ts";
import type { Repository } from "../../src/git/repository.ts";
import { openRepository } from "../../src/git/repository.ts";
import { ImageStore } from "../../src/image/store.ts";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import type {
  ApplyRequest,
  ApplyResult,
  Backend,
  DeleteRequest,
  ListQuery,
  LogQuery,
  ObjectList,
  WatchEvent,
} from "../../src/model/backend.ts";
import type { Attempt } from "../../src/model/ledger.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { CommitId } from "../../src/model/source.ts";
import type { AppStatus } from "../../src/model/status.ts";
import { AppReconciler, type AppReconcilerOptions } from "../../src/reconcile/app-reconciler.ts";
import { ClusterView } from "../../src/reconcile/view.ts";
import { type Clock, SystemClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";
import { readyStatus, ScriptedKubelet } from "../cluster/scripted-kubelet.ts";
import { commitAll, initRepository, temporary } from "../git/support.ts";

export const NO_ABORT = new AbortController().signal;

type Call = "list" | "watch" | "dryRun" | "apply" | "delete" | "logs";

/** Hands everything on, counts it, and fails when told to. */
export class WatchedBackend implements Backend {
  readonly inner: Backend;
  /** `apply Deployment web`, `delete ConfigMap c`, `list`, … */
  readonly calls: string[] = [];
  /** Asked before each call; an error that it returns is thrown. */
  failure: (call: Call, about: string) => Error | undefined = () => undefined;

  constructor(inner: Backend) {
    this.inner = inner;
  }

  get capabilities(): Backend["capabilities"] {
    return this.inner.capabilities;
  }

  /** Calls that change something. */
  get writes(): string[] {
    return this.calls.filter((call) => /^(?:apply|delete) /.test(call));
  }

  #meet(call: Call, about: string): void {
    this.calls.push(`${call} ${about}`.trim());
    const failure = this.failure(call, about);
    if (failure !== undefined) throw failure;
  }

  async list(query: ListQuery, signal: AbortSignal): Promise<ObjectList> {
    this.#meet("list", Object.values(query).join("/"));
    return this.inner.list(query, signal);
  }
  watch(query: ListQuery, version: string, signal: AbortSignal): AsyncIterable<WatchEvent> {
    this.#meet("watch", "");
    return this.inner.watch(query, version, signal);
  }
  async dryRun(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    this.#meet("dryRun", `${request.desired.kind} ${request.desired.metadata.name}`);
    return this.inner.dryRun(request, signal);
  }
  async apply(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    this.#meet("apply", `${request.desired.kind} ${request.desired.metadata.name}`);
    return this.inner.apply(request, signal);
  }
  async delete(request: DeleteRequest, signal: AbortSignal): Promise<void> {
    this.#meet("delete", `${request.id.kind} ${request.id.name}`);
    return this.inner.delete(request, signal);
  }
  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<string> {
    this.#meet("logs", `${query.container ?? ""}${query.previous === true ? " previous" : ""}`);
    return this.inner.logs(query, signal);
  }
}

export interface WorldOptions {
  clock?: Clock;
  path?: string;
  ref?: string;
}

export class World {
  readonly path: string;
  readonly clock: Clock;
  readonly kubelet = new ScriptedKubelet();
  readonly repository: Repository;
  readonly ledger: SqliteLedger;
  readonly images: ImageStore;
  readonly cluster: EmbeddedCluster;
  readonly backend: WatchedBackend;
  readonly logged: string[] = [];
  readonly #dispose: () => void;
  readonly #reconcilers: AppReconciler[] = [];
  readonly #views: ClusterView[] = [];
  readonly #options: WorldOptions;

  private constructor(parts: {
    path: string;
    clock: Clock;
    repository: Repository;
    images: ImageStore;
    dispose: () => void;
    options: WorldOptions;
  }) {
    const { path, clock, repository, images } = parts;
    this.path = path;
    this.clock = clock;
    this.repository = repository;
    this.images = images;
    this.#dispose = parts.dispose;
    this.#options = parts.options;
    this.ledger = new SqliteLedger({ path: join(path, "..", "ledger.db") });
    this.cluster = new EmbeddedCluster({
      path: ":memory:",
      clock,
      random: seededRandom(1),
      kubelet: this.kubelet,
      images,
    });
    this.backend = new WatchedBackend(new EmbeddedBackend(this.cluster));
    // Pods get ready at once, and end at once.
    this.kubelet.onAssign = ({ pod }) => this.getReady(pod.metadata.name);
    this.kubelet.onStop = (uid) => {
      const name = this.kubelet.known.get(uid)?.name;
      if (name !== undefined) this.kubelet.reportGone(name);
    };
    this.cluster.start();
  }

  /** Reports a pod ready, once. */
  getReady(name: string): void {
    if (this.kubelet.ready.has(name)) return;
    this.kubelet.ready.add(name);
    this.kubelet.reportPod(name, readyStatus());
  }

  static async create(files: Record<string, string>, options: WorldOptions = {}): Promise<World> {
    const { path: folder, dispose } = temporary();
    const path = join(folder, "repository");
    mkdirSync(path);
    initRepository(path);
    if (Object.keys(files).length > 0) commitAll(path, files, "first");
    const repository = await openRepository(path);
    const images = await ImageStore.open(join(folder, "images"));
    const clock = options.clock ?? new SystemClock();
    return new World({ path, clock, repository, images, dispose, options });
  }

  commit(files: Record<string, string | null>, message = "a commit"): CommitId {
    return commitAll(this.path, files, message);
  }

  reconciler(rest: Partial<AppReconcilerOptions> = {}): AppReconciler {
    const { path = "", ref = "main" } = this.#options;
    const note = (message: string): void => {
      this.logged.push(message);
    };
    const backoff = { baseMs: 1, maxMs: 4 };
    const view = new ClusterView({ backend: this.backend, clock: this.clock, backoff, ...rest });
    view.start();
    this.#views.push(view);
    const reconciler = new AppReconciler({
      app: { name: "shop", ref, path, namespace: "default", target: "local" },
      repository: this.repository,
      backend: this.backend,
      view,
      ledger: this.ledger,
      images: this.images,
      imagePaths: [],
      clock: this.clock,
      configKey: new Uint8Array(32),
      log: { info: note, warn: note, error: note },
      backoff,
      onImages: () => this.cluster.node.imagesChanged(),
      ...rest,
    });
    this.#reconcilers.push(reconciler);
    return reconciler;
  }

  /** A reconciler that was started and has settled. */
  async settledReconciler(rest: Partial<AppReconcilerOptions> = {}): Promise<AppReconciler> {
    const reconciler = this.reconciler(rest);
    await reconciler.start();
    await reconciler.settled();
    return reconciler;
  }

  /** Commits, tells the reconciler, and waits until it has settled. */
  async push(reconciler: AppReconciler, files: Record<string, string | null>, message?: string): Promise<AppStatus> {
    this.commit(files, message);
    reconciler.refChanged();
    return reconciler.settled();
  }

  /** Oldest first: `a commit: deployed`, an open one without its second part. */
  async outcomes(): Promise<string[]> {
    const attempts = await this.ledger.attempts({});
    return attempts.reverse().map(({ subject, ordinal, ending }) => {
      return `${subject} #${ordinal}: ${ending?.outcome ?? "open"}`;
    });
  }

  async newest(): Promise<Attempt> {
    const [attempt] = await this.ledger.attempts({ limit: 1 });
    if (attempt === undefined) throw new Error("there is no attempt");
    return attempt;
  }

  async objects(kind: string): Promise<KubeObject[]> {
    return (await this.backend.inner.list({ kind }, NO_ABORT)).items.map(({ object }) => object);
  }

  async data(name: string): Promise<unknown> {
    return (await this.object("ConfigMap", name))?.data;
  }

  async object(kind: string, name: string): Promise<KubeObject | undefined> {
    return (await this.objects(kind)).find(({ metadata }) => metadata.name === name);
  }

  async close(): Promise<void> {
    for (const reconciler of this.#reconcilers) await reconciler.close();
    for (const view of this.#views) await view.close();
    await this.cluster.close();
    this.ledger.close();
    await this.repository.close();
    this.#dispose();
  }
}

/** Resolves as soon as the status is as wanted. */
export function untilStatus(reconciler: AppReconciler, wanted: (status: AppStatus) => boolean): Promise<AppStatus> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!wanted(reconciler.status())) return;
      stop();
      resolve(reconciler.status());
    };
    const stop = reconciler.onChange(look);
    look();
  });
}

/** Resolves when something holds that nothing announces; each look lets all that is ready run first. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

// ---- Manifests ------------------------------------------------------------------------------------------------------

export function configMap(name: string, data: Record<string, string> = { a: "1" }): string {
  return `${JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data })}\n`;
}

export function deployment(name: string, tag = "v1", spec: object = {}): string {
  const labels = { app: name };
  const containers = [{ name: "web", image: `hello-server:${tag}` }];
  return `${JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      ...spec,
      template: { metadata: { labels }, spec: { containers } },
    },
  })}\n`;
}

/** An image directory with one file of the given content. */
export function image(tag: string, content = tag): Record<string, string> {
  return {
    [`images/hello-server/${tag}/config.json`]: '{"config":{"Entrypoint":["true"]}}\n',
    [`images/hello-server/${tag}/content`]: content,
  };
}
