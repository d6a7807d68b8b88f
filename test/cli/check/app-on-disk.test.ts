/** What a run with a cache says of an app is what one without says, whatever changed since: objects are compared again when it matters. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkFilesOnDisk, type FileOnDisk } from "../../../src/cli/check/app-on-disk.ts";
import { CheckCache } from "../../../src/cli/check/cache.ts";
import { checkApp, type LoadedApp } from "../../../src/cli/manifests.ts";
import { compareDiagnostics } from "../../../src/model/diagnostic.ts";
import { asObjectHash } from "../../../src/model/source.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trueup-app-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const NO_BLOB = asObjectHash("0".repeat(40));
const CONTEXT = { defaultNamespace: "default" };

const deployment = (version: string, name: string, label: string, image: string): string =>
  `apiVersion: apps/${version}
kind: Deployment
metadata: { name: ${name} }
spec:
  selector: { matchLabels: { app: ${label} } }
  template:
    metadata: { labels: { app: ${label} } }
    spec:
      containers:
        - { name: c, image: "${image}", ports: [{ name: http, containerPort: 80 }], envFrom: [{ configMapRef: { name: ${label} } }] }
`;
const service = (selected: string, port: string): string =>
  `apiVersion: v1
kind: Service
metadata: { name: svc }
spec: { selector: { app: ${selected} }, ports: [{ port: 80, targetPort: ${port} }] }
`;
const custom = "apiVersion: example.com/v1\nkind: Thing\nmetadata: { name: t }\n";

/** What a file may hold: much of it says something about another. */
const content = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("v1", "v1", "v1beta1"),
      fc.constantFrom("a", "b"),
      fc.constantFrom("x", "y"),
      fc.constantFrom("i:v1", "i:v2", "i"),
    )
    .map((parts) => deployment(...parts)),
  fc.tuple(fc.constantFrom("x", "y", "z"), fc.constantFrom("http", "80", "81")).map((parts) => service(...parts)),
  fc.constantFrom("x", "y").map((name) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`),
  fc.constantFrom("", "kind: [", custom),
);
const step = fc.record({ at: fc.integer({ min: 0, max: 3 }), content, isNew: fc.boolean() });

describe("an app on disk", () => {
  it("gets with a cache what it gets without one", async () => {
    const outcomes = { known: 0, compared: 0 };
    const property = fc.asyncProperty(
      fc.array(content, { minLength: 3, maxLength: 3 }),
      fc.array(step),
      async (begin, steps) => {
        const files = new Map<string, FileOnDisk>();
        const store = mkdtempSync(join(directory, "run-"));
        const write = (name: string, text: string): void => {
          const path = join(store, name);
          writeFileSync(path, text);
          files.set(name, { file: name, path, text, blob: NO_BLOB });
        };
        const said = async (cached: boolean): Promise<string[]> => {
          const cacheFor = cached ? (identity: string) => new CheckCache(join(store, "cache"), identity) : undefined;
          const list = [...files.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
          const app: LoadedApp = await checkFilesOnDisk(list, CONTEXT, cacheFor, { worthACache: 0 });
          if (cached) outcomes[app.together === undefined ? "compared" : "known"]++;
          return checkApp(app, CONTEXT)
            .toSorted(compareDiagnostics)
            .map((each) => JSON.stringify(each));
        };
        begin.forEach((text, at) => {
          write(`f${at}.yaml`, text);
        });
        expect(await said(true)).toEqual(await said(false));
        for (const { at, content: text, isNew } of steps) {
          write(`${isNew ? "g" : "f"}${at}.yaml`, text);
          const plain = await said(false);
          expect(await said(true)).toEqual(plain);
          // Once more, with nothing changed.
          expect(await said(true)).toEqual(plain);
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
    expect(Math.min(outcomes.known, outcomes.compared)).toBeGreaterThan(20);
  });

  it("has a cache of its own beside another one with the same options", async () => {
    const app = (name: string): FileOnDisk[] =>
      ["a.yaml", "more/b.yaml"].map((file, at) => {
        const path = join(directory, `${name}-${at}.yaml`);
        writeFileSync(path, "");
        return { file: `apps/${name}/${file}`, path, text: "", blob: NO_BLOB };
      });
    const identities: string[] = [];
    const cacheFor = (identity: string): CheckCache => {
      identities.push(identity);
      return new CheckCache(join(directory, "cache"), identity);
    };
    const absolute = app("one").map((each) => ({ ...each, file: `/elsewhere/${each.file}` }));
    for (const files of [app("one"), app("two"), app("one").slice(0, 1), [], [...absolute, ...app("two")], absolute]) {
      checkApp(await checkFilesOnDisk(files, CONTEXT, cacheFor, { worthACache: 0 }), CONTEXT);
    }
    const places = identities.map((identity) => (JSON.parse(identity) as string[])[0]);
    expect(places).toEqual(["apps/one/", "apps/two/", "apps/one/", "", "", "/elsewhere/apps/one/"]);
  });
});
