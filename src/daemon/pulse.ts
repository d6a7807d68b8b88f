/** Whether a cluster whose objects are kept in memory still answers: what is in memory looks the same when it does not. */
import { messageOf } from "../model/errors.ts";
import type { Clock } from "../util/clock.ts";
import { withDeadline } from "../util/deadline.ts";

/** Whoever asks for objects waits this long for a cluster that hangs. */
const ANSWER_MS = 2_000;
/** What was heard so lately needs no question. */
const FRESH_MS = 1_000;

export interface PulseOptions {
  clock: Clock;
  /** For the sentence: its address. */
  server: string;
  /** Asks something that costs nothing. */
  ping(signal: AbortSignal): Promise<void>;
  /** When it last said anything, milliseconds since the epoch; `null` when it never has. */
  heardAt(): number | null;
}

/** @returns Why what is known may be old by now, in a sentence; `null` when the cluster answers */
export async function doubtOf(
  { clock, server, ping, heardAt }: PulseOptions,
  signal: AbortSignal,
): Promise<string | null> {
  const before = heardAt();
  if (before !== null && Math.abs(clock.now() - before) < FRESH_MS) return null;
  try {
    const late = (): Error => new Error(`it has not within ${ANSWER_MS / 1_000} s`);
    await withDeadline(clock, ANSWER_MS, signal, ping, late);
    return null;
  } catch (error) {
    signal.throwIfAborted();
    const heard = heardAt();
    // A refusal is an answer, too.
    if (heard !== null && heard !== before) return null;
    const age = heard === null ? "" : ` What is shown is as it was ${Math.round((clock.now() - heard) / 1_000)} s ago.`;
    return `The API server ${server} does not answer: ${messageOf(error)}.${age}`.replace("..", ".");
  }
}
