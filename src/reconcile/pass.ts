/** One pass over an app: what a commit declares, whether it may be applied, and what applying it would do. */
import { compareDiagnostics, type Diagnostic, isError } from "../model/diagnostic.ts";
import type { TrueupError } from "../model/errors.ts";
import type { IgnoreRule } from "../model/ignore.ts";
import type { Declared } from "../model/manifest.ts";
import type { ObjectKey } from "../model/object.ts";
import type { Observed, Plan } from "../model/plan.ts";
import type { CommitId, CommitInfo } from "../model/source.ts";
import { type Approvals, release } from "../plan/approval.ts";
import { planDigest } from "../plan/digest.ts";
import type { HookRuns } from "../plan/hooks.ts";
import { type Ignored, ignoredOf } from "../plan/ignore.ts";
import type { PlanInput } from "../plan/plan.ts";
import type { Planner } from "../plan/planner.ts";
import { keptOf } from "../plan/stages.ts";
import { checkImageRules, dayOf, judge, NO_FLOOR, notRunHere } from "../validation/index.ts";
import { type Claim, type Claims, declaredTwice, NO_CLAIMS, notTakenOver } from "./claims.ts";
import type { OnFailure } from "./course.ts";
import { reusedTags } from "./images.ts";
import { autoscalersOf, definedKinds, goingOf, hooksAmong, keyOfDeclared, keyOfObject, observe } from "./observe.ts";
import { dueChanges } from "./request.ts";
import { inScopeOfBackend, sameInScope } from "./scopes.ts";
import { type AppSource, isRejected, type Snapshot, type SourceOptions } from "./source.ts";
import { type Settled, tryPlan } from "./trial.ts";
import type { AppReconcilerOptions, AppSettings, PlanOutcome } from "./types.ts";

export interface PassContext {
  readonly options: AppReconcilerOptions;
  readonly source: AppSource;
  readonly planner: Planner;
  /** Differences that the backend says are none. */
  readonly settled: Settled;
  /** What is left to others of the objects that were planned last. */
  ignored: Ignored;
  /**
   * Declared objects that the backend is known to have just so: they were carried out, and no event since then said
   * otherwise. A commit that declares these very objects needs no request at all.
   */
  clean: readonly Declared[] | null;
  /** How often an event said otherwise: what was read before the last one proves nothing. */
  doubts: number;
}

/** Which commit a pass is about, and on what grounds. */
export interface Aim {
  commit: CommitId;
  /** Where the ref stands: what other apps declare there counts. The commit itself unless it is an older one. */
  head: CommitId;
  /** The day for which exceptions count: the attempt's first. Absent: today. */
  day?: string;
  /** What people approved. */
  approvals?: Approvals;
  /** Which hooks are to run; absent: none. */
  hooks?: HookRuns;
  /** Whether objects that no app applied are taken over; absent: as the operator has it. */
  adopt?: boolean;
}

