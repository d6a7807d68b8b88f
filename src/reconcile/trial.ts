/** Asks whether all of a plan would be accepted, before any of it is applied; and lets the server settle what only it can tell. */
import { isDeepStrictEqual } from "node:util";
import { compareObjects } from "../diff/compare.ts";
import { redactChanges } from "../diff/redact.ts";
import { SERVER_METADATA } from "../diff/three-way.ts";
import type { ApplyResult, Backend } from "../model/backend.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { TrueupError } from "../model/errors.ts";
import type { Declared } from "../model/manifest.ts";
import { displayId, type KubeObject } from "../model/object.ts";
import type { Change, Observed, Plan } from "../model/plan.ts";
import type { CommitInfo } from "../model/source.ts";
import { ANNOTATION } from "../model/workload.ts";
import { planDigest } from "../plan/digest.ts";
import { replaceFault } from "../plan/replace.ts";
import { accountIsLate, broughtByOthers, isAccountLate, type Neighbours, UNSERVED, untried } from "./homes.ts";
import { inParallel, widthOf } from "./parallel.ts";
import { refusedFields } from "./refused.ts";
import { dueChanges, requestFor } from "./request.ts";

/** Codes by which a backend refuses an object: trying the same again cannot help. */
const REFUSALS: ReadonlySet<string> = new Set(["conflict", "invalid", "forbidden", "not-found"]);
/** How API servers and the embedded cluster say that a field cannot be changed on what exists. */
const IMMUTABLE =
  /immutable|cannot change roleRef|may not (?:be )?change|cannot be changed|updates to .* are forbidden|must stay as it is/i;
/** Differences that are none, as the server says: by the declared instance, for one version of one object, whatever its status. */
export type Settled = WeakMap<Declared, Observed>;

export interface Trial {
  /** The plan without what the server says is as declared, and with what it says cannot be changed in place as such. */
  plan: Plan;
  diagnostics: Diagnostic[];
  /** What was refused only as another app of the commit has not brought yet what it needs: to be tried again. */
  awaited?: TrueupError;
}

type Answer =
  | { is: "accepted"; result?: ApplyResult }
  | { is: "unchanged" | "fixed" }
  | { is: "refused"; error: TrueupError };

/**
 * Dry-runs what a plan would change: what admission, validation or another owner refuses is an error at the object's place.
 *
 * Left out is what cannot be asked yet: objects in Namespaces, and Pods of accounts, that the plan itself brings (`carryOut` asks
 * about them as soon as these are there), and objects of kinds that it brings (the next stage's pass asks).
 *
 * @param defined Kinds that the app defines itself, as `group/Kind`, and whether they are established
 * @param neighbours What other apps of the commit bring
 * @throws {TrueupError} When the backend cannot be reached, or does not serve a kind yet that the app defines
 */
export async function tryPlan(
  plan: Plan,
  commit: CommitInfo,
  backend: Backend,
  settled: Settled,
  defined: ReadonlyMap<string, boolean>,
  neighbours: Neighbours,
  signal: AbortSignal,
): Promise<Trial> {
  const due = dueChanges(plan);
  const unserved = due.filter(
    ({ id, action }) => action !== "delete" && defined.get(`${id.group}/${id.kind}`) === false,
  );
  const late = new Set([...untried(due), ...unserved]);
  const asked = due.filter((change) => isAsked(change, plan.app) && !late.has(change) && !isSettled(change, settled));
  const answers = await inParallel(asked, widthOf(backend), (change) => ask(change, plan.app, commit, backend, signal));
  requireServed(asked, answers, defined);
  const awaited = await awaitedOf(asked, answers, neighbours);
  const diagnostics: Diagnostic[] = [];
  const told = new Map(asked.map((change, at) => [change, answers[at]]));
  let unchanged = 0;
  let isWrong = false;
  const changes = plan.changes.flatMap((change): Change[] => {
    const answer = told.get(change);
    if (answer?.is === "unchanged") settle(change, settled);
    if (answer?.is === "unchanged" || isSettled(change, settled)) {
      unchanged++;
      return [];
    }
    const now = answeredChange(change, answer);
    if (answer?.is === "refused" && change.declared !== undefined) {
      diagnostics.push(...refusedFields(answer.error, change.declared));
      return [now];
    }
    const wrong = replacementFault(now, plan.app);
    if (wrong !== null) {
      diagnostics.push(wrong);
      isWrong = true;
    }
    return [now];
  });
  const isSame = changes.length === plan.changes.length && changes.every((change, at) => change === plan.changes[at]);
  const rest = { diagnostics, ...(awaited !== null && !isWrong && { awaited }) };
  if (isSame) return { plan, ...rest };
  const next = { ...plan, changes, unchanged: plan.unchanged + unchanged };
  return { plan: { ...next, digest: planDigest(next) }, ...rest };
}

