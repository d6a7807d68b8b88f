/** Redaction and text: what a person reads, in full, so that a reader checks it by eye. */

import fc from "fast-check";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { compareObjects } from "../../src/diff/compare.ts";
import { redactChanges, redactObject, redactPair } from "../../src/diff/redact.ts";
import { textDiff } from "../../src/diff/text.ts";
import { yamlText } from "../../src/diff/yaml-text.ts";
import type { KubeObject } from "../../src/model/object.ts";

const secret = (fields: Record<string, unknown>): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "db" },
  ...fields,
});

const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("redaction", () => {
  const before = secret({ data: { user: base64("root"), password: base64("hunter2"), old: base64("gone") } });
  const after = secret({ data: { user: base64("root"), password: base64("hunter3"), fresh: base64("here") } });

  it("shows which values changed and none of them", () => {
    expect(redactChanges(after, compareObjects(before, after))).toEqual([
      { path: "data.fresh", kind: "add", after: "***" },
      { path: "data.old", kind: "remove", before: "***" },
      { path: "data.password", kind: "change", before: "*** (before)", after: "*** (after)" },
    ]);
  });

  it("masks both versions of an object", () => {
    const masked = redactPair(before, after);
    expect(masked.before?.data).toEqual({ user: "***", password: "*** (before)", old: "***" });
    expect(masked.after?.data).toEqual({ user: "***", password: "*** (after)", fresh: "***" });
  });

  it("takes stringData for what it becomes", () => {
    const masked = redactPair(before, secret({ stringData: { user: "root", password: "hunter3" } }));
    expect(masked.after).toEqual(secret({ data: { user: "***", password: "*** (after)" } }));
  });

  it("masks the copy in a last-applied annotation, on whatever object it is", () => {
    const copy = JSON.stringify(before);
    const configMap: KubeObject = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "c", annotations: { "kubectl.kubernetes.io/last-applied-configuration": copy, a: "b" } },
      data: { shown: "yes" },
    };
    const text = JSON.stringify(redactObject(configMap));
    expect(text).not.toContain(base64("hunter2"));
    expect(redactObject(configMap).data).toEqual({ shown: "yes" });
    expect(redactObject(configMap).metadata.annotations?.a).toBe("b");
  });

  it("leaves objects without secrets as they are", () => {
    const object: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "b" } };
    expect(redactObject(object)).toBe(object);
  });

  it("leaks no value, whatever the Secrets hold", () => {
    const value = fc.string({ minLength: 12, maxLength: 20, unit: fc.constantFrom("q", "Q", "7", "!") });
    const data = fc.dictionary(fc.constantFrom("a", "b", "__proto__"), value);
    fc.assert(
      fc.property(data, data, fc.boolean(), (left, right, plain) => {
        const encode = (values: Record<string, string>): Record<string, string> =>
          Object.fromEntries(Object.entries(values).map(([key, text]) => [key, base64(text)]));
        const old = secret({ data: encode(left) });
        const next = plain ? secret({ stringData: right }) : secret({ data: encode(right) });
        const shown = [
          textDiff(old, next),
          JSON.stringify(redactChanges(next, compareObjects(old, next))),
          JSON.stringify(redactObject(next)),
        ].join("\n");
        for (const text of [...Object.values(left), ...Object.values(right)]) {
          expect(shown).not.toContain(text);
          expect(shown).not.toContain(base64(text));
        }
      }),
    );
  });
});

describe("text of a difference", () => {
  it("is a unified diff of YAML without bookkeeping", () => {
    const web = (image: string, replicas: number): KubeObject => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", uid: "u", resourceVersion: String(replicas), labels: { app: "web" } },
      spec: {
        replicas,
        template: { spec: { containers: [{ ports: [{ containerPort: 80 }], name: "web", image, args: ["-v"] }] } },
      },
      status: { replicas },
    });
    expect(textDiff(web("web:v1", 3), web("web:v2", 3))).toBe(
      [
        "--- live deployment/web",
        "+++ git deployment/web",
        "@@ -10,7 +10,7 @@",
        "     spec:",
        "       containers:",
        "       - name: web",
        "-        image: web:v1",
        "+        image: web:v2",
        "         args:",
        "         - -v",
        "         ports:",
        "",
      ].join("\n"),
    );
  });

  it("shows a Secret's change without its values, and an object that is new or gone", () => {
    const old = secret({ data: { a: base64("1"), b: base64("2") } });
    expect(textDiff(old, secret({ data: { a: base64("1"), b: base64("3") } }), { context: 1 })).toContain(
      '-  b: "*** (before)"\n+  b: "*** (after)"\n',
    );
    expect(textDiff(null, old)).toContain("--- /dev/null\n+++ git secret/db\n");
    expect(textDiff(old, null)).toContain("--- live secret/db\n+++ /dev/null\n");
    expect(textDiff(old, old)).toBe("");
  });
});

describe("YAML text", () => {
  it("reads back as it was", () => {
    const text = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 12 }),
      fc.constantFrom(
        "",
        "yes",
        "0755",
        "1e3",
        "null",
        "~",
        "- a",
        "a: b",
        "a #b",
        "a\nb",
        "a\n\n b\n",
        " a\nb",
        "a \nb",
        "\ta",
        "1:30",
        "0x1f",
        "=",
        "2026-01-01",
        "%a",
        "@b",
        "a\n\n\n",
        "*x",
        "&y",
        "!z",
        "{",
        "]",
        "-",
        "?",
        "a\r\nb",
        "\u001b[31m",
        "<<",
        ".inf",
        "1_000",
        "a:",
      ),
    );
    const value = fc.letrec((tie) => ({
      leaf: fc.oneof(text, fc.integer(), fc.boolean()),
      list: fc.array(tie("any"), { maxLength: 3 }),
      map: fc.dictionary(text, tie("any"), { maxKeys: 3, noNullPrototype: true }),
      any: fc.oneof({ depthSize: "small" }, tie("leaf"), tie("list"), tie("map")),
    })).map;
    fc.assert(
      fc.property(value, (tree) => {
        expect(load(yamlText(tree))).toEqual(tree);
      }),
      { numRuns: 400 },
    );
  });

  it("is the same whatever the order of keys", () => {
    expect(yamlText({ b: 1, a: { d: [], c: {} }, kind: "X" })).toBe("kind: X\na:\n  c: {}\n  d: []\nb: 1\n");
    expect(yamlText({ kind: "X", a: { c: {}, d: [] }, b: 1 })).toBe("kind: X\na:\n  c: {}\n  d: []\nb: 1\n");
  });
});
