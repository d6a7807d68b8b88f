/** Which lines of the manifests a workload's new pods come from, so that a failed rollout can name its cause. Pure. */
import { type Declared, formatFieldPath } from "../model/manifest.ts";
import { displayId, keyOfId } from "../model/object.ts";
import type { Change, Plan } from "../model/plan.ts";
import type { Location } from "../model/source.ts";
import { changedConfigs, isStamp } from "../plan/config-digest.ts";
import { placesOf } from "../plan/places.ts";
import { imageUses } from "./images.ts";

/** A workload, as `displayId` writes it, to the places of what changed in it. */
export type Brought = Record<string, string>;

/** Workloads that are written down; a first apply of thousands of them has one cause: it is the first. */
const MOST_WORKLOADS = 100;
/** Places that are named of one workload. */
const MOST_PLACES = 3;
const WORKLOADS: ReadonlySet<string> = new Set(["Deployment", "ReplicaSet", "Pod"]);

export function broughtBy({ changes }: Plan): Brought {
  const brought: Brought = {};
  let count = 0;
  for (const change of changes) {
    const makesPods = change.restartsPods || (change.action === "create" && WORKLOADS.has(change.id.kind));
    if (!makesPods || count++ >= MOST_WORKLOADS) continue;
    const places = placesOf(change)
      .filter(({ path }) => change.action === "create" || path.startsWith("spec.template"))
      .flatMap((place) => (isStamp(place) ? (configPlaces(change, changes) ?? [place]) : [place]));
    const named = places.slice(0, MOST_PLACES).map(({ location, path }) => placeText(location, path));
    const more = places.length > MOST_PLACES ? ` and ${places.length - MOST_PLACES} more` : "";
    brought[displayId(change.id)] = `${named.join(", ")}${more}`;
  }
  return brought;
}

/** Where the configuration changed that a workload restarts on; `null` when the plan does not say. */
function configPlaces({ id, fields }: Change, changes: readonly Change[]): ReturnType<typeof placesOf> | null {
  const places = changedConfigs(fields).flatMap(({ kind, name }) => {
    const key = keyOfId({ group: "", kind, namespace: id.namespace, name });
    const change = changes.find((each) => keyOfId(each.id) === key);
    const ofContent = change === undefined ? [] : placesOf(change).filter(({ path }) => CONTENT.test(path));
    return ofContent.map((place) => ({ ...place, path: `${place.path} of ${kind.toLowerCase()}/${name}` }));
  });
  return places.length === 0 ? null : places;
}

const CONTENT = /^(?:data|binaryData|stringData)\b/;

/** `web.yaml:21:16 (spec.template.spec.containers[name=web].image)` */
export function placeText({ file, line, column }: Location, path: string): string {
  return `${file}:${line}:${column}${path === "" ? "" : ` (${path})`}`;
}

/** Where a container's image is written; the object's own place when its manifest has no such container. */
export function placeOfImage(declared: Declared, container: string): string {
  for (const { path } of imageUses(declared)) {
    const item = path.slice(0, -1).reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], declared.object);
    if ((item as { name?: unknown }).name === container) {
      return placeText(declared.locateValue(path), formatFieldPath(path));
    }
  }
  return placeText(declared.locate([]), "");
}
