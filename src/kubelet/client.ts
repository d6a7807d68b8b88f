/** The daemon's side of the kubelet's socket. */

import { messageOf, TrueupError } from "../model/errors.ts";
import type {
  Kubelet,
  KubeletLogQuery,
  KubeletPodSummary,
  KubeletReport,
  PodAssignment,
  ServiceAssignment,
} from "../model/kubelet.ts";
import { Agent, type IncomingMessage, request } from "../util/http.ts";
import { silentKubelet } from "./silent.ts";
import { decodeError, PATHS, readJson, readLines, type WireError } from "./wire.ts";

/** How long an answer, or the beginning of a stream, may take, milliseconds. What waits for pods has no limit of its own. */
const ANSWER_MS = 30_000;

/** What a kubelet says of itself. */
export interface KubeletInfo {
  pid: number;
  version: string;
  /** RFC 3339. */
  startedAt: string;
  stateDir: string;
}

interface SendOptions {
  agent?: Agent;
  /** `null`: the answer may take any time. */
  limitMs: number | null;
  signal?: AbortSignal;
}

/**
 * A kubelet in another process. Every call fails with `unavailable` when the kubelet cannot be reached or ends before it
 * has answered, and with `timeout` when it says nothing; all of them are idempotent and may be tried again.
 */
export class KubeletClient implements Kubelet {
  readonly socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  readonly #closed = new AbortController();

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  async info(): Promise<KubeletInfo> {
    return (await this.#call(PATHS.info, null)) as KubeletInfo;
  }

  async assign(assignment: PodAssignment): Promise<void> {
    await this.#call(PATHS.assign, assignment);
  }

  async stop(uid: string, graceSeconds: number): Promise<void> {
    await this.#call(PATHS.stop, { uid, graceSeconds });
  }

  async serve(services: ServiceAssignment[]): Promise<void> {
    await this.#call(PATHS.serve, services);
  }

  async pods(): Promise<KubeletPodSummary[]> {
    return (await this.#call(PATHS.pods, null)) as KubeletPodSummary[];
  }

  async *reports(after: number, signal: AbortSignal): AsyncGenerator<KubeletReport> {
    yield* this.#stream<KubeletReport>(`${PATHS.reports}?after=${after}`, signal);
  }

  async acknowledge(seq: number): Promise<void> {
    await this.#call(PATHS.acknowledge, { seq });
  }

  async *logs(query: KubeletLogQuery, signal: AbortSignal): AsyncGenerator<string> {
    yield* this.#stream<string>(`${PATHS.logs}?query=${encodeURIComponent(JSON.stringify(query))}`, signal);
  }

  /**
   * Ends the kubelet process: with its pods, each within its grace period, or leaving them for the next kubelet to adopt.
   * Resolves when the pods are gone and the process is about to be.
   */
  async shutdown({ stopPods }: { stopPods: boolean }): Promise<void> {
    await this.#call(PATHS.shutdown, { stopPods }, null);
  }

  /** Ends the connections, and the streams with them. The kubelet runs on. */
  close(): void {
    this.#closed.abort();
    this.#agent.destroy();
  }

  async #call(path: string, body: unknown, limitMs: number | null = ANSWER_MS): Promise<unknown> {
    const response = await this.#send(path, JSON.stringify(body), { agent: this.#agent, limitMs });
    let answer: unknown;
    try {
      answer = await readJson(response);
    } catch (error) {
      throw this.#unavailable(error);
    }
    if (response.statusCode !== 200) throw decodeError(answer as WireError);
    return answer;
  }

  async *#stream<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
    const ended = (): boolean => signal.aborted || this.#closed.signal.aborted;
    if (ended()) return;
    let response: IncomingMessage;
    try {
      // A stream has a connection of its own: it would hold one of the calls' for as long as it lives.
      const either = AbortSignal.any([signal, this.#closed.signal]);
      response = await this.#send(path, "", { limitMs: ANSWER_MS, signal: either });
      // It has begun. How long it is silent from now on is up to what it tells of.
      response.socket.setTimeout(0);
      if (response.statusCode !== 200) throw decodeError((await readJson(response)) as WireError);
    } catch (error) {
      if (ended()) return;
      throw error;
    }
    try {
      for await (const line of readLines(response)) {
        if ("error" in line) throw decodeError(line);
        if ("end" in line) return;
        yield line.item as T;
      }
    } catch (error) {
      if (ended()) return;
      throw error instanceof TrueupError ? error : this.#unavailable(error);
    } finally {
      response.destroy();
    }
    if (!ended()) throw this.#unavailable(new Error("the stream was cut off"));
  }

  #send(path: string, body: string, { agent, limitMs, signal }: SendOptions): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = request({
        socketPath: this.socketPath,
        path,
        method: "POST",
        agent: agent ?? false,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
        ...(signal !== undefined && { signal }),
        ...(limitMs !== null && { timeout: limitMs }),
      });
      sent.once("timeout", () => sent.destroy(silentKubelet(this.socketPath, null, limitMs ?? 0)));
      sent.once("response", resolve);
      sent.on("error", (error) => reject(this.#unavailable(error)));
      sent.end(body);
    });
  }

  #unavailable(error: unknown): TrueupError {
    if (error instanceof TrueupError) return error;
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" || code === "ECONNREFUSED" ? "nothing answers there" : messageOf(error);
    return new TrueupError("unavailable", `Cannot reach the kubelet at ${this.socketPath}: ${why}.`, { cause: error });
  }
}
