/** Waits until the daemon has taken up a commit, so that what is followed next is that commit's rollout. */
import { openRepository, type Repository } from "../../git/repository.ts";
import type { ListQuery } from "../../model/backend.ts";
import { TrueupError } from "../../model/errors.ts";
import { displayId, type ObjectId } from "../../model/object.ts";
import { type CommitId, shortId } from "../../model/source.ts";
import type { AppPhase, AppStatus } from "../../model/status.ts";
import type { DaemonClient } from "../client.ts";
import type { CommandContext } from "../command.ts";
import { printableLine } from "../print/escape.ts";

/** How long a daemon may take to see a ref move and apply it, before we say so and go on. Milliseconds. */
const PATIENCE_MS = 15_000;

/**
 * Waits until every app has applied what its ref names now, as a commit made a moment ago may not have been seen yet.
 * A head that was rejected or cannot be read is told of on stderr, and not waited for.
 *
 * @returns What was told, for `tellIfNotApplied`
 */
export async function waitForHead(
  context: CommandContext,
  client: DaemonClient,
  timeoutMs: number | undefined,
): Promise<ReadonlySet<string>> {
  const { apps } = await client.status(context.signal);
  const heads = new Map<string, CommitId | null>();
  for (const app of apps) heads.set(app.app, await headOf(app));
  const late = apps.filter((app) => !hasTakenUp(app, heads.get(app.app) ?? null));
  const limit = timeoutMs === undefined || timeoutMs === 0 ? PATIENCE_MS : timeoutMs;
  for (const { app } of late) {
    await waitUntil(context, client, app, limit, (status) => hasTakenUp(status, heads.get(app) ?? null));
  }
  const told = new Set<string>();
  for (const app of (await client.status(context.signal)).apps) {
    const instead = app.applied === null ? "nothing was applied yet" : `what follows is of ${shortId(app.applied)}`;
    const text = notApplied(app);
    if (text !== null) await warn(context, `${text}; ${instead}`);
    if (text !== null) told.add(text);
  }
  return told;
}

/**
 * Whoever followed a rollout to its end thinks of the head: when that is not what rolled out, as it was rejected or gone back
 * from meanwhile, they must know, and a script must not go on.
 *
 * @param query Finds the workload that was followed
 * @param told What needs no telling again
 * @returns Whether the app of the workload runs something else
 */
export async function tellIfNotApplied(
  context: CommandContext,
  client: DaemonClient,
  query: ListQuery,
  told: ReadonlySet<string>,
): Promise<boolean> {
  for (const { app, head, applied } of (await client.status(context.signal)).apps) {
    if (head === null || head.commit === applied) continue;
    const { items } = await client.list({ ...query, owner: app }, context.signal);
    if (items.length === 0) continue;
    const known = await waitUntil(context, client, app, PATIENCE_MS, ({ phase }) => !UNDER_WAY.has(phase));
    const text = known === null ? null : notApplied(known);
    if (text === null) continue;
    const runs = known?.applied ?? null;
    if (!told.has(text)) await warn(context, runs === null ? text : `${text}; what runs is of ${shortId(runs)}`);
    return true;
  }
  return false;
}

const PHASE_WORDS: Partial<Record<AppPhase, string>> = {
  Rejected: "rejected",
  Unreadable: "unreadable",
  RolledBack: "rolled back",
};

/** That the head is not what rolls out, and why; `null` when it is. */
function notApplied({ app, head, phase, reason }: AppStatus): string | null {
  const word = PHASE_WORDS[phase];
  if (word === undefined) return null;
  return `${head === null ? app : `${shortId(head.commit)} of ${app}`} is ${word}: ${reason.replace(/[.]$/, "")}`;
}

async function warn({ err }: CommandContext, text: string): Promise<void> {
  await err.line(`${err.style.yellow("warning:")} ${printableLine(text)}`);
}

/**
 * Waits until an app has applied a commit.
 *
 * @throws {TrueupError} `invalid` when the commit was rejected, `timeout` when the daemon did not take it up in time
 */
export async function waitForCommit(
  context: CommandContext,
  client: DaemonClient,
  app: string,
  commit: CommitId,
): Promise<void> {
  const status = await waitUntil(context, client, app, PATIENCE_MS, (at) => hasTakenUp(at, commit));
  if (status === null) throw notTakenUp(commit);
  if (status.phase === "Rejected" && status.head?.commit === commit) {
    throw new TrueupError("invalid", `Cannot roll out ${shortId(commit)} as it must be valid: ${status.reason}`, {
      hint: "What ran before still runs. trueup validate shows all that is wrong.",
    });
  }
}

const TAKEN_UP: ReadonlySet<AppPhase> = new Set(["Rejected", "Failed", "RolledBack", "Held"]);

/** Whether the daemon has done with the commit what it is going to do before a rollout. */
function hasTakenUp(app: AppStatus, commit: CommitId | null): boolean {
  if (commit === null || app.applied === commit) return true;
  return app.head?.commit === commit && TAKEN_UP.has(app.phase);
}