/** `plan` is absent when the manifests themselves are wrong: then the backend is not even asked. */
export interface Prepared {
  commit: CommitInfo;
  snapshot: Snapshot;
  /** What is to be there: the snapshot's objects, but for those of an older commit that another app has by now. */
  declared: readonly Declared[];
  aim: Aim;
  claims: Claims;
  /** As `claims`, at the commit itself: an object that came from another app since then is no leftover of this one. */
  former: Claims;
  /** Another app declares objects that this one still owns. */
  isGivingUp?: boolean;
  /** Leftovers of the app that are on their way out, and in no plan. */
  going?: readonly Observed[];
  /** What there is where hooks are declared. */
  hookObjects?: ReadonlyMap<ObjectKey, Observed>;
  onFailure: OnFailure;
  /** Fields that stay with whoever else sets them, as the commit has it. */
  ignore: readonly IgnoreRule[];
  /** The same of each object, with what autoscalers set. */
  ignored?: Ignored;
  /** Of the manifests, of their images, and of the backend's refusals. */
  diagnostics: Diagnostic[];
  /** `PassContext.doubts` when this was begun. */
  doubts: number;
  plan?: Plan;
  /** What is refused is so only as another app has not brought yet what it needs. */
  awaited?: TrueupError;
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
 * @throws {TrueupError} When git, the images, the ledger or the backend cannot be read: then nothing is known; and when
 *   another app of the commit is to bring first what this one needs
 */
export async function prepare(
  context: PassContext,
  aim: Aim,
  base: Snapshot | null,
  signal: AbortSignal,
): Promise<Prepared> {
  const { options } = context;
  const { app, repository, ledger, images, imagePaths } = options;
  const prepared = await readApp(context, aim, base, signal);
  const { snapshot } = prepared;
  if (isRejected(prepared)) return sorted(prepared);
  if (options.backend.capabilities.localImages && snapshot.images.length > 0) {
    const references = [...new Set(snapshot.images.map(({ reference }) => reference))];
    await images.update({ repository, commit: aim.commit, references, imagePaths, signal });
    options.onImages?.();
    const digests = images.digests(references);
    const scope = { app: app.name, target: app.target };
    prepared.diagnostics.push(...(await reusedTags(snapshot.images, digests, ledger, scope)));
    if (isRejected(prepared)) return sorted(prepared);
  }
  signal.throwIfAborted();
  const planned = await planPrepared(context, prepared, signal);
  // No verdict on the commit: it is tried again.
  if (planned.awaited !== undefined) throw planned.awaited;
  return planned;
}

/** The app at a commit, where and as that commit's settings say, with all that is wrong about either. */
async function readApp(context: PassContext, aim: Aim, base: Snapshot | null, signal: AbortSignal): Promise<Prepared> {
  const { options, source } = context;
  const commit = await options.repository.commit(aim.commit);
  const { doubts } = context;
  const settings = await options.settingsAt?.(aim.commit);
  const place = settings === undefined ? undefined : placeOf(settings);
  const snapshot =
    settings?.isGone === true && place !== undefined
      ? await source.gone(aim.commit, place)
      : await source.snapshot(aim.commit, base, signal, place);
  const claims = (await options.claims?.(aim.head)) ?? NO_CLAIMS;
  const isHead = aim.commit === aim.head;
  const former = isHead ? claims : ((await options.claims?.(aim.commit)) ?? NO_CLAIMS);
  signal.throwIfAborted();
  const { name, kinds } = options.backend.capabilities;
  // Of what is wrong already, the backend is not asked.
  const isWrong = snapshot.diagnostics.some(isError);
  const served = isWrong ? snapshot.declared : await inScopeOfBackend(snapshot.declared, options.backend, signal);
  const said = [
    ...(settings?.diagnostics ?? []),
    ...snapshot.diagnostics,
    ...(settings === undefined ? [] : checkImageRules(snapshot.images, settings.images)),
    ...notRunHere(snapshot.declared, { name: `the ${name} cluster`, kinds }),
    ...sameInScope(snapshot.declared, served),
    ...(isHead ? declaredTwice(served, claims) : []),
  ];
  const diagnostics = judged(said, settings, snapshot, aim.day ?? dayOf(options.clock.now()));
  const declared = isHead ? served : notTakenOver(served, claims);
  const onFailure = settings?.onFailure ?? options.onFailure ?? "keep";
  const ignore = settings?.ignore ?? [];
  return { commit, snapshot, declared, aim, claims, former, onFailure, ignore, diagnostics, doubts };
}

function judged(
  said: Diagnostic[],
  settings: AppSettings | undefined,
  { declared }: Snapshot,
  day: string,
): Diagnostic[] {
  const { validation } = settings ?? {};
  if (validation === undefined) return said;
  return judge(said, { settings: validation, day, objects: () => declared.map(({ id }) => id) });
}

const places = new WeakMap<AppSettings, SourceOptions>();

function placeOf(settings: AppSettings): SourceOptions {
  let place = places.get(settings);
  if (place === undefined) {
    place = madePlace(settings);
    places.set(settings, place);
  }
  return place;
}

function madePlace(settings: AppSettings): SourceOptions {
  const { path, namespace, kubernetesVersion, schemas, allowUnknownKinds, validation } = settings;
  const { policies, rules } = validation ?? NO_FLOOR;
  return {
    path,
    namespace,
    ...(kubernetesVersion !== undefined && { kubernetesVersion }),
    ...(schemas !== undefined && { schemas }),
    ...(allowUnknownKinds !== undefined && { allowUnknownKinds }),
    // Levels and exceptions are left out: they change nothing about what is found.
    ...(policies.length + rules.length > 0 && { checks: { policies, rules } }),
  };
}

/** What the app declares at a commit, as its neighbours in the repository need to know it. */
export async function readClaim(
  { options, source }: PassContext,
  commit: CommitId,
  base: Snapshot | null,
  signal: AbortSignal,
): Promise<Claim> {
  const app = options.app.name;
  const settings = await options.settingsAt?.(commit);
  if (settings?.isGone === true) return { app, declared: [], isPartial: false, isOwn: false };
  const place = settings === undefined ? undefined : placeOf(settings);
  return claimOf(app, await source.snapshot(commit, base, signal, place));
}

/** What a snapshot says to the app's neighbours. */
export function claimOf(app: string, { declared, isPartial, elsewhere, schemaFiles, place }: Snapshot): Claim {
  // Definitions of custom kinds say which of their objects live in a namespace.
  const isOwn = elsewhere === null && schemaFiles.length === 0 && (place.schemas ?? []).length === 0;
  return { app, declared, isPartial, isOwn };
}

/** As `prepare`, for somebody who only wants to look: images stay as they are known, so re-used tags are not found. */
export async function lookAt(
  context: PassContext,
  aim: Aim,
  base: Snapshot | null,
  signal: AbortSignal,
): Promise<PlanOutcome> {
  const read = await readApp(context, aim, base, signal);
  const { diagnostics } = read;
  if (isRejected(read)) return { kind: "rejected", app: context.options.app.name, commit: aim.commit, diagnostics };
  const prepared = await planPrepared(context, read, signal);
  return { kind: "planned", plan: prepared.plan, diagnostics: prepared.diagnostics };
}

/** Plans what was prepared (again) against what is observed now. */
export async function planPrepared(context: PassContext, prepared: Prepared, signal: AbortSignal): Promise<Accepted> {
  const { options, planner } = context;
  const { app, backend, prune } = options;
  const { declared, commit, aim } = prepared;
  if (declared === context.clean) return { ...prepared, plan: emptyPlan(app.name, commit.id, declared) };
  const observed = await observe(backend, app.name, declared, signal);
  const ignored = ignoredOf(prepared.ignore, await autoscalersOf(backend, declared, signal));
  const moves = movesOf(app.name, observed, prepared);
  const going = goingOf(app.name, observed, declared);
  const isGivingUp = (moves.declaredElsewhere?.size ?? 0) > 0;
  const planned = planner.plan({
    app: app.name,
    commit: commit.id,
    declared,
    observed,
    ...(prune !== undefined && { prune }),
    ignored,
    ...((aim.adopt ?? options.adopt) === true && { adopt: true }),
    ...(aim.hooks !== undefined && { hooks: aim.hooks }),
    ...moves,
  });
  const released = aim.approvals === undefined ? planned : release(planned, aim.approvals);
  const neighbours = {
    claims: prepared.claims,
    definitions: async () => (await options.definitionsAt?.(aim.commit, signal)) ?? [],
  };
  const defined = definedKinds(observed, declared);
  const trial = await tryPlan(released, commit, backend, context.settled, defined, neighbours, signal);
  const { plan, diagnostics: refused, awaited } = trial;
  const hookObjects = hooksAmong(observed, declared);
  const diagnostics = [...prepared.diagnostics, ...refused];
  const rest = { isGivingUp, going, hookObjects, ignored, diagnostics, ...(awaited !== undefined && { awaited }) };
  return sorted({ ...prepared, plan, ...rest });
}

/**
 * What moves between apps: objects that another app declares, and objects that their owner gives up. On the way back to an
 * older commit, what another app had then stays, too: it was handed over, and deleting it would leave nobody with it.
 */
function movesOf(
  app: string,
  observed: readonly Observed[],
  { declared, claims, former }: Prepared,
): Pick<PlanInput, "declaredElsewhere" | "givenUp" | "unreadable"> {
  if (claims === NO_CLAIMS) return {};
  const own = new Set(declared.map(keyOfDeclared));
  const declaredElsewhere = new Set<ObjectKey>();
  const givenUp = new Map<ObjectKey, string>();
  for (const { object, owner } of observed) {
    const key = keyOfObject(object);
    if (owner === app && !own.has(key)) {
      if (claims.of(key) !== undefined || former.of(key) !== undefined) declaredElsewhere.add(key);
    } else if (owner !== null && owner !== app && claims.givesUp(owner, key)) givenUp.set(key, owner);
  }
  return { declaredElsewhere, givenUp, unreadable: [...new Set([...claims.unreadable, ...former.unreadable])] };
}

function emptyPlan(app: string, commit: CommitId, declared: readonly Declared[]): Plan {
  const unchanged = keptOf(declared).length;
  return { app, commit, changes: [], unchanged, digest: planDigest({ app, commit, changes: [] }) };
}

function sorted<P extends Prepared>(prepared: P): P {
  return { ...prepared, diagnostics: prepared.diagnostics.sort(compareDiagnostics) };
}

/** Counts by action, for the ledger. */
export function countChanges(plan: Plan): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { action, hook } of plan.changes) {
    const counted = hook === undefined ? action : "hook";
    counts[counted] = (counts[counted] ?? 0) + 1;
  }
  if (plan.unchanged > 0) counts.unchanged = plan.unchanged;
  return counts;
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
