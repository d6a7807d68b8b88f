/** Reads a configuration file: parsed, checked against its schema, and what is wrong collected with places. */
import { type ParsedValue, parseValue } from "../manifest/value.ts";
import { type Diagnostic, isError, type Severity } from "../model/diagnostic.ts";
import { type FieldPath, formatFieldPath } from "../model/manifest.ts";
import type { Location } from "../model/source.ts";
import type { CheckFunction, SchemaFault } from "./check.ts";
import { Field, withoutNulls } from "./field.ts";
import { nearest } from "./names.ts";
import { quote } from "./report.ts";
import { fieldAt, pathOf, TYPE_WORDS, typesOf } from "./schema.ts";

export interface ParsedConfig<T> {
  /** Absent when there is an error among the diagnostics. */
  config?: T;
  diagnostics: Diagnostic[];
  /** Place of what stands at a path, for whoever finds out later that something is wrong with it. */
  locate(path: FieldPath): Location;
}

/** A configuration's compiled check, and what it may say: names of settings, by place in the schema. */
export interface ConfigSchema {
  checkConfig: CheckFunction;
  settings: Readonly<Record<string, readonly string[]>>;
}

/** Parses a configuration, checks it against its schema, and collects what is wrong with places. */
export class ConfigReader {
  readonly root: Field;
  readonly #parsed: ParsedValue;
  readonly #file: string;
  readonly #settings: ConfigSchema["settings"];
  readonly #diagnostics: Diagnostic[] = [];

  constructor(text: string, file: string, { checkConfig: check, settings }: ConfigSchema) {
    this.#file = file;
    this.#settings = settings;
    this.#parsed = parseValue(text, file);
    this.#diagnostics.push(...this.#parsed.diagnostics);
    const value = withoutNulls(this.#parsed.value ?? {});
    this.root = new Field(value);
    if (this.#parsed.diagnostics.length > 0) return;
    this.#empties();
    if (check(value)) return;
    const faults = check.errors ?? [];
    const typed = new Set(faults.filter(({ keyword }) => keyword === "type").map(({ instancePath }) => instancePath));
    for (const fault of faults) {
      if (fault.keyword === "type" || !typed.has(fault.instancePath)) this.#fault(fault);
    }
  }

  /** Elsewhere an empty setting is as one that is not given; a rule that is named is not to be passed over. */
  #empties(): void {
    for (const part of ["policies", "levels"]) {
      for (const [, field] of new Field(this.#parsed.value).at("validation", part).entries) {
        if (field.value !== null) continue;
        this.say(field.path, `Cannot use ${field.name} as it must be error, warning or off: it is empty`);
      }
    }
  }

  /** Place of what stands at a path. */
  locate(path: FieldPath, at: "key" | "value" = "value"): Location {
    return this.#parsed.locate(path, at);
  }

  warn(path: FieldPath, message: string, hint?: string): void {
    this.say(path, message, hint, "value", "warning");
  }

  say(
    path: FieldPath,
    message: string,
    hint?: string,
    at: "key" | "value" = "value",
    severity: Severity = "error",
  ): void {
    const location: Location = this.locate(path, at);
    this.#diagnostics.push({
      severity,
      rule: "config-invalid",
      message,
      location,
      ...(path.length > 0 && { field: formatFieldPath(path) }),
      ...(hint !== undefined && { hint }),
    });
  }

  /** A directory inside the repository, without a slash at the end; "" for the root. */
  directory(field: Field): string {
    const path = (field.text ?? "").replace(/^\.\//, "").replace(/\/+$/, "");
    if (path === "" || path === ".") return "";
    if (
      path.startsWith("/") ||
      path.split("/").some((part) => part === ".." || part === "." || part === "") ||
      /[\\\0]/.test(path)
    ) {
      this.say(
        field.path,
        `Cannot use ${field.name} as it must be a directory inside the repository: it is ${quote(field.value)}`,
        "Write it from the repository's root, such as apps/web.",
      );
    }
    return path;
  }

  #settingsAt({ schemaPath, instancePath }: SchemaFault): readonly string[] {
    // What is used in several places is compiled as a schema of its own, which begins anew.
    const isShared = schemaPath === "#/additionalProperties" && instancePath !== "";
    return this.#settings[isShared ? "#/definitions/policy/additionalProperties" : schemaPath] ?? [];
  }

