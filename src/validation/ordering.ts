/** Checks what objects say of their order: the objects that they wait for, their waves, and the words of their hooks. */
import type { Diagnostic, Severity } from "../model/diagnostic.ts";
import { type Declared, type FieldPath, formatFieldPath } from "../model/manifest.ts";
import { displayId, type KubeObject, keyOfId, type ObjectKey } from "../model/object.ts";
import {
  DELETE_POLICIES,
  dependsOn,
  hookOf,
  ORDER_ANNOTATION,
  SKIP,
  SYNC_PHASES,
  type SyncPhase,
  waveOf,
  wholeNumber,
  wordsOf,
} from "../model/ordering.ts";
import { factsOf } from "./facts.ts";
import { nearest } from "./names.ts";
import type { RuleId } from "./rules.ts";

/** @param where What is looked through, for sentences: "this app" */
export function checkOrdering(
  declared: readonly Declared[],
  byKey: ReadonlyMap<ObjectKey, Declared>,
  where: string,
): Diagnostic[] {
  const check = new OrderingCheck(byKey, where);
  const ordered = declared.filter((each) => factsOf(each).order !== undefined);
  for (const each of ordered) check.words(each);
  for (const each of ordered) check.references(each);
  check.circles(ordered);
  return check.diagnostics;
}

class OrderingCheck {
  readonly diagnostics: Diagnostic[] = [];
  readonly #byKey: ReadonlyMap<ObjectKey, Declared>;
  readonly #where: string;
  /** What each object waits for, as far as that is declared. */
  readonly #needs = new Map<Declared, Declared[]>();

  constructor(byKey: ReadonlyMap<ObjectKey, Declared>, where: string) {
    this.#byKey = byKey;
    this.#where = where;
  }

  /** Words that Argo CD passes over: whoever wrote them meant something. Helm's are Helm's affair. */
  words(declared: Declared): void {
    const { wave, hook, deletePolicy } = ORDER_ANNOTATION;
    const text = factsOf(declared).order?.[wave];
    if (text !== undefined && wholeNumber(text) === undefined) {
      const message = `Cannot use ${wave} as it must be a whole number: it is ${JSON.stringify(text)}`;
      this.#say("warning", "sync-wave", declared, wave, message, "As it stands, the object is in wave 0.");
    }
    this.#known(declared, hook, [...SYNC_PHASES, SKIP]);
    this.#known(declared, deletePolicy, DELETE_POLICIES);
  }

  #known(declared: Declared, name: string, allowed: readonly string[]): void {
    for (const word of wordsOf(notesOf(declared), name)) {
      if (allowed.includes(word)) continue;
      const message = `Cannot use ${name} as it must be of ${allowed.join(", ")}: it has ${JSON.stringify(word)}`;
      const close = nearest(word, [...allowed]);
      this.#say("warning", "sync-hook", declared, name, message, close && `Did you mean ${close}?`);
    }
  }

  references(declared: Declared): void {
    const name = ORDER_ANNOTATION.dependsOn;
    for (const { text, id } of dependsOn(notesOf(declared))) {
      const what = displayId(declared.id);
      if (id === null) {
        const form = "group/namespaces/namespace/Kind/name, or group/Kind/name without a namespace";
        const message = `Cannot order ${what} as what it depends on must be written as ${form}: it is ${JSON.stringify(text)}`;
        this.#say(
          "error",
          "depends-on",
          declared,
          name,
          message,
          "Of the core group, nothing stands before the first slash.",
        );
        continue;
      }
      const needed = this.#byKey.get(keyOfId(id));
      if (needed === undefined) {
        const message = `Cannot order ${what} as what it depends on must be declared by ${this.#where}: ${text} is not`;
        this.#say("error", "depends-on", declared, name, message, "Declare it here, or remove the reference.");
        continue;
      }
      const [own, its] = [firstOf(declared), firstOf(needed)];
      if (own !== null && (its === null || isLater(its, own))) {
        const when = its === null ? "is never applied" : `comes later (${nameOf(its)})`;
        const message = `Cannot order ${what} (${nameOf(own)}) as what it depends on must come first: ${displayId(needed.id)} ${when}`;
        this.#say(
          "error",
          "depends-on",
          declared,
          name,
          message,
          "Give the two the same wave, or remove the reference.",
        );
        continue;
      }
      this.#needs.set(declared, [...(this.#needs.get(declared) ?? []), needed]);
    }
  }

  /** Each circle is told once, at the first of its objects. */
  circles(declared: readonly Declared[]): void {
    const done = new Set<Declared>();
    for (const start of declared) {
      if (!this.#needs.has(start) || done.has(start)) continue;
      const circle = this.#circleFrom(start, done);
      if (circle === null) continue;
      const [first = start] = circle;
      const way = [...circle, first].map(({ id }) => displayId(id)).join(" depends on ");
      const message = `Cannot order ${displayId(first.id)} as nothing may wait for itself: ${way}`;
      this.#say("error", "depends-on", first, ORDER_ANNOTATION.dependsOn, message, "Remove one of these references.");
    }
  }

  /** Goes down as far as it gets, without recursion: a chain may be as long as an app is large. */
  #circleFrom(start: Declared, done: Set<Declared>): Declared[] | null {
    const way: { at: Declared; rest: Declared[] }[] = [{ at: start, rest: [...(this.#needs.get(start) ?? [])] }];
    const onWay = new Set([start]);
    let found: Declared[] | null = null;
    for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
      const next = top.rest.pop();
      if (next === undefined) {
        done.add(top.at);
        onWay.delete(top.at);
        way.pop();
      } else if (onWay.has(next)) {
        found ??= way.slice(way.findIndex(({ at }) => at === next)).map(({ at }) => at);
      } else if (!done.has(next)) {
        way.push({ at: next, rest: [...(this.#needs.get(next) ?? [])] });
        onWay.add(next);
      }
    }
    return found;
  }

  #say(
    severity: Severity,
    rule: RuleId,
    declared: Declared,
    name: string,
    message: string,
    hint: string | undefined,
  ): void {
    const path: FieldPath = ["metadata", "annotations", name];
    const location = declared.locateValue(path);
    const about = { severity, rule, message, location, field: formatFieldPath(path), object: declared.id };
    this.diagnostics.push(hint === undefined ? about : { ...about, hint });
  }
}

/** As much of an object as says when it is applied: what is checked may be known by its facts alone. */
function notesOf(declared: Declared): KubeObject {
  return { apiVersion: "", kind: "", metadata: { name: "", annotations: factsOf(declared).order ?? {} } };
}

interface Place {
  phase: SyncPhase;
  wave: number;
}

/** Where an object stands first; `null` for a hook that is never run, and for what is skipped. */
function firstOf(declared: Declared): Place | null {
  const object = notesOf(declared);
  const hook = hookOf(object);
  const isSkipped = hook === null && wordsOf(object, ORDER_ANNOTATION.hook).length > 0;
  const phase = hook === null ? (isSkipped ? undefined : "Sync") : hook.phases[0];
  return phase === undefined ? null : { phase, wave: waveOf(object) };
}

function isLater(a: Place, b: Place): boolean {
  return (SYNC_PHASES.indexOf(a.phase) - SYNC_PHASES.indexOf(b.phase) || a.wave - b.wave) > 0;
}

function nameOf({ phase, wave }: Place): string {
  return phase === "Sync" ? `wave ${wave}` : `${phase}, wave ${wave}`;
}
