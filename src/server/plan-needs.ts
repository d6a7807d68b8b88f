/** What a rollout asks of the machines at its peak, and how long it took before. Pure. */
import { quantityInNano } from "../diff/equality.ts";
import type { RevisionRecord } from "../model/ledger.ts";
import type { Container, PodSpec } from "../model/workload.ts";

/** Resource to quantity: `{ cpu: "500m", memory: "256Mi" }`. */
export type Needs = Readonly<Record<string, string>>;

export interface PastRollouts {
  /** Milliseconds from the start of a revision until it was deployed, the median one. */
  medianMs: number;
  /** How many rollouts that is the median of. */
  count: number;
}

type Amounts = Map<string, bigint>;

/**
 * Requests of so many pods, each as large as the larger of the old and the new one: old and new pods run side by side.
 *
 * @returns Empty when no container asks for anything
 */
export function needsOf(pods: number, templates: readonly PodSpec[]): Needs {
  const each = templates.map(requestsOf).reduce(larger, new Map());
  return Object.fromEntries([...each].map(([name, nano]) => [name, quantityText(name, nano * BigInt(pods))]));
}

/** Requests of one pod: all containers together, or the largest init container where that is more. */
function requestsOf(spec: PodSpec): Amounts {
  const sum: Amounts = new Map();
  for (const container of spec.containers) {
    for (const [name, nano] of requestsIn(container)) sum.set(name, (sum.get(name) ?? 0n) + nano);
  }
  return (spec.initContainers ?? []).map(requestsIn).reduce(larger, sum);
}

/** What a container asks for; a limit without a request is one. */
function requestsIn({ resources }: Container): Amounts {
  const { requests = {}, limits = {} } = (resources ?? {}) as { requests?: object; limits?: object };
  const amounts: Amounts = new Map();
  for (const [name, value] of Object.entries({ ...limits, ...requests })) {
    const nano = quantityInNano(value);
    if (nano !== null) amounts.set(name, nano);
  }
  return amounts;
}

function larger(a: Amounts, b: Amounts): Amounts {
  const most = new Map(a);
  for (const [name, nano] of b) if (nano > (most.get(name) ?? 0n)) most.set(name, nano);
  return most;
}

const NANO = 1_000_000_000n;
const MEBI = 1_048_576n;

/** As people write it: cores in thousandths, bytes in Mi where they are whole ones. */
function quantityText(name: string, nano: bigint): string {
  if (nano % NANO !== 0n) return `${(nano + 999_999n) / 1_000_000n}m`;
  const whole = nano / NANO;
  return name !== "cpu" && whole >= MEBI && whole % MEBI === 0n ? `${whole / MEBI}Mi` : String(whole);
}

/** How long the rollouts of a workload took that came to their good end; null when none did. */
export function pastRollouts(revisions: readonly RevisionRecord[]): PastRollouts | null {
  const times = revisions
    .filter(({ ending }) => ending?.outcome === "deployed")
    .map(({ startedAt, ending }) => Date.parse(ending?.endedAt ?? "") - Date.parse(startedAt))
    .filter((ms) => ms >= 0)
    .sort((a, b) => a - b);
  const [low, high] = [times[Math.floor((times.length - 1) / 2)], times[Math.floor(times.length / 2)]];
  return low === undefined || high === undefined ? null : { medianMs: (low + high) / 2, count: times.length };
}
