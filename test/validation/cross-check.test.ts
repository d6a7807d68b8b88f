/** Comparing commit after commit says what comparing each of them alone would. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Declared } from "../../src/model/manifest.ts";
import * as app from "../../src/validation/app.ts";
import { CrossCheck } from "../../src/validation/cross-check.ts";
import { declare, lines } from "./declare.ts";

const CONTEXT = { defaultNamespace: "default" };

interface Item {
  kind: "Deployment" | "Service" | "ConfigMap" | "PodDisruptionBudget";
  name: string;
  label: string;
  replicas: number;
  needs: string | null;
  after: string | null;
  blankLines: number;
}

function text({ kind, name, label, replicas, needs, after, blankLines }: Item): string {
  const annotations = after === null ? {} : { annotations: { "config.kubernetes.io/depends-on": after } };
  const metadata = { name, ...annotations };
  const env = needs === null ? {} : { envFrom: [{ configMapRef: { name: needs } }] };
  const containers = [{ name: "main", image: "web:v1", ports: [{ containerPort: 80 }], ...env }];
  const template = { metadata: { labels: { app: label } }, spec: { containers } };
  const selector = { matchLabels: { app: label } };
  const object = {
    Deployment: { apiVersion: "apps/v1", kind, metadata, spec: { replicas, selector, template } },
    Service: {
      apiVersion: "v1",
      kind,
      metadata,
      spec: { selector: { app: label }, ports: [{ port: 79 + (replicas % 3) }] },
    },
    ConfigMap: { apiVersion: "v1", kind, metadata, data: { size: String(replicas) } },
    PodDisruptionBudget: { apiVersion: "policy/v1", kind, metadata, spec: { minAvailable: replicas, selector } },
  }[kind];
  return `${"\n".repeat(blankLines)}${JSON.stringify(object)}\n`;
}

const letter = fc.constantFrom("a", "b", "c");
const item: fc.Arbitrary<Item> = fc.record({
  kind: fc.constantFrom("Deployment", "Service", "ConfigMap", "PodDisruptionBudget"),
  name: letter,
  label: letter,
  replicas: fc.nat(5),
  needs: fc.option(letter, { freq: 2 }),
  after: fc.option(fc.constantFrom("/namespaces/default/ConfigMap/a", "apps/namespaces/default/Deployment/b"), {
    freq: 3,
  }),
  blankLines: fc.nat(2),
});
const file = fc.array(item, { maxLength: 3 });
/** Which file is written anew, as what. */
const edit = fc.record({ at: fc.nat(3), as: file });

function parsed(items: readonly Item[], index: number): Declared[] {
  return items.length === 0 ? [] : declare(items.map(text).join("---\n"), `${index}.yaml`);
}

describe("comparing the objects of commits one after the other", () => {
  it("says what comparing them anew would", () => {
    fc.assert(
      fc.property(fc.tuple(file, file, file, file), fc.array(edit, { maxLength: 8 }), (files, edits) => {
        const check = new CrossCheck();
        const entries = files.map(parsed);
        expect(lines(check.check(entries.flat(), CONTEXT))).toEqual(lines(app.validateApp(entries.flat(), CONTEXT)));
        for (const { at, as } of edits) {
          entries[at] = parsed(as, at);
          const now = entries.flat();
          expect(check.check(now, CONTEXT)).toEqual(app.validateApp(now, CONTEXT));
        }
      }),
      { numRuns: 300 },
    );
  });

  const web: Item = { kind: "Deployment", name: "a", label: "a", replicas: 1, needs: null, after: null, blankLines: 0 };
  const service: Item = { ...web, kind: "Service" };
  const lost: Item = { ...service, name: "b", label: "c" };
  const rows: { change: string; from: Item[]; to: Item[]; isSame: boolean; says: number }[] = [
    { change: "a number of replicas", from: [web], to: [{ ...web, replicas: 3 }], isSame: true, says: 1 },
    {
      change: "a place, in a file of which nothing is said",
      from: [web],
      to: [{ ...web, blankLines: 2 }],
      isSame: true,
      says: 1,
    },
    {
      change: "a place, in a file of which something is said",
      from: [lost],
      to: [{ ...lost, blankLines: 2 }],
      isSame: false,
      says: 4,
    },
    { change: "labels", from: [web], to: [{ ...web, label: "b" }], isSame: false, says: 2 },
    { change: "a name", from: [web], to: [{ ...web, name: "b" }], isSame: false, says: 1 },
    { change: "one object more", from: [web], to: [web, { ...web, kind: "ConfigMap" }], isSame: false, says: 1 },
    { change: "a port", from: [service], to: [{ ...service, replicas: 2 }], isSame: false, says: 4 },
  ];
  it.each(rows)("sees in $change whether it matters: $isSame", ({ from, to, isSame, says }) => {
    const others = parsed([service, lost], 1);
    const check = new CrossCheck();
    const before = check.check([...parsed(from, 0), ...others], CONTEXT);
    const after = check.check([...parsed(to, 0), ...others], CONTEXT);
    expect({ isSame: after === before, says: after.length }).toEqual({ isSame, says });
  });
});
