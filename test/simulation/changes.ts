/** Judges each change that a reconciler makes: promises 1, 3 and 4, by what git really says. */
import type { SqliteObjectStore } from "../../src/cluster/store.ts";
import type { ApplyRequest, DeleteRequest, ListQuery } from "../../src/model/backend.ts";
import type { AttemptEnding, AttemptEvent, AttemptKey } from "../../src/model/ledger.ts";
import { displayId, idOf, type KubeObject, keyOf, keyOfId, type ObjectKey } from "../../src/model/object.ts";
import { waveOf } from "../../src/model/ordering.ts";
import type { Stage } from "../../src/model/plan.ts";
import type { CommitId } from "../../src/model/source.ts";
import { ANNOTATION, type Deployment } from "../../src/model/workload.ts";
import { DEFAULT_PRUNE_BUDGET } from "../../src/plan/prune-guard.ts";
import { fateOf, objectsOf } from "./app.ts";
import type { Tally } from "./tally.ts";
import type { Verdict } from "./tree.ts";
import type { Witness } from "./witness.ts";

/** What one app's reconciler is about, as far as its ledger knows. */
interface Progress {
  newest: CommitId;
  isRejected: boolean;
  hasEnded: boolean;
  /** The commit that is applied in place of the newest, which failed. */
  back: CommitId | null;
  /** Deletions that somebody approved, as people write them. */
  approved: Set<string>;
  /** The last commit whose changes were all made. */
  applied: CommitId | null;
  /** The last commit that was planned: it runs, too, when there was nothing to change. */
  planned: CommitId | null;
  /** Commits since `applied` that had nothing to change: what runs is as each of them has it. */
  same: Set<CommitId>;
  /** Objects deleted since the newest attempt was opened. */
  deleted: Set<ObjectKey>;
  /** The last stage that the newest attempt began; null before the first. */
  reached: Stage | null;
  /** Whether the newest attempt failed before all of its changes were made: it goes no further. */
  isStuck: boolean;
}

export class Changes {
  /** Applies and deletes so far. */
  count = 0;
  /** Somebody is about to approve what an app's status shows; null: nobody is. */
  asked: { digest: string; deletions: readonly string[] } | null = null;
  /** Objects that may go: a reconciler deleted them, or somebody did by hand. */
  readonly mayGo = new Set<ObjectKey>();
  readonly #witness: Witness;
  readonly #tally: Tally;
  readonly #verdict: (commit: CommitId, app: string) => Verdict | undefined;
  readonly #isClaimed: (commit: CommitId, app: string, key: ObjectKey) => boolean;
  readonly #progress = new Map<string, Progress>();
  /** Letters of apps whose reading failed since it was begun. */
  readonly #unread = new Set<string>();

  /** @param isClaimed Whether another app declares an object at a commit, or may do so */
  constructor(
    witness: Witness,
    tally: Tally,
    verdict: (commit: CommitId, app: string) => Verdict | undefined,
    isClaimed: (commit: CommitId, app: string, key: ObjectKey) => boolean,
  ) {
    this.#isClaimed = isClaimed;
    this.#witness = witness;
    this.#tally = tally;
    this.#verdict = verdict;
  }

  /** The newest attempt's commit of each app. */
  get newest(): Map<string, CommitId> {
    return new Map([...this.#progress].map(([app, { newest }]) => [app, newest]));
  }

  hasEnded(app: string): boolean {
    return this.#progress.get(app)?.hasEnded === true;
  }

  /** Up to which stage the newest attempt came that failed on its way: null for none; undefined when it did not. */
  stuckAt(app: string): Stage | null | undefined {
    const progress = this.#progress.get(app);
    return progress?.isStuck === true ? progress.reached : undefined;
  }

  /** The commit that an app is kept at. */
  keptAt(app: string): CommitId | null {
    const progress = this.#progress.get(app);
    if (progress === undefined) return null;
    return progress.isRejected ? progress.applied : (progress.back ?? progress.newest);
  }

  // ---- From the ledger ---------------------------------------------------------------------------------------------

  opened({ app, commit }: AttemptKey): void {
    this.#witness.note(`${app} opened ${commit}`);
    const before = this.#progress.get(app);
    const { applied = null, planned = null, same = new Set<CommitId>() } = before ?? {};
    this.#progress.set(app, {
      newest: commit,
      isRejected: false,
      hasEnded: false,
      back: null,
      approved: new Set(),
      applied,
      planned,
      same,
      deleted: new Set(),
      reached: null,
      isStuck: false,
    });
  }

