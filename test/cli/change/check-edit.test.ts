/** An edit is judged as the app of its file will be judged. */
import { describe, expect, it } from "vitest";
import { checkEdited, type EditJudge } from "../../../src/cli/change/check-edit.ts";
import { appOfFile } from "../../../src/cli/change/path-then.ts";
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

const DAY = "2026-11-26";
const NOBODY: EditJudge = { app: undefined, day: DAY };

const limited = (): string => manifest(', resources: {limits: {cpu: "1"}}');
const hostNetwork = (): string => manifest("").replace("spec: {", "spec: {hostNetwork: true, ");
const excepting = (until: string): string =>
  `validation: {policies: {host-network: error}, exceptions: [{rule: host-network, kind: Pod, name: web, reason: old, until: ${until}}]}`;

function original(): Declared {
  const [declared] = declare(manifest(""), "shop/web.yaml");
  if (declared === undefined) throw new Error("the text declares an object");
  return declared;
}

describe("the app of a file", () => {
  it.each([
    ["shop/web.yaml", "shop"],
    ["shop/new/web.yaml", "new"],
    ["shopping/web.yaml", undefined],
    ["web.yaml", undefined],
  ])("%s: the innermost that it lies in", (file, name) => expect(appOfFile(apps, file)?.name).toBe(name));
});

describe("an edit", () => {
  it("that the app's Kubernetes version does not know is refused, though the newest one does", () => {
    const text = manifest(", imagePullPolicy: Sometimes");
    expect(() => checkEdited(text, original(), "default", NOBODY)).toThrow(/must stay valid/);
    const gated = manifest(RULES);
    expect(
      checkEdited(gated, original(), "default", NOBODY).warnings.filter(({ severity }) => severity === "error"),
    ).toEqual([]);
    expect(() => checkEdited(gated, original(), "default", { app: apps[0], day: DAY })).toThrow(
      /Cannot change shop\/web\.yaml as it must stay valid: .*protocol/,
    );
  });

  const asking = (more: string): EditJudge => {
    const [app] = parseApps(`apps: [{ name: shop, path: shop }]\n${more}`).apps;
    if (app === undefined) throw new Error("there must be an app");
    return { app, day: DAY };
  };
  const rule =
    "rules: [{ id: few, expression: '!has(object.spec.priority) || object.spec.priority <= 3', message: too important, kinds: [Pod] }]";
  const priority = (value: number): string => manifest("").replace("spec: {", `spec: {priority: ${value}, `);

  it.each<[title: string, asked: string, text: string, refused: RegExp | null]>([
    ["a policy", "validation: {policies: {host-network: error}}", hostNetwork(), /must stay valid: .*host/i],
    ["a policy that only warns", "validation: {policies: {host-network: warning}}", hostNetwork(), null],
    [
      "a level",
      "validation: {levels: {process-runtime-ignores: error}}",
      limited(),
      /must stay valid: .*not enforced by the process runtime/,
    ],
    ["a rule in CEL", `validation: {${rule}}`, priority(4), /must stay valid: .*too important/],
    ["a rule in CEL that it keeps", `validation: {${rule}}`, priority(3), null],
    ["a rule of images that was broken before", "images: {allowedRepositories: [shop/*]}", priority(1), null],
    [
      "a rule of images that was kept before",
      "images: {allowedRepositories: [web]}",
      manifest("").replace("web:v1", "evil:v1"),
      /must stay valid: .*one that trueup\.yaml allows/,
    ],
    ["an exception", excepting("2026-11-26"), hostNetwork(), null],
    ["an exception that has run out", excepting("2026-11-25"), hostNetwork(), /must stay valid/],
  ])("is judged by what the app asks: %s", (_title, asked, text, refused) => {
    const check = () => checkEdited(text, original(), "default", asking(asked));
    if (refused === null) expect(check().declared.id.name).toBe("web");
    else expect(check).toThrow(refused);
  });

  it("that puts a wrong value in the place of another wrong one is refused, too", () => {
    const by = asking("images: {allowedRepositories: [shop]}");
    expect(() => checkEdited(manifest("").replace("web:v1", "evil:v1"), original(), "default", by)).toThrow(/evil:v1/);
    expect(checkEdited(priority(3), original(), "default", by).warnings).toEqual([]);
  });

  it("that loses the object is refused", () => {
    expect(() => checkEdited("a: b\n", original(), "default", NOBODY)).toThrow(/must stay a valid manifest/);
  });
});