/**
 * Asks about changes that could not be asked about before: once more before the first of them is made.
 *
 * @throws {TrueupError} The first refusal, with the number of the others
 */
export async function requireAccepted(
  changes: readonly Change[],
  app: string,
  commit: CommitInfo,
  backend: Backend,
  signal: AbortSignal,
): Promise<void> {
  const answers = await inParallel(changes, widthOf(backend), (change) => ask(change, app, commit, backend, signal));
  const refusals = answers.flatMap((answer, at) => {
    const declared = changes[at]?.declared;
    return answer.is !== "refused" || declared === undefined ? [] : [{ error: answer.error, declared }];
  });
  if (refusals[0] !== undefined) throw refusalAt(refusals[0].error, refusals[0].declared, refusals.length - 1);
}

/** A refusal of what was carried out already in part, with the place in git that it is about. */
function refusalAt(error: TrueupError, declared: Declared, others: number): TrueupError {
  const place = refusedFields(error, declared)[0]?.location;
  const where = place === undefined ? "" : `${place.file}:${place.line}: `;
  const more = others === 0 ? "" : ` (and ${others} more)`;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new TrueupError("invalid", `${where}${error.message}${more}`, { cause: error, ...hint });
}

/**
 * Makes the first of the changes that could not be asked about: nothing of them is there if it is refused, so the write itself
 * asks. The others were asked about before.
 *
 * @throws {TrueupError} As `requireAccepted`; what may pass by itself as the backend throws it
 */
export async function firstOf<T>(change: Change, write: () => Promise<T>): Promise<T> {
  const { declared } = change;
  try {
    return await write();
  } catch (error) {
    if (error instanceof TrueupError && isAccountLate(change, error)) throw accountIsLate(change, error);
    const isRefusal = error instanceof TrueupError && error.code !== "conflict" && REFUSALS.has(error.code);
    throw isRefusal && declared !== undefined ? refusalAt(error, declared, 0) : error;
  }
}

/**
 * A definition is established a moment before its kind is served: what is refused until then is no fault of the object.
 *
 * @throws {TrueupError} `unavailable`: it is tried again
 */
function requireServed(
  asked: readonly Change[],
  answers: readonly Answer[],
  defined: ReadonlyMap<string, boolean>,
): void {
  for (const [at, { id, observed }] of asked.entries()) {
    const answer = answers[at];
    if (answer?.is !== "refused" || observed !== undefined || defined.get(`${id.group}/${id.kind}`) !== true) continue;
    if (!UNSERVED.test(answer.error.message)) continue;
    throw new TrueupError(
      "unavailable",
      `Cannot apply ${displayId(id)} as its kind must be served: it is defined, and not served yet.`,
      { cause: answer.error },
    );
  }
}

/** All that is refused must be so for want of what others bring: what is wrong besides stays wrong. */
async function awaitedOf(
  asked: readonly Change[],
  answers: readonly Answer[],
  neighbours: Neighbours,
): Promise<TrueupError | null> {
  let first: TrueupError | null = null;
  for (const [at, change] of asked.entries()) {
    const answer = answers[at];
    if (answer?.is !== "refused") continue;
    const clause = await broughtByOthers(change, answer.error, neighbours);
    if (clause === null) return null;
    first ??= new TrueupError("unavailable", `Cannot apply ${displayId(change.id)} yet as ${clause}.`, {
      cause: answer.error,
    });
  }
  return first;
}

/** What may not be replaced is refused whatever the backend says. */
function isAsked(change: Change, app: string): boolean {
  return change.declared !== undefined && (change.action !== "replace" || replaceFault(change, app) === null);
}

/** Of what is to be replaced, a new object is asked about, as it would be refused only when the old one is gone. */
async function ask(
  change: Change,
  app: string,
  commit: CommitInfo,
  backend: Backend,
  signal: AbortSignal,
): Promise<Answer> {
  const { declared } = change;
  if (declared === undefined) return { is: "accepted" };
  const isReplaced = change.action === "replace";
  const request = { ...requestFor(change, declared, commit, app), ...(isReplaced && { anew: true }) };
  const mayBeNone = mayBeUnchanged(change, app);
  const desired = mayBeNone ? decoratedAsLive(request.desired, change.observed?.object) : request.desired;
  try {
    const result = await backend.dryRun({ ...request, desired }, signal);
    // Without a difference there was something to record alone: only a backend that says so has nothing to.
    const isRecorded = change.fields.length > 0 ? result.isRecorded !== false : result.isRecorded === true;
    const isNone = result.action === "unchanged" && isRecorded;
    return mayBeNone && isNone ? { is: "unchanged" } : { is: "accepted", result };
  } catch (error) {
    if (!(error instanceof TrueupError && REFUSALS.has(error.code))) throw error;
    if (isAccountLate(change, error)) throw accountIsLate(change, error);
    if (!isFixed(error)) return { is: "refused", error };
    // A backend that cannot try a new object says of the present one what is known.
    if (isReplaced) return { is: "accepted" };
    if (change.action !== "update") return { is: "refused", error };
    const replacement: Change = { ...change, action: "replace" };
    if (replaceFault(replacement, app) !== null) return { is: "fixed" };
    const answer = await ask(replacement, app, commit, backend, signal);
    return answer.is === "refused" ? answer : { is: "fixed" };
  }
}

