/** Why a workload does not get healthy, from its worst pod: container, exit code, last lines of its log. */
import type { Backend } from "../model/backend.ts";
import { isPodReady } from "../model/endpoints.ts";
import { messageOf } from "../model/errors.ts";
import type { Declared } from "../model/manifest.ts";
import type { ContainerStatus, Pod } from "../model/workload.ts";
import type { Clock } from "../util/clock.ts";
import { secretParts, withoutSecrets } from "../util/secret-text.ts";
import { MASK, secretValues } from "./secret-values.ts";

const LINES = 5;
/** Between lines that are told in one. */
export const LINE_SEPARATOR = " ⏎ ";
/** A log that cannot be had in this time is left out: the failure itself must be told. */
const LOG_TIMEOUT_MS = 2_000;
/** Longest quoted line, in characters: a reason stays in the ledger for good. */
const LONGEST_LINE = 500;

/**
 * `last log lines of pod web-5d4-x (container web): …`, or "" when no pod is in trouble. Values of Secrets are masked: of
 * the app's own, and of all that the backend has in the pod's namespace, as a pod may use another app's.
 */
export async function lastWords(
  pods: readonly Pod[],
  backend: Backend,
  clock: Clock,
  declared: readonly Declared[],
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
  let secrets: string[] = [];
  try {
    const live = await backend.list({ group: "", kind: "Secret", namespace }, signal);
    secrets = secretParts(secretValues([...declared, ...live.items].map(({ object }) => object)));
    const query = { namespace, pod: name, container: container.name, tail: LINES, previous: isDown(container) };
    for await (const line of backend.logs(query, AbortSignal.any([signal, limit.signal]))) lines.push(line);
  } catch (error) {
    signal.throwIfAborted();
    return `the log of ${where} cannot be read: ${messageOf(error)}`;
  } finally {
    stop();
  }
  if (lines.length === 0) return "";
  return `last log lines of ${where}: ${lines.map((line) => shortened(withoutSecrets(line, secrets, MASK))).join(LINE_SEPARATOR)}`;
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

function shortened(line: string): string {
  return line.length <= LONGEST_LINE ? line : `${line.slice(0, LONGEST_LINE)}…`;
}
