/** Which attempt a head belongs to: opens those that are due, and ends those that a newer commit overtook. */
import type { Repository } from "../git/repository.ts";
import { TrueupError } from "../model/errors.ts";
import { ATTEMPT_EVENTS, type Attempt, type AttemptEnding, type AttemptKey, type Ledger } from "../model/ledger.ts";
import { type CommitId, shortId } from "../model/source.ts";
import type { Clock } from "../util/clock.ts";

export interface AttemptContext {
  app: string;
  target: string;
  /** Full name of the ref, `HEAD` when it is detached, or the pinned commit. */
  ref: string;
  ledger: Ledger;
  repository: Repository;
  clock: Clock;
}

/** RFC 3339, UTC, with milliseconds: the ledger's times. */
export function ledgerTime(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}

/**
 * Opens the attempts that a head asks for and gives the head's own, ended or not.
 *
 * On first sight only the head counts. Later, first-parent commits between the head seen last and this one are opened and
 * superseded; when the ref was rewritten (or reset), only the new head is opened, with a new ordinal if it was there before.
 * An attempt that has ended is opened anew, too, when a person asked for it.
 * Rows are written oldest first, so that this picks up where an earlier call was killed: none is lost, none is doubled.
 *
 * @param known The app's newest attempt, where it was taken up before and all that was written since is known to be written:
 *   then no other one is open, and the ledger, which most passes would only ask for what it said last, is not asked
 * @throws {TrueupError} When git or the ledger cannot be read or written
 */
export async function takeUpHead(
  context: AttemptContext,
  head: CommitId,
  signal: AbortSignal,
  known?: Attempt,
): Promise<Attempt> {
  const { app, target, ledger } = context;
  const newest = known ?? (await newestOf(context));
  const due =
    newest === undefined || (newest.commit === head && isOrderedAnew(newest))
      ? [head]
      : await commitsSince(context, newest.commit, head, signal);
  let current = newest;
  for (const commit of due) current = await open(context, commit);
  if (current?.commit !== head) {
    throw new TrueupError("internal", `Cannot take up ${shortId(head)} of ${app} as an attempt must be open: none is.`);
  }
  if (known !== undefined && (due.length === 0 || (due.length === 1 && known.ending !== undefined))) return current;
  for (const attempt of (await ledger.attempts({ app, target, onlyOpen: true })).reverse()) {
    if (attempt.row !== current.row) await end(context, attempt, head);
  }
  return current;
}

async function newestOf({ app, target, ledger }: AttemptContext): Promise<Attempt | undefined> {
  return (await ledger.attempts({ app, target, limit: 1 }))[0];
}

/**
 * Whether a person asked to try an attempt again after it had ended. Its event is the order: whoever takes the head up
 * next carries it out, also after a crash, and two orders for the same attempt are one.
 */
function isOrderedAnew({ ending, events }: Attempt): boolean {
  return (
    ending !== undefined && events.some(({ type, detail }) => type === ATTEMPT_EVENTS.retry && detail?.anew === true)
  );
}

async function commitsSince(
  { repository }: AttemptContext,
  seen: CommitId,
  head: CommitId,
  signal: AbortSignal,
): Promise<CommitId[]> {
  if (seen === head) return [];
  try {
    await repository.commit(seen);
  } catch (error) {
    // A rewritten ref's old commits may be collected: then only the new head is known.
    if (error instanceof TrueupError && error.code === "not-found") return [head];
    throw error;
  }
  return (await repository.firstParentSince(seen, head, signal)) ?? [head];
}

/** Opens an attempt that was never there. */
async function open(context: AttemptContext, commit: CommitId): Promise<Attempt> {
  const { app, target, ref, ledger, repository, clock } = context;
  const { authorName, authorEmail, committerName, committerEmail, subject } = await repository.commit(commit);
  const [before] = await ledger.attempts({ app, target, commit, limit: 1 });
  const key: AttemptKey = { app, target, commit, ordinal: (before?.ordinal ?? 0) + 1 };
  const people = { authorName, authorEmail, committerName, committerEmail };
  const opening = { ...key, openedAt: ledgerTime(clock), ref, ...people, subject };
  return { ...opening, row: await ledger.open(opening), events: [] };
}

async function end({ ledger, clock }: AttemptContext, attempt: Attempt, head: CommitId): Promise<void> {
  const ending: AttemptEnding = {
    endedAt: ledgerTime(clock),
    outcome: "superseded",
    reason: `commit ${shortId(head)} came to the head`,
    ...firstPlanOf(attempt),
  };
  await ledger.end(attempt, ending);
}

/** What of its first plan an attempt's end tells; nothing when none was made. */
export function firstPlanOf({ events }: Attempt): Pick<AttemptEnding, "planDigest" | "changes"> {
  const detail = events.find(({ type }) => type === ATTEMPT_EVENTS.planned)?.detail;
  if (detail === undefined) return {};
  const { digest, changes } = detail as unknown as { digest: string; changes: Record<string, number> };
  return { planDigest: digest, changes };
}
