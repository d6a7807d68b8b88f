/** What is said of waves, hooks and depends-on, with its place. */
import { describe, expect, it } from "vitest";
import { validateApp } from "../../src/validation/index.ts";
import { declare } from "./declare.ts";

const NAME = "config.kubernetes.io/depends-on";

function config(name: string, annotations: Record<string, string> = {}): string {
  const lines = Object.entries(annotations).map(([key, value]) => `    ${key}: ${JSON.stringify(value)}\n`);
  const notes = lines.length === 0 ? "" : `  annotations:\n${lines.join("")}`;
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${notes}`;
}

const ref = (name: string): string => `/namespaces/default/ConfigMap/${name}`;

function said(...documents: string[]): string[] {
  const diagnostics = validateApp(declare(documents.join("---\n")), { defaultNamespace: "default" });
  return diagnostics.map(({ severity, rule, message, location }) => {
    return `${location.line}:${location.column} ${severity} ${rule}: ${message}`;
  });
}

describe("what an object says of its order", () => {
  const rows: { name: string; documents: string[]; said: string[] }[] = [
    { name: "may be nothing", documents: [config("a")], said: [] },
    {
      name: "may name what is declared and comes first",
      documents: [config("a", { [NAME]: ref("b") }), config("b")],
      said: [],
    },
    {
      name: "names what nobody declares",
      documents: [config("a", { [NAME]: ref("b") })],
      said: [
        `6:38 error depends-on: Cannot order configmap/a as what it depends on must be declared by this app: ${ref("b")} is not`,
      ],
    },
    {
      name: "is not written as cli-utils writes it",
      documents: [config("a", { [NAME]: "ConfigMap/b" })],
      said: [
        '6:38 error depends-on: Cannot order configmap/a as what it depends on must be written as group/namespaces/namespace/Kind/name, or group/Kind/name without a namespace: it is "ConfigMap/b"',
      ],
    },
    {
      name: "goes round in a circle, which is told once",
      documents: [
        config("a", { [NAME]: ref("b") }),
        config("b", { [NAME]: ref("c") }),
        config("c", { [NAME]: ref("a") }),
      ],
      said: [
        "6:38 error depends-on: Cannot order configmap/a as nothing may wait for itself: configmap/a depends on configmap/b depends on configmap/c depends on configmap/a",
      ],
    },
    {
      name: "waits for itself",
      documents: [config("a", { [NAME]: ref("a") })],
      said: [
        "6:38 error depends-on: Cannot order configmap/a as nothing may wait for itself: configmap/a depends on configmap/a",
      ],
    },
    {
      name: "waits for a later wave",
      documents: [config("a", { [NAME]: ref("b") }), config("b", { "argocd.argoproj.io/sync-wave": "1" })],
      said: [
        "6:38 error depends-on: Cannot order configmap/a (wave 0) as what it depends on must come first: configmap/b comes later (wave 1)",
      ],
    },
    {
      name: "waits for what is skipped",
      documents: [config("a", { [NAME]: ref("b") }), config("b", { "argocd.argoproj.io/hook": "Skip" })],
      said: [
        "6:38 error depends-on: Cannot order configmap/a (wave 0) as what it depends on must come first: configmap/b is never applied",
      ],
    },
    {
      name: "has a wave that is no number",
      documents: [config("a", { "argocd.argoproj.io/sync-wave": "one" })],
      said: [
        '6:35 warning sync-wave: Cannot use argocd.argoproj.io/sync-wave as it must be a whole number: it is "one"',
      ],
    },
    {
      name: "has words that nobody knows",
      documents: [
        config("a", { "argocd.argoproj.io/hook": "PreSync,Later", "argocd.argoproj.io/hook-delete-policy": "Never" }),
      ],
      said: [
        '6:30 warning sync-hook: Cannot use argocd.argoproj.io/hook as it must be of PreSync, Sync, PostSync, SyncFail, Skip: it has "Later"',
        '7:44 warning sync-hook: Cannot use argocd.argoproj.io/hook-delete-policy as it must be of BeforeHookCreation, HookSucceeded, HookFailed: it has "Never"',
      ],
    },
  ];
  it.each(rows)("$name", ({ documents, said: expected }) => {
    expect(said(...documents)).toEqual(expected);
  });
});
