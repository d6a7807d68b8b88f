/** What is kept of unchanged files, where another app decides what is wrong with them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CheckCache } from "../../../src/cli/check/cache.ts";
import { checkSource } from "../../../src/cli/validate/check.ts";
import { DiskSource } from "../../../src/cli/validate/sources.ts";

/** As many files as are worth a cache. */
const MANY = 400;
const CONFIG = `apps:
- { name: shop, path: shop }
- { name: plain, path: plain, namespace: plain }
- { name: platform, path: platform, namespace: platform }
`;
const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`;
const definition = (type: string): string => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.example.org }
spec:
  group: example.org
  scope: Namespaced
  names: { plural: things, singular: thing, kind: Thing, listKind: ThingList }
  versions:
  - { name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, properties: { size: { type: ${type} } } } } }
`;

let dir: string;

function write(path: string, text: string): void {
  mkdirSync(join(dir, path, ".."), { recursive: true });
  writeFileSync(join(dir, path), text);
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "trueup-check-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

it("judges unchanged objects anew when another app's definition changed, and keeps what it knows of apps without any", async () => {
  for (let n = 0; n < MANY; n++) for (const app of ["shop", "plain"]) write(`${app}/${n}.yaml`, configMap(`c-${n}`));
  write("shop/thing.yaml", "apiVersion: example.org/v1\nkind: Thing\nmetadata: { name: t }\nsize: large\n");
  write("trueup.yaml", CONFIG);
  let known = 0;
  class Watched extends CheckCache {
    override together(...args: Parameters<CheckCache["together"]>): ReturnType<CheckCache["together"]> {
      const found = super.together(...args);
      if (found !== undefined) known++;
      return found;
    }
  }
  const errors = async (type: string, cached = true): Promise<string[]> => {
    write("platform/crd.yaml", definition(type));
    const cacheFor = cached ? (identity: string) => new Watched(join(dir, ".cache"), identity) : undefined;
    const request = {
      paths: [],
      namespace: undefined,
      kubernetesVersion: undefined,
      day: "2026-11-26",
      stdin: undefined,
    };
    const { diagnostics } = await checkSource(new DiskSource(dir), { ...request, cacheFor });
    return diagnostics.flatMap(({ rule, location: { file, line } }) =>
      file.startsWith("shop") ? `${file}:${line} ${rule}` : [],
    );
  };
  const strange = "shop/thing.yaml:2 kind-not-run-here";
  const outcomes: [string[], number][] = [];
  for (const type of ["string", "integer", "string"]) outcomes.push([(await errors(type)).sort(), known]);
  expect(outcomes).toEqual([
    [[strange], 0],
    [[strange, "shop/thing.yaml:4 schema-type"], 1],
    [[strange], 2],
  ]);
  expect((await errors("integer", false)).sort()).toEqual(outcomes[1]?.[0]);
});

it("finds what two apps declare, as the daemon rejects it in both; also in files that are known from before", async () => {
  for (let n = 0; n < MANY; n++) write(`shop/${n}.yaml`, configMap(`c-${n}`));
  write("plain/own.yaml", `${configMap("c-7")}---\n${configMap("c-8, namespace: default")}`);
  write("platform/node.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: { name: both }\n");
  write("shop/node.yaml", "# Lives in no namespace.\napiVersion: v1\nkind: Namespace\nmetadata: { name: both }\n");
  write("trueup.yaml", CONFIG);
  const cacheFor = (identity: string): CheckCache => new CheckCache(join(dir, ".cache"), identity);
  const found = async (more: object = {}): Promise<string[]> => {
    const request = {
      paths: [],
      namespace: undefined,
      kubernetesVersion: undefined,
      day: "2026-11-26",
      cacheFor,
      ...more,
    };
    const { diagnostics } = await checkSource(new DiskSource(dir), { ...request, stdin: undefined });
    return diagnostics
      .filter(({ severity }) => severity === "error")
      .map(({ rule, message, location: { file, line } }) => `${file}:${line} ${rule}: ${message}`)
      .sort();
  };
  const twice = (place: string, what: string, other: string): string =>
    `${place} object-declared-by-two-apps: Cannot apply ${what} as one app only may declare it: app ${other}`;
  const want = [
    twice("plain/own.yaml:5", "configmap/c-8", "shop does, too (shop/8.yaml:1)"),
    twice("platform/node.yaml:1", "namespace/both", "shop does, too (shop/node.yaml:2)"),
    twice("shop/8.yaml:1", "configmap/c-8", "plain does, too (plain/own.yaml:5)"),
    twice("shop/node.yaml:2", "namespace/both", "platform does, too (platform/node.yaml:1)"),
  ];
  expect(await found()).toEqual(want);
  expect(await found()).toEqual(want);
  expect(await found({ schemasOnly: true })).toEqual([]);
  // Of a kind that lives in no namespace, whatever namespace each of the apps would give it.
  write("platform/crd.yaml", definition("string").replace("scope: Namespaced", "scope: Cluster"));
  for (const app of ["plain", "shop"]) {
    write(`${app}/thing.yaml`, "apiVersion: example.org/v1\nkind: Thing\nmetadata: { name: t }\n");
  }
  expect((await found()).filter((each) => each.includes("thing"))).toEqual([
    twice("plain/thing.yaml:1", "thing/t", "shop does, too (shop/thing.yaml:1)"),
    twice("shop/thing.yaml:1", "thing/t", "plain does, too (plain/thing.yaml:1)"),
  ]);
  // Named as one app, they are another's question: whether one app declares it twice.
  expect((await found({ paths: ["shop", "platform"] })).map((each) => each.split(":")[2])).not.toContain(
    " object-declared-by-two-apps",
  );
});
