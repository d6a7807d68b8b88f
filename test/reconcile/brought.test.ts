/** Where new pods come from: places in real manifests, few of them, and never a value. */
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import type { Declared } from "../../src/model/manifest.ts";
import type { Change, FieldChange, Plan } from "../../src/model/plan.ts";
import { asCommitId, asObjectHash } from "../../src/model/source.ts";
import { broughtBy, placeOfImage } from "../../src/reconcile/brought.ts";

function declare(name: string): Declared {
  const text = `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  template:
    spec:
      containers:
      - name: web
        image: web:v1
        env:
        - {name: PASSWORD, value: hunter22}
`;
  const blob = asObjectHash("a".repeat(40));
  const [only] = parseManifestFile({ file: `${name}.yaml`, blob, text, defaultNamespace: "default" }).declared;
  if (only === undefined) throw new Error("it does not parse");
  return only;
}

const field = (path: string): FieldChange => ({ path, kind: "change", before: "hunter21", after: "hunter22" });
const IMAGE = "spec.template.spec.containers[name=web].image";
const ENV = "spec.template.spec.containers[name=web].env[name=PASSWORD].value";

function change(name: string, action: Change["action"], paths: string[], restartsPods: boolean): Change {
  const declared = declare(name);
  return { action, id: declared.id, declared, fields: paths.map(field), restartsPods };
}

function plan(changes: Change[]): Plan {
  return { app: "shop", commit: asCommitId("1".repeat(40)), changes, unchanged: 0, digest: "sha256:0" };
}

describe("what is brought", () => {
  const rows: { name: string; given: Change; wanted: Record<string, string> }[] = [
    {
      name: "by a new workload is the workload",
      given: change("web", "create", [], false),
      wanted: { "deployment/web": "web.yaml:1:1" },
    },
    {
      name: "by a changed image is its line",
      given: change("web", "update", ["spec.replicas", IMAGE], true),
      wanted: { "deployment/web": `web.yaml:9:16 (${IMAGE})` },
    },
    {
      name: "by a changed value is its line, without the value",
      given: change("web", "update", [ENV], true),
      wanted: { "deployment/web": `web.yaml:11:35 (${ENV})` },
    },
    { name: "by a changed size is nothing", given: change("web", "update", ["spec.replicas"], false), wanted: {} },
    {
      name: "by many fields is cut short",
      given: change("web", "update", [IMAGE, IMAGE, IMAGE, IMAGE, IMAGE], true),
      wanted: { "deployment/web": `${Array(3).fill(`web.yaml:9:16 (${IMAGE})`).join(", ")} and 2 more` },
    },
  ];
  it.each(rows)("$name", ({ given, wanted }) => {
    expect(broughtBy(plan([given]))).toEqual(wanted);
    expect(JSON.stringify(broughtBy(plan([given])))).not.toContain("hunter");
  });

  it("is written down of a hundred workloads at most", () => {
    const many = Array.from({ length: 150 }, (_, index) => change(`w${index}`, "create", [], false));
    expect(Object.keys(broughtBy(plan(many))).length).toBe(100);
  });

  it("by an image is where the container names it, else the object", () => {
    expect(placeOfImage(declare("web"), "web")).toBe("web.yaml:9:16 (spec.template.spec.containers[0].image)");
    expect(placeOfImage(declare("web"), "gone")).toBe("web.yaml:1:1");
  });
});
