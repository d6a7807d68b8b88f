/** Checks a CustomResourceDefinition itself: names, versions, and that its schemas are structural. */
import type { FieldPath } from "../../model/manifest.ts";
import { checkExpression } from "../cel/index.ts";
import { Field } from "../field.ts";
import { checkDnsLabel, checkServiceName, checkSubdomain } from "../names.ts";
import { compilePattern } from "../pattern.ts";
import type { Report } from "../report.ts";
import { fieldAt } from "../schema.ts";
import { withDefaults } from "./defaults.ts";
import { structuralFaults } from "./faults.ts";
import type { CelRule, StructuralNode } from "./node.ts";
import { readNode } from "./read-node.ts";
import { isTransition } from "./rules.ts";

const TYPES = ["array", "boolean", "integer", "number", "object", "string"];
/** What an alternative may not say: it only narrows what the schema around it allows. */
const NOT_IN_CHOICES = ["type", "default", "additionalProperties", "nullable", "description", "title"];

export function checkDefinition(report: Report, root: Field): void {
  const spec = root.at("spec");
  const names = spec.at("names");
  const group = spec.at("group").text;
  const plural = names.at("plural").text;
  const name = root.at("metadata", "name");
  if (group !== undefined && plural !== undefined && name.value !== `${plural}.${group}`) {
    report.error("crd-invalid", name, `it must be spec.names.plural and spec.group, ${plural}.${group}`);
  }
  if (group !== undefined && (checkSubdomain(group) !== null || !group.includes("."))) {
    report.error("crd-invalid", spec.at("group"), "it must be a domain with at least one dot");
  }
  for (const part of ["plural", "singular"]) named(report, names.at(part));
  for (const part of ["kind", "listKind"]) named(report, names.at(part));
  if (names.at("listKind").isGiven && names.at("listKind").value === names.at("kind").value) {
    report.error("crd-invalid", names.at("listKind"), "it must differ from kind");
  }
  report.oneOf(spec.at("scope"), ["Cluster", "Namespaced"]);
  if (spec.at("preserveUnknownFields").value === true) {
    report.error("crd-invalid", spec.at("preserveUnknownFields"), "it must be false in apiextensions.k8s.io/v1");
  }
  checkVersions(report, spec.at("versions"));
}

function named(report: Report, field: Field): void {
  const wrong = field.text === undefined ? null : checkServiceName(field.text.toLowerCase());
  if (wrong !== null) report.error("crd-invalid", field, wrong);
}

function checkVersions(report: Report, versions: Field): void {
  const seen = new Set<string>();
  for (const version of versions.items) {
    const name = version.at("name");
    if (name.text === undefined) continue;
    const wrong = checkDnsLabel(name.text);
    if (wrong !== null) report.error("crd-invalid", name, wrong);
    if (seen.has(name.text)) report.error("crd-invalid", name, "versions must be unique");
    seen.add(name.text);
  }
  const stored = versions.items.filter((version) => version.at("storage").value === true);
  if (versions.items.length > 0 && stored.length !== 1) {
    const place = stored[1]?.at("storage") ?? versions;
    const message = `Cannot use spec.versions as exactly one version must be stored (storage: true): ${stored.length} are`;
    report.say("error", "crd-invalid", place.path, message, { at: "key" });
  }
  for (const version of versions.items) {
    const schema = version.at("schema", "openAPIV3Schema");
    if (schema.record === undefined) report.missing("crd-invalid", schema);
    else new DefinitionCheck(report).run(schema);
  }
}

