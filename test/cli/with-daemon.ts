/** The command line as people run it: child processes, against a daemon made of plain data on a real socket. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { prepareSocketPaths, type SocketPaths, writeDaemonRecord } from "../../src/daemon/paths.ts";
import type { AppStatus } from "../../src/model/status.ts";
import { type ApiServer, startServer } from "../../src/server/server.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { FakeDaemon } from "../server/fake-daemon.ts";
import { Child, type Home, makeHome, ROOT, run } from "../support/processes.ts";

/** The program as it is installed. */
export const PROGRAM = join(ROOT, "bin/trueup.js");

export interface Running {
  home: Home;
  daemon: FakeDaemon;
  server: ApiServer;
  paths: SocketPaths;
  /** Starts `trueup ARGS` in the home directory. */
  start(...args: string[]): Child;
  /** Runs it to its end. */
  run(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }>;
  end(): Promise<void>;
}

/** Starts a fake daemon, found under a fresh home, for a repository that need not exist. */
export async function startFake(repository?: string, name = "state"): Promise<Running> {
  const home = makeHome();
  home.env.GIT_CONFIG_GLOBAL = "/dev/null";
  home.env.GIT_CONFIG_NOSYSTEM = "1";
  // Compiled once for all tests: each starts dozens of commands.
  home.env.XDG_CACHE_HOME = join(ROOT, "node_modules/.cache");
  const { daemon, server, paths } = await addFake(home, repository ?? join(home.dir, "nowhere"), name);
  const children: Child[] = [];
  const start = (...args: string[]): Child => {
    const child = new Child([process.execPath, PROGRAM, ...args], { cwd: home.dir, env: home.env });
    children.push(child);
    return child;
  };
  return {
    home,
    daemon,
    server,
    paths,
    start,
    run: (...args) => run([process.execPath, PROGRAM, ...args], { cwd: home.dir, env: home.env }),
    async end() {
      for (const child of children) child.kill();
      await Promise.all(children.map((child) => child.exited));
      await server.close();
      home.remove();
    },
  };
}

/** Another daemon under the same home. */
export async function addFake(
  home: Home,
  repository: string,
  name: string,
): Promise<{ daemon: FakeDaemon; server: ApiServer; paths: SocketPaths; stateDir: string }> {
  const stateDir = join(home.dir, name);
  mkdirSync(stateDir, { recursive: true });
  const paths = await prepareSocketPaths(stateDir, home.env);
  const daemon = new FakeDaemon();
  const server = await startServer({
    service: daemon,
    clock: new SystemClock(),
    socket: paths.daemonSocket,
    onInternalError: (error) => {
      throw error;
    },
  });
  const startedAt = "2026-01-01T00:00:00.000Z";
  const record = { pid: process.pid, version: "9.9.9", startedAt, repository, stateDir, socket: paths.daemonSocket };
  await writeDaemonRecord(paths, record);
  return { daemon, server, paths, stateDir };
}

export function appStatus(app: string, rest: Partial<AppStatus> = {}): AppStatus {
  return {
    app,
    target: "local",
    repository: "/nowhere",
    ref: "refs/heads/main",
    path: "",
    head: null,
    applied: null,
    phase: "Synced",
    reason: "",
    health: { status: "Healthy", reason: "" },
    diagnostics: [],
    attempt: null,
    held: [],
    contested: [],
    planDigest: null,
    ...rest,
  };
}
