/** What was declared, word for word: remembered for as long as the server's record of it stands. */
import { describe, expect, it } from "vitest";
import { Declarations } from "../../../src/backend/kubernetes/declarations.ts";
import type { KubeObject } from "../../../src/model/object.ts";

const SET = "applyset.kubernetes.io/part-of";

/** An object whose list is one to the server, which filled in a default in it. */
function live(uid: string, time: string, manager = "trueup"): KubeObject {
  const fieldsV1 = { "f:spec": { "f:rules": {} } };
  return {
    apiVersion: "example.org/v1",
    kind: "Route",
    metadata: {
      name: "r",
      namespace: "shop",
      uid,
      managedFields: [{ manager, operation: "Apply", apiVersion: "example.org/v1", time, fieldsV1 }],
    } as unknown as KubeObject["metadata"],
    spec: { rules: [{ to: "web", weight: 1 }] },
  };
}

function sent(labels: Record<string, string> = { [SET]: "id" }): KubeObject {
  return {
    apiVersion: "example.org/v1",
    kind: "Route",
    metadata: { name: "r", namespace: "shop", labels },
    spec: { rules: [{ to: "web" }] },
  };
}

describe("a declaration", () => {
  const rules = (object: KubeObject | null): unknown => (object?.spec as { rules: unknown } | undefined)?.rules;

  it("is known word for word, without the label of membership, and as the same instance", () => {
    const declarations = new Declarations();
    declarations.remember(live("u", "1"), sent());
    const known = declarations.of(live("u", "1"));
    expect(known).toEqual({ ...sent(), metadata: { name: "r", namespace: "shop" } });
    expect(declarations.of(live("u", "1"))).toBe(known);
    declarations.remember(live("u", "1"), sent({ [SET]: "id", app: "web" }));
    expect(declarations.of(live("u", "1"))?.metadata.labels).toEqual({ app: "web" });
  });

  it.each<[string, KubeObject, unknown]>([
    ["of another object", live("v", "1"), [{ to: "web", weight: 1 }]],
    ["of which another was made since", live("u", "2"), [{ to: "web", weight: 1 }]],
    ["of another manager alone", live("u", "1", "helm"), undefined],
  ])("%s is what the server tells", (_, object, expected) => {
    const declarations = new Declarations();
    declarations.remember(live("u", "1"), sent());
    expect(rules(declarations.of(object))).toEqual(expected);
  });

  it("is forgotten with its object, and is none where trueup declared nothing", () => {
    const declarations = new Declarations();
    declarations.remember(live("u", "1"), sent());
    declarations.forget("u");
    expect(rules(declarations.of(live("u", "1")))).toEqual([{ to: "web", weight: 1 }]);
    declarations.remember(live("w", "1", "helm"), sent());
    expect(declarations.of(live("w", "1", "helm"))).toBeNull();
  });
});
