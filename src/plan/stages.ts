/** Which objects of an app are applied together, and which wait until those before them are well. Pure. */
import type { Declared } from "../model/manifest.ts";
import { keyOfId, type ObjectKey } from "../model/object.ts";
import {
  definedKind,
  dependsOn,
  type Hook,
  hookOf,
  isSkipped,
  namespaceKey,
  ORDER_ANNOTATION,
  SYNC_PHASES,
  waveOf,
} from "../model/ordering.ts";
import type { Stage } from "../model/plan.ts";

/** An object, declared or live, as far as its order goes. */
export type Ordered = Pick<Declared, "id" | "object">;

/** Where in the order of an app something stands. */
export type Position = Stage;

/** One object at one place; a hook of two phases stands at two. */
export interface Slot<T extends Ordered = Declared> {
  item: T;
  key: ObjectKey;
  hook: Hook | null;
  at: Position;
}

export interface Order<T extends Ordered = Declared> {
  /** Nothing has a place of its own: everything is applied at once, and there are no hooks. */
  isPlain: boolean;
  slots: readonly Slot<T>[];
  /** Kinds that the app defines, as `group/Kind`, with the keys of their definitions. */
  definitions: ReadonlyMap<string, ObjectKey>;
  /** All positions that are taken, first to last. */
  positions: readonly Position[];
  of(key: ObjectKey): readonly Slot<T>[];
}

export const FIRST: Position = { phase: "Sync", wave: 0, step: 0 };
/** After all that is applied when nothing fails. */
export const END: Position = { phase: "SyncFail", wave: Number.NEGATIVE_INFINITY, step: 0 };
/** After everything, hooks for failures too. */
export const LAST: Position = { phase: "SyncFail", wave: Number.POSITIVE_INFINITY, step: 0 };

export function comparePositions(a: Position, b: Position): number {
  return SYNC_PHASES.indexOf(a.phase) - SYNC_PHASES.indexOf(b.phase) || a.wave - b.wave || a.step - b.step;
}

/** Whether one comes before another by phase and wave alone. */
function isEarlier(a: Position, b: Position): boolean {
  return comparePositions({ ...a, step: 0 }, { ...b, step: 0 }) < 0;
}

const known = new WeakMap<readonly Ordered[], Order<Ordered>>();

/**
 * The order of an app's objects: by phase (hooks), wave, and what they depend on. A Namespace comes no later than the first object in it,
 * and a CustomResourceDefinition a step before the first object of its kind, whatever waves they name themselves. Objects that
 * ask to be skipped have no place. What contradicts itself (validation says so) is left out of account.
 *
 * @param items One object an identity
 */
export function orderOf<T extends Ordered>(items: readonly T[]): Order<T> {
  let order = known.get(items);
  if (order === undefined) {
    order = items.every(isPlain) ? plainOrder(items) : new Ordering(items).run();
    known.set(items, order);
  }
  return order as Order<T>;
}

const ANNOTATIONS = Object.values(ORDER_ANNOTATION);

/** Whether an object says nothing of its order, and nothing waits for it by itself. */
function isPlain({ object: { kind, metadata } }: Ordered): boolean {
  if (kind === "CustomResourceDefinition") return false;
  const annotations = metadata?.annotations;
  return typeof annotations !== "object" || annotations === null || ANNOTATIONS.every((name) => !(name in annotations));
}

/** Most apps have one place for all: worked out object by object only for who asks. */
function plainOrder(items: readonly Ordered[]): Order<Ordered> {
  let full: Order<Ordered> | undefined;
  const whole = (): Order<Ordered> => {
    full ??= new Ordering(items).run();
    return full;
  };
  return {
    isPlain: true,
    definitions: new Map(),
    positions: items.length === 0 ? [] : [FIRST],
    get slots() {
      return whole().slots;
    },
    of: (key) => whole().of(key),
  };
}

const plain = new WeakMap<readonly Declared[], readonly Declared[]>();

/** What of an app is kept: all but hooks and what is skipped. The same array when that is all, and each time. */
export function keptOf(declared: readonly Declared[]): readonly Declared[] {
  let kept = plain.get(declared);
  if (kept === undefined) {
    const isAll = orderOf(declared).isPlain;
    const without = isAll ? declared : declared.filter(({ object }) => !isSkipped(object) && hookOf(object) === null);
    kept = without.length === declared.length ? declared : without;
    plain.set(declared, kept);
  }
  return kept;
}

/** Where deletions stand: with the last of what is applied, and before the hooks that come after that. */
export function deletionsAt({ positions }: Order): Position {
  return positions.findLast(({ phase }) => phase === "Sync") ?? FIRST;
}

