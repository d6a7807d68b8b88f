/** Carries changes out, one after the other. */
import type { Backend } from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";
import { displayId, type KubeObject, type ObjectId } from "../model/object.ts";
import type { Change } from "../model/plan.ts";
import type { CommitInfo } from "../model/source.ts";
import { requestFor } from "./request.ts";
import { requireAccepted, untried } from "./trial.ts";

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

function missingDeclaration(id: ObjectId): TrueupError {
  return new TrueupError(
    "internal",
    `Cannot apply ${displayId(id)} as the plan must say what it should be: it does not.`,
  );
}
