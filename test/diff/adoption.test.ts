/** Taking over what other tools set: whose fields go over, which stay with nobody, and who else claims the object. */
import { describe, expect, it } from "vitest";
import { adoptionOf, claimsOn } from "../../src/diff/adoption.ts";
import type { KubeObject } from "../../src/model/object.ts";

type Row = [manager: string, operation: string, fields: object, more?: { subresource?: string; apiVersion?: string }];

const DATA = { "f:data": { ".": {}, "f:theirs": {} } };

function entry([manager, operation, fields, more = {}]: Row, day: number): object {
  const { apiVersion = "v1", subresource } = more;
  return {
    manager,
    operation,
    apiVersion,
    time: `2026-11-0${day}T00:00:00Z`,
    fieldsType: "FieldsV1",
    fieldsV1: fields,
    ...(subresource !== undefined && { subresource }),
  };
}

function object(rows: readonly Row[], more: object = {}): KubeObject {
  const managedFields = rows.map((row, index) => entry(row, index + 1));
  const metadata = { name: "c", namespace: "shop", managedFields } as KubeObject["metadata"];
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data: { theirs: "1", ours: "1" }, ...more };
}

const declared = object([]);

describe("an adoption", () => {
  it.each<[string, Row[], { managers: string[]; fields: object; left: string[] } | null]>([
    ["of what nobody manages", [], null],
    ["of what a person changed", [["kubectl-edit", "Update", DATA]], null],
    ["of what a controller scaled", [["kubectl", "Update", { "f:spec": {} }, { subresource: "scale" }]], null],
    [
      "of what kubectl applied",
      [["kubectl-client-side-apply", "Update", DATA]],
      { managers: ["kubectl-client-side-apply"], fields: DATA, left: [] },
    ],
    ...["kubectl", "helm", "kustomize-controller", "helm-controller", "argocd-controller", "before-first-apply"].map(
      (manager): [string, Row[], { managers: string[]; fields: object; left: string[] }] => [
        `of what ${manager} applied, besides others`,
        [
          [manager, "Apply", DATA],
          ["kubectl-edit", "Update", { "f:data": { "f:by-hand": {} } }],
          ["kube-controller-manager", "Update", { "f:status": {} }, { subresource: "status" }],
        ],
        { managers: [manager], fields: DATA, left: ["kubectl-edit", "kube-controller-manager"] },
      ],
    ),
    [
      "of what two tools applied, and trueup itself",
      [
        ["helm", "Update", { "f:data": { "f:a": {} } }],
        ["trueup", "Apply", { "f:data": { "f:b": {} } }],
        ["kubectl", "Apply", { "f:data": { "f:c": {} } }],
      ],
      { managers: ["helm", "kubectl"], fields: { "f:data": { "f:a": {}, "f:b": {}, "f:c": {} } }, left: [] },
    ],
    [
      "leaves status and kubectl's record of itself to nobody",
      [
        [
          "kubectl-client-side-apply",
          "Update",
          {
            ...DATA,
            "f:status": { "f:phase": {} },
            "f:metadata": { "f:annotations": { "f:kubectl.kubernetes.io/last-applied-configuration": {} } },
          },
        ],
      ],
      { managers: ["kubectl-client-side-apply"], fields: DATA, left: [] },
    ],
    [
      "leaves replicas that git does not declare to nobody",
      [["helm", "Update", { "f:spec": { "f:replicas": {}, "f:paused": {} } }]],
      { managers: ["helm"], fields: { "f:spec": { "f:paused": {} } }, left: [] },
    ],
    [
      "leaves what was set in another version of the API to nobody",
      [
        ["helm", "Update", DATA, { apiVersion: "v1beta1" }],
        ["kubectl", "Update", { "f:data": { "f:a": {} } }],
      ],
      { managers: ["helm", "kubectl"], fields: { "f:data": { "f:a": {} } }, left: [] },
    ],
  ])("%s", (_, rows, expected) => {
    const adoption = adoptionOf(object(rows), declared);
    if (expected === null) {
      expect(adoption).toBeNull();
      return;
    }
    const [ours, ...others] = adoption?.managedFields ?? [];
    expect({
      managers: adoption?.managers,
      ours: [ours?.manager, ours?.operation, ours?.apiVersion, ours?.fieldsType],
      fields: ours?.fieldsV1,
      left: others.map(({ manager }) => manager),
    }).toEqual({
      managers: expected.managers,
      ours: ["trueup", "Apply", "v1", "FieldsV1"],
      fields: expected.fields,
      left: expected.left,
    });
  });

  it("names the part that is trueup's then", () => {
    const adoption = adoptionOf(object([["helm", "Update", DATA]]), declared);
    expect(adoption?.part).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "c", namespace: "shop" },
      data: { theirs: "1" },
    });
  });

  it("takes replicas that git declares", () => {
    const live = object([["helm", "Update", { "f:spec": { "f:replicas": {} } }]], { spec: { replicas: 3 } });
    expect(adoptionOf(live, { ...declared, spec: { replicas: 2 } })?.part.spec).toEqual({ replicas: 3 });
    expect(adoptionOf(live, { ...declared, spec: { replicas: null } })?.part.spec).toBeUndefined();
  });
});

describe("claims", () => {
  it.each<[string, object, string[]]>([
    ["none", {}, []],
    ["labels that say nothing", { labels: { "app.kubernetes.io/managed-by": "Helm", app: "web" } }, []],
    [
      "Helm",
      { annotations: { "meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop" } },
      ["Helm release shop/web"],
    ],
    ["Helm without a namespace", { annotations: { "meta.helm.sh/release-name": "web" } }, ["Helm release web"]],
    [
      "Flux",
      {
        labels: { "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system" },
      },
      ["Flux Kustomization flux-system/apps"],
    ],
    [
      "Flux for Helm",
      { labels: { "helm.toolkit.fluxcd.io/name": "apps", "helm.toolkit.fluxcd.io/namespace": "flux-system" } },
      ["Flux HelmRelease flux-system/apps"],
    ],
    [
      "Argo CD, twice",
      {
        annotations: { "argocd.argoproj.io/tracking-id": "web:apps/Deployment:shop/web" },
        labels: { "argocd.argoproj.io/instance": "web" },
      },
      ["Argo CD application web"],
    ],
  ])("%s", (_, metadata, expected) => {
    const live = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", ...metadata } };
    expect(claimsOn(live)).toEqual(expected);
  });
});
