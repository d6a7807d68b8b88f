/** The daemon's kubelet, kept there: one that has gone is started again, and takes up the pods that the gone one left. */
import type { KubeletClient } from "../kubelet/client.ts";
import { ANSWER_MS, Heartbeat } from "../kubelet/heartbeat.ts";
import { type LaunchKubeletOptions, launchKubelet } from "../kubelet/launch.ts";
import { silentKubelet, silentKubeletHint } from "../kubelet/silent.ts";
import { TrueupError } from "../model/errors.ts";
import type { DaemonLog } from "./log.ts";

/** How often a kubelet that is killed while it ends its pods is replaced by one that goes on with it. */
const STOP_TRIES = 3;

export class KubeletKeeper {
  readonly client: KubeletClient;
  readonly #options: LaunchKubeletOptions;
  readonly #log: DaemonLog;
  #pid: number;
  #starting: Promise<void> | null = null;
  readonly #heartbeat: Heartbeat;
  readonly #listeners = new Set<() => void>();

  private constructor(client: KubeletClient, pid: number, options: LaunchKubeletOptions, log: DaemonLog) {
    this.client = client;
    this.#pid = pid;
    this.#options = options;
    this.#log = log;
    this.#heartbeat = new Heartbeat({
      clock: options.clock,
      ask: () => client.info(),
      onChange: (silentSince) => {
        if (silentSince === null) log.info(`kubelet ${this.#pid} answers again`);
        else log.error(`kubelet ${this.#pid} does not answer. ${silentKubeletHint(this.#pid)}`);
        for (const listener of [...this.#listeners]) listener();
      },
    });
    this.#heartbeat.start();
  }

  /** @throws {TrueupError} `unavailable` when there is no kubelet and none can be started */
  static async start(options: LaunchKubeletOptions, log: DaemonLog): Promise<KubeletKeeper> {
    const client = await launchKubelet(options);
    const { pid } = await client.info();
    return new KubeletKeeper(client, pid, options, log);
  }

  /** Process id of the kubelet that answered last. */
  get pid(): number {
    return this.#pid;
  }

  /** Since when the kubelet does not answer, though it is there, RFC 3339; `null` while it does. */
  get silentSince(): string | null {
    const since = this.#heartbeat.silentSince;
    return since === null ? null : new Date(since).toISOString();
  }

  /** Hears when it falls silent and when it answers again; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Lets go of it: it runs on. */
  close(): void {
    this.#heartbeat.close();
    this.client.close();
  }

  /**
   * Has a kubelet answer: the one there, else a new one. Calls at the same time share one start.
   *
   * @throws {TrueupError} `unavailable` when none can be started
   */
  ensure(): Promise<void> {
    this.#starting ??= this.#ensure().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #ensure(): Promise<void> {
    // A client of its own, as it is closed when the start fails; this object's reaches the new kubelet by the same socket.
    const client = await launchKubelet(this.#options);
    try {
      const { pid } = await client.info();
      if (pid !== this.#pid) this.#log.warn(`kubelet ${this.#pid} has gone: kubelet ${pid} takes up its pods`);
      this.#pid = pid;
    } finally {
      client.close();
    }
  }

  /** Lets go of it after a start that failed. A kubelet without pods ends: nobody would know of it. */
  async abandon(): Promise<void> {
    try {
      const pods = await this.client.pods();
      if (pods.length === 0) await this.client.shutdown({ stopPods: false });
    } finally {
      this.close();
    }
  }

  /**
   * Ends the pods, each within its grace period, and the kubelet. Where that has gone already its pods may still run: a
   * new one takes them up to end them.
   *
   * @throws {TrueupError} `unavailable` when no kubelet lives long enough for that, `timeout` when it falls silent
   */
  async stopWithPods(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#untilSilent(this.client.shutdown({ stopPods: true }));
        return;
      } catch (error) {
        if (!(error instanceof TrueupError) || error.code !== "unavailable" || tries === STOP_TRIES) throw error;
        await this.ensure();
      }
    }
  }

  /** How long pods take to end is up to them; that the kubelet still sees to it is asked meanwhile. */
  #untilSilent<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#heartbeat.silentSince !== null) reject(silentKubelet(this.#options.socketPath, this.#pid, ANSWER_MS));
      };
      const stop = this.onChange(look);
      look();
      work.then(resolve, reject).finally(stop);
    });
  }
}
