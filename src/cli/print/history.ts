/** Revisions of a workload as text: kubectl's `rollout history`, with the commit as the change's cause. */
import type { RevisionRecord } from "../../model/ledger.ts";
import { shortId } from "../../model/source.ts";
import { ANNOTATION, type PodTemplate, type ReplicaSet } from "../../model/workload.ts";
import { tookText } from "./age.ts";
import { podTemplateLines } from "./describe-containers.ts";
import { printableLine } from "./escape.ts";
import { NONE } from "./labels.ts";
import { formatTable } from "./table.ts";
import { expandTabs } from "./tabwriter.ts";

/** A revision as it is listed: from the ledger, from its ReplicaSet, or from both. */
export interface HistoryEntry {
  revision: number;
  changeCause: string | null;
  template: PodTemplate;
  record?: RevisionRecord;
  /** A ReplicaSet has this number now: kubectl lists it. An undo gives its ReplicaSet a new number, and the old one is history. */
  isCurrent: boolean;
}

/**
 * The revisions that are known, lowest first. A ReplicaSet's own change-cause counts before the ledger's, as somebody may
 * have written it into the manifest.
 */
export function historyEntries(records: readonly RevisionRecord[], replicaSets: readonly ReplicaSet[]): HistoryEntry[] {
  const entries = new Map<number, HistoryEntry>();
  for (const record of records) {
    const template = record.template as unknown as PodTemplate;
    entries.set(record.revision, {
      revision: record.revision,
      changeCause: causeOf(record),
      template,
      record,
      isCurrent: false,
    });
  }
  for (const { metadata, spec } of replicaSets) {
    const revision = Number(metadata.annotations?.[ANNOTATION.revision] ?? 0);
    if (!Number.isSafeInteger(revision) || revision < 1) continue;
    const known = entries.get(revision);
    const changeCause = metadata.annotations?.[ANNOTATION.changeCause] ?? known?.changeCause ?? null;
    entries.set(revision, { ...known, revision, changeCause, template: spec.template, isCurrent: true });
  }
  return [...entries.values()].sort((a, b) => a.revision - b.revision);
}

/** `3f2c1aa Set image to v2 (Ann)` */
export function causeOf({ commit, subject, authorName }: RevisionRecord): string {
  return `${shortId(commit)} ${subject} (${authorName})`;
}

/** kubectl's table: two columns, two spaces apart. */
export function formatHistory(entries: readonly HistoryEntry[]): string {
  if (entries.length === 0) return "No rollout history found.\n";
  const rows = entries.map(({ revision, changeCause }) => `${revision}\t${printableLine(changeCause ?? NONE)}`);
  return `${expandTabs(["REVISION\tCHANGE-CAUSE", ...rows].join("\n"))}\n`;
}

/** What the ledger knows beyond kubectl: commit, outcome, how long it took, and the images' digests. */
export function formatWideHistory(entries: readonly HistoryEntry[]): string {
  if (entries.length === 0) return "No rollout history found.\n";
  const header = ["REVISION", "COMMIT", "OUTCOME", "TOOK", "IMAGES", "CHANGE-CAUSE"];
  const rows = entries.map(({ revision, changeCause, template, record }) => [
    String(revision),
    record === undefined ? NONE : shortId(record.commit),
    record === undefined ? NONE : (record.ending?.outcome ?? "under way"),
    record?.ending === undefined ? "" : tookText(Date.parse(record.ending.endedAt) - Date.parse(record.startedAt)),
    imagesText(template, record?.images ?? {}),
    printableLine(changeCause ?? NONE),
  ]);
  return formatTable({ header, rows });
}

function imagesText({ spec }: PodTemplate, digests: Readonly<Record<string, string>>): string {
  const texts = spec.containers.map(({ image = "" }) => {
    const digest = digests[image];
    return digest === undefined ? image : `${image}@${digest.replace(/^sha256:/, "").slice(0, 12)}`;
  });
  return texts.join(",");
}

/** One revision's pod template; the change's cause stands among its annotations, as in kubectl. */
export function formatRevision({ template, changeCause }: HistoryEntry): string {
  const annotations = {
    ...template.metadata?.annotations,
    ...(changeCause !== null && { [ANNOTATION.changeCause]: changeCause }),
  };
  const metadata = { ...template.metadata, ...(Object.keys(annotations).length > 0 && { annotations }) };
  return `${podTemplateLines({ ...template, metadata })
    .map(keepTabs)
    .join("\n")}\n`;
}

/** Only what a terminal would act on is taken out: the tabs are kubectl's own. */
function keepTabs(line: string): string {
  return line.split("\t").map(printableLine).join("\t");
}
