/** Why workloads do not get healthy, in one text: pod, container, exit code, the line that brought it, last log lines. */
import type { Backend } from "../model/backend.ts";
import type { Declared } from "../model/manifest.ts";
import { displayId } from "../model/object.ts";
import type { Clock } from "../util/clock.ts";
import { placeOfImage } from "./brought.ts";
import { LINE_SEPARATOR, lastWords } from "./last-words.ts";
import type { AttemptRecord } from "./record.ts";
import type { WorkloadHealth, Workloads } from "./workloads.ts";

export interface FailureContext {
  workloads: Workloads;
  backend: Backend;
  clock: Clock;
  declared: readonly Declared[];
}

/** The log lines are those of the first workload's worst pod: of many failures one is enough to begin with. */
export async function explainFailure(
  failed: readonly WorkloadHealth[],
  record: AttemptRecord,
  { workloads, backend, clock, declared }: FailureContext,
  signal: AbortSignal,
): Promise<string> {
  const [first] = failed;
  const pods = first?.object === undefined ? [] : workloads.podsOf(first.object);
  const words = await lastWords(pods, backend, clock, declared, signal);
  const reasons = failed.map((each) => `${reasonOf(each)}${causeOf(each, record)}`);
  return [...reasons, ...(words === "" || isSaid(words, reasons.join("; ")) ? [] : [words])].join("; ");
}

/** Whether a container's last lines are all in what it ended with: a runtime without a termination log quotes the log there. */
function isSaid(words: string, reasons: string): boolean {
  const lines = words.slice(words.indexOf("): ") + "): ".length).split(LINE_SEPARATOR);
  return lines.every((line) => reasons.includes(line.trim()));
}

export function reasonOf({ declared, health }: WorkloadHealth): string {
  return `${displayId(declared.id)}: ${health.reason}`;
}

/** `, from web.yaml:21:16 (spec.template.spec.containers[0].image)` */
function causeOf({ declared, failure }: WorkloadHealth, record: AttemptRecord): string {
  // A commit that was gone back to brought nothing itself.
  if (record.givenUp !== undefined) return "";
  const place =
    failure?.kind === "image" ? placeOfImage(declared, failure.container) : record.broughtBy(displayId(declared.id));
  return place === "" ? "" : `, from ${place}`;
}
