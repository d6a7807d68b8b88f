/** Comparison: what counts as a difference, and under which path it is named. */
import { describe, expect, it } from "vitest";
import { compareObjects, sameDeclaration, templateDiffers } from "../../src/diff/compare.ts";
import { quantityInNano, sameScalar } from "../../src/diff/equality.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { FieldChange } from "../../src/model/plan.ts";

type Fields = Record<string, unknown>;

const deployment = (container: Fields, rest: Fields = {}): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", ...(rest.metadata as Fields) },
  spec: { replicas: 3, ...(rest.spec as Fields), template: { spec: { containers: [{ name: "web", ...container }] } } },
});

const C = "spec.template.spec.containers[name=web]";

interface Row {
  name: string;
  before: KubeObject;
  after: KubeObject;
  changes: FieldChange[];
}

const ROWS: Row[] = [
  {
    name: "an image",
    before: deployment({ image: "web:v1" }),
    after: deployment({ image: "web:v2" }),
    changes: [{ path: `${C}.image`, kind: "change", before: "web:v1", after: "web:v2" }],
  },
  {
    name: "a variable, by its name",
    before: deployment({ env: [{ name: "A", value: "1" }] }),
    after: deployment({ env: [{ name: "A", value: "2" }] }),
    changes: [{ path: `${C}.env[name=A].value`, kind: "change", before: "1", after: "2" }],
  },
  {
    name: "a new port, and its protocol where it is not TCP",
    before: deployment({ ports: [{ containerPort: 80 }] }),
    after: deployment({ ports: [{ containerPort: 80 }, { containerPort: 80, protocol: "UDP" }] }),
    changes: [
      { path: `${C}.ports[containerPort=80,protocol=UDP]`, kind: "add", after: { containerPort: 80, protocol: "UDP" } },
    ],
  },
  {
    name: "a mount, by its path",
    before: deployment({ volumeMounts: [{ mountPath: "/a b", name: "v" }] }),
    after: deployment({ volumeMounts: [] }),
    changes: [
      { path: `${C}.volumeMounts[mountPath="/a b"]`, kind: "remove", before: { mountPath: "/a b", name: "v" } },
    ],
  },
  {
    name: "arguments, as one value",
    before: deployment({ args: ["-a", "-b"] }),
    after: deployment({ args: ["-b"] }),
    changes: [{ path: `${C}.args`, kind: "change", before: ["-a", "-b"], after: ["-b"] }],
  },
  {
    name: "places of variables",
    before: deployment({ env: [{ name: "A" }, { name: "B" }] }),
    after: deployment({ env: [{ name: "B" }, { name: "A" }] }),
    changes: [{ path: `${C}.env[order]`, kind: "change", before: ["name=A", "name=B"], after: ["name=B", "name=A"] }],
  },
  {
    name: "a label whose name has dots, each on its own though all are new",
    before: deployment({}),
    after: deployment({}, { metadata: { labels: { "a.b/c": "1", d: "2" } } }),
    changes: [
      { path: 'metadata.labels["a.b/c"]', kind: "add", after: "1" },
      { path: "metadata.labels.d", kind: "add", after: "2" },
    ],
  },
  {
    name: "an item of a list that is one value, by its place",
    before: deployment({ envFrom: [{ configMapRef: { name: "a" } }] }),
    after: deployment({ envFrom: [{ configMapRef: { name: "b" } }, { secretRef: { name: "s" } }] }),
    changes: [
      { path: `${C}.envFrom[0].configMapRef.name`, kind: "change", before: "a", after: "b" },
      { path: `${C}.envFrom[1]`, kind: "add", after: { secretRef: { name: "s" } } },
    ],
  },
  {
    name: "nothing: equal quantities",
    before: deployment({ resources: { limits: { cpu: "1000m", "nvidia.com/gpu": "1" }, requests: { cpu: 0.5 } } }),
    after: deployment({ resources: { limits: { cpu: 1, "nvidia.com/gpu": 1 }, requests: { cpu: "500m" } } }),
    changes: [],
  },
  {
    name: "nothing: a number written as text where both may stand",
    before: deployment({ readinessProbe: { httpGet: { port: "8080" } } }),
    after: deployment({ readinessProbe: { httpGet: { port: 8080 } } }),
    changes: [],
  },
  {
    name: "nothing: null, empty and absent",
    before: deployment({ env: null, resources: {} }, { metadata: { labels: {} } }),
    after: deployment({ ports: [] }, { metadata: { annotations: {} } }),
    changes: [],
  },
  {
    name: "nothing: the server's bookkeeping, status, trueup's own annotations",
    before: {
      ...deployment({}, { metadata: { uid: "a", resourceVersion: "1", annotations: { "trueup/commit": "1" } } }),
      status: { replicas: 1 },
    },
    after: {
      ...deployment({}, { metadata: { uid: "b", generation: 2, annotations: { "trueup/source": "f:1" } } }),
      status: { replicas: 3 },
    },
    changes: [],
  },
  {
    name: "text that only looks like a number",
    before: deployment({ env: [{ name: "A", value: "1" }] }),
    after: deployment({ env: [{ name: "A", value: "1.0" }] }),
    changes: [{ path: `${C}.env[name=A].value`, kind: "change", before: "1", after: "1.0" }],
  },
];

