/** Where new pods come from: places in real manifests, few of them, and never a value. */
import { describe, expect, it } from "vitest";
import { compareObjects } from "../../src/diff/compare.ts";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import type { Declared } from "../../src/model/manifest.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { Change, FieldChange, Plan } from "../../src/model/plan.ts";
import { asCommitId, asObjectHash } from "../../src/model/source.ts";
import { ConfigStamper, keyedDigest } from "../../src/plan/config-digest.ts";
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

  it("by changed configuration is the line of its content, not that of the annotation that asks for the restart", () => {
    const text = (colour: string, password: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {trueup/restart-on: "configmap,secret"}}
spec: {template: {spec: {containers: [{name: web, image: "web:v1", envFrom: [{configMapRef: {name: c}}, {secretRef: {name: s}}]}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  colour: ${colour}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData:
  password: ${password}
`;
    const blob = asObjectHash("b".repeat(40));
    const stamper = new ConfigStamper(keyedDigest(new Uint8Array(32)));
    const read = (...values: [string, string]): readonly Declared[] =>
      stamper.stamp(
        parseManifestFile({ file: "all.yaml", blob, text: text(...values), defaultNamespace: "default" }).declared,
      );
    const brought = (before: readonly Declared[], after: readonly Declared[]): Record<string, string> => {
      const [workload, ...configs] = after.map((declared, at): Change => {
        const fields = compareObjects(before[at]?.object as KubeObject, declared.object);
        const restartsPods = declared.id.kind === "Deployment";
        return { action: "update", id: declared.id, declared, fields, restartsPods };
      });
      return broughtBy(plan([...configs, workload as Change]));
    };
    const base = read("blue", "hunter21");
    expect(brought(base, read("red", "hunter21"))).toEqual({
      "deployment/web": "all.yaml:10:11 (data.colour of configmap/c)",
    });
    const both = brought(base, read("red", "hunter22"));
    expect(both["deployment/web"]).toMatch(
      /^all\.yaml:10:11 \(data\.colour of configmap\/c\), all\.yaml:16:13 \((?:stringData|data)\.password of secret\/s\)$/,
    );
    expect(JSON.stringify(both)).not.toContain("hunter");
    // Where the plan does not change the configuration itself, the annotation is all there is to name.
    const [workload] = read("red", "hunter21");
    if (workload === undefined) throw new Error("there must be a Deployment");
    const fields = compareObjects(base[0]?.object as KubeObject, workload.object);
    expect(
      broughtBy(plan([{ action: "update", id: workload.id, declared: workload, fields, restartsPods: true }])),
    ).toEqual({
      "deployment/web": expect.stringMatching(/^all\.yaml:3:\d+ \(spec\.template\.metadata\.annotations/),
    });
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
