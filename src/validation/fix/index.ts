/** Mends one file where a rule has one right mending, and proves each fix by checking again. Pure. */
import { LIMITS } from "../../manifest/faults.ts";
import { lineStarts } from "../../manifest/lines.ts";
import { type ParsedManifest, parseManifestFile } from "../../manifest/parse.ts";
import { compareDiagnostics, type Diagnostic, isError } from "../../model/diagnostic.ts";
import type { Declared } from "../../model/manifest.ts";
import { keyOfId } from "../../model/object.ts";
import { asObjectHash } from "../../model/source.ts";
import { validateDeclared } from "../object.ts";
import type { RuleId } from "../rules.ts";
import { fixApiVersion } from "./api-version.ts";
import { fixDuplicateKey } from "./duplicate-key.ts";
import type { Fixer, TextEdit } from "./fixer.ts";
import { fixQuotedPort, fixType } from "./scalars.ts";

/** Rules that may have a mending. */
const FIXERS: Partial<Record<RuleId, Fixer>> = {
  "api-removed": fixApiVersion,
  "schema-type": fixType,
  "port-name": fixQuotedPort,
  "yaml-duplicate-key": fixDuplicateKey,
};

/** Fixes of one file at most, each of which is checked by reading the whole file again. */
const MOST = 200;

export interface Fixed {
  rule: string;
  /** Line before anything was changed. */
  line: number;
  does: string;
}

export interface FixResult {
  text: string;
  fixed: Fixed[];
}

interface Reading extends ParsedManifest {
  all: Diagnostic[];
}

/**
 * Applies every fix that holds, from the file's end to its beginning, so that earlier places stay right. One is kept only
 * if the finding is gone, nothing new is found, and every other object of the file is as it was.
 */
export function fixText(file: string, text: string, defaultNamespace: string): FixResult {
  if (text.length > LIMITS.characters) return { text, fixed: [] };
  const read = (current: string): Reading => {
    const blob = asObjectHash("0".repeat(40));
    const parsed = parseManifestFile({ file, blob, text: current, defaultNamespace });
    return { ...parsed, all: [...parsed.diagnostics, ...parsed.declared.flatMap((each) => validateDeclared(each))] };
  };
  let current = text;
  let reading = read(text);
  const fixed: Fixed[] = [];
  const candidates = reading.all.filter(({ rule }) => fixerOf(rule) !== undefined);
  for (const diagnostic of candidates.toSorted(compareDiagnostics).reverse().slice(0, MOST)) {
    const declared = reading.declared.filter(
      ({ id }) => diagnostic.object !== undefined && keyOfId(id) === keyOfId(diagnostic.object),
    );
    // Of two objects with one name nobody can say which is meant.
    const edit = declared.length > 1 ? null : propose(current, diagnostic, declared[0]);
    if (edit === null) continue;
    const next = current.slice(0, edit.start) + edit.insert + current.slice(edit.end);
    const after = read(next);
    if (!isBetter(reading, after, diagnostic)) continue;
    fixed.unshift({ rule: diagnostic.rule, line: diagnostic.location.line, does: edit.does });
    current = next;
    reading = after;
  }
  return { text: current, fixed };
}

function fixerOf(rule: string): Fixer | undefined {
  return Object.hasOwn(FIXERS, rule) ? FIXERS[rule as RuleId] : undefined;
}

function propose(text: string, diagnostic: Diagnostic, declared: Declared | undefined): TextEdit | null {
  const starts = lineStarts(text);
  const { line, column, end } = diagnostic.location;
  const offset = (at: { line: number; column: number }): number => (starts[at.line - 1] ?? text.length) + at.column - 1;
  const start = offset({ line, column });
  return (
    fixerOf(diagnostic.rule)?.({ text, diagnostic, start, end: end === undefined ? start : offset(end), declared }) ??
    null
  );
}

function isBetter(before: Reading, after: Reading, { rule, object }: Diagnostic): boolean {
  const known = counted(before.all);
  const now = counted(after.all);
  if (after.all.filter((each) => each.rule === rule).length >= before.all.filter((each) => each.rule === rule).length) {
    return false;
  }
  if ([...now].some(([key, count]) => count > (known.get(key) ?? 0))) return false;
  if (before.declared.length !== after.declared.length) return false;
  const own = object === undefined ? undefined : keyOfId(object);
  return before.declared.every((each, at) => {
    const same = after.declared[at];
    if (same === undefined || keyOfId(same.id) !== keyOfId(each.id)) return false;
    return keyOfId(each.id) === own || JSON.stringify(same.object) === JSON.stringify(each.object);
  });
}

/** What is found, without lines and values, which a fix may move or change; warnings of the fix's making count, too. */
function counted(diagnostics: readonly Diagnostic[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const diagnostic of diagnostics) {
    const { rule, object, field } = diagnostic;
    const key = JSON.stringify([rule, isError(diagnostic), object === undefined ? "" : keyOfId(object), field ?? ""]);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