  result<T>(config: T): ParsedConfig<T> {
    const diagnostics = this.#diagnostics;
    const found = { diagnostics, locate: (path: FieldPath) => this.locate(path) };
    return diagnostics.some(isError) ? found : { ...found, config };
  }

  #fault(fault: SchemaFault): void {
    const path = pathOf(this.root.value, fault.instancePath);
    const field = fieldAt(this.root, path);
    const name = field.name === "" ? this.#file : field.name;
    const { params } = fault;
    switch (fault.keyword) {
      case "type": {
        const wanted = typesOf(params.type)
          .map((type) => TYPE_WORDS[type] ?? type)
          .join(" or ");
        this.say(path, `Cannot read ${name} as it must be ${wanted}: it is ${quote(field.value)}`);
        return;
      }
      case "required":
        this.say(
          path,
          `Cannot use ${name} as ${String(params.missingProperty)} must be given: it is missing`,
          undefined,
          "key",
        );
        return;
      case "additionalProperties": {
        const given = String(params.additionalProperty);
        const close = nearest(given, this.#settingsAt(fault));
        const hint = close === undefined ? undefined : `Did you mean ${close}?`;
        const at = [...path, given];
        this.say(at, `Cannot read ${formatFieldPath(at)} as there is no such setting`, hint, "key");
        return;
      }
      case "enum": {
        const allowed = [...new Set((params.allowedValues as readonly unknown[]).map(String))].join(" or ");
        this.say(path, `Cannot use ${name} as it must be ${allowed}: it is ${quote(field.value)}`);
        return;
      }
      case "minItems":
        this.say(path, `Cannot use ${name} as it must have at least one item: it is empty`);
        return;
      case "minimum":
        this.say(
          path,
          `Cannot use ${name} as it must be at least ${String(params.limit)}: it is ${quote(field.value)}`,
        );
        return;
      case "maximum":
        this.say(path, `Cannot use ${name} as it must be at most ${String(params.limit)}: it is ${quote(field.value)}`);
        return;
      case "pattern":
        if (path[0] === "validation" && isLevel(path)) {
          this.say(path, `Cannot use ${name} as it must be error, warning or off: it is ${quote(field.value)}`);
          return;
        }
        this.#form(path, field, name);
        return;
      default:
        this.#form(path, field, name);
    }
  }

  #form(path: FieldPath, field: Field, name: string): void {
    this.say(
      path,
      `Cannot use ${name} as it must have the right form: it is ${quote(field.value)}`,
      PATTERN_HINTS[String(path.at(-1))],
    );
  }
}

function isLevel(path: FieldPath): boolean {
  return path.at(-1) === "level" || (path[1] === "policies" && path.length === 3);
}

const PATTERN_HINTS: Readonly<Record<string, string>> = {
  name: "Use lower-case letters, digits and dashes, such as web-shop.",
  namespace: "Use lower-case letters, digits and dashes, such as web-shop.",
  ref: "Name a branch, such as main, or a full ref, such as refs/heads/main.",
  owner: "Use lower-case letters, digits and dashes, such as web-shop.",
  id: "Use lower-case letters, digits and dashes, such as owner-label.",
  field: "Write it as .spec.replicas, or .metadata.labels['example.org/owner'].",
  until: "Write the last day on which it counts, such as 2027-03-31.",
  commit: "Give the full commit id: 40 or 64 lower-case hexadecimal digits.",
};
