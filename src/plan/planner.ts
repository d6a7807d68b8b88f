/** Plans again and again: remembers, object by object, what did not change, so that a plan costs what changed. */
import type { Declared } from "../model/manifest.ts";
import { idOfLive, type KubeObject, keyOfId, type ObjectKey } from "../model/object.ts";
import type { Change, Observed, Plan } from "../model/plan.ts";
import type { Ignored } from "./ignore.ts";
import { type PlanInput, planApp, planObject } from "./plan.ts";

interface Remembered {
  app: string;
  uid: string | undefined;
  resourceVersion: string;
  applied: KubeObject | null;
  owner: string | null;
  /** Names what is ignored of it. */
  ignored: string;
  change: Change | null;
}

/**
 * Gives what `planApp` gives. A pair is compared again when the declared instance is another one (its blob changed), or the
 * observed object has another uid, resourceVersion, owner or applied part. Nothing is kept beyond the declared instances.
 */
export class Planner {
  readonly #known = new WeakMap<Declared, Remembered>();
  readonly #declaredKeys = new WeakMap<Declared, ObjectKey>();
  readonly #objectKeys = new WeakMap<KubeObject, ObjectKey>();
  #compared = 0;

  /** How many pairs were compared so far: what a test of "proportional to the change" counts. */
  get compared(): number {
    return this.#compared;
  }

  plan(input: PlanInput): Plan {
    return planApp(input, {
      changeOf: (declared, observed, app, ignored) => this.#changeOf(declared, observed, app, ignored),
      keyOfDeclared: (declared) => remember(this.#declaredKeys, declared, () => keyOfId(declared.id)),
      keyOfObserved: ({ object }) => remember(this.#objectKeys, object, () => keyOfId(idOfLive(object))),
    });
  }

  #changeOf(declared: Declared, observed: Observed | undefined, app: string, ignored: Ignored): Change | null {
    const version = observed?.object.metadata.resourceVersion;
    if (observed === undefined || version === undefined) return planObject(declared, observed, app, ignored);
    const { name } = ignored.of(declared);
    const known = this.#known.get(declared);
    if (known !== undefined && isSame(known, observed, version, app, name)) {
      // The change carries the observed object itself, which may be a fresh copy of the same version.
      return known.change === null || known.change.observed === observed ? known.change : { ...known.change, observed };
    }
    this.#compared++;
    const change = planObject(declared, observed, app, ignored);
    const { applied, owner, object } = observed;
    const { uid } = object.metadata;
    this.#known.set(declared, { app, uid, resourceVersion: version, applied, owner, ignored: name, change });
    return change;
  }
}

function isSame(known: Remembered, observed: Observed, version: string, app: string, ignored: string): boolean {
  return (
    known.resourceVersion === version &&
    known.uid === observed.object.metadata.uid &&
    known.owner === observed.owner &&
    known.app === app &&
    known.ignored === ignored &&
    // By instance: a backend that hands out fresh copies is compared again, which is slower and never wrong.
    known.applied === observed.applied
  );
}

function remember<K extends object, V>(memory: WeakMap<K, V>, key: K, make: () => V): V {
  let value = memory.get(key);
  if (value === undefined) {
    value = make();
    memory.set(key, value);
  }
  return value;
}
