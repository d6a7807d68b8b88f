/** The package as people install it: packed, installed elsewhere, run by the Node it asks for and refused by an older one. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { endHome } from "../support/daemon.ts";
import { npmEnv } from "../support/npm.ts";
import { Child, type Home, makeHome, ROOT, run } from "../support/processes.ts";

let home: Home;
const children: Child[] = [];

beforeEach(() => {
  home = makeHome();
});
afterEach(() => endHome(home, children.splice(0)));

/** Where the tarball is: packed once, and read by each test that installs it. */
let shelf: Home;
let tarball: string;
let files: { path: string }[];

beforeAll(async () => {
  shelf = makeHome();
  const packed = await run(["npm", "pack", "--json", "--pack-destination", shelf.dir], {
    cwd: ROOT,
    env: npmEnv(shelf),
    group: true,
  });
  expect(packed.code, packed.stderr).toBe(0);
  const start = packed.stdout.lastIndexOf("\n[") + 1;
  const [made] = JSON.parse(packed.stdout.slice(start)) as { filename: string; files: { path: string }[] }[];
  tarball = join(shelf.dir, made?.filename ?? "");
  files = made?.files ?? [];
});
afterAll(() => shelf.remove());

/** Makes an empty package, and installs the tarball and these packages into it. @returns Its folder */
async function installElsewhere(...more: string[]): Promise<string> {
  const elsewhere = join(home.dir, "elsewhere");
  mkdirSync(elsewhere);
  writeFileSync(
    join(elsewhere, "package.json"),
    '{ "name": "elsewhere", "private": true, "type": "module", "allowScripts": { "node": true } }\n',
  );
  const install = await run(["npm", "install", "--no-audit", "--no-fund", "--omit=dev", tarball, ...more], {
    cwd: elsewhere,
    env: npmEnv(home),
    group: true,
  });
  expect(install.code, install.stderr).toBe(0);
  return elsewhere;
}

it("installs from its tarball into an empty folder and carries the demo", async () => {
  const paths = files.map(({ path }) => path);
  for (const needed of [
    "bin/trueup.js",
    "dist/main.js",
    "dist/index.js",
    "dist/conformance.js",
    "sample-repo/hello-deployment.yaml",
    "README.md",
  ]) {
    expect(paths).toContain(needed);
  }
  expect(paths.filter((path) => path.startsWith("src/") || path.startsWith("test/"))).toEqual([]);

  const elsewhere = await installElsewhere("node@26");
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

it("proves a third party's backend, which is written from the package's exports alone", async () => {
  const own = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { devDependencies: { vitest: string } };
  const elsewhere = await installElsewhere(`vitest@${own.devDependencies.vitest}`);
  const notebook = readFileSync(join(ROOT, "test/conformance/third-party/notebook.ts"), "utf8");
  writeFileSync(join(elsewhere, "notebook.ts"), notebook.replace('"../../../src/index.ts"', '"trueup"'));
  writeFileSync(
    join(elsewhere, "notebook.test.ts"),
    `import { backendConformance } from "trueup/conformance";
     import { NotebookBackend } from "./notebook.ts";
     backendConformance("of a third party", async () => {
       const backend = new NotebookBackend();
       return { backend, close: async () => backend.close() };
     });`,
  );
  const options = {
    module: "nodenext",
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: false,
  };
  const typeRoots = [join(ROOT, "node_modules/@types")];
  const compilerOptions = { ...options, target: "ES2024", lib: ["ES2024", "DOM"], types: ["node"], typeRoots };
  writeFileSync(join(elsewhere, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["notebook.test.ts"] }));
  const env = { ...home.env, CI: "1" };
  const typed = await run([process.execPath, join(ROOT, "node_modules/typescript/bin/tsc"), "-p", elsewhere], {
    cwd: elsewhere,
    env,
  });
  expect(typed).toEqual({ code: 0, stdout: "", stderr: "" });

  const vitest = join(elsewhere, "node_modules/vitest/vitest.mjs");
  const tested = await run([process.execPath, vitest, "run", "--reporter=json"], { cwd: elsewhere, env });
  expect(tested.code, tested.stdout + tested.stderr).toBe(0);
  const report = JSON.parse(tested.stdout) as { numPassedTests: number; numFailedTests: number };
  expect(report).toMatchObject({ success: true, numFailedTests: 0 });
  expect(report.numPassedTests).toBeGreaterThan(25);

  // That the suite can say no: a backend that believes in nothing fails it.
  writeFileSync(
    join(elsewhere, "notebook.test.ts"),
    `import { backendConformance } from "trueup/conformance";
     import { NotebookBackend } from "./notebook.ts";
     class Forgetful extends NotebookBackend {
       override async list() { return { items: [], version: "0" }; }
     }
     backendConformance("that forgets", async () => {
       const backend = new Forgetful();
       return { backend, close: async () => backend.close() };
     });`,
  );
  const refused = await run([process.execPath, vitest, "run", "--reporter=json"], { cwd: elsewhere, env });
  expect(refused.code).toBe(1);
});

it("has types that a strict reader's compiler takes, and that refuse what is wrong", async () => {
  const reader = join(home.dir, "reader");
  mkdirSync(join(reader, "node_modules"), { recursive: true });
  symlinkSync(ROOT, join(reader, "node_modules/trueup"));
  writeFileSync(join(reader, "package.json"), '{ "type": "module", "private": true }\n');
  const settings = {
    module: "nodenext",
    strict: true,
    noEmit: true,
    types: [],
    lib: ["ES2024", "DOM"],
    target: "ES2024",
  };
  const check = (program: string): ReturnType<typeof run> => {
    writeFileSync(join(reader, "reader.ts"), program);
    writeFileSync(join(reader, "tsconfig.json"), JSON.stringify({ compilerOptions: settings, files: ["reader.ts"] }));
    return run([process.execPath, join(ROOT, "node_modules/typescript/bin/tsc"), "-p", reader], {
      cwd: reader,
      env: home.env,
    });
  };
  const good = `import { type Backend, TrueupError, keyOf } from "trueup";
    export const name = (backend: Backend): string => backend.capabilities.name;
    export const list = (backend: Backend, signal: AbortSignal) => backend.list({ kind: "Pod" }, signal);
    export const key: string = keyOf({ apiVersion: "v1", kind: "Pod", metadata: { name: "a" } });
    export const error: Error = new TrueupError("usage", "no");`;
  expect(await check(good)).toEqual({ code: 0, stdout: "", stderr: "" });
  const bad = await check(`import type { Backend } from "trueup";
    export const name = (backend: Backend): number => backend.capabilities.name;`);
  expect(bad.code).not.toBe(0);
  expect(bad.stdout).toContain("Type 'string' is not assignable to type 'number'");
});
