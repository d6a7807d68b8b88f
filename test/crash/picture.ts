/** What a story leaves, without what may differ between two runs of it: times, uids, random names, numbers of writes. */
import type { SqliteObjectStore } from "../../src/cluster/store.ts";
import type { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import { type KubeObject, keyOf } from "../../src/model/object.ts";

/** Dropped wherever they stand. */
const PASSING = new Set([
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "containerID",
  "startedAt",
  "startTime",
  "lastUpdateTime",
  "lastTransitionTime",
  "trueup/host-ports",
  "trueup/local-ports",
]);

/** Every object but Events, which are told as well as may be, with what was applied last of it. */
export function pictureOfObjects(store: SqliteObjectStore): string[] {
  return store
    .list({})
    .filter(({ kind }) => kind !== "Event")
    .map((object) => `${nameOf(object)} ${text(object)} applied ${text(store.applied(keyOf(object)))}`)
    .sort();
}

function nameOf({ kind, metadata: { name } }: KubeObject): string {
  return `${kind} ${kind === "Pod" ? withoutSuffix(name) : name}`;
}

/** A generated name without its random end. */
function withoutSuffix(name: string): string {
  return name.replace(/-[a-z0-9]{5}$/, "-?");
}

function text(value: unknown): string {
  return JSON.stringify(stripped(value, ""));
}

function stripped(value: unknown, within: string): unknown {
  if (Array.isArray(value)) return value.map((each) => stripped(each, within));
  if (typeof value !== "object" || value === null) return value;
  const object = value as Record<string, unknown>;
  const kind = typeof object.kind === "string" ? object.kind : within;
  const entries = Object.entries(object)
    .filter(([key]) => !PASSING.has(key) && !isCountOfWrites(key, kind))
    .map(([key, inner]): [string, unknown] => [
      key,
      key === "name" && kind === "Pod" ? anyName(inner) : stripped(inner, kind),
    ])
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries);
}

/** Generations that count how often the controllers wrote: a daemon that was away gets there in fewer writes. */
function isCountOfWrites(key: string, kind: string): boolean {
  const isWritten = kind === "ReplicaSet" || kind === "Endpoints";
  // Local ports are handed out in the order of the starts.
  return (
    (isWritten && (key === "generation" || key === "observedGeneration")) || (kind === "Endpoints" && key === "port")
  );
}

function anyName(name: unknown): unknown {
  return typeof name === "string" ? withoutSuffix(name) : name;
}

/** Every row: attempts with their events, revisions with their ends. */
export async function pictureOfLedger(ledger: SqliteLedger): Promise<string[]> {
  const attempts = (await ledger.attempts({})).reverse().map(({ commit, ordinal, subject, events, ending }) => {
    const told = events.map(({ type, message, detail }) => `${type} ${message} ${JSON.stringify(detail ?? null)}`);
    const { endedAt: _at, ...end } = ending ?? { endedAt: "" };
    return `attempt ${commit} #${ordinal} "${subject}": ${told.join("; ")}: ${JSON.stringify(end)}`;
  });
  const revisions = (await ledger.revisions({})).map((revision) => {
    const { uid: _uid, startedAt: _started, ending, template: _template, ...rest } = revision;
    const { endedAt: _at, ...end } = ending ?? { endedAt: "" };
    return `revision ${JSON.stringify({ ...rest, end })}`;
  });
  return [...attempts, ...revisions];
}
