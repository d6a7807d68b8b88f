/** Counts how often each fault and each outcome occurred: a simulation in which one never does proves less than it seems to. */

export const FAULTS = [
  "link to the kubelet down",
  "call failed as the link was down",
  "call slow",
  "reports delayed",
  "answer lost",
  "report sent twice",
  "daemon killed",
  "daemon killed amid an apply",
  "daemon closed",
  "clock set forward",
  "clock set back",
  "pod deleted by hand",
  "pod deleted by hand without grace",
  "Deployment deleted by hand",
  "Deployment edited by hand",
  "container crashed",
  "image missing",
  "killed by liveness",
  "readiness lost",
] as const;

export const OUTCOMES = [
  "rollout complete",
  "deadline exceeded",
  "rollout pre-empted",
  "scaled amid a rollout",
  "recreated",
  "paused",
  "resumed",
  "revision renumbered",
  "revision forgotten",
  "object removed",
  "deletion held",
  "deletion approved",
  "drift repaired",
  "pods adopted over a restart",
  "rollout went on after a restart",
  "pod gone after SIGTERM",
  "pod gone after SIGKILL",
  "endpoint removed before its signal",
  "reports replayed",
] as const;

export type Counted = (typeof FAULTS)[number] | (typeof OUTCOMES)[number];

export class Tally {
  readonly #counts = new Map<Counted, number>();

  add(what: Counted, count = 1): void {
    this.#counts.set(what, this.of(what) + count);
  }

  of(what: Counted): number {
    return this.#counts.get(what) ?? 0;
  }

  merge(other: Tally): void {
    for (const [what, count] of other.#counts) this.add(what, count);
  }

  /** What never occurred. */
  get missing(): Counted[] {
    return [...FAULTS, ...OUTCOMES].filter((what) => this.of(what) === 0);
  }

  toString(): string {
    const lines = (title: string, names: readonly Counted[]): string =>
      [`${title}:`, ...names.map((name) => `  ${String(this.of(name)).padStart(7)}  ${name}`)].join("\n");
    return `${lines("faults", FAULTS)}\n${lines("outcomes", OUTCOMES)}`;
  }
}
