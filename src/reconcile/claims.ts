/** Which objects the other apps declare at a commit, so that what moves between apps is handed over and never deleted. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import { displayId, keyOfId, type ObjectKey } from "../model/object.ts";
import { keyOfDeclared } from "./observe.ts";

/** What one app declares at a commit. */
export interface Claim {
  app: string;
  declared: readonly Declared[];
  /** A file of it cannot be read: it may declare more than is known. */
  isPartial: boolean;
  /** Its directory and its settings alone decide what it declares: while these are the same, so is this. Not said: they may not. */
  isOwn?: boolean;
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

/** What all apps of the repository declare at one commit, found by object: read once, and asked by each of them. */
export class RepositoryClaims {
  readonly #claims: ReadonlyMap<string, Claim>;
  readonly #isNamed: (app: string) => boolean;
  readonly #unreadable: readonly string[];
  /** Who declares an object, in the order of the claims; made when it is first asked for. */
  #byKey: Map<ObjectKey, { app: string; declared: Declared }[]> | null = null;

  /**
   * @param claims Of the apps that are kept true here
   * @param isNamed Whether the repository still has an app of this name; the objects of one that it has not are given up
   */
  constructor(claims: readonly Claim[], isNamed: (app: string) => boolean) {
    this.#claims = new Map(claims.map((claim) => [claim.app, claim]));
    this.#isNamed = isNamed;
    this.#unreadable = claims.filter(({ isPartial }) => isPartial).map(({ app }) => app);
  }

  /** As an app sees its neighbours. */
  besides(own: string): Claims {
    // Most repositories are one app: nothing is indexed for it.
    const isAlone = this.#claims.size === (this.#claims.has(own) ? 1 : 0);
    return {
      of: (key) => (isAlone ? undefined : this.#at(key).find(({ app }) => app !== own)),
      givesUp: (app, key) => {
        if (!this.#isNamed(app)) return true;
        const claim = app === own ? undefined : this.#claims.get(app);
        return claim !== undefined && !claim.isPartial && !this.#at(key).some((each) => each.app === app);
      },
      unreadable: this.#unreadable.filter((app) => app !== own),
    };
  }

  #at(key: ObjectKey): readonly { app: string; declared: Declared }[] {
    this.#byKey ??= this.#index();
    return this.#byKey.get(key) ?? [];
  }

  #index(): Map<ObjectKey, { app: string; declared: Declared }[]> {
    const index = new Map<ObjectKey, { app: string; declared: Declared }[]>();
    for (const { app, declared } of this.#claims.values()) {
      for (const each of declared) {
        for (const key of keysOf(each)) {
          const known = index.get(key);
          if (known === undefined) index.set(key, [{ app, declared: each }]);
          // A name that one app declares twice is that app's own error.
          else if (known.at(-1)?.app !== app) known.push({ app, declared: each });
        }
      }
    }
    return index;
  }
}

/** Under which keys an object may be found: one of a custom kind may live in no namespace, though nothing in git says so. */
function keysOf(declared: Declared): ObjectKey[] {
  const { id } = declared;
  // Groups of kinds that are defined by anybody have a dot.
  const mayBeInNone = id.namespace !== "" && id.group.includes(".");
  return [keyOfDeclared(declared), ...(mayBeInNone ? [keyOfId({ ...id, namespace: "" })] : [])];
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
        hint:
          file === each.file
            ? "The directory of one app lies in the other's: give each one of its own in trueup.yaml."
            : "Remove it from one of the two.",
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
