/** ApplySets: ids as kubectl computes them, what parents say, and what they prove. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applySetId,
  applySetOf,
  coversExtent,
  extentOf,
  extentOfMembers,
  joinExtents,
  membershipOf,
  NO_EXTENT,
  parentIdOf,
  parentObject,
  setIdOf,
  toolOf,
} from "../../../src/backend/kubernetes/applyset.ts";
import type { KubeObject, ObjectId } from "../../../src/model/object.ts";

const scope = { app: "shop", ownerId: "daemon-a", namespace: "trueup-system" };
const EXTENT = { kinds: ["ConfigMap", "Deployment.apps"], namespaces: ["web"] };
const id = (group: string, kind: string, namespace: string): ObjectId => ({ group, kind, namespace, name: "n" });

describe("an id", () => {
  it("is as kubectl's own tests have it", () => {
    // kubectl v0.37.2, pkg/cmd/apply/apply_test.go: the Secret "my-set" in namespace "test".
    const parent = { group: "", kind: "Secret", namespace: "test", name: "my-set" };
    expect(applySetId(parent)).toBe("applyset-0eFHV8ySqp7XoShsGvyWFQD3s96yqwHmzc4e0HR1dsY-v1");
  });

  it.each<[string, string, RegExp]>([
    ["a plain name", "shop", /^trueup-shop-[0-9a-f]{10}$/],
    ["a path", "Apps/Web_2", /^trueup-apps-web-2-[0-9a-f]{10}$/],
    ["no letter at all", "///", /^trueup-[0-9a-f]{10}$/],
    ["a long name", "x".repeat(300), /^trueup-x{40}-[0-9a-f]{10}$/],
    ["one that would end in a dash", `${"x".repeat(39)}-y`, /^trueup-x{39}-[0-9a-f]{10}$/],
  ])("of %s is the parent's name and a valid one", (_, app, name) => {
    expect(parentIdOf({ ...scope, app }).name).toMatch(name);
  });

  it("differs by app, daemon and namespace, and is a valid label", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (app, ownerId) => {
        const own = setIdOf({ app, ownerId, namespace: "a" });
        expect(own).toMatch(/^applyset-[A-Za-z0-9_-]{43}-v1$/);
        expect(own.length).toBeLessThanOrEqual(63);
        expect(setIdOf({ app, ownerId, namespace: "b" })).not.toBe(own);
        expect(setIdOf({ app: `${app}x`, ownerId, namespace: "a" })).not.toBe(own);
        expect(setIdOf({ app, ownerId: `${ownerId}x`, namespace: "a" })).not.toBe(own);
      }),
    );
  });
});

describe("a parent", () => {
  it("says what is in its set, whose it is, and by which tool", () => {
    const parent = parentObject(scope, EXTENT);
    expect(parent).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: parentIdOf(scope).name,
        namespace: "trueup-system",
        labels: { "applyset.kubernetes.io/id": setIdOf(scope) },
        annotations: {
          "applyset.kubernetes.io/tooling": "trueup/v1",
          "applyset.kubernetes.io/contains-group-kinds": "ConfigMap,Deployment.apps",
          "applyset.kubernetes.io/additional-namespaces": "web",
          "trueup/app": "shop",
          "trueup/daemon": "daemon-a",
        },
      },
    });
    expect(extentOf(parent)).toEqual(EXTENT);
    expect(toolOf(parent)).toBe("trueup");
    expect(applySetOf(parent, "daemon-a")).toEqual({ id: setIdOf(scope), app: "shop" });
  });

  it("of another daemon stands for an app that is nobody's here", () => {
    const theirs = parentObject({ ...scope, ownerId: "daemon-b" }, NO_EXTENT);
    expect(applySetOf(theirs, "daemon-a")?.app).toBe("shop of daemon-b");
  });

  it.each<[string, (parent: KubeObject) => KubeObject]>([
    ["another kind", (parent) => ({ ...parent, kind: "Secret" })],
    ["another group", (parent) => ({ ...parent, apiVersion: "example.org/v1" })],
    ["another name", (parent) => ({ ...parent, metadata: { ...parent.metadata, name: "other" } })],
    ["another namespace", (parent) => ({ ...parent, metadata: { ...parent.metadata, namespace: "other" } })],
    ["no labels", (parent) => ({ ...parent, metadata: { ...parent.metadata, labels: {} } })],
    ["no annotations", (parent) => ({ ...parent, metadata: { ...parent.metadata, annotations: {} } })],
    ["another app's name", (parent) => annotated(parent, "trueup/app", "bank")],
    ["another tool", (parent) => annotated(parent, "applyset.kubernetes.io/tooling", "kubectl/v1.37")],
  ])("with %s is none", (_, change) => {
    expect(applySetOf(change(parentObject(scope, EXTENT)), "daemon-a")).toBeNull();
  });

  it("of an empty set, or without annotations, names nothing", () => {
    expect(extentOf(parentObject(scope, NO_EXTENT))).toEqual(NO_EXTENT);
    expect(extentOf({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } })).toEqual(NO_EXTENT);
  });
});

function annotated(parent: KubeObject, key: string, value: string): KubeObject {
  const annotations = { ...parent.metadata.annotations, [key]: value };
  return { ...parent, metadata: { ...parent.metadata, annotations } };
}

describe("an extent", () => {
  it("lists kinds and other namespaces once, in order", () => {
    const members = [
      id("apps", "Deployment", "web"),
      id("", "ConfigMap", "trueup-system"),
      id("", "ConfigMap", "web"),
      id("", "Namespace", ""),
      id("apps", "Deployment", "api"),
    ];
    expect(extentOfMembers(members, "trueup-system")).toEqual({
      kinds: ["ConfigMap", "Deployment.apps", "Namespace"],
      namespaces: ["api", "web"],
    });
  });

  it("covers its parts, and nothing more", () => {
    const more = joinExtents(EXTENT, { kinds: ["Service"], namespaces: ["api"] });
    expect(more).toEqual({ kinds: ["ConfigMap", "Deployment.apps", "Service"], namespaces: ["api", "web"] });
    expect([coversExtent(more, EXTENT), coversExtent(EXTENT, more), coversExtent(EXTENT, NO_EXTENT)]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe("membership", () => {
  const member = (manager: string, operation: string): KubeObject =>
    ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: "c",
        labels: { "applyset.kubernetes.io/part-of": "applyset-x-v1" },
        managedFields: [
          {
            manager,
            operation,
            fieldsV1: { "f:metadata": { "f:labels": { "f:applyset.kubernetes.io/part-of": {} } } },
          },
        ],
      },
    }) as unknown as KubeObject;

  it.each<[string, string, string | undefined]>([
    ["trueup", "Apply", "applyset-x-v1"],
    ["trueup", "Update", undefined],
    ["kubectl-client-side-apply", "Update", undefined],
    ["endpointslice-controller", "Update", undefined],
    ["kubectl", "Apply", undefined],
  ])("by a label of %s, %s", (manager, operation, expected) => {
    expect(membershipOf(member(manager, operation))).toBe(expected);
  });
});
