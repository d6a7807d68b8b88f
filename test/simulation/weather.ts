/** What is wrong with the machine now, and for how long: faults outlive the processes that they hit. */
import { TrueupError } from "../../src/model/errors.ts";
import type { KubeletReport } from "../../src/model/kubelet.ts";
import { type Clock, sleep } from "../../src/util/clock.ts";
import type { Random } from "../../src/util/random.ts";
import type { Counted, Tally } from "./tally.ts";

/** How often a fault that lasts hits what it is about, and what such a hit is counted as. */
export const LASTING = {
  "link down": { share: 1, counted: "call failed as the link was down" },
  "link slow": { share: 1, counted: "call slow" },
  "link delay": { share: 1, counted: "reports delayed" },
  "link lossy": { share: 0.3, counted: "answer lost" },
  "link twice": { share: 1, counted: "report sent twice" },
  "git unreadable": { share: 1, counted: "git unreadable" },
  "git flaky": { share: 0.3, counted: "git read failed half-way" },
  "reads fail": { share: 0.7, counted: "read failed" },
  "reads fail half-way": { share: 0.8, counted: "read failed half-way" },
  "reads slow": { share: 0.7, counted: "read slow" },
  "watch breaks": { share: 0.2, counted: "watch broke" },
  "changes refused": { share: 0.5, counted: "change refused" },
  "changes unanswered": { share: 0.5, counted: "answer to a change lost" },
  "logs hang": { share: 1, counted: "log hung" },
  "store full": { share: 1, counted: "store full" },
  "ledger fails": { share: 0.4, counted: "ledger failed" },
  "ledger unanswered": { share: 0.4, counted: "answer of the ledger lost" },
} as const satisfies Record<string, { share: number; counted: Counted }>;
export type LastingFault = keyof typeof LASTING;

export class Weather {
  readonly clock: Clock;
  readonly random: Random;
  readonly tally: Tally;
  /** Reports that some daemon got, newest last. */
  readonly delivered: KubeletReport[] = [];
  readonly #until = new Map<LastingFault, number>();
  readonly #onDown = new Set<() => void>();
  /** When something was wrong last, on the clock that nobody sets. */
  #roughAt = 0;

  constructor(clock: Clock, random: Random, tally: Tally) {
    this.clock = clock;
    this.random = random;
    this.tally = tally;
  }

  is(fault: LastingFault): boolean {
    return (this.#until.get(fault) ?? 0) > this.clock.monotonic();
  }

  /** Whether the fault hits now; counted if so. */
  hits(fault: LastingFault): boolean {
    if (!this.is(fault)) return false;
    const { share, counted } = LASTING[fault];
    if (share < 1 && this.random.next() >= share) return false;
    this.tally.add(counted);
    return true;
  }

  begin(fault: LastingFault, forMs: number): void {
    const until = this.clock.monotonic() + forMs;
    this.#until.set(fault, until);
    this.rough(forMs);
    if (fault === "link down") this.tally.add("link to the kubelet down");
    // Something has to make the daemon ask again.
    if (fault === "link down" || fault === "link twice") for (const tell of [...this.#onDown]) tell();
  }

  clear(): void {
    this.#until.clear();
    this.#roughAt = Math.min(this.#roughAt, this.clock.monotonic());
  }

  /** Something is wrong that is no lasting fault, for so long from now. */
  rough(forMs = 0): void {
    this.#roughAt = Math.max(this.#roughAt, this.clock.monotonic() + forMs);
  }

  /** For how long nothing has been wrong, milliseconds; negative: for how long something still will be. */
  get calmMs(): number {
    return this.clock.monotonic() - this.#roughAt;
  }

  onDown(tell: () => void): () => void {
    this.#onDown.add(tell);
    return () => this.#onDown.delete(tell);
  }

  /** Waits as the fault asks for, if it hits. */
  async slow(fault: LastingFault, mostMs: number): Promise<void> {
    if (this.hits(fault)) await sleep(this.clock, Math.floor(this.random.next() * mostMs));
  }
}

/** What a fault throws. */
export function broken(what: string, code: "unavailable" | "io" = "unavailable"): TrueupError {
  return new TrueupError(code, `Cannot ${what} as the machine must be in order: it is not, on purpose.`);
}
