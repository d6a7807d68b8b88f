/** Reads the `validation` section of a configuration, and holds a repository's to what its operator asks. */
import type { Severity } from "../model/diagnostic.ts";
import { checkUse } from "./cel/index.ts";
import type { ConfigReader } from "./config-reader.ts";
import type { Field } from "./field.ts";
import { nearest } from "./names.ts";
import { natureOf, POLICY_IDS, type PolicyId, RULES } from "./rules.ts";
import { knownKinds } from "./schemas/index.ts";
import {
  type Exception,
  type Level,
  NO_FLOOR,
  type OwnRule,
  type PolicySetting,
  type ValidationFloor,
  type ValidationSettings,
} from "./settings.ts";
import { matchesWildcard } from "./wildcard.ts";

/** Each is compiled when the configuration is read, and evaluated on each object. */
const MOST_RULES = 100;
const RANK: Readonly<Record<Level, number>> = { off: 0, warning: 1, error: 2 };

/** Reads the operator's section: the least that is asked of every repository. */
export function readFloor(reader: ConfigReader, section: Field): ValidationFloor {
  const own = new SectionReader(reader, section, NO_FLOOR, true).read();
  const noExceptions = section.at("noExceptions").items;
  const known = [...Object.keys(RULES), ...own.rules.map(({ id }) => id)];
  for (const field of noExceptions) {
    const { text = "" } = field;
    if (!text.includes("*") && !known.includes(text)) unknownRule(reader, field, text, known, "error");
  }
  return { ...own, noExceptions: noExceptions.flatMap(({ text }) => (text === undefined ? [] : [text])) };
}

/**
 * Reads a repository's section, and joins it with the operator's. What would ask for less is an error where it stands.
 *
 * @returns What is asked of the repository's manifests
 */
export function readValidation(reader: ConfigReader, section: Field, floor: ValidationFloor): ValidationSettings {
  const own = new SectionReader(reader, section, floor, false).read();
  return joinSettings(floor, own);
}

/** Both together: each policy as both ask for it, and of two levels the repository's, which is not below the operator's. */
export function joinSettings(floor: ValidationFloor, own: ValidationSettings): ValidationSettings {
  return {
    policies: [...floor.policies, ...own.policies],
    rules: [...floor.rules, ...own.rules],
    levels: { ...floor.levels, ...own.levels },
    exceptions: [...floor.exceptions, ...own.exceptions],
  };
}

function unknownRule(
  reader: ConfigReader,
  field: Field,
  rule: string,
  known: Iterable<string>,
  severity: Severity,
  at: "key" | "value" = "value",
): void {
  const close = nearest(rule, known);
  const hint = close === undefined ? "`trueup explain` lists the rules." : `Did you mean ${close}?`;
  const message =
    severity === "error"
      ? `Cannot use ${field.name} as ${JSON.stringify(rule)} must be a rule: there is none`
      : `There is no rule ${JSON.stringify(rule)} here: only the operator's configuration could have it`;
  reader.say(field.path, message, hint, at, severity);
}

class SectionReader {
  readonly #reader: ConfigReader;
  readonly #section: Field;
  readonly #floor: ValidationFloor;
  readonly #isOperators: boolean;

  /** @param floor What must be kept to; of the operator's own section, nothing */
  constructor(reader: ConfigReader, section: Field, floor: ValidationFloor, isOperators: boolean) {
    this.#reader = reader;
    this.#section = section;
    this.#floor = floor;
    this.#isOperators = isOperators;
  }

