/** Explanations of the rules on how files are read. */
import type { Explanation } from "./explanation.ts";
import { objectOf, podWith } from "./texts.ts";

const YAML = "YAML 1.1, as Kubernetes' own YAML library reads it";
const API = "Kubernetes API conventions: every object has a kind, a version and a name";
const SETTINGS = objectOf("ConfigMap", "data: { colour: blue }");

export const READING = {
  "yaml-syntax": {
    why: "Nothing of a file that cannot be parsed is known, so nothing of its app is applied.",
    severity: "error",
    example: {
      text: `${objectOf("ConfigMap")}data:\n  colour: blue\n size: big\n`,
      line: 6,
      mend: [" size", "  size"],
    },
    source: YAML,
  },
  "yaml-duplicate-key": {
    why: "Of two equal keys the last one wins silently in most tools; the other is a change that never happens.",
    severity: "error",
    example: {
      text: objectOf("ConfigMap", "data:\n  a: red\n  a: blue"),
      line: 6,
      mend: ["  a: blue\n", "  b: blue\n"],
    },
    source: "Kubernetes' strict decoding, which kubectl asks for",
  },
  "yaml-limits": {
    why: "A few lines of nested aliases can expand to gigabytes. A file beyond the limits is not read at all.",
    severity: "error",
    example: {
      text: "apiVersion: v1\nkind: ConfigMap\nmetadata: &m\n  name: *m\n",
      line: 4,
      mend: [/&m\n {2}name: \*m/, "\n  name: web"],
    },
    source: "trueup; the API server has limits of its own on YAML",
  },
  "yaml-encoding": {
    why: "Bytes that are no UTF-8 are replaced when the file is read: a name or a value would not be what was written.",
    severity: "error",
    example: { text: objectOf("ConfigMap", "data: { city: Z\uFFFDrich }"), line: 4, mend: ["\uFFFD", "ü"] },
    source: YAML,
  },
  "yaml-boolean": {
    why: "YAML 1.1 reads on, off, yes, no, y and n as true or false; who means the word gets a boolean.",
    severity: "warning",
    example: { text: podWith("stdin: yes"), line: 8, mend: ["yes", "true"] },
    source: YAML,
  },
  "yaml-number": {
    why: "A leading zero means octal, and digits behind a point may be dropped: the value is not the one that is seen.",
    severity: "warning",
    example: { text: podWith("securityContext: { runAsUser: 0755 }"), line: 8, mend: ["0755", "493"] },
    source: YAML,
  },
  "yaml-merge": {
    why: "Kubernetes' YAML library lets a merge replace keys that stand before it, unlike what most people expect.",
    severity: "warning",
    example: {
      text: "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: web\n  labels: &l { app: x }\n  annotations:\n    app: z\n    <<: *l\n",
      line: 7,
      mend: ["    app: z\n    <<: *l\n", "    <<: *l\n    app: z\n"],
    },
    source: YAML,
  },
  "yaml-tab": {
    why: "A tab inside unquoted text is easily taken for indentation or for spaces, and differs where nobody looks.",
    severity: "warning",
    example: { text: objectOf("ConfigMap", "data:\n  a: x\ty"), line: 5, mend: ["x\ty", "x y"] },
    source: YAML,
  },
  "manifest-shape": {
    why: "Only a mapping can be an object. A list of objects is a List with items, or several documents.",
    severity: "error",
    example: { text: `${SETTINGS}---\n- text\n`, line: 6, mend: ["---\n- text\n", ""] },
    source: API,
  },
  "missing-api-version": {
    why: "Without its API version nobody can tell which object is meant.",
    severity: "error",
    example: { text: "kind: ConfigMap\nmetadata: { name: web }\n", line: 1, mend: [/^kind/, "apiVersion: v1\nkind"] },
    source: API,
  },
  "missing-kind": {
    why: "Without its kind nobody can tell which object is meant.",
    severity: "error",
    example: { text: "apiVersion: v1\nmetadata: { name: web }\n", line: 1, mend: ["v1\n", "v1\nkind: ConfigMap\n"] },
    source: API,
  },
  "missing-name": {
    why: "An object is found again by its name; with generateName each commit would make another one.",
    severity: "error",
    example: {
      text: "apiVersion: v1\nkind: ConfigMap\nmetadata: { generateName: web- }\n",
      line: 3,
      mend: ["generateName: web-", "name: web"],
    },
    source: API,
  },
  "not-a-manifest": {
    why: "A file among the manifests from which nothing is applied is mostly one that lost its first lines.",
    severity: "warning",
    example: { text: "colour: blue\n", line: 1, mend: [/^colour: blue\n$/, SETTINGS] },
    source: "trueup",
  },
  "needs-rendering": {
    why: "Kustomizations and charts declare no objects themselves; what they would render is not checked.",
    severity: "error",
    example: {
      text: "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: { name: web }\nresources: []\n",
      line: 1,
      mend: [/^[\s\S]*$/, SETTINGS],
    },
    source: "trueup: nothing of a repository is run",
  },
} as const satisfies Record<string, Explanation>;
