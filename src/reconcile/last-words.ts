/** Why a workload does not get healthy, from its worst pod: container, exit code, last lines of its log. */
import type { Backend } from "../model/backend.ts";
import { isPodReady } from "../model/endpoints.ts";
import { messageOf } from "../model/errors.ts";
import type { Declared } from "../model/manifest.ts";
import type { ContainerStatus, Pod } from "../model/workload.ts";
import type { Clock } from "../util/clock.ts";

const LINES = 5;
/** A log that cannot be had in this time is left out: the failure itself must be told. */
const LOG_TIMEOUT_MS = 2_000;
/** A value shorter than this stands in too many texts by chance. */
const SHORTEST_SECRET = 4;

/** `last log lines of pod web-5d4-x (container web): …`, or "" when no pod is in trouble. */
export async function lastWords(
  pods: readonly Pod[],
  backend: Backend,
  clock: Clock,
  secrets: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const pod = worstPod(pods);
  const container = pod === undefined ? undefined : worstContainer(pod);
  if (pod === undefined || container === undefined || hasNeverRun(container)) return "";
  const { name, namespace = "default" } = pod.metadata;
  const where = `pod ${name} (container ${container.name})`;
  const limit = new AbortController();
  const stop = clock.setTimer(LOG_TIMEOUT_MS, () => limit.abort(new Error("it took too long")));
  const lines: string[] = [];
  try {
    const query = { namespace, pod: name, container: container.name, tail: LINES, previous: isDown(container) };
    for await (const line of backend.logs(query, AbortSignal.any([signal, limit.signal]))) lines.push(line);
  } catch (error) {
    signal.throwIfAborted();
    return `the log of ${where} cannot be read: ${messageOf(error)}`;
  } finally {
    stop();
  }
  if (lines.length === 0) return "";
  return `last log lines of ${where}: ${lines.map((line) => masked(line, secrets)).join(" ⏎ ")}`;
}

function worstPod(pods: readonly Pod[]): Pod | undefined {
  const troubled = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined && !isPodReady(pod));
  return troubled.sort((a, b) => restarts(b) - restarts(a) || newer(a, b))[0];
}

function restarts(pod: Pod): number {
  return statuses(pod).reduce((sum, { restartCount }) => sum + restartCount, 0);
}

function newer(a: Pod, b: Pod): number {
  const [left = "", right = ""] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  return left < right ? 1 : left > right ? -1 : 0;
}

function worstContainer(pod: Pod): ContainerStatus | undefined {
  const all = statuses(pod).filter(({ ready }) => !ready);
  return all.sort((a, b) => b.restartCount - a.restartCount)[0];
}

function statuses({ status }: Pod): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

/** Then there is no log, and why it waits is told by its state. */
function hasNeverRun({ state, restartCount }: ContainerStatus): boolean {
  return state.waiting !== undefined && restartCount === 0;
}

/** Between two runs of a container, its words are those of the run before. */
function isDown({ state, restartCount }: ContainerStatus): boolean {
  return state.running === undefined && restartCount > 0;
}

function masked(line: string, secrets: readonly string[]): string {
  return secrets.reduce((text, secret) => text.replaceAll(secret, "***"), line);
}

/** The values of an app's Secrets, decoded, longest first: what must not show in a log line that is quoted. */
export function secretValues(declared: readonly Declared[]): string[] {
  const values = new Set<string>();
  for (const { object } of declared) {
    if (object.kind !== "Secret") continue;
    for (const text of strings(object.stringData)) values.add(text);
    for (const text of strings(object.data)) values.add(Buffer.from(text, "base64").toString("utf8")).add(text);
  }
  return [...values].filter(({ length }) => length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length);
}

function strings(map: unknown): string[] {
  if (typeof map !== "object" || map === null) return [];
  return Object.values(map).filter((value): value is string => typeof value === "string");
}