  read(): ValidationSettings {
    const rules = this.#rules();
    const section = this.#section;
    return {
      policies: section.at("policies").entries.flatMap(([name, field]) => this.#policy(name, field)),
      rules,
      levels: Object.fromEntries(section.at("levels").entries.flatMap(([rule, field]) => this.#level(rule, field))),
      exceptions: section.at("exceptions").items.map((field) => this.#exception(field, rules)),
    };
  }

  #policy(name: string, field: Field): PolicySetting[] {
    const rule = POLICY_IDS.find((id): id is PolicyId => id === name);
    const given = field.record === undefined ? field : field.at("level");
    const level = given.isGiven ? levelOf(given.value) : "error";
    if (rule === undefined || level === undefined) return [];
    const asked = this.#floor.policies.filter((each) => each.rule === rule);
    const least = asked.some((each) => each.level === "error") ? "error" : asked[0]?.level;
    this.#mayNotLower(given.isGiven ? given : field, level, least);
    if (level === "off") return [];
    const setting: PolicySetting = { rule, level, ...parametersOf(field) };
    this.#parameters(setting, field, asked);
    return [setting];
  }

  #parameters(setting: PolicySetting, field: Field, asked: readonly PolicySetting[]): void {
    const needs = { "image-registry": "allowed", "required-labels": "labels" } as Record<PolicyId, string | undefined>;
    const needed = needs[setting.rule];
    if (needed !== undefined && !(field.record !== undefined && field.at(needed).isGiven)) {
      const hint = `For example: ${setting.rule}: { ${needed}: [${needed === "labels" ? "owner" : "shop/*"}] }`;
      this.#reader.say(field.path, `Cannot use ${field.name} as ${needed} must be given: it is missing`, hint);
    }
    const replicas = field.at("replicas");
    const least = Math.max(0, ...asked.map((each) => each.replicas ?? 0));
    if (replicas.integer !== undefined && replicas.integer < least) {
      this.#askedForMore(replicas, String(replicas.integer), `at least ${least}`);
    }
  }

  #level(rule: string, field: Field): [string, Level][] {
    const level = levelOf(field.value);
    const at = `Cannot set the level of ${rule}`;
    const theirs = this.#floor.rules.find(({ id }) => id === rule);
    if (level === undefined) return [];
    switch (theirs === undefined ? natureOf(rule) : "theirs") {
      case "theirs":
        this.#mayNotLower(field, level, this.#floor.levels[rule] ?? theirs?.level);
        break;
      case "warning":
        this.#mayNotLower(field, level, this.#floor.levels[rule]);
        break;
      case "own-error":
        this.#mayNotLower(field, level, this.#isOperators ? undefined : (this.#floor.levels[rule] ?? "error"));
        break;
      case "refused":
        if (level !== "error") {
          this.#reader.say(field.path, `${at} to ${level} as what breaks it cannot be applied: it is an error, always`);
        }
        break;
      case "policy":
        this.#reader.say(field.path, `${at} here as it is a policy`, "Set it under validation.policies.", "key");
        break;
      default: {
        const own = this.#section.at("rules").items.some((each) => each.at("id").text === rule);
        if (own) this.#reader.say(field.path, `${at} here as the rule stands in this file`, "Set it there.", "key");
        else this.#unknown(field, rule, this.#ruleIds([]), "key");
      }
    }
    return [[rule, level]];
  }

  /** Where the operator's file is not at hand, as on somebody's own machine, its rules are not known. */
  #unknown(field: Field, rule: string, known: readonly string[], at: "key" | "value"): void {
    const mayBeTheirs = !this.#isOperators && this.#floor === NO_FLOOR && nearest(rule, known) === undefined;
    unknownRule(this.#reader, field, rule, known, mayBeTheirs ? "warning" : "error", at);
  }

  #ruleIds(own: readonly OwnRule[]): string[] {
    return [...Object.keys(RULES), ...this.#floor.rules.map(({ id }) => id), ...own.map(({ id }) => id)];
  }

  #rules(): OwnRule[] {
    const fields = this.#section.at("rules").items;
    const extra = fields[MOST_RULES];
    if (extra !== undefined) {
      const count = fields.length;
      this.#reader.say(
        extra.path,
        `Cannot use more than ${MOST_RULES} rules as each is asked of each object: it is ${count}`,
      );
      return [];
    }
    const seen = new Set(this.#floor.rules.map(({ id }) => id));
    return fields.map((field) => {
      const rule = ruleFrom(field);
      if (natureOf(rule.id) !== undefined || seen.has(rule.id)) {
        const whose = natureOf(rule.id) === undefined ? "another rule" : "a rule of trueup's";
        const message = `Cannot name a rule ${rule.id} as names must be unique: ${whose} has it`;
        this.#reader.say(field.at("id").path, message, "Rename it.");
      }
      seen.add(rule.id);
      this.#expression(field.at("expression"), "bool", "true or false");
      this.#expression(field.at("messageExpression"), "string", "a text");
      for (const kind of field.at("kinds").items) this.#kind(kind);
      return rule;
    });
  }

