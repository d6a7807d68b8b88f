/** Whether what cannot be changed in place may be deleted and made anew. Pure. */
import { displayId } from "../model/object.ts";
import type { Change } from "../model/plan.ts";
import { ANNOTATION } from "../model/workload.ts";
import { keepAnnotation, takesAlong } from "./prune-guard.ts";

/** The value of the annotation by which git allows it. */
export const REPLACE_ALLOWED = "allowed";

export interface ReplaceFault {
  /** A clause: `as … must …`. */
  clause: string;
  /** What to do instead, without a full stop and as a clause: `give it another name`. */
  hint: string;
}

/**
 * Why a replacement may not go ahead; null when it may. Deleting what somebody else applied, what asks to be kept, or what takes
 * more along than itself needs more than an annotation: such a deletion is one by itself, and is held until somebody approves it.
 */
export function replaceFault({ id, declared, observed, hook }: Change, app: string): ReplaceFault | null {
  const annotation = declared?.object.metadata.annotations?.[ANNOTATION.replace];
  // What an earlier run of a hook left is there to be made anew; an object that is a hook only now is not.
  const isLeft = hook !== undefined && observed?.object.metadata.annotations?.[ANNOTATION.hookRun] !== undefined;
  if (annotation !== REPLACE_ALLOWED && !isLeft) {
    return {
      clause: `as its manifest must allow it with ${ANNOTATION.replace}: ${REPLACE_ALLOWED}`,
      hint: `annotate it ${ANNOTATION.replace}: ${REPLACE_ALLOWED}, give it another name, or delete it first`,
    };
  }
  if (observed === undefined) return null;
  if (observed.owner !== app) {
    const by = observed.owner === null ? "no app" : `app ${observed.owner}`;
    return {
      clause: `as app ${app} must have applied it: ${by} did`,
      hint: "give it another name, or delete it first",
    };
  }
  const kept = keepAnnotation(observed.object);
  if (kept !== null) {
    return { clause: `as it asks to be kept: ${kept}`, hint: "remove that annotation in a commit before" };
  }
  const along = takesAlong(id, observed.object);
  if (along === null) return null;
  return { clause: `as ${along}`, hint: `remove ${displayId(id)} in a commit of its own, and approve that` };
}
