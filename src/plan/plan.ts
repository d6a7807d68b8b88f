/** Decides what to do for one app at one commit. Pure: no clock and no I/O, so each case is one row of a table test. */
import { compareObjects, sameDeclaration, templateDiffers } from "../diff/compare.ts";
import { FIELD_MANAGER, ownersOf } from "../diff/managed-fields.ts";
import { redactChanges } from "../diff/redact.ts";
import { mergeThreeWay } from "../diff/three-way.ts";
import { asVersion } from "../diff/versions.ts";
import { wordForWord } from "../diff/word-for-word.ts";
import type { Declared } from "../model/manifest.ts";
import { idOfLive, type KubeObject, keyOfId, type ObjectKey } from "../model/object.ts";
import type { Change, FieldChange, Observed, Plan } from "../model/plan.ts";
import type { CommitId } from "../model/source.ts";
import { configChanges } from "./config-digest.ts";
import { planDigest } from "./digest.ts";
import { type HookRuns, hookChanges } from "./hooks.ts";
import { type Ignored, NOTHING_IGNORED, spare, withoutFields } from "./ignore.ts";
import { immutableChanges } from "./immutable.ts";
import { orderChanges, type Placed } from "./order.ts";
import { DEFAULT_PRUNE_BUDGET, guardDeletions, type PruneBudget } from "./prune-guard.ts";
import { comparePositions, deletionsAt, FIRST, keptOf, orderOf, type Position } from "./stages.ts";

export interface PlanInput {
  app: string;
  commit: CommitId;
  /** One object an identity. */
  declared: readonly Declared[];
  /** At least all objects that the app owns, and those of the declared identities that exist. */
  observed: readonly Observed[];
  prune?: PruneBudget;
  /** Objects that another app declares at the head: they are that app's, or will be, and are not deleted. */
  declaredElsewhere?: ReadonlySet<ObjectKey>;
  /** Objects that their present owner gives up, with that owner: this app takes them over. */
  givenUp?: ReadonlyMap<ObjectKey, string>;
  /** Apps whose objects at this commit are not all known, as a file of theirs cannot be read: one may be declared there. */
  unreadable?: readonly string[];
  /** Fields that stay with whoever else sets them. */
  ignored?: Ignored;
  /** Whether objects that are there and that no app applied are taken over, whatever they are like. */
  adopt?: boolean;
  /** Which hooks the attempt runs; absent: none, as the commit was carried out before. */
  hooks?: HookRuns;
}

/** How `planApp` compares one pair, and names things; `Planner` remembers the answers. */
export interface PlanSteps {
  changeOf(declared: Declared, observed: Observed | undefined, app: string, ignored: Ignored): Change | null;
  keyOfDeclared(declared: Declared): ObjectKey;
  keyOfObserved(observed: Observed): ObjectKey;
}

const PLAIN_STEPS: PlanSteps = {
  changeOf: planObject,
  keyOfDeclared: (declared) => keyOfId(declared.id),
  keyOfObserved: ({ object }) => keyOfId(idOfLive(object)),
};

/**
 * Plans one app at one commit.
 *
 * Creates and updates come first, in the order in which things need each other; deletes last, in reverse. Only objects
 * whose owner is the app are deleted, and those beyond the budget, the app's last object, Namespaces, claims and objects
 * that ask to be kept are `held`. A change that the API refuses on a live object is a `replace`.
 *
 * @param steps Leave out; `Planner` passes its memory here
 */
export function planApp(input: PlanInput, steps: PlanSteps = PLAIN_STEPS): Plan {
  const { app, commit } = input;
  const { declaredElsewhere, givenUp, unreadable = [], ignored = NOTHING_IGNORED } = input;
  const live = new Map<ObjectKey, Observed>();
  for (const observed of input.observed) live.set(steps.keyOfObserved(observed), observed);
  const declaredKeys = new Set<ObjectKey>();
  const made: Change[] = [];
  let unchanged = 0;
  // Hooks and what is skipped are never compared; being declared, they are not deleted either.
  for (const declared of input.declared) declaredKeys.add(steps.keyOfDeclared(declared));
  const inNone = foundInNone(input.declared, live, steps);
  for (const declared of keptOf(input.declared)) {
    const key = inNone.get(declared) ?? steps.keyOfDeclared(declared);
    const change = steps.changeOf(declared, live.get(key), app, ignored);
    if (change === null) unchanged++;
    else made.push(adopted(takenOver(change, givenUp?.get(key)), input.adopt === true));
  }
  const deletions: Change[] = [];
  let ownedOnly = 0;
  const meant = new Set(inNone.values());
  for (const [key, observed] of live) {
    if (observed.owner !== app || declaredKeys.has(key) || meant.has(key)) continue;
    if (declaredElsewhere?.has(key) === true) continue;
    ownedOnly++;
    if (!isTerminating(observed)) deletions.push(planDeletion(observed));
  }
  const total = declaredKeys.size + ownedOnly;
  const budget = input.prune ?? DEFAULT_PRUNE_BUDGET;
  made.push(...guardDeletions(deletions, { declared: declaredKeys.size, total, unreadable }, budget));
  made.push(...hookChanges(input.declared, live, made, input.hooks));
  const staged = inStages(input.declared, made, steps);
  return { app, commit, ...staged, unchanged, digest: planDigest({ app, commit, ...staged }) };
}