class DefinitionCheck {
  readonly #report: Report;
  #schema = new Field(undefined);
  #transitions = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  run(schema: Field): void {
    this.#schema = schema;
    const node = readNode(schema.value);
    if (node.type !== undefined && node.type !== "object")
      this.#wrong(schema.path, "type", "the root must be an object");
    this.#node(node, schema.path, false);
  }

  #node(node: StructuralNode, path: FieldPath, isChoice: boolean): void {
    this.#type(node, path, isChoice);
    this.#list(node, path);
    this.#values(node, path);
    for (const [at, rule] of (node["x-kubernetes-validations"] ?? []).entries()) {
      this.#rule(rule, [...path, "x-kubernetes-validations", at]);
    }
    for (const [name, field] of Object.entries(node.properties ?? {})) {
      this.#node(field, [...path, "properties", name], isChoice);
    }
    for (const part of ["additionalProperties", "items"] as const) {
      const inner = node[part];
      if (typeof inner === "object") this.#node(inner, [...path, part], isChoice);
    }
    for (const part of ["allOf", "anyOf", "oneOf"] as const) {
      for (const [at, inner] of (node[part] ?? []).entries()) this.#node(inner, [...path, part, at], true);
    }
    if (node.not !== undefined) this.#node(node.not, [...path, "not"], true);
  }

  #type(node: StructuralNode, path: FieldPath, isChoice: boolean): void {
    const isEither = node["x-kubernetes-int-or-string"] === true;
    if (isChoice) {
      const said = NOT_IN_CHOICES.filter((word) => Object.hasOwn(node, word));
      const isPartOfEither = said.length === 1 && (node.type === "integer" || node.type === "string");
      for (const word of isPartOfEither ? [] : said) this.#wrong(path, word, "alternatives must not say it");
      return;
    }
    if (typeof node.type === "string" && !TYPES.includes(node.type)) {
      this.#report.oneOf(new Field(node.type, [...path, "type"]), TYPES);
    }
    if (node.type === undefined && !isEither && node["x-kubernetes-preserve-unknown-fields"] !== true) {
      this.#report.missing("crd-invalid", new Field(undefined, [...path, "type"]));
    }
    if (isEither && node.type !== undefined)
      this.#wrong(path, "type", "x-kubernetes-int-or-string must stand without it");
    if (node.type === "array" && node.items === undefined) {
      this.#report.missing("crd-invalid", new Field(undefined, [...path, "items"]));
    }
    if (
      node.properties !== undefined &&
      node.additionalProperties !== undefined &&
      node.additionalProperties !== false
    ) {
      this.#wrong(path, "additionalProperties", "it must not stand beside properties");
    }
    for (const word of ["$ref", "definitions", "dependencies", "patternProperties", "id"]) {
      if (this.#given(path, word) !== undefined) this.#wrong(path, word, "structural schemas must not have it");
    }
    if (this.#given(path, "uniqueItems") === true) {
      this.#wrong(path, "uniqueItems", "it must not be true: use x-kubernetes-list-type: set");
    }
  }

  #list(node: StructuralNode, path: FieldPath): void {
    const kind = node["x-kubernetes-list-type"];
    const keys = node["x-kubernetes-list-map-keys"];
    if (kind !== undefined && node.type !== "array") this.#wrong(path, "x-kubernetes-list-type", "type must be array");
    if (kind === "map" && (keys === undefined || keys.length === 0)) {
      this.#report.missing("crd-invalid", new Field(undefined, [...path, "x-kubernetes-list-map-keys"]));
    }
    for (const [at, key] of (Array.isArray(keys) ? keys : []).entries()) {
      const place = new Field(key, [...path, "x-kubernetes-list-map-keys", at]);
      const field = node.items?.properties?.[key];
      if (field === undefined) this.#report.error("crd-invalid", place, "it must be a field of the items");
      else if (field.default === undefined && node.items?.required?.includes(key) !== true) {
        this.#report.error("crd-invalid", place, "the field must be required or have a default");
      }
    }
  }

  #values(node: StructuralNode, path: FieldPath): void {
    if (typeof node.pattern === "string") {
      const compiled = compilePattern(node.pattern);
      if (typeof compiled === "string") {
        this.#report.error(
          "crd-invalid",
          new Field(node.pattern, [...path, "pattern"]),
          `it must be a pattern of RE2 (${compiled})`,
        );
      }
    }
    if (node.default === undefined || node.default === null) return;
    const filled = withDefaults(node.default, node);
    const [fault] = structuralFaults(filled, node, () => [], [...path, "default"]);
    if (fault === undefined) return;
    this.#report.error(
      "crd-invalid",
      new Field(node.default, fault.path),
      `a default must fit its schema (${fault.keyword})`,
    );
  }

  #rule(rule: CelRule, path: FieldPath): void {
    for (const part of ["rule", "messageExpression"] as const) {
      const text = rule[part];
      if (typeof text !== "string") continue;
      const wrong = checkExpression(text);
      const place = [...path, part];
      if (wrong?.reason === "syntax") {
        const message = `Cannot use the expression as it must be CEL: ${wrong.message}`;
        this.#report.say("error", "crd-invalid", place, message, {});
      } else if (wrong !== undefined) {
        const message = `The rule is not checked: ${wrong.message}`;
        this.#report.say("warning", "cel-not-checked", place, message, {});
      }
    }
    if (typeof rule.rule !== "string" || !isTransition(rule) || this.#transitions++ > 0) return;
    const message = "Rules that compare with oldSelf are not checked: what the object was before is not known here";
    this.#report.say("warning", "cel-not-checked", [...path, "rule"], message, {});
  }

  /** What the definition says, also of words that are not read. */
  #given(path: FieldPath, word: string): unknown {
    const root = new Field(this.#schema.value);
    const inside = [...path.slice(this.#schema.path.length), word];
    return fieldAt(root, inside).value;
  }

  #wrong(path: FieldPath, word: string, clause: string): void {
    const place = [...path, word];
    const message = `Cannot use ${word} as ${clause}`;
    this.#report.say("error", "crd-invalid", place, message, { at: "key" });
  }
}
