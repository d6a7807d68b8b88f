/** What a watcher of a rollout reads: each change of an object or of an app's status as at most one line. Pure. */
import { type Diagnostic, isError } from "../../model/diagnostic.ts";
import { isPodReady } from "../../model/endpoints.ts";
import { displayId, type KubeObject } from "../../model/object.ts";
import { shortId } from "../../model/source.ts";
import type { AppStatus } from "../../model/status.ts";
import type { KubeEvent, Pod } from "../../model/workload.ts";

/** How a line is meant; the writer chooses the colour. */
export type Tone = "plain" | "headline" | "good" | "bad" | "dim";

export interface Line {
  tone: Tone;
  text: string;
}

const SCALING = "ScalingReplicaSet";

/** A line for an object's change, or `null` when it says nothing that a watcher needs. */
export function narrateObject(previous: KubeObject | undefined, current: KubeObject | undefined): Line | null {
  const object = current ?? previous;
  if (object?.kind === "Pod") return narratePod(previous as Pod | undefined, current as Pod | undefined);
  if (object?.kind === "Event" && current !== undefined) {
    return narrateEvent(previous as KubeEvent | undefined, current as KubeEvent);
  }
  return null;
}

function narratePod(previous: Pod | undefined, current: Pod | undefined): Line | null {
  if (current === undefined) {
    return previous === undefined ? null : { tone: "dim", text: `  pod ${previous.metadata.name} has ended` };
  }
  const name = current.metadata.name;
  if (current.metadata.deletionTimestamp !== undefined) {
    const news = previous !== undefined && previous.metadata.deletionTimestamp === undefined;
    return news ? { tone: "dim", text: `  pod ${name} is out of the Service and finishes what it accepted` } : null;
  }
  const isReady = isPodReady(current);
  const wasReady = previous !== undefined && isPodReady(previous);
  if (isReady && !wasReady) return { tone: "good", text: `  pod ${name} is ready` };
  if (!isReady && wasReady) return { tone: "bad", text: `  pod ${name} is not ready any more` };
  return null;
}

function narrateEvent(previous: KubeEvent | undefined, current: KubeEvent): Line | null {
  if (previous?.count === current.count) return null;
  if (current.reason === SCALING) return { tone: "plain", text: `  ${current.message}` };
  if (current.type !== "Warning") return null;
  const { kind, name } = current.involvedObject;
  return { tone: "bad", text: `  ${kind.toLowerCase()} ${name}: ${current.message}` };
}

/** The lines for a change of an app's status. */
export function narrateApp(previous: AppStatus | undefined, current: AppStatus, label: boolean): Line[] {
  const lines: Line[] = [];
  const prefix = label ? `${current.app}: ` : "";
  const { head } = current;
  if (head !== null && previous?.head?.commit !== head.commit) {
    lines.push({
      tone: "headline",
      text: `${prefix}commit ${shortId(head.commit)} "${head.subject}" by ${head.author}`,
    });
  }
  const same = previous?.phase === current.phase && previous.head?.commit === head?.commit;
  if (!same || (current.phase !== "Progressing" && previous?.reason !== current.reason)) {
    lines.push(...phaseLines(current, prefix));
  }
  return lines;
}

/** What an app waits for, `null` when it waits for nothing that passes by itself: for when nothing else was told for a while. */
export function narrateWaiting({ app, phase, reason, health }: AppStatus, isOneOfSeveral: boolean): Line | null {
  if (phase !== "Progressing") return null;
  const why = reason === "" ? health.reason : reason;
  return why === "" ? null : { tone: "plain", text: `  ${isOneOfSeveral ? `${app}: ` : ""}still waits: ${why}` };
}

function phaseLines(status: AppStatus, prefix: string): Line[] {
  const commit = `${prefix}${status.head === null ? "" : shortId(status.head.commit)}`;
  switch (status.phase) {
    case "Starting":
    case "Progressing":
      return [];
    case "Synced":
      return [{ tone: "good", text: `  ${commit} runs: what is in git is what runs` }];
    case "Rejected":
      return [
        { tone: "bad", text: `  ${commit} is rejected: nothing of it is applied, and what ran before still runs` },
        ...status.diagnostics
          .filter(isError)
          .map((diagnostic) => ({ tone: "bad" as const, text: oneLine(diagnostic) })),
      ];
    case "Held":
      return [
        { tone: "bad", text: `  ${commit} is applied but for deletions that wait for approval:` },
        ...status.held.map(({ id, reason }) => ({
          tone: "bad" as const,
          text: `    ${displayId(id)}: ${reason}`,
        })),
        { tone: "bad", text: `    trueup approve ${shortDigest(status.planDigest)} lets them go ahead` },
      ];
    case "RolledBack":
      return [{ tone: "bad", text: `  ${commit} is rolled back: ${status.reason}` }];
    case "Contested":
      return [{ tone: "bad", text: `  ${prefix}${status.reason}` }];
    case "Failed":
      return [{ tone: "bad", text: `  ${commit} failed: ${status.reason}` }];
    case "Unreadable":
      return [{ tone: "bad", text: `  ${prefix}nothing is changed for now: ${status.reason}` }];
    default:
      return status.phase satisfies never;
  }
}

function shortDigest(digest: string | null): string {
  return (digest ?? "").replace(/^sha256:/, "").slice(0, 12);
}

function oneLine({ location, message, hint }: Diagnostic): string {
  const place = `${location.file}:${location.line}:${location.column}`;
  return `    ${place}: ${message}${hint === undefined ? "" : `${/[.!?]$/.test(message) ? "" : "."} ${hint}`}`;
}
