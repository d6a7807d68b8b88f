/** The package as people install it: packed, installed elsewhere, run by the Node it asks for and refused by an older one. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { endHome } from "../support/daemon.ts";
import { npmEnv } from "../support/npm.ts";
import { Child, type Home, makeHome, ROOT, run } from "../support/processes.ts";

let home: Home;
const children: Child[] = [];

beforeEach(() => {
  home = makeHome();
});
afterEach(() => endHome(home, children.splice(0)));

it("installs from its tarball into an empty folder and carries the demo", async () => {
  const packed = await run(["npm", "pack", "--json", "--pack-destination", home.dir], { cwd: ROOT, env: npmEnv(home) });
  expect(packed.code, packed.stderr).toBe(0);
  const start = packed.stdout.lastIndexOf("\n[") + 1;
  const [{ filename, files }] = JSON.parse(packed.stdout.slice(start)) as [
    { filename: string; files: { path: string }[] },
  ];
  const paths = files.map(({ path }) => path);
  for (const needed of [
    "bin/trueup.js",
    "dist/main.js",
    "dist/index.js",
    "sample-repo/hello-deployment.yaml",
    "README.md",
  ]) {
    expect(paths).toContain(needed);
  }
  expect(paths.filter((path) => path.startsWith("src/") || path.startsWith("test/"))).toEqual([]);

  const elsewhere = join(home.dir, "elsewhere");
  mkdirSync(elsewhere);
  writeFileSync(
    join(elsewhere, "package.json"),
    '{ "name": "elsewhere", "private": true, "allowScripts": { "node": true } }\n',
  );
  const install = await run(
    ["npm", "install", "--no-audit", "--no-fund", "--omit=dev", join(home.dir, filename), "node@26"],
    { cwd: elsewhere, env: npmEnv(home) },
  );
  expect(install.code, install.stderr).toBe(0);

  const bin = join(elsewhere, "node_modules/.bin/trueup");
  const env = { ...home.env, PATH: `${join(elsewhere, "node_modules/.bin")}:${home.env.PATH}` };
  const version = await run([bin, "--version"], { cwd: elsewhere, env });
  expect(version.stdout).toMatch(/^trueup \d+\.\d+\.\d+\n$/);

  const demo = new Child([bin, "demo", "--port", "18090"], { cwd: elsewhere, env });
  children.push(demo);
  await demo.waitFor(/answers: Hello World! I'm Server version 1\./);
  const pods = await run([bin, "get", "pods"], { cwd: elsewhere, env });
  expect(pods.stdout.trim().split("\n").length).toBe(4);
  demo.kill("SIGINT");
  expect(await demo.exited).toEqual({ code: 0, signal: null });
});

it("exports types and values that another package can use", async () => {
  const { TrueupError, keyOf } = (await import(join(ROOT, "dist/index.js"))) as typeof import("../../src/index.ts");
  expect(new TrueupError("usage", "no").code).toBe("usage");
  expect(keyOf({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" } })).toBe(
    "apps/Deployment/default/web",
  );
});
