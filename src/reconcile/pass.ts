/** One pass over an app: what a commit declares, whether it may be applied, and what applying it would do. */
import { compareDiagnostics, type Diagnostic, isError } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import type { Plan } from "../model/plan.ts";
import type { CommitId, CommitInfo } from "../model/source.ts";
import { planDigest } from "../plan/digest.ts";
import type { Planner } from "../plan/planner.ts";
import { isKept } from "../plan/prune-guard.ts";
import { checkImageRules } from "../validation/index.ts";
import { dueChanges, refusals } from "./apply.ts";
import { reusedTags } from "./images.ts";
import { observe } from "./observe.ts";
import { type AppSource, isRejected, type Snapshot } from "./source.ts";
import type { AppReconcilerOptions, PlanOutcome } from "./types.ts";

export interface PassContext {
  readonly options: AppReconcilerOptions;
  readonly source: AppSource;
  readonly planner: Planner;
  /**
   * Declared objects that the backend is known to have just so: they were carried out, and no event since then said
   * otherwise. A commit that declares these very objects needs no request at all.
   */
  clean: readonly Declared[] | null;
  /** How often an event said otherwise: what was read before the last one proves nothing. */
  doubts: number;
}

/** `plan` is absent when the manifests themselves are wrong: then the backend is not even asked. */
export interface Prepared {
  commit: CommitInfo;
  snapshot: Snapshot;
  /** Of the manifests, of their images, and of the backend's refusals. */
  diagnostics: Diagnostic[];
  /** `PassContext.doubts` when this was begun. */
  doubts: number;
  plan?: Plan;
}

export type Accepted = Prepared & { plan: Plan };

/** Whether the commit may be applied: it was planned, and nothing about it is wrong. */
export function isAccepted(prepared: Prepared): prepared is Accepted {
  return prepared.plan !== undefined && !prepared.diagnostics.some(isError);
}

/**
 * Prepares a commit: reads, checks, looks its images up, observes, plans, and asks whether the plan would be accepted.
 * Nothing is changed but the catalogue of images.
 *
 * @param base A snapshot near to the commit, so that only differences are read
 * @throws {TrueupError} When git, the images, the ledger or the backend cannot be read: then nothing is known
 */
export async function prepare(
  context: PassContext,
  id: CommitId,
  base: Snapshot | null,
  signal: AbortSignal,
): Promise<Prepared> {
  const { options } = context;
  const { app, repository, ledger, images, imagePaths } = options;
  const commit = await repository.commit(id);
  const { snapshot, diagnostics } = await readApp(context, id, base, signal);
  const { doubts } = context;
  const prepared: Prepared = { commit, snapshot, doubts, diagnostics };
  if (isRejected(prepared)) return sorted(prepared);
  if (options.backend.capabilities.localImages && snapshot.images.length > 0) {
    const references = [...new Set(snapshot.images.map(({ reference }) => reference))];
    await images.update({ repository, commit: id, references, imagePaths, signal });
    options.onImages?.();
    const digests = images.digests(references);
    const scope = { app: app.name, target: app.target };
    prepared.diagnostics.push(...(await reusedTags(snapshot.images, digests, ledger, scope)));
    if (isRejected(prepared)) return sorted(prepared);
  }
  signal.throwIfAborted();
  return planPrepared(context, prepared, signal);
}

/** The app at a commit, where and as that commit's settings say, with all that is wrong about either. */
async function readApp(
  { options, source }: PassContext,
  id: CommitId,
  base: Snapshot | null,
  signal: AbortSignal,
): Promise<{ snapshot: Snapshot; diagnostics: Diagnostic[] }> {
  const settings = await options.settingsAt?.(id);
  if (settings === undefined) {
    const snapshot = await source.snapshot(id, base, signal);
    return { snapshot, diagnostics: [...snapshot.diagnostics] };
  }
  const place = { path: settings.path, namespace: settings.namespace };
  const snapshot = settings.isGone ? await source.gone(id, place) : await source.snapshot(id, base, signal, place);
  const ofImages = checkImageRules(snapshot.images, settings.images);
  return { snapshot, diagnostics: [...settings.diagnostics, ...snapshot.diagnostics, ...ofImages] };
}

/** As `prepare`, for somebody who only wants to look: images stay as they are known, so re-used tags are not found. */
export async function lookAt(
  context: PassContext,
  id: CommitId,
  base: Snapshot | null,
  signal: AbortSignal,
): Promise<PlanOutcome> {
  const { app, repository } = context.options;
  const commit = await repository.commit(id);
  const { snapshot, diagnostics } = await readApp(context, id, base, signal);
  if (isRejected({ diagnostics })) return { kind: "rejected", app: app.name, commit: id, diagnostics };
  const prepared = await planPrepared(context, { commit, snapshot, diagnostics, doubts: context.doubts }, signal);
  return { kind: "planned", plan: prepared.plan, diagnostics: prepared.diagnostics };
}

/** Plans what was prepared (again) against what is observed now. */
export async function planPrepared(context: PassContext, prepared: Prepared, signal: AbortSignal): Promise<Accepted> {
  const { options, planner } = context;
  const { app, backend, prune } = options;
  const { snapshot, commit } = prepared;
  if (snapshot.declared === context.clean) return { ...prepared, plan: emptyPlan(app.name, commit.id, snapshot) };
  const observed = await observe(backend, app.name, snapshot.declared, signal);
  const plan = planner.plan({
    app: app.name,
    commit: commit.id,
    declared: snapshot.declared,
    observed,
    ...(prune !== undefined && { prune }),
  });
  const refused = await refusals(plan, commit, backend, signal);
  return sorted({ ...prepared, plan, diagnostics: [...prepared.diagnostics, ...refused] });
}

function emptyPlan(app: string, commit: CommitId, { declared }: Snapshot): Plan {
  return { app, commit, changes: [], unchanged: declared.length, digest: planDigest({ app, commit, changes: [] }) };
}

function sorted<P extends Prepared>(prepared: P): P {
  return { ...prepared, diagnostics: prepared.diagnostics.sort(compareDiagnostics) };
}

/** Counts by action, for the ledger. */
export function countChanges(plan: Plan): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { action } of plan.changes) counts[action] = (counts[action] ?? 0) + 1;
  if (plan.unchanged > 0) counts.unchanged = plan.unchanged;
  return counts;
}

/** Deletions that wait for a person. Objects that ask to be kept wait for nobody. */
export function heldChanges(plan: Plan): Plan["changes"] {
  return plan.changes.filter((change) => change.held !== undefined && !isKept(change));
}

/** Whether a plan has nothing to carry out. */
export function isIdle(plan: Plan): boolean {
  return dueChanges(plan).length === 0;
}

/** `web.yaml:3:5: Cannot …` and how many more, for the reason of a rejected attempt. */
export function rejectionReason(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter(isError);
  const [first] = errors;
  if (first === undefined) return "";
  const { file, line, column } = first.location;
  const more = errors.length === 1 ? "" : ` (and ${errors.length - 1} more)`;
  return `${file}:${line}:${column}: ${first.message}${more}`;
}
