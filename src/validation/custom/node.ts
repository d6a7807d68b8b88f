/** The shape of a structural schema: what a CustomResourceDefinition says of each field of its kind. */
import type { SchemaNode } from "../schemas/types.ts";

/** A rule in CEL, of `x-kubernetes-validations`. */
export interface CelRule {
  rule: string;
  message?: string;
  messageExpression?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

/** JSON Schema as OpenAPI 3.0 has it: `exclusiveMinimum` is true or false beside `minimum`. */
export interface StructuralNode extends SchemaNode {
  properties?: { [name: string]: StructuralNode };
  additionalProperties?: StructuralNode | boolean;
  items?: StructuralNode;
  allOf?: StructuralNode[];
  anyOf?: StructuralNode[];
  oneOf?: StructuralNode[];
  not?: StructuralNode;
  nullable?: boolean;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  "x-kubernetes-preserve-unknown-fields"?: boolean;
  "x-kubernetes-int-or-string"?: boolean;
  "x-kubernetes-embedded-resource"?: boolean;
  "x-kubernetes-list-type"?: string;
  "x-kubernetes-list-map-keys"?: string[];
  "x-kubernetes-validations"?: CelRule[];
}

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The schema of a field of an object, whether it is named or one of many. */
export function fieldNode(node: StructuralNode, name: string): StructuralNode | undefined {
  const { properties = {}, additionalProperties } = node;
  if (Object.hasOwn(properties, name)) return properties[name];
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}
