/** What a commit of a simulated repository holds: the apps, `trueup.yaml`, and what is wrong with them on purpose. */
import { keyOf, type ObjectKey } from "../../src/model/object.ts";
import type { MemoryFile } from "../support/memory-git.ts";
import { type App, objectsOf } from "./app.ts";

export interface TreeApp {
  /** As `trueup.yaml` calls it. */
  name: string;
  app: App;
  /** Whether `trueup.yaml` names it. */
  isNamed: boolean;
  /** One of its manifests is invalid. */
  isBroken: boolean;
}

export interface Tree {
  /** The repository is one app and has no `trueup.yaml`; it then has exactly one in `apps`. */
  isWhole: boolean;
  apps: readonly TreeApp[];
  /** `trueup.yaml` cannot be read. */
  isConfigBroken: boolean;
  /** A file that is no manifest. */
  notes: number;
  /** Content of image directories, by reference; of others the content never changes. */
  tags: ReadonlyMap<string, string>;
}

/** What a commit means for one app. */
export interface Verdict {
  /** `maybe`: it depends on what ran before, or on what other apps own. */
  validity: "valid" | "invalid" | "maybe";
  /** `trueup.yaml` does not name it (any more): it declares nothing. */
  isGone: boolean;
  /** What it declares; absent when it declares nothing. */
  app: App | undefined;
}

/** The path of an app's directory. */
function directoryOf({ isWhole }: Tree, { app }: TreeApp): string {
  return isWhole ? "manifests" : `apps/${app.key}`;
}

const texts = new WeakMap<App, ReadonlyMap<string, MemoryFile>>();

/** File names and contents of an app's manifests; the same for the same app, as most apps stay as they are. */
function manifestsOf(app: App): ReadonlyMap<string, MemoryFile> {
  let files = texts.get(app);
  if (files === undefined) {
    const objects = objectsOf(app);
    files = new Map(
      objects.map((object) => [`${object.kind}-${object.metadata.name}.json`, { content: JSON.stringify(object) }]),
    );
    texts.set(app, files);
  }
  return files;
}

export function filesOf(tree: Tree): Map<string, MemoryFile> {
  const files = new Map<string, MemoryFile>([["notes.txt", { content: `${tree.notes}\n` }]]);
  if (!tree.isWhole) files.set("trueup.yaml", { content: configOf(tree) });
  for (const each of tree.apps) {
    const directory = directoryOf(tree, each);
    for (const [name, file] of manifestsOf(each.app)) files.set(`${directory}/${name}`, file);
    if (each.isBroken) files.set(`${directory}/broken.yaml`, { content: "kind: Widget\n" });
  }
  for (const [reference, content] of tree.tags) {
    files.set(`images/${reference.replace(":", "/")}/content`, { content });
  }
  return files;
}

function configOf(tree: Tree): string {
  if (tree.isConfigBroken) return "apps: [\n";
  const lines = tree.apps
    .filter(({ isNamed }) => isNamed)
    .map((each) => {
      const { onFailure } = each.app;
      return `  - name: ${each.name}\n    path: ${directoryOf(tree, each)}\n    onFailure: ${onFailure}\n`;
    });
  return `apps:\n${lines.join("")}`;
}

/** What happened to a repository so far that makes a commit's fate depend on more than its tree. */
export interface Past {
  /** Keys of apps that had another name. */
  renamed: ReadonlySet<string>;
  /** Images whose content was changed. */
  tagged: ReadonlySet<string>;
}

/** Whether an app but this one declares the object, or may do so: a manifest of it cannot be read. */
export function isClaimed(tree: Tree, name: string, key: ObjectKey): boolean {
  return tree.apps.some(
    (each) =>
      each.name !== name &&
      each.isNamed &&
      (each.isBroken || objectsOf(each.app).some((object) => keyOf(object) === key)),
  );
}

/** Whether a `move` may have brought it here. */
function isMovable(name: string): boolean {
  return name.startsWith("m-");
}

/** What the tree means for the app of this name. */
export function verdictOf(tree: Tree, name: string, { renamed, tagged }: Past): Verdict {
  const found = tree.apps.find((each) => each.name === name && each.isNamed);
  if (tree.isConfigBroken) return { validity: "invalid", isGone: false, app: found?.app };
  if (found === undefined) return { validity: "valid", isGone: true, app: undefined };
  const { app } = found;
  if (found.isBroken) return { validity: "invalid", isGone: false, app };
  // What may still be declared where a manifest cannot be read is not taken over from there.
  const mayBeTheirs = tree.apps.some((each) => each !== found && each.isBroken) && app.configs.some(isMovable);
  const isUncertain = renamed.has(app.key) || app.workloads.some(({ image }) => tagged.has(image)) || mayBeTheirs;
  return { validity: isUncertain ? "maybe" : "valid", isGone: false, app };
}
