/** Explanations of the rules on custom kinds and their definitions. */
import type { Explanation } from "./explanation.ts";

/** The definition of a Thing with a `size`, and what it says of that. */
function definitionWith(size: string, name = "things.example.org"): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${name} }
spec:
  group: example.org
  scope: Namespaced
  names: { plural: things, singular: thing, kind: Thing, listKind: ThingList }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            size:
              type: integer
              ${size}
`;
}

const THING = "---\napiVersion: example.org/v1\nkind: Thing\nmetadata: { name: web }\nsize: 0\n";
const STRUCTURAL = "Kubernetes: structural schemas of CustomResourceDefinitions";

export const CUSTOM = {
  "schema-limit": {
    why: "The API server refuses a custom resource that breaks its definition's schema.",
    severity: "error",
    example: { text: definitionWith("minimum: 1") + THING, line: 23, mend: ["size: 0", "size: 1"] },
    source: STRUCTURAL,
  },
  "cel-rule": {
    why: "The API server evaluates the rules of a definition, and refuses a custom resource on which one does not hold.",
    severity: "error",
    example: {
      text: definitionWith('x-kubernetes-validations: [{ rule: "self > 0", message: must be positive }]') + THING,
      line: 23,
      mend: ["size: 0", "size: 1"],
    },
    source: "Kubernetes: x-kubernetes-validations",
  },
  "cel-not-checked": {
    why: "A rule that compares with what the object was, or uses what is not known here, may still refuse the object later.",
    severity: "warning",
    example: {
      text: definitionWith('x-kubernetes-validations: [{ rule: "self == oldSelf" }]'),
      line: 18,
      mend: ["self == oldSelf", "self > 0"],
    },
    source: "trueup",
  },
  "crd-invalid": {
    why: "The API server refuses a definition with a fault, and with it all objects of its kind.",
    severity: "error",
    example: {
      text: definitionWith("minimum: 1", "thing.example.org"),
      line: 3,
      mend: ["name: thing.example", "name: things.example"],
    },
    source: "Kubernetes: ValidateCustomResourceDefinition",
  },
} as const satisfies Readonly<Record<string, Explanation>>;
