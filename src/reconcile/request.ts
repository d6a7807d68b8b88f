/** What a backend is asked for each change of a plan. Pure. */
import { declaredDigest } from "../diff/word-for-word.ts";
import type { ApplyRequest } from "../model/backend.ts";
import type { Declared } from "../model/manifest.ts";
import type { KubeObject } from "../model/object.ts";
import type { Change, Plan } from "../model/plan.ts";
import { type CommitInfo, shortId } from "../model/source.ts";
import { ANNOTATION } from "../model/workload.ts";

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
  const digest = declaredDigest(declared.object);
  const annotations: Record<string, string> = {
    ...object.metadata.annotations,
    [ANNOTATION.commit]: commit.id,
    [ANNOTATION.source]: `${file}:${declared.locate([]).line}`,
    ...(digest !== null && { [ANNOTATION.declared]: digest }),
    ...(change.hook !== undefined && { [ANNOTATION.hookRun]: change.hook.run }),
  };
  const isNewTemplate = id.kind === "Deployment" && (change.action === "create" || change.restartsPods);
  if (isNewTemplate && annotations[ANNOTATION.changeCause] === undefined) {
    annotations[ANNOTATION.changeCause] = `${shortId(commit.id)} ${commit.subject} (${commit.authorName})`;
  }
  const namespace = id.namespace === "" ? {} : { namespace: id.namespace };
  return { ...object, metadata: { ...object.metadata, ...namespace, annotations } };
}

/** What a backend is asked for one change. */
export function requestFor(change: Change, declared: Declared, commit: CommitInfo, owner: string): ApplyRequest {
  const { from, adopts } = change;
  const desired = decorate(declared, change, commit);
  return { desired, owner, ...(from !== undefined && { from }), ...(adopts === true && { adopt: true }) };
}
