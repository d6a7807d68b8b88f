/** `bin/trueup.js`: goes on with the pinned Node, or says which is needed; never a syntax error. */
import { spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../support/processes.ts";
import { PROGRAM } from "./with-daemon.ts";

let root: string;
let env: Record<string, string>;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "trueup-bin-")));
  env = { PATH: process.env.PATH ?? "", HOME: root };
  mkdirSync(join(root, "bin"));
  copyFileSync(PROGRAM, join(root, "bin/trueup.js"));
  writeFileSync(join(root, "package.json"), '{ "type": "module" }');
  // Runs before the program and makes this Node look like another.
  writeFileSync(
    join(root, "pretend.cjs"),
    'Object.defineProperty(process, "version", { value: process.env.PRETEND });',
  );
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function start(version: string, ...args: string[]): ReturnType<typeof run> {
  const argv = [process.execPath, "--require", join(root, "pretend.cjs"), join(root, "bin/trueup.js"), ...args];
  return run(argv, { cwd: root, env: { ...env, PRETEND: version } });
}

/** A pinned "Node" that tells how it was started. */
function pin(script: string): void {
  mkdirSync(join(root, "node_modules/node/bin"), { recursive: true });
  writeFileSync(join(root, "node_modules/node/bin/node"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(root, "node_modules/node/bin/node"), 0o755);
}

describe("an old Node", () => {
  it.each(["v0.10.48", "v12.22.12", "v18.20.4", "v23.11.1"])("%s is told which is needed", async (version) => {
    expect(await start(version, "get", "pods")).toEqual({
      code: 2,
      stdout: "",
      stderr:
        `trueup needs Node 24 or newer: this is ${version}.\n` +
        "  hint: install a newer one, or run: npx -p node@26 -p trueup trueup get pods\n",
    });
  });

  it("hands over to the pinned one, with its arguments and exit code", async () => {
    pin('echo "$@"; exit 7');
    expect(await start("v20.1.0", "get", "two words")).toEqual({
      code: 7,
      stdout: `${join(root, "bin/trueup.js")} get two words\n`,
      stderr: "",
    });
  });

  it("passes signals on, and ends the way the pinned one ended", async () => {
    pin('trap "exit 9" TERM; echo ready; while :; do sleep 0.01; done');
    const argv = ["--require", join(root, "pretend.cjs"), join(root, "bin/trueup.js")];
    const child = spawn(process.execPath, argv, {
      env: { ...env, PRETEND: "v20.1.0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.once("data", () => child.kill("SIGTERM"));
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(9);
    pin("kill -KILL $$");
    expect((await start("v20.1.0")).code).toBeNull();
  });

  it("can parse the file: it uses nothing that came after ECMAScript 2015", () => {
    const text = readFileSync(PROGRAM, "utf8")
      .replace(/\/\/.*$/gm, "")
      .replace(/"(?:[^"\\]|\\.)*"/g, '""');
    expect(text).not.toMatch(/\?\.|\?\?|\*\*|\basync\b|\bawait\b|^import\b|\bimport\s*\(|#\w|\.\.\./m);
  });
});

describe("a Node that will do", () => {
  const main = (what: string): string => `console.log("${what}", process.argv.slice(2).join(" "));\n`;

  it("runs the sources of a checkout, though a build lies beside them", async () => {
    mkdirSync(join(root, "src"));
    mkdirSync(join(root, "dist"));
    writeFileSync(join(root, "src/main.ts"), main("sources"));
    writeFileSync(join(root, "dist/main.js"), main("build"));
    expect(await start("v24.0.0", "a", "b")).toEqual({ code: 0, stdout: "sources a b\n", stderr: "" });
  });

  it("runs the build of a package, also through a link", async () => {
    mkdirSync(join(root, "dist"));
    writeFileSync(join(root, "dist/main.js"), main("build"));
    symlinkSync(join(root, "bin/trueup.js"), join(root, "trueup"));
    const argv = [process.execPath, join(root, "trueup"), "a"];
    expect(await run(argv, { cwd: root, env })).toEqual({ code: 0, stdout: "build a\n", stderr: "" });
  });
});
