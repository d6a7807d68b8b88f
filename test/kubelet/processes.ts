/** Real processes for tests: images made of small Node scripts, kubelet processes, and the end of all of them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeletClient } from "../../src/kubelet/client.ts";
import { Journal } from "../../src/kubelet/journal.ts";
import { LocalKubelet } from "../../src/kubelet/kubelet.ts";
import { ProcessRuntime, type ProcessRuntimeOptions } from "../../src/kubelet/process-runtime.ts";
import { processTable } from "../../src/kubelet/process-table.ts";
import { nullProxy, type Proxy as ProxyContract } from "../../src/kubelet/proxy-contract.ts";
import type { ImageResolution } from "../../src/model/image.ts";
import type { KubeletReport, PodAssignment } from "../../src/model/kubelet.ts";
import type { ContainerLaunch } from "../../src/model/runtime.ts";
import type { Pod } from "../../src/model/workload.ts";
import { type Clock, SystemClock } from "../../src/util/clock.ts";
import { systemRandom } from "../../src/util/random.ts";

export type FoundImage = Extract<ImageResolution, { found: true }>;

/** Scripts that containers run. CommonJS, as they have no package.json. */
export const SERVER = `
const http = require("node:http");
http.createServer((request, response) => response.end("hello " + process.env.HOSTNAME))
  .listen(Number(process.env.PORT), "127.0.0.1", () => console.log("listening"));
process.on("SIGTERM", () => { console.log("bye"); process.exit(0); });
`;

export class Bench {
  readonly directory = mkdtempSync(join(tmpdir(), "trueup-kubelet-"));
  readonly clock = new SystemClock();
  readonly #uids = new Set<string>();
  readonly #kubelets: LocalKubelet[] = [];
  readonly #processes: ChildProcess[] = [];
  readonly #clients: KubeletClient[] = [];
  #images = 0;

  /** A directory with the given files, as an image. */
  image(files: Record<string, string>, config: FoundImage["config"] = { Entrypoint: ["node", "main.js"] }): FoundImage {
    const directory = join(this.directory, "images", String(++this.#images));
    mkdirSync(directory, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text, { mode: 0o755 });
    return { found: true, reference: "web:v1", digest: `sha256:${"0".repeat(64)}`, directory, config };
  }

  get stateDir(): string {
    return join(this.directory, "state");
  }

  get kubeletDirectory(): string {
    return join(this.stateDir, "kubelet");
  }

  runtime(options: Partial<ProcessRuntimeOptions> = {}): ProcessRuntime {
    return new ProcessRuntime({
      directory: this.kubeletDirectory,
      clock: this.clock,
      random: systemRandom,
      ...options,
    });
  }

  launch(image: FoundImage, extra: Partial<ContainerLaunch> = {}): ContainerLaunch {
    const podUid = extra.podUid ?? `uid-${process.pid}-${this.directory.slice(-6)}`;
    this.#uids.add(podUid);
    const env = {
      TRUEUP_POD_UID: podUid,
      TRUEUP_CONTAINER: "web",
      TRUEUP_RUN: "0",
      PATH: "/usr/bin:/bin",
      ...extra.env,
    };
    return {
      podUid,
      podName: "web-1",
      namespace: "default",
      container: "web",
      run: 0,
      image,
      argv: ["node", "main.js"],
      workingDir: "",
      ...extra,
      env,
    };
  }

  kubelet(options: { proxy?: ProxyContract; clock?: Clock } = {}): LocalKubelet {
    const { clock = this.clock, proxy = nullProxy } = options;
    mkdirSync(this.kubeletDirectory, { recursive: true });
    const kubelet = new LocalKubelet({
      runtime: this.runtime({ clock }),
      clock,
      random: systemRandom,
      proxy,
      journal: Journal.open(join(this.kubeletDirectory, "journal.ndjson")),
      directory: this.kubeletDirectory,
    });
    this.#kubelets.push(kubelet);
    return kubelet;
  }

  assignment(pod: Pod, image: FoundImage): PodAssignment {
    this.#uids.add(pod.metadata.uid ?? "");
    const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
    const images = Object.fromEntries(all.map((container) => [container.name, image]));
    return { pod, images, configMaps: {}, secrets: {}, serviceEnv: {} };
  }

  /** Starts a kubelet process; resolves when it answers. */
  async process(): Promise<{ child: ChildProcess; client: KubeletClient }> {
    mkdirSync(this.stateDir, { recursive: true });
    const main = join(import.meta.dirname, "kubelet-main.ts");
    const child = spawn(process.execPath, [main, this.stateDir, this.socketPath], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#processes.push(child);
    let output = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on("data", (chunk) => {
        output += String(chunk);
        if (output.includes("answers on")) resolve();
      });
      child.once("exit", () => reject(new Error(`the kubelet ended: ${output}`)));
    });
    return { child, client: this.client() };
  }

  get socketPath(): string {
    return join(this.directory, "k.sock");
  }

  client(): KubeletClient {
    const client = new KubeletClient(this.socketPath);
    this.#clients.push(client);
    return client;
  }

  track(uid: string): void {
    this.#uids.add(uid);
  }

  /** Ends all that was started here. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    for (const kubelet of this.#kubelets) await kubelet.close();
    for (const uid of this.#uids) await this.runtime().sweep(uid);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The first report that fits; all reports before it are gone over. */
export async function reportWhere(
  source: { reports(after: number, signal: AbortSignal): AsyncIterable<KubeletReport> },
  fits: (report: KubeletReport) => boolean,
  after = 0,
): Promise<KubeletReport> {
  const done = new AbortController();
  try {
    for await (const report of source.reports(after, done.signal)) if (fits(report)) return report;
  } finally {
    done.abort();
  }
  throw new Error("the reports ended");
}

export function isReady(uid: string): (report: KubeletReport) => boolean {
  return (report) =>
    report.type === "pod-status" &&
    report.uid === uid &&
    report.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

export function isGone(uid: string): (report: KubeletReport) => boolean {
  return (report) => report.type === "pod-gone" && report.uid === uid;
}

/** Pids that carry the pod's uid. */
export async function pidsOf(uid: string): Promise<number[]> {
  return (await processTable().ofPod(uid)).map(({ pid }) => pid);
}

export function readJsonFile(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
