/** Objects of one kind that no controller manages, kept per namespace, so that adoption never searches the whole store. */
import { controllerOf, groupOf, type KubeObject, keyOf, type ObjectKey } from "../../model/object.ts";
import type { ObjectStore, StoreEvent } from "../../model/store.ts";

export class Orphans {
  readonly #group: string;
  readonly #kind: string;
  readonly #byNamespace = new Map<string, Map<ObjectKey, KubeObject>>();

  constructor(group: string, kind: string) {
    this.#group = group;
    this.#kind = kind;
  }

  /** Takes in what the store has already. */
  load(store: ObjectStore): void {
    for (const object of store.list({ group: this.#group, kind: this.#kind })) this.#put(object);
  }

  /** Follows a change; call it for every event of the store. */
  observe({ type, object }: StoreEvent): void {
    if (object.kind !== this.#kind || groupOf(object.apiVersion) !== this.#group) return;
    if (type === "deleted" || controllerOf(object) !== undefined) this.#drop(object);
    else this.#put(object);
  }

  in(namespace: string): KubeObject[] {
    return [...(this.#byNamespace.get(namespace)?.values() ?? [])];
  }

  #put(object: KubeObject): void {
    if (controllerOf(object) !== undefined) return;
    const namespace = namespaceOf(object);
    const known = this.#byNamespace.get(namespace) ?? new Map<ObjectKey, KubeObject>();
    this.#byNamespace.set(namespace, known);
    known.set(keyOf(object), object);
  }

  #drop(object: KubeObject): void {
    const namespace = namespaceOf(object);
    const known = this.#byNamespace.get(namespace);
    known?.delete(keyOf(object));
    if (known?.size === 0) this.#byNamespace.delete(namespace);
  }
}

/** The namespace of a namespaced object. */
export function namespaceOf(object: KubeObject): string {
  return object.metadata.namespace || "default";
}

/** Whether a change touched nothing but the status (and the version that every write bumps). */
export function isStatusOnly({ type, object, previous }: StoreEvent): boolean {
  if (type !== "modified" || previous === undefined) return false;
  const { metadata } = object;
  return (
    metadata.generation === previous.metadata.generation &&
    metadata.deletionTimestamp === previous.metadata.deletionTimestamp &&
    sameText(metadata.annotations, previous.metadata.annotations) &&
    sameText(metadata.labels, previous.metadata.labels) &&
    sameText(metadata.ownerReferences, previous.metadata.ownerReferences)
  );
}

function sameText(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
