/** Explanations of the rules on images, Services, configuration, and the objects of an app together. */
import type { Explanation } from "./explanation.ts";
import { deploymentWith, objectOf, podWith } from "./texts.ts";

const HISTORY = "trueup: a commit must name what runs, or history lies";
const SERVICE = "Kubernetes: ValidateService";
const RULES_FILE = (images: string, image: string): string =>
  `apps: [{ name: web }]\nimages: { ${images} }\n# web.yaml\n${podWith("", image)}`;
const SERVICE_OF = (app: string, port: number): string =>
  `---\n${objectOf("Service", `spec:\n  selector: { app: ${app} }\n  ports: [{ port: 80, targetPort: ${port} }]`)}`;
const SERVED = deploymentWith("").replace("web:v1 }", "web:v1, ports: [{ containerPort: 8080 }] }");

export const APPS = {
  "image-missing": {
    why: "A container without an image has nothing to run.",
    severity: "error",
    example: {
      text: podWith("").replace("    image: web:v1\n", ""),
      line: 6,
      mend: ["- name: web\n", "- name: web\n    image: web:v1\n"],
    },
    source: "Kubernetes: validation of containers in ValidatePodSpec",
  },
  "image-invalid": {
    why: "What is no image reference cannot be found anywhere.",
    severity: "error",
    example: { text: podWith("", '"web:"'), line: 7, mend: ['"web:"', "web:v1"] },
    source: "the OCI distribution specification",
  },
  "image-upper-case": {
    why: "The nodes of a cluster refuse such an image (InvalidImageName); processes of trueup run would take it.",
    severity: "warning",
    example: { text: podWith("", "shop/Web:v1"), line: 7, mend: ["shop/Web", "shop/web"] },
    source: "the reference grammar of distribution, which container runtimes follow",
  },
  "image-tag-missing": {
    why: "No tag means latest: the same commit would run one thing today and another tomorrow.",
    severity: "error",
    example: { text: podWith("", "web"), line: 7, mend: ["image: web", "image: web:v1"] },
    source: HISTORY,
  },
  "image-tag-latest": {
    why: "latest moves: the same commit would run one thing today and another tomorrow.",
    severity: "error",
    example: { text: podWith("", "web:latest"), line: 7, mend: [":latest", ":v1"] },
    source: HISTORY,
  },
  "image-repository": {
    why: "The repository's trueup.yaml says where its images may come from; this one is from elsewhere.",
    severity: "error",
    example: {
      text: RULES_FILE('allowedRepositories: ["shop/*"]', "web:v1"),
      line: 7,
      mend: ["image: web", "image: shop/web"],
      file: "trueup.yaml",
      lineIn: "web.yaml",
    },
    source: "the repository's own trueup.yaml",
  },
  "image-digest-missing": {
    why: "The repository's trueup.yaml asks for digests, as a tag alone may be given to another image.",
    severity: "error",
    example: {
      text: RULES_FILE("requireDigest: true", "web:v1"),
      line: 7,
      mend: ["web:v1", `web:v1@sha256:${"0".repeat(64)}`],
      file: "trueup.yaml",
      lineIn: "web.yaml",
    },
    source: "the repository's own trueup.yaml",
  },
  "service-ports": {
    why: "A Service without a port can be reached by nobody; settings of another type have no effect.",
    severity: "error",
    example: { text: objectOf("Service", "spec: { ports: [] }"), line: 4, mend: ["[]", "[{ port: 80 }]"] },
    source: SERVICE,
  },
  "data-key": {
    why: "Keys become file names and variables, so only letters, digits, dashes, underscores and dots are taken.",
    severity: "error",
    example: { text: objectOf("ConfigMap", "data: { a/b: x }"), line: 4, mend: ["a/b", "a.b"] },
    source: "Kubernetes: IsConfigMapKey",
  },
  "data-base64": {
    why: "What is not base64 cannot be decoded, so the object is refused. Plain text goes into stringData.",
    severity: "error",
    example: {
      text: objectOf("Secret", "data: { colour: blue! }"),
      line: 4,
      mend: ["data: { colour", "stringData: { colour"],
    },
    source: "Kubernetes' OpenAPI document: format byte",
  },
  "data-size": {
    why: "The API server keeps at most 1 MiB of data in one object.",
    severity: "error",
    example: {
      text: objectOf("ConfigMap", `data: { a: ${"x".repeat(1024 * 1024 + 1)} }`),
      line: 4,
      mend: [/x{1048577}/, "x"],
    },
    source: "Kubernetes: MaxSecretSize",
  },
  "secret-type": {
    why: "Whoever uses a Secret of this type reads these keys, and fails without them.",
    severity: "error",
    example: {
      text: objectOf("Secret", "type: kubernetes.io/basic-auth\nstringData: { login: me }"),
      line: 4,
      mend: ["login", "username"],
    },
    source: "Kubernetes: ValidateSecret",
  },
  "duplicate-object": {
    why: "Two declarations of one object undo each other at every pass.",
    severity: "error",
    example: {
      text: `${objectOf("ConfigMap")}---\n${objectOf("ConfigMap")}`,
      line: 7,
      mend: [/(---\n[\s\S]*)name: web/, "$1name: other"],
    },
    source: "trueup",
  },
  "selector-overlap": {
    why: "Two workloads that select the same pods fight over their number.",
    severity: "warning",
    example: {
      text: `${deploymentWith("")}---\n${deploymentWith("").replace("name: web", "name: other")}`,
      line: 5,
      mend: [/(name: other[\s\S]*?)app: web([\s\S]*?)app: web/, "$1app: other$2app: other"],
    },
    source: "trueup; Kubernetes' documentation asks for it",
  },
  "service-selects-nothing": {
    why: "Who calls the Service gets no answer, as no pod stands behind it.",
    severity: "warning",
    example: { text: SERVED + SERVICE_OF("shop", 8080), line: 16, mend: ["app: shop", "app: web"] },
    source: "trueup",
  },
  "service-target-port": {
    why: "The Service sends to a port on which no container says it listens.",
    severity: "warning",
    example: { text: SERVED + SERVICE_OF("web", 9090), line: 17, mend: ["9090", "8080"] },
    source: "trueup",
  },
  "reference-missing": {
    why: "A pod whose configuration is not there waits for it, and does not start.",
    severity: "warning",
    example: {
      text: podWith("envFrom: [{ configMapRef: { name: settings } }]"),
      line: 8,
      mend: [/$/, `---\n${objectOf("ConfigMap", "", "{ name: settings }")}`],
    },
    source: "trueup; the kubelet reports CreateContainerConfigError",
  },
  "depends-on": {
    why: "What waits for something that never comes, or that waits for it in turn, is never applied.",
    severity: "error",
    example: {
      text: objectOf(
        "ConfigMap",
        "",
        '{ name: web, annotations: { config.kubernetes.io/depends-on: "/namespaces/default/Secret/key" } }',
      ),
      line: 3,
      mend: [/$/, `---\n${objectOf("Secret", "", "{ name: key }")}`],
    },
    source: "cli-utils: a reference to an object outside of what is applied, and a circle, are errors",
  },
  "sync-wave": {
    why: "The object is in wave 0, whatever was meant.",
    severity: "warning",
    example: {
      text: objectOf("ConfigMap", "", '{ name: web, annotations: { argocd.argoproj.io/sync-wave: "first" } }'),
      line: 3,
      mend: ["first", "-1"],
    },
    source: "Argo CD: such a wave is passed over",
  },
  "sync-hook": {
    why: "A hook of an unknown phase is never run, and an unknown policy deletes nothing.",
    severity: "warning",
    example: {
      text: objectOf("ConfigMap", "", "{ name: web, annotations: { argocd.argoproj.io/hook: Presync } }"),
      line: 3,
      mend: ["Presync", "PreSync"],
    },
    source: "Argo CD: such words are passed over",
  },
  "config-invalid": {
    why: "The daemon does not start, or rejects the commit, rather than guess what was meant.",
    severity: "error",
    example: { text: "repositories:\n- { pfad: . }\n", line: 2, mend: ["pfad", "path"], file: "trueup.config.yaml" },
    source: "trueup: schemas/ holds the JSON Schemas of both files",
  },
} as const satisfies Record<string, Explanation>;