  told({ app, commit }: AttemptKey, { type, message, detail = {} }: AttemptEvent): void {
    this.#witness.note(`${app} ${commit} ${type}: ${message}`);
    if (type === "applied" || type === "held") this.#isApplied(app, commit);
    const progress = this.#progress.get(app);
    if (type === "planned" && progress !== undefined) progress.planned = commit;
    if (type === "planned" && detail.due === 0 && progress !== undefined) {
      progress.same.add(commit);
      // Whoever rejects the next commit keeps this one, also after a restart.
      progress.applied = commit;
    }
    if (type === "rollback" && progress !== undefined) {
      progress.back = detail.to as CommitId;
      // Also what is kept when a later commit is rejected.
      progress.applied = progress.back;
    }
    if (type === "approved") this.#approved(progress, detail);
    if (type === "stage" && progress?.newest === commit) {
      progress.reached = detail as unknown as Stage;
      this.#tally.add("stage begun");
    }
    if (type === "contested") this.#tally.add("field contested");
    if (type === "drift") this.#tally.add("drift recorded");
    if (type === "held") this.#tally.add("deletion held");
  }

  ended({ app, commit }: AttemptKey, { outcome, reason }: AttemptEnding): void {
    this.#witness.note(`${app} ended ${commit} as ${outcome}: ${reason}`);
    this.#tally.add(`attempt ${outcome}`);
    if (outcome === "deployed" || outcome === "no-op") this.#isApplied(app, commit);
    const progress = this.#progress.get(app);
    if (progress === undefined || progress.newest !== commit) return;
    progress.isRejected = outcome === "rejected";
    const isStaged = this.#verdict(commit, app)?.app?.isStaged === true;
    progress.isStuck = outcome === "failed" && isStaged && progress.applied !== commit;
    if (progress.isStuck) this.#tally.add("stuck between stages");
    // What it was given up for cannot be applied: it stays as it is.
    if (/cannot be applied again/.test(reason)) progress.back = null;
    progress.hasEnded = true;
  }

