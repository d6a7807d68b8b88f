/** Carries changes out in their order, as many at a time as may be. */
import type { Backend } from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";
import { displayId, type KubeObject, type ObjectId } from "../model/object.ts";
import type { Change } from "../model/plan.ts";
import type { CommitInfo } from "../model/source.ts";
import { rankOf } from "../plan/order.ts";
import { homesOf } from "./homes.ts";
import { inParallel, widthOf } from "./parallel.ts";
import { requestFor } from "./request.ts";
import { firstOf, requireAccepted } from "./trial.ts";

const BESIDE_OTHERS: ReadonlySet<string> = new Set(["create", "update"]);

export interface ApplyHooks {
  /** After each change that was made; `object` as stored, absent for deletions. */
  applied(change: Change, object: KubeObject | undefined): void | Promise<void>;
  fault?: ((step: string) => void) | undefined;
}

/**
 * Carries changes out in their order. What is replaced is deleted, and made when it is gone. Where each request is a round trip to another
 * machine, those of one rank go together, as none of them needs another.
 *
 * @throws {TrueupError} What the backend throws, naming the object it was about; the changes before it are made, and those
 *   that were under way with it are over
 */
export async function carryOut(
  app: string,
  changes: readonly Change[],
  commit: CommitInfo,
  backend: Backend,
  signal: AbortSignal,
  hooks: ApplyHooks,
): Promise<void> {
  const homes = homesOf(changes);
  const late = new Set(homes.keys());
  const isHome = new Set([...homes.values()].flat());
  const made = new Set<Change>();
  const beside = changes.filter(({ action }) => action !== "delete").map(({ id }) => id);
  const make = async (change: Change): Promise<void> => {
    signal.throwIfAborted();
    hooks.fault?.(`apply ${displayId(change.id)}`);
    await hooks.applied(change, await carryOutOne(app, change, { commit, beside }, backend, signal));
    made.add(change);
  };
  for (const batch of batchesOf(changes, late)) {
    // Before anything is made that others do not wait for: what is refused now, leaves only their Namespaces behind.
    const isDue = late.size > 0 && batch.some((each) => late.has(each) || !isHome.has(each));
    const now = isDue ? [...late].filter((each) => batch.includes(each) || isHoused(homes.get(each), made)) : [];
    const [first] = batch;
    const asksItself = first !== undefined && first.action === "create" && now.includes(first);
    const asked = asksItself ? now.filter((each) => each !== first) : now;
    if (asked.length > 0) await requireAccepted(asked, app, commit, backend, signal);
    for (const each of now) late.delete(each);
    if (asksItself) await firstOf(first, () => make(first));
    await inParallel(asksItself ? batch.slice(1) : batch, widthOf(backend), make);
  }
}

function isHoused(homes: readonly Change[] | undefined, made: ReadonlySet<Change>): boolean {
  return homes?.every((home) => made.has(home)) === true;
}

/** Neighbours of one rank and stage that are created or updated; all else, and the first late one, goes by itself. */
function batchesOf(changes: readonly Change[], late: ReadonlySet<Change>): Change[][] {
  const batches: Change[][] = [];
  let isLate = false;
  let last: Change | null = null;
  for (const change of changes) {
    const isFirstLate: boolean = !isLate && late.has(change);
    isLate ||= isFirstLate;
    const goesAlone = isFirstLate || change.hook !== undefined || !BESIDE_OTHERS.has(change.action);
    const joins = last !== null && !goesAlone && last.stage === change.stage && rankOf(last.id) === rankOf(change.id);
    if (joins) batches.at(-1)?.push(change);
    else batches.push([change]);
    last = goesAlone ? null : change;
  }
  return batches;
}

async function carryOutOne(
  owner: string,
  change: Change,
  { commit, beside }: { commit: CommitInfo; beside: readonly ObjectId[] },
  backend: Backend,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  const { action, id, declared, observed } = change;
  if (action === "delete") {
    const uid = observed?.object.metadata.uid;
    await backend.delete({ id, owner, ...(uid !== undefined && { uid }) }, signal);
    return undefined;
  }
  if (declared === undefined) throw missingDeclaration(id);
  if (action === "replace" && observed !== undefined) {
    const { uid } = observed.object.metadata;
    // What was made since the plan was tried may refuse it now, and nothing would be left of it.
    await requireAccepted([change], owner, commit, backend, signal);
    await backend.delete({ id, owner, ...(uid !== undefined && { uid }) }, signal);
  }
  return (await backend.apply({ ...requestFor(change, declared, commit, owner), beside }, signal)).object;
}

function missingDeclaration(id: ObjectId): TrueupError {
  return new TrueupError(
    "internal",
    `Cannot apply ${displayId(id)} as the plan must say what it should be: it does not.`,
  );
}
