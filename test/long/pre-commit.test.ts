/** The hook as people use it: the real pre-commit, from PyPI, takes it from a repository and runs it at a commit. */
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { commitAll, initRepository } from "../git/support.ts";
import { npmEnv } from "../support/npm.ts";
import { endRuns, type Home, makeHome, ROOT, run } from "../support/processes.ts";

const MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: x }\n";
const AUTHOR = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@example.org" };
const COMMITTER = { GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@example.org" };

let home: Home;
let env: Record<string, string>;

beforeEach(() => {
  home = makeHome();
  const pip = Object.entries(process.env).filter(([name]) => name.startsWith("PIP_"));
  env = {
    ...npmEnv(home),
    ...Object.fromEntries(pip.map(([name, value]) => [name, value ?? ""])),
    ...AUTHOR,
    ...COMMITTER,
    // The Node that runs this test comes first: the hook runs on whichever the machine has.
    PATH: `${dirname(process.execPath)}:${home.env.PATH}`,
    PRE_COMMIT_HOME: join(home.dir, "pre-commit"),
  };
});
afterEach(async () => {
  await endRuns();
  home.remove();
});

/** pre-commit in an environment of its own. @returns Its program */
async function installPreCommit(): Promise<string> {
  const bin = join(home.dir, "venv/bin");
  for (const argv of [
    ["python3", "-m", "venv", join(home.dir, "venv")],
    [join(bin, "pip"), "install", "--quiet", "pre-commit"],
  ]) {
    const done = await run(argv, { cwd: home.dir, env });
    expect(done.code, done.stderr).toBe(0);
  }
  return join(bin, "pre-commit");
}

it("refuses a commit with an invalid manifest, and lets a valid one pass", async () => {
  const program = await installPreCommit();
  const hook = join(home.dir, "hook");
  mkdirSync(hook);
  initRepository(hook);
  copyFileSync(join(ROOT, ".pre-commit-hooks.yaml"), join(hook, ".pre-commit-hooks.yaml"));
  const rev = commitAll(hook, {}, "The hook");

  const shop = join(home.dir, "shop");
  mkdirSync(join(shop, "node_modules/.bin"), { recursive: true });
  // As npm lays it down where package.json names trueup.
  symlinkSync(join(ROOT, "bin/trueup.js"), join(shop, "node_modules/.bin/trueup"));
  initRepository(shop);
  const config = `repos:\n- repo: ${hook}\n  rev: ${rev}\n  hooks: [{ id: trueup-validate }]\n`;
  const files = { ".pre-commit-config.yaml": config, ".gitignore": "node_modules\n", "README.md": "Shop\n" };
  commitAll(shop, { ...files, "deploy/a.yaml": MANIFEST });
  const ready = await run([program, "install", "--install-hooks"], { cwd: shop, env });
  expect(ready.code, ready.stdout + ready.stderr).toBe(0);

  const commit = async (path: string, text: string): Promise<{ code: number | null; said: string }> => {
    writeFileSync(join(shop, path), text);
    const { code, stdout, stderr } = await run(["git", "commit", "-qam", "Change"], { cwd: shop, env });
    return { code, said: stdout + stderr };
  };
  const refused = await commit("deploy/a.yaml", MANIFEST.replace("\ndata", "\ndatum"));
  expect(refused.said).toMatch(/deploy\/a\.yaml:4:1: error: .*datum/);
  expect(refused.code).toBe(1);
  const passed = await commit("deploy/a.yaml", MANIFEST.replace("a: x", "a: z"));
  expect(passed.said).toMatch(/trueup validate\.*Passed/);
  expect(passed.code).toBe(0);
  // No manifest is part of it: nothing to check.
  const other = await commit("README.md", "The shop\n");
  expect(other.said).toMatch(/no files to check.*Skipped/);
  expect(other.code).toBe(0);
});
