/** Which fields of which objects stay with whoever else sets them: the rules, and the paths that they name. */
import type { FieldPath } from "./manifest.ts";
import type { ObjectId } from "./object.ts";

/** One step into an object: a key, an item of a list (by its place, by what it has, or every one). */
export type FieldStep =
  | { key: string }
  | { index: number }
  | { having: Readonly<Record<string, string>> }
  | { every: true };

export interface FieldPattern {
  /** As it is written. */
  text: string;
  steps: readonly FieldStep[];
}

export interface IgnoreRule {
  /** Pattern of `Kind` or `group/Kind`, `*` standing for anything. */
  kind: string;
  /** Pattern of the name. */
  name: string;
  fields: readonly FieldPattern[];
}

const STEP =
  /(?<key>(?:^|\.)[A-Za-z_$][\w$-]*)|\[(?<quoted>"(?:[^"\\]|\\.)*")\]|\[(?<index>\d{1,6})\]|\[(?<every>\*)\]|\[(?<having>[A-Za-z]\w*=[^\]]*)\]/y;

/**
 * Reads a path as plans show it: `spec.replicas`, `metadata.annotations["example.org/note"]`,
 * `spec.template.spec.containers[name=web].image`; `[*]` stands for every item of a list.
 *
 * @returns null when it is not written so
 */
export function parseFieldPattern(text: string): FieldPattern | null {
  const steps: FieldStep[] = [];
  const step = new RegExp(STEP);
  while (step.lastIndex < text.length) {
    const groups = step.exec(text)?.groups;
    if (groups === undefined) return null;
    const read = stepOf(groups);
    if (read === null) return null;
    steps.push(read);
  }
  return steps.length === 0 ? null : { text, steps };
}

function stepOf({ key, quoted, index, every, having }: Record<string, string | undefined>): FieldStep | null {
  if (key !== undefined) return { key: key.replace(/^\./, "") };
  if (index !== undefined) return { index: Number(index) };
  if (every !== undefined) return { every: true };
  if (having !== undefined) return { having: Object.fromEntries(having.split(",").map(pairOf)) };
  try {
    return { key: String(JSON.parse(quoted ?? "")) };
  } catch (error) {
    // An escape that JSON does not know.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}

/** What of an object the rules leave to others, in their order. */
export function ignoredBy(rules: readonly IgnoreRule[], { group, kind, name }: ObjectId): FieldPattern[] {
  return rules.flatMap((rule) => {
    const isKind = fits(rule.kind, rule.kind.includes("/") ? `${group}/${kind}` : kind);
    return isKind && fits(rule.name, name) ? rule.fields : [];
  });
}

/** Whether a pattern names the field at a path of an object, or what it is in. */
export function covers({ steps }: FieldPattern, object: unknown, path: FieldPath): boolean {
  let at = object;
  return steps.every((step, depth) => {
    const part = path[depth];
    const inside = part === undefined || typeof at !== "object" || at === null ? undefined : Reflect.get(at, part);
    at = inside;
    if ("key" in step) return part === step.key;
    if (typeof part !== "number") return false;
    if ("every" in step) return true;
    if ("index" in step) return part === step.index;
    return Object.entries(step.having).every(([key, value]) => {
      return typeof inside === "object" && inside !== null && String(Reflect.get(inside, key)) === value;
    });
  });
}

/** Whether a text is as a pattern says, `*` standing for anything. Takes no regular expression from a repository. */
export function fits(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return first === text;
  if (!text.startsWith(first)) return false;
  const last = rest.pop() ?? "";
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - at >= last.length && text.endsWith(last);
}
