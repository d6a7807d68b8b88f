/** Explanations of the rules on kinds, schemas and metadata. */
import type { Explanation } from "./explanation.ts";
import { deploymentWith, objectOf, podSpecWith, podWith } from "./texts.ts";

const OPENAPI = "Kubernetes' OpenAPI document, with unknown fields refused as kubectl --validate=strict does";
const META = "Kubernetes: ValidateObjectMeta";

export const SCHEMA = {
  "api-removed": {
    why: "The API server no longer knows this version: applying it fails, or prunes what it declared.",
    severity: "error",
    example: {
      text: deploymentWith("").replace("apps/v1", "apps/v1beta2"),
      line: 1,
      mend: ["apps/v1beta2", "apps/v1"],
    },
    source: "Kubernetes' deprecated API migration guide",
  },
  "api-deprecated": {
    why: "A later Kubernetes will not serve this version any more: the same file will be refused then.",
    severity: "warning",
    example: {
      text: "apiVersion: resource.k8s.io/v1beta1\nkind: ResourceClaim\nmetadata: { name: gpu }\nspec: {}\n",
      line: 1,
      mend: ["v1beta1", "v1"],
    },
    source: "Kubernetes' deprecated API migration guide",
  },
  "api-not-served": {
    why: "The Kubernetes version that trueup.yaml or --kubernetes-version names does not know this version yet.",
    severity: "error",
    example: {
      text: "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingAdmissionPolicy\nmetadata: { name: web }\n",
      line: 1,
      mend: ["k8s.io/v1", "k8s.io/v1beta1"],
      kubernetesVersion: "1.34",
    },
    source: OPENAPI,
  },
  "schema-missing": {
    why: "A kind that Kubernetes does not bring itself cannot be checked without its schema, and is not called valid.",
    severity: "error",
    example: {
      text: "apiVersion: example.com/v1\nkind: Certificate\nmetadata: { name: web }\n",
      line: 2,
      mend: [/^[\s\S]*$/, objectOf("ConfigMap")],
    },
    source: "trueup",
  },
  "kind-not-run-here": {
    why: "The target does not run the kind: nothing would come of the object, though it is valid.",
    severity: "warning",
    example: {
      text: "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: web }\n",
      line: 2,
      mend: [/^[\s\S]*$/, objectOf("ConfigMap")],
    },
    source: "trueup: the kinds of the embedded cluster",
  },
  "unknown-kind": {
    why: "Nobody would act on an object of this kind; most often the kind or its version is misspelt.",
    severity: "error",
    example: { text: objectOf("ConfigMaps"), line: 2, mend: ["ConfigMaps", "ConfigMap"] },
    source: OPENAPI,
  },
  "unknown-field": {
    why: "The API server drops fields that it does not know: a misspelt setting has no effect, and nothing says so.",
    severity: "error",
    example: { text: deploymentWith("replica: 3"), line: 5, mend: ["replica:", "replicas:"] },
    source: OPENAPI,
  },
  "schema-type": {
    why: "The API server refuses a value of another type, and with it the whole object.",
    severity: "error",
    example: { text: deploymentWith('replicas: "3"'), line: 5, mend: ['"3"', "3"] },
    source: OPENAPI,
  },
  "schema-required": {
    why: "The API server refuses an object that lacks the field.",
    severity: "error",
    example: { text: podWith("env: [{ value: blue }]"), line: 8, mend: ["{ value", "{ name: COLOUR, value"] },
    source: OPENAPI,
  },
  "unsupported-value": {
    why: "The field takes one of a few words, written exactly so; the API server refuses others.",
    severity: "error",
    example: { text: podSpecWith("restartPolicy: always"), line: 5, mend: ["always", "Always"] },
    source: "Kubernetes: field.NotSupported of the kind's validation",
  },
  "schema-range": {
    why: "The number does not fit the field's integer type, so it cannot even be read.",
    severity: "error",
    example: { text: deploymentWith("replicas: 3000000000"), line: 5, mend: ["3000000000", "3"] },
    source: OPENAPI,
  },
  "schema-format": {
    why: "A value in another notation than Kubernetes' own is refused: MB is no unit of a quantity, M and Mi are.",
    severity: "error",
    example: { text: podWith("resources: { requests: { memory: 64 MB } }"), line: 8, mend: ["64 MB", "64M"] },
    source: "Kubernetes: resource.ParseQuantity and the OpenAPI document's formats",
  },
  "name-format": {
    why: "Names become parts of host names and paths, so the API server takes only DNS names.",
    severity: "error",
    example: {
      text: objectOf("ConfigMap", "", "{ name: My_Settings }"),
      line: 3,
      mend: ["My_Settings", "my-settings"],
    },
    source: META,
  },
  "namespace-scope": {
    why: "The object lives in no namespace; the API server drops one that is named, and readers are misled.",
    severity: "warning",
    example: {
      text: objectOf("Namespace", "", "{ name: shop, namespace: web }"),
      line: 3,
      mend: [", namespace: web", ""],
    },
    source: META,
  },
  "label-format": {
    why: "Labels are what selectors compare; the API server refuses other characters than it can index.",
    severity: "error",
    example: {
      text: objectOf("ConfigMap", "", '{ name: web, labels: { tier: "front end" } }'),
      line: 3,
      mend: ["front end", "front-end"],
    },
    source: "Kubernetes: ValidateLabels",
  },
  "annotation-format": {
    why: "Annotation keys are qualified names, and all of an object's annotations fit in 256 KiB.",
    severity: "error",
    example: {
      text: objectOf("ConfigMap", "", "{ name: web, annotations: { owned by: me } }"),
      line: 3,
      mend: ["owned by", "owned-by"],
    },
    source: "Kubernetes: ValidateAnnotations",
  },
  "finalizer-format": {
    why: "An object with a finalizer that nobody can own is never deleted.",
    severity: "error",
    example: {
      text: objectOf("ConfigMap", "", "{ name: web, finalizers: [mine] }"),
      line: 3,
      mend: ["[mine]", "[example.com/mine]"],
    },
    source: "Kubernetes: ValidateFinalizerName",
  },
} as const satisfies Record<string, Explanation>;