/**
 * What was declared in some namespace, as nothing in git says that its kind lives in none, and what is there in none: one of
 * that kind is of all of them the same. Else the object would be deleted as another one right after it was applied.
 */
function foundInNone(
  declared: readonly Declared[],
  live: ReadonlyMap<ObjectKey, Observed>,
  { keyOfDeclared }: PlanSteps,
): Map<Declared, ObjectKey> {
  const found = new Map<Declared, ObjectKey>();
  for (const each of declared) {
    if (each.id.namespace === "" || live.has(keyOfDeclared(each))) continue;
    const key = keyOfId({ ...each.id, namespace: "" });
    if (live.has(key)) found.set(each, key);
  }
  return found;
}

/** What is deleted says itself where it stood in the order, which is then gone through backwards. */
function inStages(
  declared: readonly Declared[],
  changes: readonly Change[],
  { keyOfDeclared }: PlanSteps,
): Pick<Plan, "changes" | "stages"> {
  const order = orderOf(declared);
  const former = orderOf(
    changes.flatMap(({ action, id, observed }) =>
      action === "delete" && observed !== undefined ? [{ id, object: observed.object }] : [],
    ),
  );
  const deletions = deletionsAt(order);
  const placed = orderChanges(
    changes.map((change): Placed => {
      if (change.declared === undefined) {
        return { change, stage: deletions, at: former.of(keyOfId(change.id))[0]?.at ?? FIRST };
      }
      if (order.isPlain) return { change, stage: FIRST, at: FIRST };
      const slots = order.of(keyOfDeclared(change.declared));
      const { at = FIRST } = slots.find((slot) => slot.at.phase === change.hook?.phase) ?? slots[0] ?? {};
      return { change, stage: at, at };
    }),
  );
  if (order.positions.length <= 1) return { changes: placed.map(({ change }) => change) };
  const stages: Position[] = [];
  const staged = placed.map(({ change, stage }) => {
    const last = stages.at(-1);
    if (last === undefined || comparePositions(last, stage) !== 0) stages.push(stage);
    return { ...change, stage: stages.length - 1 };
  });
  return { changes: staged, stages };
}

/** What to do about one declared object; `null` when nothing is. */
export function planObject(
  declared: Declared,
  observed: Observed | undefined,
  app: string,
  ignored: Ignored = NOTHING_IGNORED,
): Change | null {
  const { id, object } = declared;
  if (observed === undefined) return { action: "create", id, declared, fields: [], restartsPods: false };
  // It is on its way out; once it is gone it is planned again, as a create.
  if (isTerminating(observed)) return null;
  const { fields: spared } = ignored.of(declared);
  const live = asVersion(observed.object, object.apiVersion);
  const pair =
    spared.length === 0
      ? { desired: object, applied: observed.applied, sent: object }
      : spare(object, { ...observed, object: live }, spared);
  const { desired, sent } = pair;
  const compared = withoutFields(object, spared);
  const applied = wordForWord(pair.applied, live, object, compared);
  const merged = mergeThreeWay(applied, live, desired);
  const fields = compareObjects(live, merged);
  if (fields.length === 0 && isRecorded(compared, applied, observed, app)) return null;
  const ofConfig = object.kind === "Deployment" ? configChanges(fields) : null;
  return {
    action: immutableChanges(observed.object, fields).length > 0 ? "replace" : "update",
    id,
    declared,
    observed,
    fields: withSetters(observed.object, redactChanges(object, fields)),
    restartsPods: object.kind === "Deployment" && templateDiffers(fields),
    ...(spared.length > 0 && { sent }),
    ...(ofConfig !== null && { configChanges: ofConfig }),
  };
}

/** Whether the backend knows that this app declares the object just so: else it would not know later what is the app's. */
function isRecorded(desired: KubeObject, applied: KubeObject | null, { owner }: Observed, app: string): boolean {
  return owner === app && applied !== null && sameDeclaration(applied, desired);
}

/** The fields with who set what they replace or remove: a conflict, which git wins, is to be seen beforehand. */
function withSetters(live: KubeObject, fields: FieldChange[]): FieldChange[] {
  return fields.map((field) => {
    const theirs = ownersOf(live, field.path).find(({ manager, subresource }) => {
      return manager !== FIELD_MANAGER && subresource !== "status";
    });
    if (theirs === undefined) return field;
    const { manager, time } = theirs;
    return { ...field, setBy: { manager, ...(time !== "" && { at: time }) } };
  });
}

function takenOver(change: Change, from: string | undefined): Change {
  const isTheirs = from !== undefined && change.observed?.owner === from;
  return isTheirs ? { ...change, from } : change;
}

/** What differs is somebody's work, and is overwritten only where an operator says so. */
function adopted(change: Change, mayAdopt: boolean): Change {
  const isNobodys = change.action === "update" && change.observed?.owner === null;
  return mayAdopt && isNobodys ? { ...change, adopts: true } : change;
}

function planDeletion(observed: Observed): Change {
  return { action: "delete", id: idOfLive(observed.object), observed, fields: [], restartsPods: false };
}

function isTerminating({ object }: Observed): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}
