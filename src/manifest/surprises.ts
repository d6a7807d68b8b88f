/** Finds what YAML 1.1 reads as something else than most people mean: `on`, `0755`, `1.10`, a merge that wins, tabs. */
import { LIMITS, mayHoldSecret } from "./faults.ts";
import { resolvePlain } from "./schema.ts";
import { findEntry, isMerge, keyText, type MappingNode, resolveAlias, scalarText, type YamlNode } from "./tree.ts";

export interface Surprise {
  rule: "yaml-boolean" | "yaml-number" | "yaml-merge" | "yaml-tab";
  message: string;
  hint: string;
  /** In the source's text. */
  offset: number;
}

/** Fields that are file modes, which everybody writes in octal. */
const MODES = new Set(["defaultMode", "mode"]);
/** Below these are quantities, which mean the same however a number is written. */
const QUANTITIES = new Set(["limits", "requests", "hard", "capacity", "allocatable", "default", "defaultRequest"]);

/** Longest number that a sentence quotes, in characters. */
const LONGEST_QUOTE = 40;

class Finder {
  readonly found: Surprise[] = [];
  readonly #text: string;
  readonly #secret: boolean;

  constructor(text: string) {
    this.#text = text;
    this.#secret = mayHoldSecret(text);
  }

  visit(node: YamlNode, path: readonly string[]): void {
    if (this.found.length >= LIMITS.surprises) return;
    switch (node.kind) {
      case "sequence":
        for (const item of node.items) this.visit(item, path);
        return;
      case "mapping":
        this.#mapping(node, path);
        return;
      case "scalar":
        this.#scalar(node, path, false);
        return;
    }
  }

  #mapping(node: MappingNode, path: readonly string[]): void {
    for (const [at, entry] of node.entries.entries()) {
      if (isMerge(this.#text, entry)) {
        this.#merge(node, at);
        continue;
      }
      if (entry.key.kind === "scalar") this.#scalar(entry.key, path, true);
      this.visit(entry.value, [...path, keyText(this.#text, entry.key) ?? ""]);
    }
  }

  #scalar(node: YamlNode, path: readonly string[], isKey: boolean): void {
    if (node.kind !== "scalar" || node.style !== "plain" || node.tagged) return;
    const text = scalarText(this.#text, node) ?? "";
    const value = resolvePlain(text);
    const written = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
    if (typeof value === "boolean" && String(value) !== text.toLowerCase()) this.#boolean(node, written, value, isKey);
    else if (typeof value === "number" && String(value) !== text) this.#number(node, written, value, path, isKey);
    else if (typeof value === "string" && this.#text.slice(node.start, node.end).includes("\t")) {
      this.#say("yaml-tab", node, "The text has a tab in it", "Write it in double quotes, with \\t, if it is meant.");
    }
  }

  #boolean(node: YamlNode, written: string, value: boolean, isKey: boolean): void {
    const what = this.#secret ? "This word" : written;
    const message = isKey
      ? `The key ${written} is read as "${value}": YAML 1.1 has it so`
      : `${what} is read as ${this.#secret ? "true or false" : value}: YAML 1.1 has it so`;
    const hint = isKey ? `Put it in quotes: "${written}".` : "Write true or false, or put it in quotes if it is text.";
    this.#say("yaml-boolean", node, message, hint);
  }

  #number(node: YamlNode, written: string, value: number, path: readonly string[], isKey: boolean): void {
    if (value === 0 && /^[-+]?[0.]+$/.test(written) && written !== "00") return;
    const octal = /^[-+]?0[oO]?[0-7_]+…?$/.test(written);
    if (!isKey && octal && MODES.has(path.at(-1) ?? "")) return;
    if (!isKey && !octal && path.some((step) => QUANTITIES.has(step))) return;
    const shown = Number.isNaN(value) ? "no number that an object may hold" : isKey ? `"${value}"` : String(value);
    const reason = octal ? ": a leading 0 means octal" : Math.abs(value) >= 2 ** 53 ? ": it has too many digits" : "";
    const message = this.#secret
      ? `This number is read as another than is written${reason}`
      : `${isKey ? "The key " : ""}${written} is read as ${shown}${reason}`;
    this.#say("yaml-number", node, message, "Put it in quotes if it is text, as versions and identifiers are.");
  }

  /** Kubernetes' reader takes a mapping in its order, so that a merge wins over the keys before it; YAML says the contrary. */
  #merge(node: MappingNode, at: number): void {
    const merge = node.entries[at];
    if (merge === undefined) return;
    const alone: MappingNode = { ...node, entries: [merge] };
    for (const { key } of node.entries.slice(0, at)) {
      const name = keyText(this.#text, key);
      if (name === undefined || findEntry(this.#text, alone, name) === undefined) continue;
      const message = `The key ${name} stands before a merge that has it too: kubectl takes the merged value, trueup this one`;
      this.#say("yaml-merge", resolveAlias(key) === key ? key : merge.key, message, "Put << first in its mapping.");
    }
  }

  #say(rule: Surprise["rule"], node: YamlNode, message: string, hint: string): void {
    this.found.push({ rule, message, hint, offset: node.start });
  }
}

/** What a document reads as something else than it seems, in its order; not more than a person would read. */
export function findSurprises(text: string, root: YamlNode): Surprise[] {
  const finder = new Finder(text);
  finder.visit(root, []);
  return finder.found.slice(0, LIMITS.surprises);
}
