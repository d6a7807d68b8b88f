/** What a manager applied, and who owns a field: read from managedFields as a real API server (1.37) writes them. */
import { describe, expect, it } from "vitest";
import {
  appliedPart,
  declaredMembership,
  managedEntries,
  ownersOf,
  PART_OF_LABEL,
} from "../../src/diff/managed-fields.ts";
import type { KubeObject } from "../../src/model/object.ts";

const container = (fields: object): object => ({ 'k:{"name":"web"}': { ".": {}, "f:name": {}, ...fields } });

/** A Deployment that trueup applied, kubectl scaled, and somebody annotated by hand. */
function live(): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: "web",
      namespace: "shop",
      uid: "u",
      labels: { app: "web", [PART_OF_LABEL]: "applyset-x-v1" },
      annotations: { "a.b/c": "1", "deployment.kubernetes.io/revision": "1" },
      managedFields: [
        {
          manager: "trueup",
          operation: "Apply",
          apiVersion: "apps/v1",
          time: "2026-11-01T00:00:00Z",
          fieldsType: "FieldsV1",
          fieldsV1: {
            "f:metadata": { "f:labels": { "f:app": {}, [`f:${PART_OF_LABEL}`]: {} } },
            "f:spec": {
              "f:selector": {},
              "f:template": {
                "f:metadata": { "f:labels": { "f:app": {} } },
                "f:spec": {
                  "f:containers": container({
                    "f:image": {},
                    "f:args": {},
                    "f:env": { 'k:{"name":"A"}': { ".": {}, "f:name": {}, "f:value": {} } },
                    "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
                  }),
                },
              },
            },
          },
        },
        {
          manager: "kubectl-edit",
          operation: "Update",
          apiVersion: "apps/v1",
          time: "2026-11-02T00:00:00Z",
          fieldsType: "FieldsV1",
          fieldsV1: { "f:metadata": { "f:annotations": { ".": {}, "f:a.b/c": {} } } },
        },
        {
          manager: "kubectl",
          operation: "Update",
          apiVersion: "apps/v1",
          time: "2026-11-03T00:00:00Z",
          fieldsType: "FieldsV1",
          fieldsV1: { "f:spec": { "f:replicas": {} } },
          subresource: "scale",
        },
        {
          manager: "kube-controller-manager",
          operation: "Update",
          apiVersion: "apps/v1",
          time: "2026-11-04T00:00:00Z",
          fieldsType: "FieldsV1",
          fieldsV1: { "f:status": { "f:replicas": {} } },
          subresource: "status",
        },
      ],
    } as KubeObject["metadata"],
    spec: {
      replicas: 5,
      selector: { matchLabels: { app: "web" } },
      strategy: { type: "RollingUpdate" },
      template: {
        metadata: { labels: { app: "web" } },
        spec: {
          containers: [
            {
              name: "web",
              image: "web:v1",
              args: ["a", "b"],
              env: [{ name: "A", value: "1" }],
              ports: [{ containerPort: 80, protocol: "TCP" }],
              imagePullPolicy: "IfNotPresent",
            },
          ],
        },
      },
    },
    status: { replicas: 5 },
  };
}