describe("compareObjects", () => {
  it.each(ROWS)("$name", ({ before, after, changes }) => {
    expect(compareObjects(before, after)).toEqual(changes);
  });

  it("gives the same changes the other way round", () => {
    for (const { before, after } of ROWS) {
      const there = compareObjects(before, after).map(({ path }) => path);
      expect(
        compareObjects(after, before)
          .map(({ path }) => path)
          .sort(),
      ).toEqual([...there].sort());
    }
  });

  it("knows whether pods are replaced", () => {
    const [image, , , , , , labels] = ROWS;
    expect(templateDiffers(image?.changes ?? [])).toBe(true);
    expect(templateDiffers(labels?.changes ?? [])).toBe(false);
  });
});

describe("two declarations", () => {
  const binding = (rule: Fields): KubeObject => ({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name: "b" },
    spec: { policyName: "p", matchResources: { resourceRules: [{ resources: ["pods"], ...rule }] } },
  });

  it.each<[string, KubeObject, KubeObject, boolean]>([
    ["of the same", binding({}), binding({}), true],
    ["one with what the server filled in", binding({ scope: "*" }), binding({}), true],
    ["one with more than that", binding({ scope: "Cluster" }), binding({}), false],
    ["that ask for another thing", binding({ scope: "*" }), binding({ scope: "Cluster" }), false],
    ["one of which now says what was a default", binding({}), binding({ scope: "*" }), false],
  ])("%s", (_, applied, desired, same) => expect(sameDeclaration(applied, desired)).toBe(same));
});

describe("quantities", () => {
  it.each([
    { text: "1", nano: 1_000_000_000n },
    { text: "1.0", nano: 1_000_000_000n },
    { text: "1e0", nano: 1_000_000_000n },
    { text: "1000m", nano: 1_000_000_000n },
    { text: ".5", nano: 500_000_000n },
    { text: "5.", nano: 5_000_000_000n },
    { text: "0.5Ki", nano: 512_000_000_000n },
    { text: "1Ki", nano: 1_024_000_000_000n },
    { text: "1k", nano: 1_000_000_000_000n },
    { text: "1E3", nano: 1_000_000_000_000n },
    { text: "1E", nano: 10n ** 27n },
    { text: "-1m", nano: -1_000_000n },
    { text: "0.1n", nano: 1n },
    { text: "", nano: null },
    { text: ".", nano: null },
    { text: "1 Gi", nano: null },
    { text: "1gi", nano: null },
    { text: "1e999999999", nano: null },
  ])("$text", ({ text, nano }) => {
    expect(quantityInNano(text)).toBe(nano);
  });

  it("are compared only where the API has them", () => {
    expect(sameScalar("spec.template.spec.containers[].resources.limits.cpu", "1", "1000m")).toBe(true);
    expect(sameScalar("data.cpu", "1", "1000m")).toBe(false);
    expect(sameScalar("metadata.labels.limits", "1", "1.0")).toBe(false);
  });
});
