/** Follows a Deployment's rollout to its end and tells it line by line: kubectl's lines, and below them why it waits. */
import { TrueupError } from "../model/errors.ts";
import { groupOf, type KubeObject } from "../model/object.ts";
import type { Deployment, KubeEvent, Pod, ReplicaSet } from "../model/workload.ts";
import { type RolloutStatus, rolloutStatus } from "../rollout/rollout-status.ts";
import { untilFailed } from "./change/wait.ts";
import type { DaemonClient } from "./client.ts";
import type { CommandContext } from "./command.ts";
import { printableLine } from "./print/escape.ts";
import { type WaitReason, waitReasons } from "./print/rollout-wait.ts";

export interface FollowOptions {
  name: string;
  namespace: string;
  /** Fail when another revision runs; 0: any. */
  revision: number;
  /** Print the present state once and end. */
  once: boolean;
  /** Milliseconds; `undefined`: as long as it takes, which the Deployment's progress deadline bounds. */
  timeoutMs: number | undefined;
}

/**
 * @returns Whether the rollout is complete; when it is not, `once` was asked for
 * @throws {TrueupError} `not-found` when there is no such Deployment, `invalid` when the rollout failed, `timeout`
 */
export async function followRollout(
  context: CommandContext,
  client: DaemonClient,
  options: FollowOptions,
): Promise<boolean> {
  const { signal: limited, cancel } = withTimeout(context, options.timeoutMs);
  const end = new AbortController();
  const signal = AbortSignal.any([limited, end.signal]);
  const world = new World(options);
  const teller = new Teller(context);
  /** Asked about only where it is not complete: what got well after all has rolled out. */
  let failure: Promise<void> | undefined;
  try {
    for await (const event of client.watch({ namespace: options.namespace }, signal)) {
      if (event.type === "reset") world.clear();
      else if (event.type !== "synced") world.take(event.type, event.object);
      const status = world.isSynced(event.type) ? world.status() : null;
      if (status === null) continue;
      await teller.tell(status, status.state === "done" ? [] : world.reasons());
      if (status.state === "done") return true;
      if (status.state === "failed") throw new TrueupError("invalid", status.message);
      if (options.once) return false;
      failure ??= endWhenFailed(client, options, end);
    }
  } finally {
    cancel();
    end.abort();
    await failure;
    await teller.end();
  }
  return false;
}

/** Ends the following as soon as the daemon has given the commit up, long before the Deployment's own deadline. */
async function endWhenFailed(
  client: DaemonClient,
  { name, namespace }: FollowOptions,
  end: AbortController,
): Promise<void> {
  try {
    const failed = await untilFailed(client, { group: "apps", kind: "Deployment", namespace, name }, end.signal);
    if (failed !== null) end.abort(failed);
  } catch (error) {
    // After the end nobody waits for it; before, who follows must not think that somebody looks.
    if (!end.signal.aborted) end.abort(error);
  }
}

/** The caller's signal, which also aborts when the time is up. */
function withTimeout(
  { clock, signal }: CommandContext,
  timeoutMs: number | undefined,
): { signal: AbortSignal; cancel: () => void } {
  if (timeoutMs === undefined) return { signal, cancel: () => undefined };
  const timeout = new AbortController();
  const cancel = clock.setTimer(timeoutMs, () =>
    timeout.abort(new TrueupError("timeout", "Cannot wait any longer for the rollout: timed out.")),
  );
  return { signal: AbortSignal.any([signal, timeout.signal]), cancel };
}

/** The objects of one namespace that matter to a rollout, as a watch tells of them. */
class World {
  readonly #options: FollowOptions;
  readonly #objects = new Map<string, KubeObject>();
  #synced = false;
  #deployment: Deployment | undefined;
  #seen = false;

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  clear(): void {
    this.#objects.clear();
    this.#synced = false;
    this.#deployment = undefined;
  }

  isSynced(type: string): boolean {
    if (type === "synced") this.#synced = true;
    return this.#synced;
  }

