/** Carries a plan out, after asking whether all of it would be accepted. */
import type { ApplyRequest, Backend } from "../model/backend.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { TrueupError } from "../model/errors.ts";
import type { Declared } from "../model/manifest.ts";
import { displayId, type KubeObject, type ObjectId } from "../model/object.ts";
import type { Change, Plan } from "../model/plan.ts";
import { type CommitInfo, shortId } from "../model/source.ts";
import { ANNOTATION } from "../model/workload.ts";

/** Codes by which a backend refuses an object: trying the same again cannot help. */
const REFUSALS: ReadonlySet<string> = new Set(["conflict", "invalid", "forbidden", "not-found"]);

/** The changes to carry out: all but deletions that are held and differences that are contested. */
export function dueChanges(plan: Plan): Change[] {
  return plan.changes.filter(({ held, contestedUntil }) => held === undefined && contestedUntil === undefined);
}

/**
 * The object as it is sent: in its namespace, with the commit and the place it comes from, and, where pods are replaced or
 * made, why (`kubernetes.io/change-cause`, which `rollout history` shows), unless git says so itself.
 */
export function decorate(declared: Declared, change: Change, commit: CommitInfo): KubeObject {
  const { object, id, file } = declared;
  const annotations: Record<string, string> = {
    ...object.metadata.annotations,
    [ANNOTATION.commit]: commit.id,
    [ANNOTATION.source]: `${file}:${declared.locate([]).line}`,
    ...(change.hook !== undefined && { [ANNOTATION.hookRun]: change.hook.run }),
  };
  const isNewTemplate = id.kind === "Deployment" && (change.action === "create" || change.restartsPods);
  if (isNewTemplate && annotations[ANNOTATION.changeCause] === undefined) {
    annotations[ANNOTATION.changeCause] = `${shortId(commit.id)} ${commit.subject} (${commit.authorName})`;
  }
  const namespace = id.namespace === "" ? {} : { namespace: id.namespace };
  return { ...object, metadata: { ...object.metadata, ...namespace, annotations } };
}

/**
 * Why a plan cannot be carried out: changes that no update can make, objects that another app owns, whatever the backend
 * refuses in a dry run. Asked before anything is applied, so that a refused object leaves all others untouched.
 *
 * @throws {TrueupError} When the backend cannot be reached
 */
export async function refusals(
  plan: Plan,
  commit: CommitInfo,
  backend: Backend,
  signal: AbortSignal,
): Promise<Diagnostic[]> {
  const newNamespaces = new Set(
    plan.changes.filter(({ action, id }) => action === "create" && id.kind === "Namespace").map(({ id }) => id.name),
  );
  const found: Diagnostic[] = [];
  for (const change of dueChanges(plan)) {
    const { action, declared, observed, id, hook } = change;
    if (declared === undefined) continue;
    // What is left of an earlier run goes before this one is made; whether it may be made can be asked only then.
    if (hook !== undefined && observed?.owner === plan.app) continue;
    if (action === "replace" && hook === undefined) {
      found.push(immutableFault(change, declared));
      continue;
    }
    const isForeign = observed !== undefined && observed.owner !== plan.app;
    // A dry run in a Namespace that this plan makes first would only say that it is not there yet.
    if ((!backend.capabilities.cheapDryRun && !isForeign) || newNamespaces.has(id.namespace)) continue;
    try {
      await backend.dryRun(requestFor(change, declared, commit, plan.app), signal);
    } catch (error) {
      if (!(error instanceof TrueupError && REFUSALS.has(error.code))) throw error;
      found.push(fault("refused-by-backend", error.message.replace(/\.$/, ""), declared, error.hint));
    }
  }
  return found;
}

function immutableFault({ id, fields }: Change, declared: Declared): Diagnostic {
  const paths = fields.map(({ path }) => path).join(", ");
  return fault(
    "immutable-field",
    `Cannot change ${displayId(id)} in place as these fields are fixed once it exists: ${paths}`,
    declared,
    "Give the object another name, or delete it first.",
  );
}

function fault(rule: string, message: string, declared: Declared, hint: string | undefined): Diagnostic {
  const location = declared.locate([]);
  return { severity: "error", rule, message, location, object: declared.id, ...(hint !== undefined && { hint }) };
}

export interface ApplyHooks {
  /** After each change that was made; `object` as stored, absent for deletions. */
  applied(change: Change, object: KubeObject | undefined): void | Promise<void>;
  fault?: ((step: string) => void) | undefined;
}

/**
 * Carries changes out, one after the other, in their order. What is replaced is deleted, and made when it is gone.
 *
 * @throws {TrueupError} What the backend throws, naming the object it was about; the changes before it are made
 */
export async function carryOut(
  app: string,
  changes: readonly Change[],
  commit: CommitInfo,
  backend: Backend,
  signal: AbortSignal,
  hooks: ApplyHooks,
): Promise<void> {
  for (const change of changes) {
    signal.throwIfAborted();
    hooks.fault?.(`apply ${displayId(change.id)}`);
    await hooks.applied(change, await carryOutOne(app, change, commit, backend, signal));
  }
}

async function carryOutOne(
  owner: string,
  change: Change,
  commit: CommitInfo,
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
    await backend.delete({ id, owner, ...(uid !== undefined && { uid }) }, signal);
  }
  return (await backend.apply(requestFor(change, declared, commit, owner), signal)).object;
}

function requestFor(change: Change, declared: Declared, commit: CommitInfo, owner: string): ApplyRequest {
  const { from } = change;
  return { desired: decorate(declared, change, commit), owner, ...(from !== undefined && { from }) };
}

function missingDeclaration(id: ObjectId): TrueupError {
  return new TrueupError(
    "internal",
    `Cannot apply ${displayId(id)} as the plan must say what it should be: it does not.`,
  );
}
