/** Which kinds and versions there are, and what became of those that are not served. */
import { describe, expect, it } from "vitest";
import { isClusterScoped } from "../../src/model/object.ts";
import {
  DEFAULT_KUBERNETES_VERSION,
  KUBERNETES_VERSIONS,
  kindSchema,
  lifecycleOf,
  parseRepositoryConfig,
} from "../../src/validation/index.ts";
import { knownKinds } from "../../src/validation/schemas/index.ts";

describe("kindSchema", () => {
  it("covers four Kubernetes versions, the newest by default", () => {
    expect(KUBERNETES_VERSIONS).toEqual(["1.34", "1.35", "1.36", "1.37"]);
    expect(DEFAULT_KUBERNETES_VERSION).toBe("1.37");
  });

  it.each([
    ["1.34", "apps/v1", "Deployment", "Namespaced", true],
    ["1.37", "v1", "Node", "Cluster", true],
    ["1.37", "rbac.authorization.k8s.io/v1", "ClusterRole", "Cluster", true],
    ["1.37", "authentication.k8s.io/v1", "TokenReview", "Cluster", false],
    ["1.37", "authorization.k8s.io/v1", "LocalSubjectAccessReview", "Namespaced", false],
    ["1.36", "admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy", "Cluster", true],
  ])("of %s finds %s %s: %s, stored %j", (version, apiVersion, kind, scope, isStored) => {
    const schema = kindSchema({ version, apiVersion, kind });
    expect(schema).toMatchObject({ version, apiVersion, kind, scope, isStored });
    expect(kindSchema({ version, apiVersion, kind })).toBe(schema);
  });

  it.each([
    ["1.34", "admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy"],
    ["1.33", "v1", "Pod"],
    ["", "v1", "Pod"],
    ["1.37", "v1", "pod"],
    ["1.37", "v1", "Status"],
    ["1.37", "v1", "__proto__"],
    ["1.37", "apps/v1", "Scale"],
    ["1.37", "apps/v1", "DeploymentList"],
  ])("of %s has no %s %s", (version, apiVersion, kind) => {
    expect(kindSchema({ version, apiVersion, kind })).toBeUndefined();
  });

  it("has one scope for each kind, which its identity follows", () => {
    for (const { apiVersion, kind, scope } of knownKinds()) {
      const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
      expect(isClusterScoped(group, kind), `${apiVersion} ${kind}`).toBe(scope === "Cluster");
    }
    expect(isClusterScoped("example.com", "Namespace")).toBe(false);
  });

  it("shows the schema itself", () => {
    const schema = kindSchema({ version: "1.37", apiVersion: "v1", kind: "Pod" });
    const spec = schema?.root.properties?.spec;
    expect(spec && schema?.resolve(spec).properties?.containers).toMatchObject({
      "x-kubernetes-list-map-keys": ["name"],
    });
  });
});

describe("lifecycleOf", () => {
  it.each([
    ["1.37", "apps/v1", "Deployment", { state: "served" }],
    ["1.37", "extensions/v1beta1", "Deployment", { state: "removed", in: "1.16", use: "apps/v1" }],
    ["1.37", "policy/v1beta1", "PodSecurityPolicy", { state: "removed", in: "1.25" }],
    ["1.37", "v1", "Deployment", { state: "elsewhere", apiVersions: ["apps/v1"] }],
    ["1.37", "apps/v1", "Nothing", { state: "unknown" }],
    ["1.37", "v1", "constructor", { state: "unknown" }],
    [
      "1.34",
      "admissionregistration.k8s.io/v1",
      "MutatingAdmissionPolicy",
      { state: "not-yet", since: "1.36", use: "admissionregistration.k8s.io/v1beta1" },
    ],
    [
      "1.36",
      "admissionregistration.k8s.io/v1beta1",
      "MutatingAdmissionPolicy",
      { state: "served", use: "admissionregistration.k8s.io/v1", since: "1.36" },
    ],
    ["1.34", "admissionregistration.k8s.io/v1beta1", "MutatingAdmissionPolicy", { state: "served" }],
    ["1.37", "v1", "Endpoints", { state: "served", use: "discovery.k8s.io/v1 EndpointSlice", since: "1.33" }],
  ])("as %s sees %s %s: %j", (version, apiVersion, kind, expected) => {
    expect(lifecycleOf({ version, apiVersion, kind })).toEqual(expected);
  });

  it("of what a version removed says so in every later one", () => {
    const removed = knownKinds().filter((each) => each.in.at(-1) !== DEFAULT_KUBERNETES_VERSION);
    expect(removed.length).toBeGreaterThan(0);
    for (const { apiVersion, kind, in: served } of removed) {
      const next = KUBERNETES_VERSIONS[KUBERNETES_VERSIONS.indexOf(served.at(-1) ?? "") + 1];
      const query = { version: DEFAULT_KUBERNETES_VERSION, apiVersion, kind };
      expect(lifecycleOf(query), `${apiVersion} ${kind}`).toMatchObject({ state: "removed", in: next });
    }
  });
});

describe("kubernetesVersion in trueup.yaml", () => {
  it.each(KUBERNETES_VERSIONS)("may be %s, with or without quotes", (version) => {
    for (const text of [version, `"${version}"`]) {
      const { config, diagnostics } = parseRepositoryConfig(`apps: [{name: a}]\nkubernetesVersion: ${text}\n`, "t");
      expect(diagnostics).toEqual([]);
      expect(config?.kubernetesVersion).toBe(version);
    }
  });

  it("may be no other", () => {
    const { diagnostics } = parseRepositoryConfig("apps: [{name: a}]\nkubernetesVersion: 1.2\n", "trueup.yaml");
    expect(diagnostics.map(({ message }) => message)).toEqual([
      "Cannot use kubernetesVersion as it must be 1.34 or 1.35 or 1.36 or 1.37: it is 1.2",
    ]);
  });
});
