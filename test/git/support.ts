/** Real repositories in temporary folders, made with plain git, apart from the person's own configuration. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { asCommitId, type CommitId } from "../../src/model/source.ts";

/** Empty configuration: neither the machine's nor the person's counts in tests. */
export const ISOLATED = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };

/** A temporary folder, removed by `dispose`. */
export function temporary(): { path: string; dispose: () => void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "trueup-git-")));
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs git in a folder and gives its output without the last line feed. */
export function gitIn(
  cwd: string,
  args: readonly string[],
  input?: string | Buffer,
  env: Record<string, string> = {},
): string {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  const output = execFileSync("git", [...args], {
    cwd,
    env: { ...clean, ...ISOLATED, ...env },
    ...(input !== undefined && { input }),
    stdio: ["pipe", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });
  return output.toString("utf8").replace(/\n$/, "");
}

/** A repository with a branch main and a local identity, no commit yet. */
export function initRepository(path: string, args: readonly string[] = []): void {
  mkdirSync(path, { recursive: true });
  gitIn(path, ["init", "-q", "-b", "main", ...args]);
  gitIn(path, ["config", "user.name", "Test Author"]);
  gitIn(path, ["config", "user.email", "author@example.org"]);
}

/** Writes files (a null content removes one), adds them and commits. */
export function commitAll(path: string, files: Record<string, string | Buffer | null>, message = "a commit"): CommitId {
  for (const [name, content] of Object.entries(files)) {
    const file = join(path, name);
    if (content === null) {
      rmSync(file);
      continue;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  gitIn(path, ["add", "-A"]);
  gitIn(path, ["commit", "-q", "--allow-empty", "-m", message]);
  return headOf(path);
}

export function headOf(path: string, revision = "HEAD"): CommitId {
  return asCommitId(gitIn(path, ["rev-parse", `${revision}^{commit}`]));
}
