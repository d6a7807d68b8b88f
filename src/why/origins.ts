/** Says of each value of a live object where it comes from. Pure: positions and commits of lines are asked for elsewhere. */
import { isZeroAbsent } from "../defaulting/zero.ts";
import { type Leaf, leavesOf, sameLeaf } from "../diff/leaves.ts";
import { redactObject } from "../diff/redact.ts";
import { covers, type FieldPattern } from "../model/ignore.ts";
import { formatFieldPath } from "../model/manifest.ts";
import type { KubeObject } from "../model/object.ts";
import type { Location } from "../model/source.ts";
import { type Frame, locateIn } from "./frame.ts";
import { managerOfField } from "./managers.ts";
import { alwaysSetBy, setBy } from "./setters.ts";
import type { FieldOrigin } from "./types.ts";

/** A repair of drift, as the ledger has it. */
export interface DriftRecord {
  at: string;
  fields: readonly string[];
  /** Who made it, where that is known. */
  by?: string;
}

export interface OriginInput {
  object: KubeObject;
  /** What it was made from; null when nothing that trueup applied. */
  frame: Frame | null;
  /** What the API makes of a declaration. */
  defaults(object: KubeObject): KubeObject;
  /** Of this object, newest first. */
  drift: readonly DriftRecord[];
  /** Fields that stay with whoever else sets them. */
  ignored?: readonly FieldPattern[];
}

/** An origin whose line nobody was asked about yet. */
export interface Located {
  origin: FieldOrigin;
  location?: Location;
}

/** The origin of every value, in the object's order; values that git declares and the object lacks come last. */
export function originsOf(input: OriginInput): Located[] {
  const { object, frame } = input;
  const live = leavesOf(object);
  const shown = byPath(leavesOf(redactObject(object)));
  const declared = frame === null ? new Map<string, Leaf>() : byPath(leavesOf(frame.tree));
  const masked = frame === null ? new Map<string, Leaf>() : byPath(leavesOf(redactObject(frame.tree)));
  const filled = frame === null ? new Map<string, Leaf>() : byPath(leavesOf(input.defaults(frame.tree)));
  const judge = new Judge(input, declared, masked, filled);
  const found = live
    .filter(({ path }) => path[1] !== "managedFields" || path[0] !== "metadata")
    .map((leaf) => judge.of(leaf, shown.get(leaf.shown)?.value));
  const present = new Set(live.map((leaf) => leaf.shown));
  for (const leaf of declared.values()) {
    const isThere = present.has(leaf.shown) || frame?.isOwn !== true;
    // A namespace that the live object lacks is one that its kind has none of.
    const saysNothing =
      isEmpty(leaf.value) || isZeroAbsent(leaf.rule, leaf.value) || leaf.rule === "metadata.namespace";
    if (!isThere && !saysNothing && !filledElsewhere(leaf, live)) found.push(judge.missing(leaf));
  }
  return found;
}

/**
 * The origins of one field: `spec.replicas`, a prefix of several, list items by their names or by index, the end of a path, or
 * else a part of it.
 *
 * @returns Empty when the object has no such field
 */
export function selectField(all: readonly Located[], leaves: readonly Leaf[], field: string): Located[] {
  const indexed = new Map(leaves.map((leaf) => [leaf.shown, formatFieldPath(leaf.path)]));
  const spellings = ({ origin }: Located): string[] => [origin.path, indexed.get(origin.path) ?? origin.path];
  const exact = all.filter((each) => spellings(each).some((path) => isWithin(path, field) || isWithin(field, path)));
  if (exact.length > 0) return exact;
  const ends = [`.${field}`, `["${field}"]`];
  const last = all.filter((each) => spellings(each).some((path) => ends.some((end) => path.endsWith(end))));
  if (last.length > 0) return last;
  // What stands in the middle of a path holds something: `ports` means all of them.
  return all.filter((each) => spellings(each).some((path) => ends.some((end) => holds(path, end))));
}