  take(type: "added" | "modified" | "deleted", object: KubeObject): void {
    const { kind, metadata, apiVersion } = object;
    const isIt = kind === "Deployment" && metadata.name === this.#options.name && groupOf(apiVersion) === "apps";
    if (isIt) this.#deployment = type === "deleted" ? undefined : (object as Deployment);
    const key = `${kind}/${metadata.name}`;
    if (type === "deleted") this.#objects.delete(key);
    else if (kind === "Pod" || kind === "ReplicaSet" || kind === "Event") this.#objects.set(key, object);
  }

  status(): RolloutStatus {
    const { name, namespace, revision } = this.#options;
    if (this.#deployment === undefined) {
      if (this.#seen) throw new TrueupError("not-found", "object has been deleted");
      throw new TrueupError("not-found", `Cannot find deployment "${name}" in namespace ${namespace}.`, {
        hint: "trueup get deployments -A lists them.",
      });
    }
    this.#seen = true;
    return rolloutStatus(this.#deployment, revision);
  }

  reasons(): WaitReason[] {
    if (this.#deployment === undefined) return [];
    const objects = [...this.#objects.values()];
    return waitReasons(this.#deployment, {
      pods: objects.filter((object): object is Pod => object.kind === "Pod"),
      replicaSets: objects.filter((object): object is ReplicaSet => object.kind === "ReplicaSet"),
      events: objects.filter((object): object is KubeEvent => object.kind === "Event"),
    });
  }
}

/** How long what every rollout goes through must last to be worth a line. Milliseconds. */
const PATIENCE_MS = 3_000;

/**
 * Says each thing once: a line when the state moves on, and below it why it waits. Trouble is told at once; what passes by
 * itself (a pod that starts, a pod that ends) only when it takes its time.
 */
class Teller {
  readonly #context: CommandContext;
  #message = "";
  /** Reasons that hold now, with the moment since when. */
  #since = new Map<string, number>();
  #told = new Set<string>();
  #cancelTimer = (): void => undefined;
  /** Lines are written one after the other, whoever has them written. */
  #written: Promise<void> = Promise.resolve();
  readonly #failures: unknown[] = [];

  constructor(context: CommandContext) {
    this.#context = context;
  }

  async tell({ message, state }: RolloutStatus, reasons: readonly WaitReason[]): Promise<void> {
    if (message !== this.#message) {
      this.#message = message;
      this.#told = new Set();
      // A failure's message is the error's, printed once at the end.
      if (state !== "failed") this.#write(message);
    }
    const now = this.#context.clock.monotonic();
    this.#since = new Map(reasons.map(({ text }) => [text, this.#since.get(text) ?? now]));
    this.#tellReasons(reasons, state === "failed");
    await this.#settled();
  }

  async end(): Promise<void> {
    this.#cancelTimer();
    await this.#settled();
  }

  #tellReasons(reasons: readonly WaitReason[], all: boolean): void {
    this.#cancelTimer();
    const now = this.#context.clock.monotonic();
    const fresh = reasons.filter(({ text }) => !this.#told.has(text));
    const dueAt = ({ text, trouble }: WaitReason): number =>
      trouble || all ? now : (this.#since.get(text) ?? now) + PATIENCE_MS;
    for (const reason of fresh) {
      if (dueAt(reason) > now) continue;
      this.#told.add(reason.text);
      this.#write(this.#context.out.style.dim(`  ${printableLine(reason.text)}`));
    }
    const later = fresh.map(dueAt).filter((due) => due > now);
    if (later.length === 0) return;
    const wait = Math.min(...later) - now;
    this.#cancelTimer = this.#context.clock.setTimer(wait, () => this.#tellReasons(reasons, false));
  }

  #write(line: string): void {
    const written = this.#written.then(() => this.#context.out.line(line));
    // A timer's line has nobody who waits for it: whoever waits next is told.
    this.#written = written.catch((error: unknown) => {
      this.#failures.push(error);
    });
  }

  /** @throws What kept a line from being written */
  async #settled(): Promise<void> {
    await this.#written;
    const [failure] = this.#failures;
    if (failure !== undefined) throw failure;
  }
}
