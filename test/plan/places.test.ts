/** Places: from a field as a plan names it to its line and column, with the real parser. */
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import type { Declared } from "../../src/model/manifest.ts";
import type { Change } from "../../src/model/plan.ts";
import { asObjectHash } from "../../src/model/source.ts";
import { fieldPathOf, placesOf } from "../../src/plan/places.ts";

const TEXT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {example.org/a.b: x}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: side
        image: side:v1
      - name: web
        image: web:v1
        args: [one, two]
        ports:
        - {containerPort: 80, protocol: TCP}
        - {containerPort: 80, protocol: UDP}
`;

function declared(): Declared {
  const blob = asObjectHash("a".repeat(40));
  const [only] = parseManifestFile({ file: "web.yaml", blob, text: TEXT, defaultNamespace: "default" }).declared;
  if (only === undefined) throw new Error("it does not parse");
  return only;
}

const CONTAINER = ["spec", "template", "spec", "containers", 1];

describe("a field", () => {
  const rows: { shown: string; path: (string | number)[]; place: string }[] = [
    { shown: "spec.replicas", path: ["spec", "replicas"], place: "7:13" },
    { shown: "spec.template.spec.containers[name=web].image", path: [...CONTAINER, "image"], place: "14:16" },
    { shown: "spec.template.spec.containers[1].image", path: [...CONTAINER, "image"], place: "14:16" },
    { shown: "spec.template.spec.containers[name=web].args[1]", path: [...CONTAINER, "args", 1], place: "15:21" },
    {
      shown: "spec.template.spec.containers[name=web].ports[containerPort=80,protocol=UDP].protocol",
      path: [...CONTAINER, "ports", 1, "protocol"],
      place: "18:41",
    },
    { shown: ".spec.replicas", path: ["spec", "replicas"], place: "7:13" },
    {
      shown: 'spec.template.spec.containers[name="web"].image',
      path: [...CONTAINER, "image"],
      place: "14:16",
    },
    {
      shown: "metadata.annotations[example.org/a.b]",
      path: ["metadata", "annotations", "example.org/a.b"],
      place: "5:34",
    },
    {
      shown: 'metadata.annotations["example.org/a.b"]',
      path: ["metadata", "annotations", "example.org/a.b"],
      place: "5:34",
    },
    // What git has no more is at the place of what it was in.
    { shown: "spec.template.spec.containers[name=gone].image", path: CONTAINER.slice(0, 4), place: "11:7" },
    { shown: "spec.template.spec.containers[9].image", path: CONTAINER.slice(0, 4), place: "11:7" },
    { shown: "status.phase", path: [], place: "1:1" },
    { shown: "__proto__.x", path: [], place: "1:1" },
    { shown: "", path: [], place: "1:1" },
  ];
  it.each(rows)("$shown", ({ shown, path, place }) => {
    const object = declared();
    expect(fieldPathOf(object.object, shown)).toEqual(path);
    const fields = [{ path: shown, kind: "change" as const }];
    const change: Change = { action: "update", id: object.id, declared: object, fields, restartsPods: false };
    const [found] = placesOf(change);
    expect(`${found?.location.line}:${found?.location.column}`).toBe(place);
    expect([found?.location.file, found?.path]).toEqual(["web.yaml", shown]);
  });

  it("is the object when the change has none, and nowhere when git declares nothing", () => {
    const object = declared();
    const change: Change = { action: "create", id: object.id, declared: object, fields: [], restartsPods: false };
    expect(placesOf(change)).toEqual([{ location: { file: "web.yaml", line: 1, column: 1 }, path: "" }]);
    expect(placesOf({ action: "delete", id: object.id, fields: [], restartsPods: false })).toEqual([]);
  });
});
