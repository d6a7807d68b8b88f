/** Gives objects of custom kinds that live in no namespace their identity: only a definition says that they do. */
import type { Declared } from "../../model/manifest.ts";
import type { CustomKinds } from "./kinds.ts";

/** What a declared object became, so that the same instance is handed out again. */
const rescoped = new WeakMap<Declared, Declared>();

/** The declared object as its kind's scope has it; the same instance each time. */
export function inScope(declared: Declared, kinds: Pick<CustomKinds, "isClusterScoped">): Declared {
  const { id } = declared;
  if (id.namespace === "" || !kinds.isClusterScoped(id.group, id.kind)) return declared;
  const known = rescoped.get(declared);
  if (known !== undefined) return known;
  const { object, file, blob, document } = declared;
  const fresh: Declared = {
    object,
    id: { ...id, namespace: "" },
    file,
    blob,
    document,
    locate: (path) => declared.locate(path),
    locateValue: (path) => declared.locateValue(path),
  };
  rescoped.set(declared, fresh);
  return fresh;
}