/** The app's status once it is as wanted; `null` when time ran out, the app is gone or the stream ended. */
async function waitUntil(
  { clock, signal }: CommandContext,
  client: DaemonClient,
  name: string,
  limitMs: number | null,
  wanted: (status: AppStatus) => boolean,
): Promise<AppStatus | null> {
  const enough = new AbortController();
  const cancel = limitMs === null ? () => undefined : clock.setTimer(limitMs, () => enough.abort());
  try {
    for await (const { apps } of client.watchStatus(AbortSignal.any([signal, enough.signal]))) {
      const app = apps.find((candidate) => candidate.app === name);
      if (app === undefined || wanted(app)) return app ?? null;
    }
  } catch (error) {
    if (!enough.signal.aborted || signal.aborted) throw error;
  } finally {
    cancel();
  }
  return null;
}

/** What the app's ref names now; `null` when that cannot be told from here. */
async function headOf(app: AppStatus): Promise<CommitId | null> {
  let repository: Repository;
  try {
    repository = await openRepository(app.repository);
  } catch (error) {
    // The daemon may see a repository that we do not; then its own word is all there is.
    if (error instanceof TrueupError) return null;
    throw error;
  }
  try {
    return await repository.readRef(fullRef(app.ref));
  } catch (error) {
    if (error instanceof TrueupError) return null;
    throw error;
  } finally {
    await repository.close();
  }
}

/** `main` is short for `refs/heads/main`. */
export function fullRef(ref: string): string {
  return ref === "HEAD" || ref.startsWith("refs/") ? ref : `refs/heads/${ref}`;
}

/** What an app is in while it is not known yet what becomes of its head. */
const UNDER_WAY: ReadonlySet<AppStatus["phase"]> = new Set(["Starting", "Progressing", "Unreadable"]);

/**
 * Waits until it is known what became of a commit. The rollout's own deadline ends the wait, or a newer commit does.
 *
 * @throws {TrueupError} `timeout` when the daemon did not take the commit up in time, `unavailable` when the daemon has gone
 */
export async function waitForEnd(
  context: CommandContext,
  client: DaemonClient,
  app: string,
  commit: CommitId,
): Promise<AppStatus> {
  const seen = await waitUntil(context, client, app, PATIENCE_MS, ({ head }) => head?.commit === commit);
  if (seen === null) throw notTakenUp(commit);
  return untilEnded(context, client, app, commit);
}

/** As `waitForEnd`, of a commit that the daemon has taken up. */
async function untilEnded(
  context: CommandContext,
  client: DaemonClient,
  app: string,
  commit: CommitId,
): Promise<AppStatus> {
  const ended = ({ head, phase }: AppStatus): boolean => head?.commit !== commit || !UNDER_WAY.has(phase);
  const status = await waitUntil(context, client, app, null, ended);
  if (status !== null) return status;
  throw new TrueupError("unavailable", `Cannot follow ${shortId(commit)} as the daemon must go on: it has gone.`, {
    hint: "The commit is made: start the daemon with trueup run.",
  });
}

/** What an app is in when a commit is not what runs, or does not run well. */
const BAD_END: ReadonlySet<AppPhase> = new Set(["Rejected", "Failed", "RolledBack"]);

/**
 * Waits for the end of a commit that was taken up, after its rollout: "successfully rolled out" is also said of what was gone back to.
 *
 * @throws {TrueupError} `invalid` when the commit failed, or was gone back from; `unavailable` when the daemon has gone
 */
export async function requireGoodEnd(
  context: CommandContext,
  client: DaemonClient,
  app: string,
  commit: CommitId,
): Promise<void> {
  const { head, phase, reason } = await untilEnded(context, client, app, commit);
  if (head !== null && head.commit !== commit) {
    await warn(context, `${shortId(head.commit)} came after ${shortId(commit)}: what rolled out is of that one`);
    return;
  }
  if (BAD_END.has(phase)) throw badEnd(commit, phase, reason);
}

function badEnd(commit: CommitId, phase: AppPhase, reason: string): TrueupError {
  const word = phase === "Failed" ? "failed" : `was ${PHASE_WORDS[phase]}`;
  return new TrueupError("invalid", printableLine(`${shortId(commit)} ${word}: ${reason}`), {
    hint: "A fix is another commit; trueup revert takes this one back.",
  });
}

/**
 * Waits until the daemon says that a commit has failed for a workload. It knows what can never get well, while the workload
 * itself, on a cluster, only has its deadline.
 *
 * @returns That it has; `null` when the daemon has gone
 */
export async function untilFailed(
  client: DaemonClient,
  id: ObjectId,
  signal: AbortSignal,
): Promise<TrueupError | null> {
  const isOf = ({ reason }: AppStatus): boolean => ` ${reason}`.includes(` ${displayId(id)}: `);
  for await (const { apps } of client.watchStatus(signal)) {
    for (const status of apps) {
      const { app, head, phase, reason } = status;
      if (head === null || phase !== "Failed" || !isOf(status)) continue;
      const { items } = await client.list({ ...id, owner: app }, signal);
      if (items.length > 0) return badEnd(head.commit, phase, reason);
    }
  }
  return null;
}

function notTakenUp(commit: CommitId): TrueupError {
  return new TrueupError("timeout", `Cannot follow ${shortId(commit)} as the daemon must take it up: it has not yet.`, {
    hint: "trueup status says what it does.",
  });
}
