/** What an undo brings back beside the pod template: the configuration that the workload restarts on. Pure. */
import { configUses, restartOn } from "../../model/config-use.ts";
import type { Declared } from "../../model/manifest.ts";
import { displayId, keyOfId, type ObjectId, type ObjectKey } from "../../model/object.ts";
import type { Deployment } from "../../model/workload.ts";
import { contentOf } from "../../plan/config-digest.ts";
import type { LoadedApp } from "../manifests.ts";
import type { FurtherEdit } from "./edit.ts";

/** Where ConfigMaps and Secrets have their content. */
export const CONTENT_FIELDS = ["data", "binaryData", "stringData"] as const;

export interface RestoredConfig {
  /** Whether the workload restarts on configuration at all. */
  isWatching: boolean;
  /** Objects that are declared at the head with other content. */
  edits: FurtherEdit[];
  /** Files of objects that were deleted since. */
  files: { path: string; content: string }[];
  ids: ObjectId[];
  warnings: string[];
}

/**
 * The content of the watched objects that the workload used then goes back to what it was then, wherever the head declares
 * them by now; labels and the rest stay as they are.
 *
 * An object that was deleted since comes back with its file, when that held nothing else and its place is free; else a
 * warning says that it is missing, as text put into another file would be guesswork.
 *
 * @param placed Where a file of then belongs now
 */
export function restoredConfig(
  id: ObjectId,
  revision: number,
  then: LoadedApp,
  now: LoadedApp,
  placed: (file: string) => string,
): RestoredConfig {
  const restored: RestoredConfig = { isWatching: false, edits: [], files: [], ids: [], warnings: [] };
  const [old, current] = [byKey(then.declared), byKey(now.declared)];
  const workload = current.get(keyOfId(id));
  const wanted = workload === undefined ? null : restartOn(workload.object);
  const before = old.get(keyOfId(id));
  if (wanted === null || before === undefined) return restored;
  restored.isWatching = true;
  const seen = new Set<ObjectKey>();
  for (const { kind, name } of configUses((before.object as Deployment).spec.template.spec)) {
    const used = { group: "", kind, namespace: id.namespace, name };
    const key = keyOfId(used);
    const was = old.get(key);
    if (!wanted.kinds.has(kind) || seen.has(key) || was === undefined) continue;
    seen.add(key);
    const is = current.get(key);
    if (is === undefined) bringBack(restored, was, revision, { then, now, placed });
    else if (contentOf(was) !== contentOf(is)) {
      const sourceText = textOf(then, was.file);
      const source = { sourceText, sourceId: was.id, sourceFile: was.file };
      const edits = CONTENT_FIELDS.map((field) => ({ op: "replaceFrom" as const, path: [field], ...source }));
      restored.edits.push({ declared: is, text: textOf(now, is.file), edits });
      restored.ids.push(used);
    }
  }
  return restored;
}

function bringBack(
  restored: RestoredConfig,
  was: Declared,
  revision: number,
  { then, now, placed }: { then: LoadedApp; now: LoadedApp; placed: (file: string) => string },
): void {
  const { id } = was;
  const file = placed(was.file);
  const isAlone = then.declared.filter((each) => each.file === was.file).length === 1;
  const isFree = !now.files.some((each) => each.file === file);
  if (isAlone && isFree) {
    restored.files.push({ path: file, content: textOf(then, was.file) });
    restored.ids.push(id);
    return;
  }
  const why = isFree ? `${was.file} held other objects, too` : `${file} has other content now`;
  restored.warnings.push(
    `revision ${revision} used ${displayId(id)}, which was deleted since and is not brought back, as ${why}: do so by hand, or all with --app`,
  );
}

function byKey(all: readonly Declared[]): Map<ObjectKey, Declared> {
  return new Map(all.map((declared) => [keyOfId(declared.id), declared]));
}

function textOf({ files }: LoadedApp, path: string): string {
  const found = files.find(({ file }) => file === path);
  if (found === undefined) throw new RangeError(`Cannot find ${path} as it must be among the app's files`);
  return found.text;
}
