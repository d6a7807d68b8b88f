/** The program that holds a whole control plane: built once from `test/real-cluster/control-plane`, then kept in the user's cache. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { TrueupError } from "../../../src/model/errors.ts";
import { takeLock } from "../../../src/util/state-lock.ts";
import { ROOT, run } from "../processes.ts";
import { BuildProgress } from "./progress.ts";

/** What the module's go.mod pins; the linker writes it in, as Kubernetes' own build does, else the server says v0.0.0. */
export const KUBERNETES_VERSION = "v1.37.2";

const SOURCE = join(ROOT, "test/real-cluster/control-plane");
const SOURCE_FILES = ["go.mod", "go.sum", "main.go"];
const LAST_LINES = 20;
const HINT = "Install Go 1.26 or newer, or name a cluster to use instead: TRUEUP_TEST_KUBECONFIG=/path/to/kubeconfig.";

export interface ProgramOptions {
  /** Where built programs are kept. */
  cache?: string;
  /** Where `go` is looked for, and its settings. */
  env?: NodeJS.ProcessEnv;
  progress?: BuildProgress;
}

/**
 * Path of the program, after building it if no build of the same sources by the same Go is in the cache.
 *
 * The first build takes minutes and says how far it is. Others who want the same program meanwhile wait for it; it
 * appears under its name when it is complete, so that a build that was killed leaves nothing that looks like one.
 *
 * @throws {TrueupError} When Go is missing or cannot build it
 */
export async function controlPlaneProgram(options: ProgramOptions = {}): Promise<string> {
  const { cache = cacheDirectory(), env = process.env, progress = new BuildProgress(process.stderr) } = options;
  const directory = join(cache, await cacheKey(env));
  const program = join(directory, "control-plane");
  if (existsSync(program)) return program;
  mkdirSync(directory, { recursive: true });
  try {
    for (;;) {
      const lock = takeLock(join(directory, "lock"), `pid ${process.pid}`);
      if (lock.held) {
        try {
          if (!existsSync(program)) await build(program, env, progress);
          return program;
        } finally {
          lock.release();
        }
      }
      progress.waitingFor(lock.holder);
      await pause(250);
    }
  } finally {
    progress.end();
  }
}

function cacheDirectory(): string {
  // The specification tells to ignore a path that is not absolute.
  const named = process.env.XDG_CACHE_HOME;
  const home = named?.startsWith("/") ? named : join(homedir(), ".cache");
  return join(home, "trueup", "control-plane");
}

/** Content of the sources, and which Go for which machine: with all of that equal, so is the program. */
async function cacheKey(env: NodeJS.ProcessEnv): Promise<string> {
  const hash = createHash("sha256").update(await goSettings(env));
  for (const name of SOURCE_FILES) hash.update(`\0${name}\0`).update(readFileSync(join(SOURCE, name)));
  return hash.digest("hex").slice(0, 24);
}

async function goSettings(env: NodeJS.ProcessEnv): Promise<string> {
  const asked = ["go", "env", "GOVERSION", "GOOS", "GOARCH"];
  const { code, stdout, stderr } = await run(asked, { cwd: SOURCE, env: defined(env) }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const message =
      "Cannot build Kubernetes for the tests as the command go must be installed: it was not found in PATH.";
    throw new TrueupError("usage", message, { hint: HINT, cause: error });
  });
  if (code === 0) return stdout;
  throw new TrueupError("usage", `Cannot build Kubernetes for the tests as go must suit its go.mod: ${stderr.trim()}`, {
    hint: HINT,
  });
}

async function build(program: string, env: NodeJS.ProcessEnv, progress: BuildProgress): Promise<void> {
  const unfinished = `${program}.${process.pid}`;
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(KUBERNETES_VERSION) ?? [];
  const versions = { gitVersion: KUBERNETES_VERSION, gitMajor: major, gitMinor: minor };
  const stamps = Object.entries(versions).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  const flags = ["-trimpath", "-buildvcs=false", "-v", "-o", unfinished, "-ldflags", ["-s", "-w", ...stamps].join(" ")];
  // Without cgo no C compiler is needed, and nothing here calls into C.
  const go = { cwd: SOURCE, env: { ...defined(env), CGO_ENABLED: "0" } };
  progress.begin(`Kubernetes ${KUBERNETES_VERSION} for the tests is being built once (about six minutes on two cores)`);
  try {
    const packages = await runGo(["list", "-deps", "."], go, progress);
    progress.expect(packages.length);
    await runGo(["build", ...flags, "."], go, progress);
    renameSync(unfinished, program);
  } finally {
    rmSync(unfinished, { force: true });
  }
  progress.done(program);
}

/** Runs go, tells the progress each line it says while working, and returns the lines of its answer. */
async function runGo(
  args: readonly string[],
  options: { cwd: string; env: Record<string, string> },
  progress: BuildProgress,
): Promise<string[]> {
  const go = spawn("go", args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const answer: string[] = [];
  const said: string[] = [];
  createInterface({ input: go.stdout }).on("line", (line) => answer.push(line));
  createInterface({ input: go.stderr }).on("line", (line) => {
    if (!progress.hear(line)) said.push(line);
  });
  const [code, signal] = (await once(go, "close")) as [number | null, NodeJS.Signals | null];
  if (code === 0) return answer;
  const last = said.slice(-LAST_LINES).join("\n");
  const message = `Cannot build Kubernetes for the tests: go ${args[0]} ended with ${signal ?? code}.\n${last}`;
  throw new TrueupError("io", message, { hint: HINT });
}

function defined(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
