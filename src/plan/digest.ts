/** What a plan is named by: equal digests mean the same operations from the same inputs. */
import { createHash } from "node:crypto";
import { keyOfId } from "../model/object.ts";
import type { Plan } from "../model/plan.ts";

/**
 * `sha256:…` over commit, app, ordered operations, their stages and field paths, and the ids of the blobs that declare them. No value
 * takes part, so that a digest tells nothing of a Secret.
 */
export function planDigest({
  app,
  commit,
  changes,
  stages,
}: Pick<Plan, "app" | "commit" | "changes" | "stages">): string {
  const operations = changes.map(({ action, id, declared, fields, adopts }) => [
    adopts === true ? "adopt" : action,
    keyOfId(id),
    declared?.blob ?? null,
    fields.map(({ kind, path }) => [kind, path]),
  ]);
  const staged =
    stages === undefined ? [] : [[stages, changes.map(({ stage, hook }) => [stage ?? 0, hook?.phase ?? null])]];
  // JSON keeps the parts apart: no two different plans give the same text.
  const text = JSON.stringify(["trueup plan 1", commit, app, operations, ...staged]);
  return `sha256:${createHash("sha256").update(text, "utf8").digest("hex")}`;
}
