/** What Secrets hold, to be taken out of every text about an app: a pod may print one that it does not itself refer to. Pure. */
import type { KubeObject } from "../model/object.ts";

/** Stands in a text where a value of a Secret stood. */
export const MASK = "***";

/** The values of Secrets, decoded and as they are written. */
export function secretValues(objects: readonly KubeObject[]): string[] {
  return objects
    .filter(({ kind }) => kind === "Secret")
    .flatMap(({ data, stringData }) => [
      ...strings(stringData),
      ...strings(data).flatMap((text) => [Buffer.from(text, "base64").toString("utf8"), text]),
    ]);
}

function strings(map: unknown): string[] {
  if (typeof map !== "object" || map === null) return [];
  return Object.values(map).filter((value): value is string => typeof value === "string");
}
