/** The one-way flow, checked: a file may import only what the table of `src/README.md` allows its folder. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = resolve(import.meta.dirname, "../../src");

/** Folder to the folders that its files may import besides themselves. Keep equal to the table in `src/README.md`. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  model: [],
  util: [],
  git: ["model", "util"],
  manifest: ["model", "util"],
  validation: ["model", "util", "manifest"],
  image: ["model", "util", "git"],
  defaulting: ["model"],
  diff: ["model", "defaulting"],
  plan: ["model", "diff"],
  rollout: ["model"],
  why: ["model", "defaulting", "diff", "rollout"],
  cluster: ["model", "util", "defaulting", "rollout"],
  kubelet: ["model", "util"],
  backend: ["model", "util", "defaulting", "diff", "cluster"],
  ledger: ["model", "util"],
  conformance: ["model"],
  reconcile: ["model", "util", "git", "manifest", "validation", "image", "diff", "plan", "rollout"],
  forge: ["model", "util", "git", "plan", "reconcile"],
  preview: ["model", "util", "git", "plan", "reconcile"],
  server: ["model", "util", "rollout", "plan", "diff", "reconcile", "why"],
  web: ["model", "server"],
  daemon: [
    "model",
    "util",
    "git",
    "manifest",
    "validation",
    "image",
    "defaulting",
    "diff",
    "plan",
    "rollout",
    "cluster",
    "kubelet",
    "backend",
    "ledger",
    "reconcile",
    "server",
    "why",
  ],
  cli: ["*"],
  "": ["*"],
};

/** Packages that only some folders may use, so that a library's shapes stay behind one door. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "simple-git": ["git"],
  chokidar: ["git"],
  // A kubeconfig is YAML too, and none of what `manifest/` knows about manifests holds for it.
  "js-yaml": ["manifest", "cli", "server", "backend"],
  ajv: ["validation"],
  "@marcbachmann/cel-js": ["validation"],
  re2js: ["validation"],
  diff: ["diff"],
  "node:sqlite": ["cluster", "ledger", "util"],
  fastify: ["server", "kubelet"],
  commander: ["cli"],
  undici: ["backend"],
  "undici/lib/dispatcher/pool.js": ["backend"],
  "@kubernetes/client-node": [],
  "@kubernetes/client-node/dist/config_types.js": ["backend"],
  "@kubernetes/client-node/dist/oidc_auth.js": ["backend"],
  // What the suite is made of; the package itself runs without it.
  vitest: ["conformance"],
  "node:child_process": ["git", "kubelet", "daemon", "cli", "backend"],
};

interface Import {
  from: string;
  specifier: string;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  const found = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)];
  return found.map((match) => ({ from: relative(SRC, file), specifier: match[1] ?? "" }));
}

function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

const files = globSync("**/*.ts", { cwd: SRC }).map((path) => join(SRC, path));
const imports = files.flatMap(importsOf);

describe("imports", () => {
  it("finds files and imports to check", () => {
    expect(files.length).toBeGreaterThan(9);
    expect(imports.length).toBeGreaterThan(9);
  });

  it("knows every folder", () => {
    const unknown = new Set(
      files.map((file) => folderOf(relative(SRC, file))).filter((folder) => !(folder in ALLOWED)),
    );
    expect([...unknown]).toEqual([]);
  });

  it("follow the one-way flow", () => {
    const wrong = imports.filter(({ from, specifier }) => {
      if (!specifier.startsWith(".")) return false;
      const target = folderOf(relative(SRC, resolve(SRC, dirname(from), specifier)));
      const allowed = ALLOWED[folderOf(from)] ?? [];
      return target !== folderOf(from) && !allowed.includes(target) && !allowed.includes("*");
    });
    expect(wrong).toEqual([]);
  });

  it("keep libraries behind their folders", () => {
    const wrong = imports.filter(({ from, specifier }) => {
      const owners = PACKAGES[specifier];
      return owners !== undefined && !owners.includes(folderOf(from));
    });
    expect(wrong).toEqual([]);
  });

  it("name files with their extension, and reach built-in modules by node:", () => {
    const wrong = imports.filter(({ specifier }) =>
      specifier.startsWith(".") ? !/\.(ts|json|js)$/.test(specifier) : specifier === "fs" || specifier === "path",
    );
    expect(wrong).toEqual([]);
  });

  it("never form a cycle between files", () => {
    const graph = new Map<string, string[]>();
    for (const { from, specifier } of imports) {
      if (!specifier.startsWith(".")) continue;
      const target = relative(SRC, resolve(SRC, dirname(from), specifier));
      graph.set(from, [...(graph.get(from) ?? []), target]);
    }
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file)) {
        cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
        return;
      }
      if (done.has(file)) return;
      for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of graph.keys()) visit(file, []);
    expect(cycles).toEqual([]);
  });
});
