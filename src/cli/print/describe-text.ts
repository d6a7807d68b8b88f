/** Building blocks of `describe`: lines with tabs, which `expandTabs` lines up in the end. */
import { reporterOf, timesOf } from "../../model/event-times.ts";
import type { KubeObject } from "../../model/object.ts";
import { ANNOTATION, type KubeEvent } from "../../model/workload.ts";
import { humanDuration, longTime } from "./age.ts";
import { byLastSeen } from "./get.ts";
import { NONE, sortedPairs } from "./labels.ts";

/** Longest annotation that stands on the line of its key. */
const LONGEST_ANNOTATION = 140;

/** Annotations that `describe` shows as lines of their own, or not at all as they only repeat the manifest. */
const SHOWN_ELSEWHERE: ReadonlySet<string> = new Set([
  ANNOTATION.lastApplied,
  ANNOTATION.commit,
  ANNOTATION.source,
  ANNOTATION.declared,
]);

/** `Labels:\ta=b` with one pair a line. */
export function pairLines(title: string, pairs: readonly string[]): string[] {
  const [first = NONE, ...rest] = pairs;
  return [`${title}:\t${first}`, ...rest.map((pair) => `\t${pair}`)];
}

export function labelLines(title: string, labels: Readonly<Record<string, string>> | undefined): string[] {
  return pairLines(title, sortedPairs(labels));
}

export function annotationLines(title: string, annotations: Readonly<Record<string, string>> | undefined): string[] {
  const pairs = Object.entries(annotations ?? {})
    .filter(([key]) => !SHOWN_ELSEWHERE.has(key))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = pairs.flatMap(([key, raw]) => {
    const value = raw.replace(/\n$/, "");
    const short = key.length + value.length + 2 <= LONGEST_ANNOTATION && !value.includes("\n");
    if (short) return [`${key}: ${value}`];
    return [`${key}:`, ...value.split("\n").map((line) => `  ${cut(line, LONGEST_ANNOTATION - 2)}`)];
  });
  return pairLines(title, lines);
}

/** Name, namespace and what trueup knows of where the object comes from. */
export function headLines(object: KubeObject, { created = false } = {}): string[] {
  const { name, namespace, annotations, creationTimestamp } = object.metadata;
  return [
    `Name:\t${name}`,
    ...(namespace === undefined ? [] : [`Namespace:\t${namespace}`]),
    ...(created ? [`CreationTimestamp:\t${longTime(creationTimestamp)}`] : []),
    ...originLines(annotations),
  ];
}

/** trueup's addition to kubectl's layout: the commit that last changed the object, and the line that declares it. */
function originLines(annotations: Readonly<Record<string, string>> | undefined): string[] {
  const commit = annotations?.[ANNOTATION.commit];
  const source = annotations?.[ANNOTATION.source];
  return [
    ...(commit === undefined ? [] : [`Commit:\t${commit}`]),
    ...(source === undefined ? [] : [`Source:\t${source}`]),
  ];
}

export function conditionLines(object: KubeObject, { reasons = true } = {}): string[] {
  const { conditions } = (object.status ?? {}) as {
    conditions?: readonly { type: string; status: string; reason?: string }[];
  };
  if (conditions === undefined || conditions.length === 0) return [];
  const header = reasons ? ["  Type\tStatus\tReason", "  ----\t------\t------"] : ["  Type\tStatus"];
  const rows = conditions.map(({ type, status, reason }) =>
    reasons ? `  ${type} \t${status}\t${reason ?? ""}` : `  ${type} \t${status}`,
  );
  return ["Conditions:", ...header, ...rows];
}

/** The last lines of every description. */
export function eventLines(events: readonly KubeEvent[], now: number): string[] {
  if (events.length === 0) return [`Events:\t${NONE}`];
  const rows = events.toSorted(byLastSeen).map((event) => {
    const message = event.message.trim().replaceAll("\n", " ");
    return `  ${event.type}\t${event.reason}\t${eventAge(event, now)}\t${reporterOf(event)}\t${message}`;
  });
  return ["Events:", "  Type\tReason\tAge\tFrom\tMessage", "  ----\t------\t----\t----\t-------", ...rows];
}

/** `3m`, or `3m (x2 over 10m)` for one that was counted. */
export function eventAge(event: KubeEvent, now: number): string {
  const { first, last, count } = timesOf(event);
  const age = humanDuration(now - Date.parse(last));
  return count <= 1 ? age : `${age} (x${count} over ${humanDuration(now - Date.parse(first))})`;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}...`;
}