class Ordering {
  readonly #slots: Slot<Ordered>[] = [];
  readonly #byKey = new Map<ObjectKey, Slot<Ordered>[]>();
  readonly #definitions = new Map<string, ObjectKey>();

  constructor(items: readonly Ordered[]) {
    for (const item of items) {
      if (isSkipped(item.object)) continue;
      const key = keyOfId(item.id);
      const hook = hookOf(item.object);
      const wave = waveOf(item.object);
      const own = (hook?.phases ?? ["Sync" as const]).map((phase): Slot<Ordered> => {
        return { item, key, hook, at: wave === 0 && phase === "Sync" ? FIRST : { phase, wave, step: 0 } };
      });
      this.#slots.push(...own);
      this.#byKey.set(key, own);
      const kind = definedKind(item.object);
      if (kind !== null && hook === null) this.#definitions.set(kind, key);
    }
  }

  run(): Order<Ordered> {
    for (const slot of this.#slots) for (const key of this.#homesOf(slot)) this.#pull(key, slot.at);
    for (const [slot, step] of this.#steps()) if (step > 0) slot.at = { ...slot.at, step };
    const positions: Position[] = [];
    for (const { at } of [...this.#slots].sort((a, b) => comparePositions(a.at, b.at))) {
      const last = positions.at(-1);
      if (last === undefined || comparePositions(last, at) !== 0) positions.push(at);
    }
    return {
      isPlain: false,
      definitions: this.#definitions,
      slots: this.#slots,
      positions,
      of: (key) => this.#byKey.get(key) ?? [],
    };
  }

  /** The Namespace that an object is in, and the definition of its kind. */
  *#homesOf({ item: { id } }: Slot<Ordered>): Iterable<ObjectKey> {
    const definition = this.#definitions.get(`${id.group}/${id.kind}`);
    if (definition !== undefined) yield definition;
    if (id.namespace !== "") yield namespaceKey(id.namespace);
  }

  /** What others need comes with the first of them. Of those that run only when something fails, none is the first. */
  #pull(key: ObjectKey, to: Position): void {
    for (const home of this.#byKey.get(key) ?? []) {
      if (home.hook === null && isEarlier(to, home.at)) home.at = to;
    }
  }

  /** How many waits stand before each slot within its wave: those of the longest way to it. */
  #steps(): Map<Slot<Ordered>, number> {
    const followers = new Map<Slot<Ordered>, { slot: Slot<Ordered>; distance: number }[]>();
    const open = new Map<Slot<Ordered>, number>();
    for (const slot of this.#slots) {
      for (const [key, distance] of this.#needsOf(slot)) {
        const before = this.#byKey.get(key)?.find(({ at }) => at.phase === slot.at.phase && at.wave === slot.at.wave);
        if (before === undefined || before === slot) continue;
        const others = followers.get(before) ?? [];
        others.push({ slot, distance });
        followers.set(before, others);
        open.set(slot, (open.get(slot) ?? 0) + 1);
      }
    }
    // Kahn's algorithm; what is part of a circle is never reached, and waits for nobody.
    const steps = new Map<Slot<Ordered>, number>();
    if (open.size === 0) return steps;
    const ready = this.#slots.filter((slot) => !open.has(slot));
    for (let before = ready.pop(); before !== undefined; before = ready.pop()) {
      for (const { slot, distance } of followers.get(before) ?? []) {
        steps.set(slot, Math.max(steps.get(slot) ?? 0, (steps.get(before) ?? 0) + distance));
        const left = (open.get(slot) ?? 1) - 1;
        open.set(slot, left);
        if (left === 0) ready.push(slot);
      }
    }
    return steps;
  }

  /** What must be before a slot, and by how many steps. In its Namespace it may be in the same one: that is there at once. */
  *#needsOf({ item: { id, object } }: Slot<Ordered>): Iterable<[key: ObjectKey, distance: number]> {
    for (const { id: needed } of dependsOn(object)) if (needed !== null) yield [keyOfId(needed), 1];
    const definition = this.#definitions.get(`${id.group}/${id.kind}`);
    if (definition !== undefined) yield [definition, 1];
    if (id.namespace !== "") yield [namespaceKey(id.namespace), 0];
  }
}

/** A position as people read it: `PreSync`, `wave 2`, `PreSync, wave -1`, `wave 0, step 2`. Steps count from 1 there. */
export function stageText({ phase, wave, step }: Position): string {
  const parts = [phase === "Sync" ? [] : [phase], phase === "Sync" || wave !== 0 ? [`wave ${wave}`] : []].flat();
  return [...parts, ...(step > 0 ? [`step ${step + 1}`] : [])].join(", ");
}