/** Whether all that is refused cannot be changed in place: with anything else wrong, a new object would be refused as well. */
function isFixed({ code, message, fields }: TrueupError): boolean {
  return code === "invalid" && IMMUTABLE.test(message) && fields.every((field) => IMMUTABLE.test(field.message));
}

/** Whether a difference may be none: the object is the app's already. */
function mayBeUnchanged({ action, observed, from, adopts }: Change, app: string): boolean {
  return action === "update" && observed?.owner === app && from === undefined && adopts !== true;
}

/** Which commit an object came from is no difference: with another one than the live object's, all would differ. */
function decoratedAsLive(desired: KubeObject, live: KubeObject | undefined): KubeObject {
  const annotations = { ...desired.metadata.annotations };
  for (const name of [ANNOTATION.commit, ANNOTATION.source, ANNOTATION.declared, ANNOTATION.changeCause]) {
    const value = live?.metadata.annotations?.[name];
    if (value === undefined) delete annotations[name];
    else annotations[name] = value;
  }
  return { ...desired, metadata: { ...desired.metadata, annotations } };
}

function settle({ declared, observed }: Change, settled: Settled): void {
  if (declared !== undefined && observed !== undefined) settled.set(declared, observed);
}

function isSettled({ action, declared, observed }: Change, settled: Settled): boolean {
  if (declared === undefined || observed === undefined || action !== "update") return false;
  const known = settled.get(declared);
  const version = observed.object.metadata.resourceVersion;
  if (known === undefined || version === undefined) return false;
  if (known.object.metadata.uid !== observed.object.metadata.uid) return false;
  if (known.object.metadata.resourceVersion === version) return true;
  // Controllers write what they see all the time: only what the answer was about counts.
  const isSame = isDeepStrictEqual(askedAbout(known), askedAbout(observed));
  if (isSame) settled.set(declared, observed);
  return isSame;
}

/** What a dry run's answer depends on: all that a declaration may say something of, and what trueup has applied of it. */
function askedAbout({ object, applied, owner }: Observed): unknown {
  const { status: _status, metadata, ...rest } = object;
  const own = Object.fromEntries(Object.entries(metadata).filter(([key]) => !SERVER_METADATA.has(key)));
  const { deletionTimestamp } = metadata;
  return { ...rest, metadata: own, deletionTimestamp, applied, owner };
}

/** The change as it is known after the dry run: an adoption removes what other tools set, which nobody here can see. */
function answeredChange(change: Change, answer: Answer | undefined): Change {
  if (answer?.is === "fixed") return { ...change, action: "replace" };
  const { observed, adopts, declared } = change;
  if (answer?.is !== "accepted" || adopts !== true || observed === undefined || declared === undefined) return change;
  const { object, adopted } = answer.result ?? {};
  if (object === undefined || adopted === undefined) return change;
  const fields = redactChanges(declared.object, compareObjects(observed.object, object));
  return { ...change, fields, adopted };
}

function replacementFault(change: Change, app: string): Diagnostic | null {
  const { action, declared, hook, fields, id } = change;
  if (declared === undefined || action !== "replace") return null;
  const why = replaceFault(change, app);
  if (why === null) return null;
  const hint = `${why.hint.charAt(0).toUpperCase()}${why.hint.slice(1)}.`;
  if (hook !== undefined) {
    const message = `Cannot make the hook ${displayId(id)} anew ${why.clause}`;
    return fault("hook-made-anew", message, declared, hint);
  }
  const paths = fields.map(({ path }) => path).join(", ");
  const message = `Cannot change ${displayId(id)} in place as these fields are fixed once it exists: ${paths}; nor replace it, ${why.clause}`;
  return fault("immutable-field", message, declared, hint);
}

function fault(rule: string, message: string, declared: Declared, hint: string | undefined): Diagnostic {
  const location = declared.locate([]);
  return { severity: "error", rule, message, location, object: declared.id, ...(hint !== undefined && { hint }) };
}
