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
/** A fix may let something be seen that can be fixed, too; what is left after so many rounds stays for the next run. */
const MOST_ROUNDS = 10;

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
 * Applies every fix that holds, until none does: running it again finds nothing to do. One is kept only if the finding is
 * gone, nothing new is found, and every other object of the file is as it was.
 */
export function fixText(file: string, text: string, defaultNamespace: string): FixResult {
  if (text.length > LIMITS.characters) return { text, fixed: [] };
  const read = (current: string): Reading => {
    const blob = asObjectHash("0".repeat(40));
    const parsed = parseManifestFile({ file, blob, text: current, defaultNamespace });
    return { ...parsed, all: [...parsed.diagnostics, ...parsed.declared.flatMap((each) => validateDeclared(each))] };
  };
  const rounds: Round[] = [];
  let current = text;
  let left = MOST;
  while (rounds.length < MOST_ROUNDS && left > 0) {
    const round = fixOnce(current, read, left);
    if (round.fixed.length === 0) break;
    current = round.text;
    left -= round.fixed.length;
    rounds.push(round);
  }
  const fixed = rounds.flatMap((round, at) =>
    round.fixed.map(({ lines: _lines, ...each }) => ({ ...each, line: lineAtFirst(rounds.slice(0, at), each.line) })),
  );
  return { text: current, fixed: fixed.sort((a, b) => a.line - b.line) };
}

/** A fix, with how many lines it took away. */
interface Applied extends Fixed {
  lines: number;
}

interface Round {
  text: string;
  /** In order of line, as lines were before the round. */
  fixed: Applied[];
}

/** One round, from the file's end to its beginning, so that earlier places stay right. */
function fixOnce(text: string, read: (text: string) => Reading, most: number): Round {
  let current = text;
  let reading = read(text);
  const fixed: Applied[] = [];
  const candidates = reading.all.filter(({ rule }) => fixerOf(rule) !== undefined);
  for (const diagnostic of candidates.toSorted(compareDiagnostics).reverse().slice(0, most)) {
    const declared = reading.declared.filter(
      ({ id }) => diagnostic.object !== undefined && keyOfId(id) === keyOfId(diagnostic.object),
    );
    // Of two objects with one name nobody can say which is meant.
    const edit = declared.length > 1 ? null : propose(current, diagnostic, declared[0]);
    if (edit === null) continue;
    const next = current.slice(0, edit.start) + edit.insert + current.slice(edit.end);
    const after = read(next);
    if (!isBetter(reading, after, diagnostic)) continue;
    const lines = linesIn(current.slice(edit.start, edit.end)) - linesIn(edit.insert);
    fixed.unshift({ rule: diagnostic.rule, line: diagnostic.location.line, does: edit.does, lines });
    current = next;
    reading = after;
  }
  return { text: current, fixed };
}

function linesIn(text: string): number {
  return text.split("\n").length - 1;
}

/** Where a line was before any round: each line that was taken away moved those below it. */
function lineAtFirst(rounds: readonly Round[], line: number): number {
  return rounds.toReversed().reduce((at, { fixed }) => {
    let original = at;
    for (const { line: of, lines } of fixed) if (lines > 0 && original >= of) original += lines;
    return original;
  }, line);
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
  // A key given twice hides what else could be said of its value; taking it away changes no object, so that is nothing new.
  const isUnveiled = rule === "yaml-duplicate-key" && isSameObjects(before, after);
  const known = counted(before.all);
  const now = counted(isUnveiled ? after.all.filter(isError) : after.all);
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

function isSameObjects(before: Reading, after: Reading): boolean {
  const objects = ({ declared }: Reading): string => JSON.stringify(declared.map(({ object }) => object));
  return objects(before) === objects(after);
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
