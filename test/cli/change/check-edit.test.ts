/** An edit is judged as the app of its file will be judged. */
import { describe, expect, it } from "vitest";
import { checkEdited, optionsFor } from "../../../src/cli/change/check-edit.ts";
import { parseApps } from "../../../src/daemon/apps.ts";
import type { Declared } from "../../../src/model/manifest.ts";
import { declare } from "../../validation/declare.ts";

const manifest = (container: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: "web:v1"${container}}]}\n`;
/** A field of containers that Kubernetes 1.37 has and 1.34 does not. */
const RULES = ", livenessProbe: {httpGet: {port: 80, protocol: HTTP1}}";
const { apps } = parseApps(
  'kubernetesVersion: "1.34"\nallowUnknownKinds: [a.example/*]\napps:\n- {name: shop, path: shop}\n- {name: new, path: shop/new}\n',
);

function original(): Declared {
  const [declared] = declare(manifest(""), "shop/web.yaml");
  if (declared === undefined) throw new Error("the text declares an object");
  return declared;
}

describe("options of a file", () => {
  it.each([
    ["shop/web.yaml", { kubernetesVersion: "1.34", allowUnknownKinds: ["a.example/*"] }],
    ["shop/new/web.yaml", { kubernetesVersion: "1.34", allowUnknownKinds: ["a.example/*"] }],
    ["shopping/web.yaml", {}],
    ["web.yaml", {}],
  ])("%s: those of the app that it lies in", (file, options) => expect(optionsFor(apps, file)).toEqual(options));
});

describe("an edit", () => {
  it("that the app's Kubernetes version does not know is refused, though the newest one does", () => {
    const text = manifest(", imagePullPolicy: Sometimes");
    expect(() => checkEdited(text, original(), "default", {})).toThrow(/must stay valid/);
    const gated = manifest(RULES);
    expect(
      checkEdited(gated, original(), "default", {}).warnings.filter(({ severity }) => severity === "error"),
    ).toEqual([]);
    expect(() => checkEdited(gated, original(), "default", optionsFor(apps, "shop/web.yaml"))).toThrow(
      /Cannot change shop\/web\.yaml as it must stay valid: .*protocol/,
    );
  });

  it("that loses the object is refused", () => {
    expect(() => checkEdited("a: b\n", original(), "default", {})).toThrow(/must stay a valid manifest/);
  });
});