describe("the applied part", () => {
  it("is what the manager declared and owns, without its label of membership", () => {
    expect(appliedPart(live(), "trueup")).toEqual({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace: "shop", labels: { app: "web" } },
      spec: {
        selector: { matchLabels: { app: "web" } },
        template: {
          metadata: { labels: { app: "web" } },
          spec: {
            containers: [
              {
                name: "web",
                image: "web:v1",
                args: ["a", "b"],
                env: [{ name: "A", value: "1" }],
                ports: [{ containerPort: 80 }],
              },
            ],
          },
        },
      },
    });
  });

  it("is none of a manager that changed, and did not declare", () => {
    for (const manager of ["kubectl", "kubectl-edit", "nobody"]) expect(appliedPart(live(), manager)).toBeNull();
  });

  it.each([undefined, "x", [], [null, 3, { manager: 7 }, { manager: "a", time: 1 }]])(
    "is none where managedFields are %j",
    (managedFields) => {
      const { metadata, ...rest } = live();
      const object = { ...rest, metadata: { ...metadata, managedFields } } as KubeObject;
      expect(managedEntries(object)).toEqual([]);
      expect(appliedPart(object, "trueup")).toBeNull();
      expect(ownersOf(object, "spec.replicas")).toEqual([]);
    },
  );

  it.each([{ "f:data": { "f:gone": {} } }, {}, undefined])(
    "of an object that lives in no namespace, of which nothing is the manager's (%j), is its identity",
    (fieldsV1) => {
      const metadata = { name: "n", managedFields: [{ manager: "trueup", operation: "Apply", fieldsV1 }] };
      const object = { apiVersion: "v1", kind: "Namespace", metadata, data: { a: "1" } } as KubeObject;
      expect(appliedPart(object, "trueup")).toEqual({ apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } });
    },
  );
});

it("the applied part of a custom kind holds its atomic maps, which the server names without what is in them", () => {
  const fieldsV1 = { "f:spec": {} };
  const metadata = { name: "n", managedFields: [{ manager: "trueup", operation: "Apply", fieldsV1 }] };
  const object = { apiVersion: "example.org/v1", kind: "Site", metadata, spec: { foo: "bar" } } as KubeObject;
  expect(appliedPart(object, "trueup")?.spec).toEqual({ foo: "bar" });
  expect(appliedPart({ ...object, apiVersion: "apps/v1", kind: "Deployment" }, "trueup")?.spec).toEqual({});
});

describe("membership", () => {
  it("is proved by who declared the label, not by the label", () => {
    const object = live();
    expect(declaredMembership(object, "trueup")).toBe(true);
    expect(declaredMembership(object, "kubectl")).toBe(false);
    expect(
      declaredMembership({ ...object, metadata: { ...object.metadata, managedFields: [] } } as KubeObject, "trueup"),
    ).toBe(false);
  });
});

describe("the owners of a field", () => {
  it.each<[string, string[]]>([
    ["spec.replicas", ["kubectl"]],
    ["metadata.labels.app", ["trueup"]],
    ['metadata.annotations["a.b/c"]', ["kubectl-edit"]],
    ['metadata.annotations["deployment.kubernetes.io/revision"]', []],
    ["metadata.annotations", ["kubectl-edit"]],
    ["spec.template.spec.containers[name=web].image", ["trueup"]],
    ["spec.template.spec.containers[name=web].imagePullPolicy", []],
    ["spec.template.spec.containers[name=other].image", []],
    ["spec.template.spec.containers[0].image", ["trueup"]],
    ["spec.template.spec.containers[7].image", []],
    ["spec.template.spec.containers[name=web].args", ["trueup"]],
    ["spec.template.spec.containers[name=web].args[1]", ["trueup"]],
    ["spec.template.spec.containers[name=web].env[name=A].value", ["trueup"]],
    ["spec.template.spec.containers[name=web].env[order]", ["trueup"]],
    ["spec.template.spec.containers[name=web].ports[containerPort=80]", ["trueup"]],
    ["spec.template.spec.containers[name=web].ports[containerPort=80,protocol=UDP]", []],
    ["spec.selector.matchLabels.app", ["trueup"]],
    ["spec", ["kubectl", "trueup"]],
    ["status.replicas", ["kube-controller-manager"]],
  ])("%s are %j, the latest first", (path, managers) => {
    expect(ownersOf(live(), path).map(({ manager }) => manager)).toEqual(managers);
  });

  it("say how and when", () => {
    expect(ownersOf(live(), "spec.replicas")).toEqual([
      { manager: "kubectl", operation: "Update", subresource: "scale", time: "2026-11-03T00:00:00Z" },
    ]);
  });
});
