/** One probe of one running container: when to look, and when looks in a row change the answer. */
import type { ProbeOutcome } from "../model/runtime.ts";
import type { Probe } from "../model/workload.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";

export type ProbeKind = "startup" | "readiness" | "liveness";

/** Kubernetes' defaults; seconds and counts. */
const DEFAULTS = { periodSeconds: 10, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3 };

/** First of the early looks after the container's start, milliseconds; each next one waits twice as long. */
const EARLY_LOOK_MS = 50;

export interface ProbeLoopOptions {
  kind: ProbeKind;
  probe: Probe;
  clock: Clock;
  /** What holds before the first look. */
  initial: boolean;
  look(timeoutMs: number): Promise<ProbeOutcome>;
  /** The answer is now another one. */
  onResult(ok: boolean, message: string): void;
  /** A look failed; said for each one that counts. */
  onFailure(message: string): void;
}

/**
 * Looks at a container every period, first after the initial delay. The answer turns to yes after `successThreshold`
 * successes in a row, to no after `failureThreshold` failures.
 *
 * Until the first success, readiness and startup probes over the network are also tried early, between the periods, so
 * that a server that is up after 80 ms need not wait ten seconds for the next look. Early failures count for nothing.
 */
export class ProbeLoop {
  readonly #options: ProbeLoopOptions;
  readonly #periodMs: number;
  readonly #timeoutMs: number;
  #cancel: CancelTimer = () => undefined;
  #stopped = false;
  #answer: boolean | null = null;
  #successes = 0;
  #failures = 0;
  /** Wait before the next early look; `null` when there are none any more. */
  #earlyMs: number | null;
  /** When the next counted look is due, on the monotonic clock. */
  #due = 0;

  constructor(options: ProbeLoopOptions) {
    this.#options = options;
    const { probe, kind, initial } = options;
    this.#periodMs = Math.max(1, probe.periodSeconds ?? DEFAULTS.periodSeconds) * 1000;
    this.#timeoutMs = Math.max(1, probe.timeoutSeconds ?? DEFAULTS.timeoutSeconds) * 1000;
    this.#earlyMs = kind === "liveness" || probe.exec !== undefined || initial ? null : EARLY_LOOK_MS;
  }

  /** Milliseconds between two looks. */
  get periodMs(): number {
    return this.#periodMs;
  }

  /**
   * @param ageMs How long the container has been running already
   * @param spreadMs A further wait before the first look
   */
  start(ageMs = 0, spreadMs = 0): void {
    const delay = Math.max(0, (this.#options.probe.initialDelaySeconds ?? 0) * 1000 - ageMs) + spreadMs;
    this.#due = this.#options.clock.monotonic() + delay;
    // Where early looks are made the first one is such: a server that is just starting has not failed yet.
    if (this.#earlyMs === null) this.#schedule(delay, true);
    else {
      this.#due += this.#periodMs;
      this.#schedule(delay, false);
    }
  }

  /** No further look; one that is under way is not heard. */
  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #schedule(ms: number, counted: boolean): void {
    this.#cancel = this.#options.clock.setTimer(ms, () => void this.#look(counted));
  }

  async #look(counted: boolean): Promise<void> {
    const { clock, look } = this.#options;
    // Looks keep their rhythm: a slow one does not move those after it.
    if (counted) this.#due += this.#periodMs;
    const outcome = await look(this.#timeoutMs);
    if (this.#stopped) return;
    this.#judge(outcome, counted);
    if (this.#stopped) return;
    const untilDue = Math.max(0, this.#due - clock.monotonic());
    if (this.#earlyMs !== null && this.#earlyMs < untilDue) {
      const wait = this.#earlyMs;
      this.#earlyMs *= 2;
      this.#schedule(wait, false);
    } else {
      this.#schedule(untilDue, true);
    }
  }

  #judge({ ok, message }: ProbeOutcome, counted: boolean): void {
    const { probe, onFailure } = this.#options;
    if (ok) {
      this.#failures = 0;
      this.#successes++;
      this.#earlyMs = null;
      if (this.#successes >= (probe.successThreshold ?? DEFAULTS.successThreshold)) this.#decide(true, "");
    } else if (counted) {
      this.#successes = 0;
      this.#failures++;
      onFailure(message);
      if (this.#failures >= (probe.failureThreshold ?? DEFAULTS.failureThreshold)) this.#decide(false, message);
    }
  }

  #decide(ok: boolean, message: string): void {
    if (this.#answer === ok) return;
    this.#answer = ok;
    this.#options.onResult(ok, message);
  }
}