  #isApplied(app: string, commit: CommitId): void {
    const progress = this.#progress.get(app);
    if (progress === undefined) return;
    progress.applied = commit;
    progress.same.clear();
  }

  // ---- From people ---------------------------------------------------------------------------------------------------

  #approved(progress: Progress | undefined, { digest, deletions }: NonNullable<AttemptEvent["detail"]>): void {
    const { asked } = this;
    if (asked === null || asked.digest !== digest || String(deletions) !== String(asked.deletions)) {
      this.#witness.violate(`${digest} (${deletions}) was approved; asked was for ${JSON.stringify(asked)}`);
      return;
    }
    this.#tally.add("deletion approved");
    for (const deletion of asked.deletions) progress?.approved.add(deletion);
  }

  // ---- From the backend --------------------------------------------------------------------------------------------

  listing({ owner }: ListQuery): void {
    if (owner !== undefined) this.#unread.delete(letterOf(owner));
  }

  failed({ owner, name }: ListQuery): void {
    const about = owner ?? name;
    if (about !== undefined) this.#unread.add(letterOf(about));
  }

  applying({ desired, owner, from }: ApplyRequest, store: SqliteObjectStore): void {
    this.count++;
    if (from !== undefined) this.#tally.add("object handed over");
    const commit = desired.metadata.annotations?.[ANNOTATION.commit] as CommitId | undefined;
    const wrong = this.#wrongSource(commit, owner);
    if (wrong !== null) this.#witness.violate(`${displayId(idOf(desired))} was applied for app ${owner} ${wrong}`);
    const early = commit === undefined ? null : this.#waitsFor(desired, commit, owner, store);
    if (early !== null)
      this.#witness.violate(`${displayId(idOf(desired))} was applied for app ${owner} before ${early}`);
  }

  /** Of an app in waves: what of an earlier wave is not there as the commit has it, or can never be well; null for nothing. */
  #waitsFor(desired: KubeObject, commit: CommitId, owner: string, store: SqliteObjectStore): string | null {
    const progress = this.#progress.get(owner);
    const isUnderWay = progress?.newest === commit && progress.applied !== commit && !progress.hasEnded;
    const { app } = this.#verdict(commit, owner) ?? {};
    if (!isUnderWay || progress.back !== null || app?.isStaged !== true) return null;
    for (const earlier of objectsOf(app).filter((object) => waveOf(object) < waveOf(desired))) {
      const made = store.applied(keyOf(earlier));
      const isMade = made?.owner === owner && contentOf(made.object) === contentOf(earlier);
      if (!isMade) return `${displayId(idOf(earlier))}, which was not`;
      const { paused, replicas, template } = (earlier as Deployment).spec ?? {};
      if (earlier.kind !== "Deployment" || template === undefined || paused === true || replicas === 0) continue;
      if (fateOf(template) === "stuck") return `${displayId(idOf(earlier))} was well, which it cannot be`;
    }
    return null;
  }

  #wrongSource(commit: CommitId | undefined, owner: string): string | null {
    if (commit === undefined) return "from no commit";
    const verdict = this.#verdict(commit, owner);
    if (verdict === undefined || verdict.isGone) return `from ${commit}, which has no such app`;
    if (verdict.validity === "invalid") return `from commit ${commit}, which is invalid`;
    const progress = this.#progress.get(owner);
    if (commit === this.keptAt(owner) || commit === progress?.applied || commit === progress?.planned) return null;
    if (progress?.same.has(commit) === true) return null;
    return `from commit ${commit}, which is neither at the head nor what ran`;
  }

  deleting({ id, owner = "" }: DeleteRequest, store: SqliteObjectStore): void {
    this.count++;
    const key = keyOfId(id);
    this.mayGo.add(key);
    // Gone since it was planned: deleting it again costs nothing.
    if (store.get(key) === undefined) return;
    const isApproved = this.#progress.get(owner)?.approved.has(displayId(id)) === true;
    const wrong = this.#wrongDeletion(key, owner, isApproved, store);
    if (wrong !== null) this.#witness.violate(`${displayId(id)} was deleted for app ${owner} ${wrong}`);
    this.#progress.get(owner)?.deleted.add(key);
    this.#tally.add("object removed");
  }

  #wrongDeletion(key: ObjectKey, owner: string, isApproved: boolean, store: SqliteObjectStore): string | null {
    if (store.applied(key)?.owner !== owner) return "which never applied it";
    if (this.#unread.has(letterOf(owner))) return "though a read had failed";
    const progress = this.#progress.get(owner);
    const commit = this.keptAt(owner);
    const verdict = commit === null ? undefined : this.#verdict(commit, owner);
    if (progress === undefined || verdict === undefined) return "at no commit";
    const declared = new Set(verdict.app === undefined ? [] : objectsOf(verdict.app).map((object) => keyOf(object)));
    if (declared.has(key)) return `though commit ${commit} declares it`;
    if (isApproved) return null;
    if (verdict.isGone) return "which git names no more";
    if (this.#isClaimed(progress.newest, owner, key)) return "though another app declares it, or may do so";
    return overBudget(owner, declared, progress.deleted, store);
  }
}

/** Whether more of an app's objects go, in one attempt, than may without approval. */
function overBudget(
  owner: string,
  declared: ReadonlySet<ObjectKey>,
  deleted: ReadonlySet<ObjectKey>,
  store: SqliteObjectStore,
): string | null {
  const owned = store
    .list({})
    .map((object) => keyOf(object))
    .filter((key) => store.applied(key)?.owner === owner);
  const undeclared = new Set([...owned.filter((key) => !declared.has(key)), ...deleted]);
  const total = declared.size + undeclared.size;
  const { maxObjects, maxPercent } = DEFAULT_PRUNE_BUDGET;
  if (undeclared.size <= maxObjects && undeclared.size * 100 <= total * maxPercent) return null;
  return `though ${undeclared.size} of ${total} objects are more than may go without approval`;
}

/** Names of apps and of their objects begin with the app's own letter. */
export function letterOf(name: string): string {
  return name.charAt(0);
}

/** What an object says, but for its metadata and what the API takes as text only. */
function contentOf({ kind, spec, data }: KubeObject & { data?: unknown }): string {
  return kind === "Secret" ? "" : JSON.stringify([spec, data]);
}