  #expression(field: Field, type: "bool" | "string", what: string): void {
    const fault = field.text === undefined ? undefined : checkUse(field.text, ["object"], type);
    if (fault === undefined) return;
    const message = `Cannot use ${field.name} as it must be an expression in CEL that gives ${what}: ${fault.message}`;
    this.#reader.say(field.path, message, "The object that is checked is called object, as in has(object.spec).");
  }

  /** A kind that is nearly one of Kubernetes': the rule would be about nothing. */
  #kind(field: Field): void {
    const name = field.text?.split("/").at(-1) ?? "*";
    if (name.includes("*")) return;
    const known = new Set(knownKinds().map(({ kind }) => kind));
    const close = known.has(name) ? undefined : nearest(name, known);
    if (close === undefined) return;
    this.#reader.warn(field.path, `Kubernetes has no kind ${name}`, `Did you mean ${close}?`);
  }

  #exception(field: Field, own: readonly OwnRule[]): Exception {
    const text = (key: string): string => field.at(key).text ?? "";
    const rule = text("rule");
    const ids = this.#ruleIds(own);
    const ruleField = field.at("rule");
    if (rule !== "" && !ids.includes(rule)) this.#unknown(ruleField, rule, ids, "value");
    else if (natureOf(rule) === "refused") {
      this.#reader.say(ruleField.path, `Cannot make an exception to ${rule} as what breaks it cannot be applied`);
    } else if (this.#floor.noExceptions.some((pattern) => matchesWildcard(pattern, rule))) {
      this.#reader.say(ruleField.path, `Cannot make an exception to ${rule} as the operator allows none`);
    }
    this.#kind(field.at("kind"));
    const until = text("until");
    if (/^\d{4}-\d\d-\d\d$/.test(until) && !isDay(until)) {
      const name = field.at("until").name;
      this.#reader.say(field.at("until").path, `Cannot use ${name} as it must be a day: there is no ${until}`);
    }
    const namespace = field.at("namespace").text;
    return {
      rule,
      kind: text("kind"),
      ...(namespace !== undefined && { namespace }),
      name: text("name"),
      reason: text("reason").replaceAll(/\s+/g, " ").trim(),
      until,
      location: this.#reader.locate(field.path),
    };
  }

  #mayNotLower(field: Field, level: Level, least: Level | undefined): void {
    if (least !== undefined && RANK[level] < RANK[least]) this.#askedForMore(field, level, least);
  }

  #askedForMore(field: Field, given: string, least: string): void {
    this.#reader.say(
      field.path,
      `Cannot set ${field.name} to ${given} as a repository may only ask for more than its operator: that is ${least}`,
      "Remove it here, make an exception for an object, or change the operator's trueup.config.yaml.",
    );
  }
}

/** YAML 1.1 reads `off` without quotes as false, and `on` as true. */
function levelOf(value: unknown): Level | undefined {
  if (value === true) return "error";
  if (value === false) return "off";
  return value === "error" || value === "warning" || value === "off" ? value : undefined;
}

function parametersOf(field: Field): Omit<PolicySetting, "rule" | "level"> {
  const texts = (name: string): Record<string, string[]> => {
    const list = field.at(name);
    return list.isGiven ? { [name]: list.items.flatMap(({ text }) => (text === undefined ? [] : [text])) } : {};
  };
  const replicas = field.at("replicas").integer;
  return {
    ...texts("allowed"),
    ...texts("capabilities"),
    ...texts("labels"),
    ...texts("kinds"),
    ...texts("require"),
    ...(replicas !== undefined && { replicas }),
  };
}

function ruleFrom(field: Field): OwnRule {
  const level: Severity = field.at("level").text === "warning" ? "warning" : "error";
  const rule: OwnRule = { id: field.at("id").text ?? "", expression: field.at("expression").text ?? "", level };
  const kinds = field.at("kinds");
  if (kinds.isGiven) rule.kinds = kinds.items.flatMap(({ text }) => (text === undefined ? [] : [text]));
  for (const key of ["message", "messageExpression", "field", "hint"] as const) {
    const { text } = field.at(key);
    // One sentence, on one line.
    if (text !== undefined) rule[key] = key === "messageExpression" ? text : text.replaceAll(/\s+/g, " ").trim();
  }
  return rule;
}

function isDay(text: string): boolean {
  const time = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text);
}
