/** Why a rollout is not done yet, and when that is worth a line. */
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import type { DaemonClient } from "../../../src/cli/client.ts";
import type { CommandContext } from "../../../src/cli/command.ts";
import { followRollout } from "../../../src/cli/follow-rollout.ts";
import { type Output, styleFor } from "../../../src/cli/output.ts";
import { waitReasons } from "../../../src/cli/print/rollout-wait.ts";
import type { KubeObject } from "../../../src/model/object.ts";
import { asCommitId } from "../../../src/model/source.ts";
import type { AppStatus } from "../../../src/model/status.ts";
import type { Deployment, Pod, ReplicaSet } from "../../../src/model/workload.ts";
import type { ObjectEvent } from "../../../src/server/wire.ts";
import { settle, VirtualClock } from "../../../src/util/clock.ts";
import { appStatus } from "../with-daemon.ts";

const COMMIT = asCommitId("c".repeat(40));

const TEMPLATE = (image: string): string =>
  `{ metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: "${image}" }] } }`;

function deployment(rest: { spec?: string; status?: string; updated?: number; available?: number } = {}): Deployment {
  const { spec = "", status = "", updated = 1, available = 0 } = rest;
  return load(`
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: default, uid: d, generation: 1 }
spec: { replicas: 2, selector: {}, template: ${TEMPLATE("web:v2")} ${spec} }
status: { observedGeneration: 1, replicas: 2, updatedReplicas: ${updated}, availableReplicas: ${available} ${status} }`) as Deployment;
}

function replicaSet(name: string, image: string): ReplicaSet {
  return load(`
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: ${name}
  namespace: default
  uid: ${name}
  creationTimestamp: "2026-01-01T00:00:00Z"
  ownerReferences: [{ apiVersion: apps/v1, kind: Deployment, name: web, uid: d, controller: true }]
spec: { selector: {}, template: ${TEMPLATE(image)} }`) as ReplicaSet;
}

function pod(name: string, owner: string, { ready = false, state = "running: {}", metadata = "" } = {}): Pod {
  return load(`
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: default
  uid: ${name}
  ownerReferences: [{ apiVersion: apps/v1, kind: ReplicaSet, name: ${owner}, uid: ${owner}, controller: true }]
  ${metadata}
spec: { containers: [{ name: web }] }
status:
  phase: Running
  conditions: [{ type: Ready, status: "${ready ? "True" : "False"}" }]
  containerStatuses: [{ name: web, ready: ${ready}, started: true, restartCount: 0, state: { ${state} }, lastState: {} }]`) as Pod;
}

const replicaSets = [replicaSet("old", "web:v1"), replicaSet("new", "web:v2")];
const crashing = { state: "waiting: { reason: CrashLoopBackOff }" };
const ending = { ready: true, metadata: 'deletionTimestamp: "2026-01-01T00:00:00Z"\n  deletionGracePeriodSeconds: 7' };

interface Row {
  title: string;
  deployment?: Deployment;
  pods: Pod[];
  expect: [text: string, trouble: boolean][];
}

const rows: Row[] = [
  { title: "nothing that tells", pods: [], expect: [] },
  {
    title: "a new pod that starts",
    pods: [pod("a", "new")],
    expect: [["pod a: container web: not ready", false]],
  },
  {
    title: "a new pod that crashes, before one that only starts",
    pods: [pod("a", "new"), pod("b", "new", crashing)],
    expect: [
      ["pod b: container web: CrashLoopBackOff", true],
      ["pod a: container web: not ready", false],
    ],
  },
  {
    title: "at most three pods by name",
    pods: ["e", "d", "c", "b", "a"].map((name) => pod(name, "new")),
    expect: [
      ["pod a: container web: not ready", false],
      ["pod b: container web: not ready", false],
      ["pod c: container web: not ready", false],
      ["and 2 more", false],
    ],
  },
  {
    title: "an old pod that ends; those that run are not waited for",
    pods: [pod("a", "old", ending), pod("b", "old", { ready: true })],
    expect: [["pod a: ending, has up to 7s", false]],
  },
  {
    title: "minReadySeconds, when all new pods are ready",
    deployment: deployment({ spec: ", minReadySeconds: 5" }),
    pods: [pod("a", "new", { ready: true })],
    expect: [["pod a: ready, must stay so for 5s (minReadySeconds)", false]],
  },
  {
    title: "a pause",
    deployment: deployment({ spec: ", paused: true" }),
    pods: [],
    expect: [["it is paused: trueup rollout resume deployment/web", true]],
  },
  {
    title: "pods that cannot be created",
    deployment: deployment({ status: ', conditions: [{ type: ReplicaFailure, status: "True", message: "no more" }]' }),
    pods: [],
    expect: [["no more", true]],
  },
  { title: "pods of others", pods: [pod("a", "somebody")], expect: [] },
];

describe("a rollout waits for", () => {
  it.each(rows)("$title", ({ deployment: object = deployment(), pods, expect: expected }) => {
    const reasons = waitReasons(object, { replicaSets, pods, events: [] });
    expect(reasons.map(({ text, trouble }) => [text, trouble])).toEqual(expected);
  });
});

