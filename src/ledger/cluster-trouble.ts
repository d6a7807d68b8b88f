/** What can be wrong with a ledger in the cluster, in words. */
import { TrueupError } from "../model/errors.ts";

const CHANGED = "A Secret of it was deleted or changed. Restore a backup; trueup log --verify says what is there.";

/** Another daemon has it. */
export function takenOver(place: string, writer: string, other: string): TrueupError {
  const message = `Cannot go on with the ledger ${place} as ${writer} must be its only writer: ${other || "somebody"} took it over.`;
  return new TrueupError("conflict", message, {
    hint: "Two daemons run on one ledger, and the one that starts last has it: see that only one of them is started.",
  });
}

export function busy(place: string, tries: number): TrueupError {
  const message = `Cannot write to the ledger ${place} as nobody may change it meanwhile: somebody did, ${tries} times in a row.`;
  return new TrueupError("unavailable", message);
}

export function outOfOrder(place: string, next: number, found: number): TrueupError {
  const message = `Cannot read the ledger ${place} as entry ${next} must follow: entry ${found} does.`;
  return new TrueupError("invalid", message, { hint: CHANGED });
}

export function vanished(place: string, secret: string, cause?: unknown): TrueupError {
  const message = `Cannot read the ledger ${place} as its secret ${secret} must be there: it is gone.`;
  return new TrueupError("io", message, { hint: CHANGED, cause });
}

export function contradictory(place: string, secret: string, later: string): TrueupError {
  const message = `Cannot read the ledger ${place} as secret ${later} must say what ${secret} said: it does not.`;
  return new TrueupError("invalid", message, { hint: CHANGED });
}

export function unreadable(place: string, seq: number, cause?: unknown): TrueupError {
  const message = `Cannot read the ledger ${place} as entry ${seq} must be a fact that trueup wrote: it is none.`;
  return new TrueupError("invalid", message, { hint: CHANGED, cause });
}
