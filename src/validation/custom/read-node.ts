/** Reads a schema out of a definition that anybody may have written: what is not of its type is left out. */
import { type CelRule, isFields, type StructuralNode } from "./node.ts";

type Read = (value: unknown) => unknown;

const text: Read = (value) => (typeof value === "string" ? value : undefined);
const number: Read = (value) => (typeof value === "number" ? value : undefined);
const flag: Read = (value) => (typeof value === "boolean" ? value : undefined);
const texts: Read = (value) => (Array.isArray(value) ? value.filter((item) => typeof item === "string") : undefined);
const list: Read = (value) => (Array.isArray(value) ? value : undefined);
const node: Read = (value) => (isFields(value) ? readNode(value) : undefined);
const nodes: Read = (value) => (Array.isArray(value) ? value.map(readNode) : undefined);
const fields: Read = (value) =>
  isFields(value)
    ? Object.fromEntries(Object.entries(value).map(([name, field]) => [name, readNode(field)]))
    : undefined;

const READERS: Readonly<Record<string, Read>> = {
  type: text,
  format: text,
  pattern: text,
  description: text,
  title: text,
  nullable: flag,
  exclusiveMinimum: flag,
  exclusiveMaximum: flag,
  uniqueItems: flag,
  "x-kubernetes-preserve-unknown-fields": flag,
  "x-kubernetes-int-or-string": flag,
  "x-kubernetes-embedded-resource": flag,
  "x-kubernetes-list-type": text,
  "x-kubernetes-map-type": text,
  "x-kubernetes-list-map-keys": texts,
  "x-kubernetes-validations": rules,
  required: texts,
  enum: list,
  default: (value) => value ?? undefined,
  properties: fields,
  additionalProperties: (value) => flag(value) ?? node(value),
  items: node,
  allOf: nodes,
  anyOf: nodes,
  oneOf: nodes,
  not: node,
  ...Object.fromEntries(
    ["minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "minProperties"].map(
      (word) => [word, number],
    ),
  ),
  maxProperties: number,
};

/** The schema, with what can be made out of it; of something else an empty one, which nothing breaks. */
export function readNode(value: unknown): StructuralNode {
  if (!isFields(value)) return {};
  const read: Record<string, unknown> = {};
  for (const [word, inner] of Object.entries(value)) {
    const kept = Object.hasOwn(READERS, word) ? READERS[word]?.(inner) : undefined;
    if (kept !== undefined) read[word] = kept;
  }
  return read as StructuralNode;
}

function rules(value: unknown): CelRule[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.map((each): CelRule => {
    const { rule, message, messageExpression, fieldPath, optionalOldSelf } = isFields(each) ? each : {};
    return {
      // A rule that is none holds always: that it is missing is said by the definition's own schema.
      rule: typeof rule === "string" ? rule : "true",
      ...(typeof message === "string" && { message }),
      ...(typeof messageExpression === "string" && { messageExpression }),
      ...(typeof fieldPath === "string" && { fieldPath }),
      ...(optionalOldSelf === true && { optionalOldSelf }),
    };
  });
}
