/** Carries changes out: what is sent for each, and in which order. */
import type { ApplyRequest, Backend } from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";
import type { Declared } from "../model/manifest.ts";
import { displayId, type KubeObject, type ObjectId } from "../model/object.ts";
import type { Change, Plan } from "../model/plan.ts";
import { type CommitInfo, shortId } from "../model/source.ts";
import { ANNOTATION } from "../model/workload.ts";
import { requireAccepted, untried } from "./trial.ts";

/** The changes to carry out: all but deletions that are held and differences that are contested. */
export function dueChanges(plan: Plan): Change[] {
  return plan.changes.filter(({ held, contestedUntil }) => held === undefined && contestedUntil === undefined);
}

/**
 * The object as it is sent: in its namespace, with the commit and the place it comes from, and, where pods are replaced or
 * made, why (`kubernetes.io/change-cause`, which `rollout history` shows), unless git says so itself.
 */
export function decorate(declared: Declared, change: Change, commit: CommitInfo): KubeObject {
  const { id, file } = declared;
  const object = change.sent ?? declared.object;
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
  const late = new Set(untried(changes));
  let isTried = late.size === 0;
  for (const change of changes) {
    signal.throwIfAborted();
    if (!isTried && late.has(change)) {
      // Their Namespaces, which come first, are there by now.
      await requireAccepted([...late], app, commit, backend, signal);
      isTried = true;
    }
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

/** What a backend is asked for one change. */
export function requestFor(change: Change, declared: Declared, commit: CommitInfo, owner: string): ApplyRequest {
  const { from, adopts } = change;
  const desired = decorate(declared, change, commit);
  return { desired, owner, ...(from !== undefined && { from }), ...(adopts === true && { adopt: true }) };
}

function missingDeclaration(id: ObjectId): TrueupError {
  return new TrueupError(
    "internal",
    `Cannot apply ${displayId(id)} as the plan must say what it should be: it does not.`,
  );
}
