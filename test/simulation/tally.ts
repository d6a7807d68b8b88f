/** Counts how often each fault and each outcome occurred: a simulation in which one never does proves less than it seems to. */

/** What goes wrong with the machine, or is done to it. */
export const MACHINE_FAULTS = [
  "link to the kubelet down",
  "call failed as the link was down",
  "call slow",
  "reports delayed",
  "answer lost",
  "report sent twice",
  "git unreadable",
  "git read failed half-way",
  "news of a commit lost",
  "read failed",
  "read failed half-way",
  "read slow",
  "watch broke",
  "change refused",
  "answer to a change lost",
  "log hung",
  "store full",
  "store write failed",
  "ledger failed",
  "answer of the ledger lost",
  "daemon killed",
  "daemon killed at a commit",
  "daemon closed",
  "daemon could not start",
  "kubelet killed",
  "clock set forward",
  "clock set back",
  "pod deleted by hand",
  "pod deleted by hand without grace",
  "Deployment deleted by hand",
  "Deployment edited by hand",
] as const;

/** What goes wrong with what git declares, or with how it changes. */
const COMMIT_FAULTS = [
  "container crashed",
  "image missing",
  "killed by liveness",
  "readiness lost",
  "commit invalid",
  "commit without a manifest",
  "commits at once",
  "tag used again",
  "ref reset",
  "commit amended",
  "branch merged",
  "app removed",
  "app renamed",
  "object moved",
  "field fought over",
  "trueup.yaml broken",
] as const;

export const FAULTS = [...MACHINE_FAULTS, ...COMMIT_FAULTS] as const;

export const OUTCOMES = [
  "attempt deployed",
  "attempt no-op",
  "attempt superseded",
  "attempt rejected",
  "attempt failed",
  "attempt rolled back",
  "attempt discarded",
  "attempt tried again",
  "drift recorded",
  "head taken up in time",
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
  "approval refused",
  "object handed over",
  "field contested",
  "pods adopted over a restart",
  "container adopted by another kubelet",
  "rollout went on after a restart",
  "pod gone after SIGTERM",
  "pod gone after SIGKILL",
  "endpoint removed before its signal",
  "reports replayed",
  "stage begun",
  "stuck between stages",
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
