/** Which backend is next: round robin, the least busy first within a round. Pure. */

/** What choosing needs to know of a backend. */
export interface Candidate {
  /** How many times it was chosen, counted from the turns the others had when it joined. */
  turns: number;
  /** Requests or connections under way to it. */
  inFlight: number;
}

/**
 * The candidate whose turn it is. In a round each candidate is chosen once, so nobody who answers quickly because it
 * fails draws traffic to itself; within the round the one with the least under way comes first, then the one that
 * stands first. The caller adds 1 to the `turns` of the one that it takes.
 *
 * As the state is in the candidates, leaving and joining does not start the round again for the others.
 *
 * @param candidates Those that may be chosen, in a fixed order
 * @param passOver Those that must not be chosen now, as they were tried for the same request
 * @returns `undefined` when there is nobody left
 */
export function pickNext<T extends Readonly<Candidate>>(
  candidates: Iterable<T>,
  passOver?: ReadonlySet<T>,
): T | undefined {
  let best: T | undefined;
  for (const candidate of candidates) {
    if (passOver?.has(candidate)) continue;
    if (best === undefined || isBefore(candidate, best)) best = candidate;
  }
  return best;
}

function isBefore(a: Readonly<Candidate>, b: Readonly<Candidate>): boolean {
  return a.turns !== b.turns ? a.turns < b.turns : a.inFlight < b.inFlight;
}

/**
 * The turns that a newcomer starts with: the least that anybody has, so that it takes part in the round under way and
 * does not have to catch up with those who were there for hours.
 */
export function turnsOnJoining(present: Iterable<Readonly<Candidate>>): number {
  let least: number | undefined;
  for (const { turns } of present) if (least === undefined || turns < least) least = turns;
  return least ?? 0;
}