function holds(path: string, part: string): boolean {
  return path.split(part).some((rest, at) => at > 0 && /^[.[]/.test(rest));
}

function isWithin(path: string, prefix: string): boolean {
  return path === prefix || (path.startsWith(prefix) && /^[.[]/.test(path.slice(prefix.length)));
}

function byPath(leaves: readonly Leaf[]): Map<string, Leaf> {
  return new Map(leaves.map((leaf) => [leaf.shown, leaf]));
}

/** One object's values, judged one by one. */
class Judge {
  readonly #input: OriginInput;
  readonly #declared: ReadonlyMap<string, Leaf>;
  readonly #masked: ReadonlyMap<string, Leaf>;
  readonly #filled: ReadonlyMap<string, Leaf>;

  constructor(
    input: OriginInput,
    declared: ReadonlyMap<string, Leaf>,
    masked: ReadonlyMap<string, Leaf>,
    filled: ReadonlyMap<string, Leaf>,
  ) {
    this.#input = input;
    this.#declared = declared;
    this.#masked = masked;
    this.#filled = filled;
  }

  /** @param value As it may be shown */
  of(leaf: Leaf, value: unknown): Located {
    const { object, frame } = this.#input;
    const path = leaf.shown;
    const always = alwaysSetBy(object, leaf);
    if (always !== null) return { origin: { path, value, ...always } };
    if (this.#input.ignored?.some((pattern) => covers(pattern, object, leaf.path)) === true) {
      // Also where it is what git says: that is not why it is so.
      const by = `${managerOfField(object, leaf.path) ?? "whoever set it last"}: left to others, by ignore or an autoscaler`;
      return { origin: { path, value, origin: "other", by } };
    }
    const isName = leaf.rule === "apiVersion" || leaf.rule === "kind" || leaf.rule === "metadata.name";
    const want = isName && frame?.isOwn !== true ? undefined : this.#declared.get(path);
    if (want !== undefined && (isName || sameLeaf(leaf, want.value, leaf.value))) return this.#fromGit(want, value);
    const fill = isName ? undefined : this.#filled.get(path);
    const isFilled = fill !== undefined && sameLeaf(leaf, fill.value, leaf.value);
    if (isFilled && want !== undefined) return this.#fromGit(want, value);
    const set = want === undefined ? setBy(object, leaf) : null;
    if (isFilled) {
      const isBookkeeping = set !== null && leaf.path.includes("annotations");
      if (isBookkeeping) return { origin: { path, value, ...set } };
      return { origin: { path, value, origin: "default", by: `default of the API (${object.apiVersion})` } };
    }
    if (set !== null) return { origin: { path, value, ...set } };
    if (isEmpty(leaf.value) && frame !== null) {
      return { origin: { path, value, origin: "default", by: `default of the API (${object.apiVersion})` } };
    }
    if (frame === null) {
      const manager = managerOfField(object, leaf.path);
      return { origin: { path, value, origin: "other", by: manager ?? "whoever made it: trueup did not" } };
    }
    return this.#drifted(leaf, value, want);
  }

  missing(leaf: Leaf): Located {
    const { origin, ...rest } = this.#drifted(leaf, undefined, leaf);
    const { value: _value, ...without } = origin;
    return { origin: without, ...rest };
  }

  #fromGit(want: Leaf, value: unknown): Located {
    const { frame } = this.#input;
    const path = want.shown;
    const location = frame === null ? undefined : locateIn(frame, want.path);
    if (location !== undefined) return { origin: { path, value, origin: "git", by: "git" }, location };
    // Applied, and not written in the manifest: what trueup adds before it applies.
    const set = setBy(this.#input.object, want);
    if (set !== null) return { origin: { path, value, ...set } };
    return { origin: { path, value, origin: "git", by: "the manifest that was applied" } };
  }

  #drifted(leaf: Leaf, value: unknown, want: Leaf | undefined): Located {
    const { object, frame, drift } = this.#input;
    const path = leaf.shown;
    const location = want === undefined || frame === null ? undefined : locateIn(frame, want.path);
    const record = drift.find(({ fields }) => fields.some((field) => isWithin(path, field) || isWithin(field, path)));
    const manager = managerOfField(object, leaf.path) ?? record?.by;
    const who = manager === undefined ? "somebody who left no name" : manager;
    const before = record === undefined ? "" : `; repaired before, ${record.at}`;
    const declared = want === undefined ? undefined : (this.#masked.get(want.shown)?.value ?? want.value);
    return {
      origin: {
        path,
        value,
        origin: "drift",
        by: `${who}${before}`,
        ...(declared !== undefined && { declared }),
      },
      ...(location !== undefined && { location }),
    };
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** An empty map or a scalar that the live object has taken apart further is there. */
function filledElsewhere({ shown }: Leaf, live: readonly Leaf[]): boolean {
  return live.some((leaf) => isWithin(leaf.shown, shown));
}
