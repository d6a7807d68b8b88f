/** Gives objects of custom kinds that nothing in git defines the identity that they have where they are applied. */
import type { Backend } from "../model/backend.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import { displayId, isBuiltInGroup } from "../model/object.ts";
import { inScope } from "../validation/index.ts";
import { keyOfDeclared } from "./observe.ts";

interface Kind {
  group: string;
  kind: string;
}

/** What a list became, so that the same instance is handed out as long as the backend says the same. */
const known = new WeakMap<
  readonly Declared[],
  { kinds: readonly Kind[]; clustered: string; declared: readonly Declared[] }
>();

/**
 * The declared objects, those of kinds that live in no namespace without one; the same array when none is.
 *
 * @throws {TrueupError} When the backend cannot say now what it serves
 */
export async function inScopeOfBackend(
  declared: readonly Declared[],
  backend: Pick<Backend, "isNamespaced">,
  signal: AbortSignal,
): Promise<readonly Declared[]> {
  if (backend.isNamespaced === undefined) return declared;
  const before = known.get(declared);
  const kinds = before?.kinds ?? openKinds(declared);
  if (kinds.length === 0) {
    if (before === undefined) known.set(declared, { kinds, clustered: "", declared });
    return declared;
  }
  const clustered = new Set<string>();
  for (const { group, kind } of kinds) {
    if ((await backend.isNamespaced({ group, kind }, signal)) === false) clustered.add(`${group}/${kind}`);
  }
  const name = [...clustered].join(" ");
  if (before?.clustered === name) return before.declared;
  const isClusterScoped = (group: string, kind: string): boolean => clustered.has(`${group}/${kind}`);
  const scoped = name === "" ? declared : declared.map((each) => inScope(each, { isClusterScoped }));
  known.set(declared, { kinds, clustered: name, declared: scoped });
  return scoped;
}

/** Kinds of which git does not say that they live in no namespace. */
function openKinds(declared: readonly Declared[]): Kind[] {
  const kinds = new Map<string, Kind>();
  for (const { id } of declared) {
    if (id.namespace !== "" && !isBuiltInGroup(id.group)) {
      kinds.set(`${id.group}/${id.kind}`, { group: id.group, kind: id.kind });
    }
  }
  return [...kinds.values()];
}

/** An error for each object that is one with an earlier one only in its scope: in git they stand in two namespaces. */
export function sameInScope(before: readonly Declared[], scoped: readonly Declared[]): Diagnostic[] {
  if (before === scoped) return [];
  const first = new Map<string, Declared>();
  return scoped.flatMap((each, at): Diagnostic[] => {
    if (each === before[at]) return [];
    const key = keyOfDeclared(each);
    const earlier = first.get(key);
    if (earlier === undefined) {
      first.set(key, each);
      return [];
    }
    const { file, line } = earlier.locate([]);
    return [
      {
        severity: "error",
        rule: "duplicate-object",
        message: `Cannot apply ${displayId(each.id)} as it must be declared once: ${file}:${line} declares it, too, and its kind lives in no namespace`,
        location: each.locate(["metadata", "name"]),
        object: each.id,
        hint: "Remove one of the two.",
      },
    ];
  });
}
