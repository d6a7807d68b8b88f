/** Which objects the other apps declare at a commit, so that what moves between apps is handed over and never deleted. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import { displayId, type ObjectKey } from "../model/object.ts";
import { keyOfDeclared } from "./observe.ts";

/** What one app declares at a commit. */
export interface Claim {
  app: string;
  declared: readonly Declared[];
  /** A file of it cannot be read: it may declare more than is known. */
  isPartial: boolean;
}

/** What the repository's other apps declare at one commit. */
export interface Claims {
  /** Where another app declares the object; the first one where several do. */
  of(key: ObjectKey): { app: string; declared: Declared } | undefined;
  /** Whether an app that owns the object declares it no more, all of its manifests having been read; also when it is gone. */
  givesUp(app: string, key: ObjectKey): boolean;
  /** Apps with manifests that cannot be read. */
  readonly unreadable: readonly string[];
}

/** An app that knows of no others: nobody claims anything, and nobody gives anything up. */
export const NO_CLAIMS: Claims = { of: () => undefined, givesUp: () => false, unreadable: [] };

/** By the array of declared objects, which is the same as long as none changed: most apps' are, from commit to commit. */
const indexes = new WeakMap<readonly Declared[], Map<ObjectKey, Declared>>();

function indexOf(declared: readonly Declared[]): Map<ObjectKey, Declared> {
  let index = indexes.get(declared);
  if (index === undefined) {
    index = new Map(declared.map((each) => [keyOfDeclared(each), each]));
    indexes.set(declared, index);
  }
  return index;
}

/**
 * @param others Claims of the other apps that are kept true here
 * @param isNamed Whether the repository still has an app of this name; the objects of one that it has not are given up
 */
export function claimsOf(others: readonly Claim[], isNamed: (app: string) => boolean): Claims {
  const byApp = new Map(others.map((claim) => [claim.app, claim]));
  return {
    of(key) {
      for (const { app, declared } of others) {
        const found = indexOf(declared).get(key);
        if (found !== undefined) return { app, declared: found };
      }
      return undefined;
    },
    givesUp(app, key) {
      if (!isNamed(app)) return true;
      const claim = byApp.get(app);
      return claim !== undefined && !claim.isPartial && !indexOf(claim.declared).has(key);
    },
    unreadable: others.filter(({ isPartial }) => isPartial).map(({ app }) => app),
  };
}

/** An error for each object that another app declares, too: neither app may have it as long as both want it. */
export function declaredTwice(declared: readonly Declared[], claims: Claims): Diagnostic[] {
  if (claims === NO_CLAIMS) return [];
  return declared.flatMap((each): Diagnostic[] => {
    const other = claims.of(keyOfDeclared(each));
    if (other === undefined) return [];
    const { file, line } = other.declared.locate([]);
    return [
      {
        severity: "error",
        rule: "object-declared-by-two-apps",
        message: `Cannot apply ${displayId(each.id)} as one app only may declare it: app ${other.app} does, too (${file}:${line})`,
        location: each.locate([]),
        object: each.id,
        hint: "Remove it from one of the two.",
      },
    ];
  });
}

/** What an older commit declares and no other app has taken over since; the same array when none has. */
export function notTakenOver(declared: readonly Declared[], claims: Claims): readonly Declared[] {
  if (claims === NO_CLAIMS) return declared;
  const left = declared.filter((each) => claims.of(keyOfDeclared(each)) === undefined);
  return left.length === declared.length ? declared : left;
}
