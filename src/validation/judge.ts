/** Levels and exceptions: what becomes of findings by what the configurations say. Pure. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { ObjectId } from "../model/object.ts";
import { natureOf } from "./rules.ts";
import type { Checks, Exception, Level, ValidationSettings } from "./settings.ts";
import { matchesKind, matchesWildcard } from "./wildcard.ts";

export interface Judging {
  settings: Omit<ValidationSettings, "policies" | "rules"> & Partial<Checks>;
  /** The day for which exceptions count, `2026-11-26`, UTC. */
  day: string;
  /**
   * What was looked at; asked for only when there is an exception to tell of. Of one for objects that others may have, nobody
   * can tell here that it is for nothing.
   */
  objects(): readonly ObjectId[];
  /** A configuration whose exceptions are about these objects and no others. */
  wholeOf?: string;
}

/** The day of a moment, as exceptions count it: in UTC, so that everybody everywhere gets the same answer. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The findings as they count, and what is to be said of the exceptions themselves. */
export function judge(diagnostics: readonly Diagnostic[], judging: Judging): Diagnostic[] {
  const { levels, exceptions } = judging.settings;
  const live = exceptions.filter(({ until }) => until >= judging.day);
  const used = new Set<Exception>();
  const isExcepted = (diagnostic: Diagnostic): boolean => {
    if (!mayBeExcepted(diagnostic)) return false;
    const fitting = live.filter((exception) => isAbout(exception, diagnostic));
    for (const each of fitting) used.add(each);
    return fitting.length > 0;
  };
  const kept = diagnostics.flatMap((diagnostic) => {
    const level = levelOf(diagnostic, levels);
    // Also where the level leaves it out anyway: an exception that has something to except is not unused.
    if (isExcepted(diagnostic) || level === "off") return [];
    return [level === diagnostic.severity ? diagnostic : { ...diagnostic, severity: level }];
  });
  return [
    ...kept,
    ...exceptions.filter(({ until }) => until < judging.day).map(expired),
    ...live.filter((each) => !used.has(each) && isKnownUnused(each, judging)).map(unused),
  ].flatMap((diagnostic) => {
    const level = levelOf(diagnostic, levels);
    return level === "off" ? [] : [{ ...diagnostic, severity: level }];
  });
}

/** What the API server would refuse stays an error, whatever anybody says. */
function levelOf({ rule, severity }: Diagnostic, levels: Readonly<Record<string, Level>>): Level {
  const level = Object.hasOwn(levels, rule) ? levels[rule] : undefined;
  if (level === undefined) return severity;
  return severity === "error" && !isOpen(rule) ? severity : level;
}

function mayBeExcepted({ rule, severity, object }: Diagnostic): boolean {
  return object !== undefined && (severity === "warning" || isOpen(rule));
}

/** Whether a rule's errors are somebody's choice. A rule that is none of trueup's is a configuration's own. */
function isOpen(rule: string): boolean {
  const nature = natureOf(rule);
  return nature === "policy" || nature === "own-error" || nature === undefined;
}

function isAbout(exception: Exception, { rule, object }: Diagnostic): boolean {
  return rule === exception.rule && object !== undefined && selects(exception, object);
}

function selects({ kind, namespace, name }: Exception, id: ObjectId): boolean {
  if (namespace !== undefined && !matchesWildcard(namespace, id.namespace)) return false;
  return matchesKind(kind, id) && matchesWildcard(name, id.name);
}

function isKnownUnused(exception: Exception, { settings, objects, wholeOf }: Judging): boolean {
  const { rule, kind, namespace = "", name, location } = exception;
  const { policies = [], rules = [] } = settings;
  const nature = natureOf(rule);
  const isAsked = [...policies.map((each): string => each.rule), ...rules.map(({ id }) => id)].includes(rule);
  // What nobody asks for here may be asked for by an operator whose file is not at hand.
  if ((nature === "policy" || nature === undefined) && !isAsked) return false;
  if (location.file === wholeOf) return true;
  if ([kind, namespace, name].some((part) => part.includes("*"))) return false;
  return objects().some((id) => selects(exception, id));
}

function expired(exception: Exception): Diagnostic {
  const { until, reason } = exception;
  return {
    severity: "warning",
    rule: "exception-expired",
    message: `The exception to ${exception.rule} for ${named(exception)} counts no more: its last day was ${until} (${reason})`,
    location: exception.location,
    hint: "Mend what it was for and remove it, or give it another day.",
  };
}

function unused(exception: Exception): Diagnostic {
  return {
    severity: "warning",
    rule: "exception-unused",
    message: `The exception to ${exception.rule} for ${named(exception)} is for nothing: the rule finds nothing there`,
    location: exception.location,
    hint: "Remove it.",
  };
}

function named({ kind, namespace, name }: Exception): string {
  return `${kind.toLowerCase()}/${name}${namespace === undefined ? "" : ` in ${namespace}`}`;
}
