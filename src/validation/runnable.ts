/** Says which declared kinds a target does not run. Validation takes every kind; what a target can do with it is another question. */
import type { Diagnostic, Severity } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";

export interface Target {
  /** As people call it, for a sentence: "the embedded cluster". */
  name: string;
  /** Kinds that it runs, as `group/Kind`; null: all. */
  kinds: readonly string[] | null;
}

/** An error for each object that the target does not run: nothing of its commit may be applied there. */
export function notRunHere(declared: readonly Declared[], target: Target): Diagnostic[] {
  return strangers(declared, target).map((each) =>
    remark("error", each, target, `as ${target.name} must run its kind: it does not`),
  );
}

/** A warning for each kind that the target does not run, at its first object: who only checks files wants no more. */
export function warnOfKindsNotRunHere(declared: readonly Declared[], target: Target): Diagnostic[] {
  const byKind = Map.groupBy(strangers(declared, target), ({ id }) => `${id.group}/${id.kind}`);
  return [...byKind.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const more = others.length === 0 ? "" : `, nor ${others.length} more of this kind`;
    return [remark("warning", first, target, `on ${target.name}, which does not run its kind${more}`)];
  });
}

function strangers(declared: readonly Declared[], { kinds }: Target): Declared[] {
  if (kinds === null) return [];
  const known = new Set(kinds);
  return declared.filter(({ id }) => !known.has(`${id.group}/${id.kind}`));
}

function remark(severity: Severity, declared: Declared, { kinds }: Target, clause: string): Diagnostic {
  const names = (kinds ?? []).map((kind) => kind.slice(kind.indexOf("/") + 1)).join(", ");
  return {
    severity,
    rule: "kind-not-run-here",
    message: `Cannot apply ${declared.object.kind} of ${declared.object.apiVersion} ${clause}`,
    location: declared.locateValue(["kind"]),
    field: "kind",
    object: declared.id,
    hint: `It runs ${names}. Keep other kinds outside the app's directory, or apply it to a Kubernetes cluster.`,
  };
}
