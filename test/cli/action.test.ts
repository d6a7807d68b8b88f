/** The GitHub Action: its steps, run as GitHub runs them, in a clone; npx is stood in for by a script that runs this program. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commitAll, gitIn, initRepository } from "../git/support.ts";
import { type Home, makeHome, ROOT, run } from "../support/processes.ts";
import { PROGRAM } from "./with-daemon.ts";

interface Step {
  name: string;
  shell: string;
  "working-directory": string;
  env: Record<string, string>;
  run: string;
}

interface Action {
  inputs: Record<string, { default: string; description: string }>;
  runs: { using: string; steps: Step[] };
}

const ACTION = load(readFileSync(join(ROOT, "action.yml"), "utf8")) as Action;
const GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: x }\n";
const BAD = GOOD.replace("\ndata", "\ndatum");

let home: Home;
let clone: string;
/** What npx was asked for. */
let asked: () => string;

beforeEach(() => {
  home = makeHome();
  home.env.XDG_CACHE_HOME = join(ROOT, "node_modules/.cache");
  const origin = join(home.dir, "origin");
  mkdirSync(origin);
  initRepository(origin);
  commitAll(origin, { "deploy/old.yaml": BAD.replace("name: a", "name: old"), "deploy/a.yaml": GOOD }, "One");
  clone = join(home.dir, "clone");
  gitIn(home.dir, ["clone", "-q", origin, clone]);
  const bin = join(home.dir, "bin");
  mkdirSync(bin);
  const log = join(home.dir, "npx.log");
  const script = `#!/bin/sh\nprintf '%s\\n' "$@" > "${log}"\nshift 2\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`;
  writeFileSync(join(bin, "npx"), script);
  chmodSync(join(bin, "npx"), 0o755);
  home.env.PATH = `${bin}:${home.env.PATH}`;
  asked = () => readFileSync(log, "utf8");
});
afterEach(() => home.remove());

/** As the runner does: inputs are put in, the script is a file, and bash stops at the first error. */
async function runAction(given: Record<string, string>): ReturnType<typeof run> {
  const fill = (text: string): string =>
    text.replaceAll(/\$\{\{ inputs\.([a-z-]+) \}\}/g, (_whole, name: string) => {
      const input = ACTION.inputs[name];
      if (input === undefined) throw new Error(`action.yml names no input ${name}`);
      return given[name] ?? input.default;
    });
  const [step] = ACTION.runs.steps;
  if (step === undefined) throw new Error("action.yml has no step");
  const file = join(home.dir, "step.sh");
  writeFileSync(file, fill(step.run));
  const env = Object.fromEntries(Object.entries(step.env).map(([name, value]) => [name, fill(value)]));
  return run(["bash", "--noprofile", "--norc", "-eo", "pipefail", file], {
    cwd: join(clone, fill(step["working-directory"])),
    env: { ...home.env, ...env },
  });
}

describe("the action", () => {
  it("is one step of bash, into whose script no input is written", () => {
    expect(ACTION.runs.using).toBe("composite");
    expect(ACTION.runs.steps.map(({ shell }) => shell)).toEqual(["bash"]);
    expect(ACTION.runs.steps.map(({ run: script }) => script).join("")).not.toContain("${{");
    expect(Object.values(ACTION.inputs).every(({ description }) => description !== "")).toBe(true);
  });

  it("checks the repository, and says what is wrong as GitHub shows it", async () => {
    const { code, stdout } = await runAction({});
    expect(code).toBe(1);
    expect(stdout).toMatch(/^::error file=deploy\/old\.yaml,line=4,col=1,.*::/m);
    expect(asked().split("\n").slice(0, 4)).toEqual(["--yes", "trueup@latest", "validate", "-o"]);
  });

  it("takes its inputs: a directory, a version, what changed, and more arguments", async () => {
    writeFileSync(join(clone, "deploy/new.yaml"), BAD.replace("name: a", "name: new"));
    const since = { "changed-since": "origin/main", "working-directory": "deploy", version: "1.2.3" };
    const brought = await runAction({ ...since, args: "--schemas-only" });
    const { stdout, stderr } = brought;
    expect(asked()).toBe("--yes\ntrueup@1.2.3\nvalidate\n-o\ngithub\n--schemas-only\n--changed-since\norigin/main\n");
    expect(brought.code, stdout + stderr).toBe(1);
    expect(stdout).toContain("file=deploy/new.yaml");
    expect(stdout).not.toContain("old.yaml");
  });

  it("passes what is valid, and runs nothing that an input holds", async () => {
    gitIn(clone, ["rm", "-q", "deploy/old.yaml"]);
    expect(await runAction({})).toMatchObject({ code: 0 });
    const hostile = `$(touch ${join(home.dir, "pwned")}); touch ${join(home.dir, "pwned")}`;
    expect((await runAction({ "changed-since": hostile, args: "`id` ;" })).code).not.toBe(0);
    expect(() => readFileSync(join(home.dir, "pwned"))).toThrow();
  });
});