/** A watch that a test feeds, a daemon that says something of its apps or nothing, and what is printed. */
function follow(options: { timeoutMs?: number; apps?: AppStatus[] } = {}): {
  clock: VirtualClock;
  lines: string[];
  send(event: ObjectEvent): Promise<void>;
  done: Promise<boolean>;
} {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const queue: ObjectEvent[] = [];
  let wake = (): void => undefined;
  const out: Output = {
    isTerminal: false,
    width: undefined,
    style: styleFor(false, {}),
    write: (text) => Promise.resolve(void lines.push(text)),
    line: (text = "") => Promise.resolve(void lines.push(text)),
  };
  async function* watch(_query: unknown, signal: AbortSignal): AsyncIterable<ObjectEvent> {
    signal.addEventListener("abort", () => wake(), { once: true });
    for (;;) {
      signal.throwIfAborted();
      const next = queue.shift();
      if (next !== undefined) yield next;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  }
  const context = { out, clock, signal: new AbortController().signal } as Partial<CommandContext> as CommandContext;
  async function* watchStatus(signal: AbortSignal): AsyncIterable<{ apps: AppStatus[] }> {
    if (options.apps !== undefined) yield { apps: options.apps };
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    signal.throwIfAborted();
  }
  const list = async (): Promise<object> => ({ items: [deployment()], version: "1" });
  const client = { watch, watchStatus, list } as unknown as DaemonClient;
  const done = followRollout(context, client, {
    name: "web",
    namespace: "default",
    revision: 0,
    once: false,
    timeoutMs: options.timeoutMs,
  });
  done.catch(() => undefined);
  return {
    clock,
    lines,
    done,
    async send(event) {
      queue.push(event);
      wake();
      await settle();
      await settle();
    },
  };
}

describe("following a rollout", () => {
  const added = (object: KubeObject): ObjectEvent => ({ type: "added", object, version: "1" });
  const modified = (object: KubeObject): ObjectEvent => ({ type: "modified", object, version: "2" });
  const WAITING = 'Waiting for deployment "web" rollout to finish: 1 out of 2 new replicas have been updated...';
  const DONE = 'deployment "web" successfully rolled out';

  it("tells what passes by itself only when it lasts", async () => {
    const { clock, lines, send, done } = follow();
    await send(added(deployment()));
    for (const set of replicaSets) await send(added(set));
    await send(added(pod("a", "new")));
    await send({ type: "synced", version: "1" });
    expect(lines).toEqual([WAITING]);
    await clock.advance(2_999);
    expect(lines).toEqual([WAITING]);
    await clock.advance(1);
    expect(lines).toEqual([WAITING, "  pod a: container web: not ready"]);
    await clock.advance(60_000);
    expect(lines).toHaveLength(2);
    await send(modified(pod("a", "new", crashing)));
    expect(lines.slice(2)).toEqual(["  pod a: container web: CrashLoopBackOff"]);
    await send(modified(deployment({ updated: 2, available: 2 })));
    expect(await done).toBe(true);
    expect(lines.slice(3)).toEqual([DONE]);
    expect(clock.pending).toBe(0);
  });

  it("forgets what it knew when the watch starts over", async () => {
    const { lines, send, done } = follow();
    await send(added(deployment()));
    await send({ type: "synced", version: "1" });
    await send({ type: "reset" });
    await send(added(deployment({ updated: 2, available: 2 })));
    expect(lines).toEqual([WAITING]);
    await send({ type: "synced", version: "9" });
    expect(await done).toBe(true);
    expect(lines).toEqual([WAITING, DONE]);
  });

  it.each([
    { phase: "Failed", reason: "deployment/web: pod a: container web: exit code 3", ends: true },
    { phase: "Failed", reason: "deployment/web-two: pod b: container web: exit code 3", ends: false },
    { phase: "Progressing", reason: "deployment/web: pod a: container web: not ready", ends: false },
  ] as const)(
    "ends with the daemon's verdict where it is $phase for $reason: $ends",
    async ({ phase, reason, ends }) => {
      const head = { ...appStatus("shop").head, commit: COMMIT } as AppStatus["head"];
      const { send, done } = follow({ apps: [appStatus("shop", { phase, reason, head })] });
      await send(added(deployment()));
      await send({ type: "synced", version: "1" });
      await send(modified(deployment({ updated: 2, available: 2 })));
      const ending = await done.then(
        (isDone) => isDone,
        (error: Error) => error.message,
      );
      expect(ending).toBe(ends ? `${COMMIT.slice(0, 7)} failed: ${reason}` : true);
    },
  );

  it("gives up when the time is up", async () => {
    const { clock, send, done } = follow({ timeoutMs: 5_000 });
    await send(added(deployment()));
    await send({ type: "synced", version: "1" });
    await clock.advance(5_000);
    await expect(done).rejects.toMatchObject({ code: "timeout" });
    expect(clock.pending).toBe(0);
  });
});
