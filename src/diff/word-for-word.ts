/**
 * What was declared of an object, word for word. Pure.
 *
 * Of a list or map that is one to the API server, managed fields do not tell what was declared from what the schema of a custom
 * kind filled in. A digest of the declaration, which is kept on the object, does, for every process and without that schema.
 */
import { createHash } from "node:crypto";
import { groupOf, isBuiltInGroup, type KubeObject } from "../model/object.ts";
import { ANNOTATION } from "../model/workload.ts";
import { declaresAllOf } from "./compare.ts";
import { isTree } from "./tree.ts";

/** As many hexadecimal digits as make two declarations of one object equal by chance once in 10^19. */
const DIGITS = 16;

/** @returns `null` for built-in kinds: what the server fills in of these is known */
export function declaredDigest(declared: KubeObject): string | null {
  if (isBuiltInGroup(groupOf(declared.apiVersion))) return null;
  return createHash("sha256")
    .update(JSON.stringify(ordered(declared)), "utf8")
    .digest("hex")
    .slice(0, DIGITS);
}

/**
 * The part that trueup applied, without what the server filled in: the declaration itself, where the object says that it was
 * made of this very one and trueup still owns all that it declares.
 *
 * @param applied As the managed fields tell it
 * @param declared What git declares now
 * @param compared The same without what is left to others
 */
export function wordForWord(
  applied: KubeObject | null,
  live: KubeObject,
  declared: KubeObject,
  compared: KubeObject,
): KubeObject | null {
  const told = live.metadata.annotations?.[ANNOTATION.declared];
  if (applied === null || told === undefined || applied.metadata.annotations?.[ANNOTATION.declared] !== told)
    return applied;
  return told === declaredDigest(declared) && declaresAllOf(applied, compared) ? compared : applied;
}

/** Fields in one order, whatever the order in the file; as pairs, which have one whatever their names. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isTree(value)) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return { fields: fields.map(([key, field]) => [key, ordered(field)]) };
}
