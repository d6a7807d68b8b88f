import { describe, expect, it } from "vitest";
import type { KubeResource } from "../../../src/backend/kubernetes/resource.ts";
import {
  describeRights,
  missingRights,
  type RightsQuery,
  rightsNeeded,
} from "../../../src/backend/kubernetes/rights.ts";
import type { JsonObject } from "../../../src/model/object.ts";
import { ScriptedApi } from "./scripted-api.ts";

const resource = (group: string, kind: string, plural: string, namespaced = true): KubeResource => ({
  ...{ group, version: "v1", kind, plural, namespaced, verbs: [] },
});
const deployments = resource("apps", "Deployment", "deployments");
const namespaces = resource("", "Namespace", "namespaces", false);
const pods = resource("", "Pod", "pods");

describe("rights", () => {
  it("are those of its own objects, of what apps consist of, and of what tells how they do", () => {
    const own = { own: "sys", isLedgerThere: false, applied: [], read: [] };
    const all = "get, list, watch, create, patch, delete";
    const rows: [RightsQuery, string[]][] = [
      [own, [`${all} configmaps in namespace sys`]],
      [
        { ...own, isLedgerThere: true },
        [`${all} configmaps in namespace sys`, "get, list, create, patch, delete secrets in namespace sys"],
      ],
      [
        { ...own, namespaces: ["shop", "blog"], applied: [deployments, namespaces], read: [pods] },
        [
          `${all} configmaps in namespace sys`,
          `${all} deployments.apps in namespace shop`,
          `${all} deployments.apps in namespace blog`,
          `${all} namespaces in the whole cluster`,
          "get, list, watch pods in namespace shop",
          "get, list, watch pods in namespace blog",
          "get pods/log in namespace shop",
          "get pods/log in namespace blog",
        ],
      ],
      [
        { ...own, applied: [pods], read: [pods] },
        [`${all} configmaps in namespace sys`, `${all} pods in the whole cluster`, "get pods/log in the whole cluster"],
      ],
    ];
    for (const [query, expected] of rows) expect(describeRights(rightsNeeded(query))).toEqual(expected);
  });

  it("are asked for one by one, and those that are not granted are missing, whatever else the answer says", async () => {
    const asked: unknown[] = [];
    const api = new ScriptedApi().on("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", (call) => {
      const { spec } = call.body as unknown as { spec: { resourceAttributes: { verb: string } } };
      const { resourceAttributes } = spec;
      asked.push(resourceAttributes);
      const { verb } = resourceAttributes;
      const status: JsonObject = verb === "get" ? {} : { allowed: verb === "list", denied: false };
      return { status };
    });
    const rights = rightsNeeded({ own: "sys", isLedgerThere: false, applied: [], read: [pods] });
    const missing = await missingRights(api, rights, new AbortController().signal);
    expect(describeRights(missing)).toEqual([
      "get, watch, create, patch, delete configmaps in namespace sys",
      "get, watch pods in the whole cluster",
      "get pods/log in the whole cluster",
    ]);
    expect(asked).toHaveLength(rights.length);
    expect(asked.at(-1)).toEqual({ verb: "get", group: "", resource: "pods", subresource: "log", namespace: "" });
  });
});
