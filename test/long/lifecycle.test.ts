/** The processes over their lives: started, started twice, interrupted, killed one by one, and nothing left running at the end. */
import { cpSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DaemonStatus } from "../../src/model/status.ts";
import type { Pod } from "../../src/model/workload.ts";
import { endHome, startDemo } from "../support/daemon.ts";
import { Load } from "../support/load.ts";
import { Child, type Home, isAlive, MAIN, makeHome, ROOT, run, trueup } from "../support/processes.ts";

const DEPLOYMENT = "deployment/hello-deployment";
const RUNS = /runs: what is in git is what runs/;
const SERVER = "images/hello-server/v9/server.mjs";

let home: Home;
const children: Child[] = [];

beforeEach(() => {
  home = makeHome();
});
afterEach(() => endHome(home, children.splice(0)));

/** A repository of the tutorial whose Service is answered on this port, or the next free one. */
async function makeRepository(name: string, port: number): Promise<string> {
  const path = join(home.dir, name);
  cpSync(join(ROOT, "sample-repo"), path, { recursive: true });
  edit(path, "hello-deployment-svc.yaml", [[/port: 80$/m, `port: ${port}`]]);
  await git(path, ["init", "-q", "-b", "main"]);
  await git(path, ["config", "user.name", "Ada"]);
  await git(path, ["config", "user.email", "ada@example.com"]);
  await commit(path, "Version 1");
  return path;
}

function edit(path: string, file: string, changes: readonly (readonly [RegExp, string])[]): void {
  const before = readFileSync(join(path, file), "utf8");
  const after = changes.reduce((text, [from, to]) => text.replace(from, to), before);
  expect(after).not.toBe(before);
  writeFileSync(join(path, file), after);
}

async function git(path: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await run(["git", ...args], { cwd: path, env: home.env });
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: expect.any(String) });
}

async function commit(path: string, message: string): Promise<void> {
  await git(path, ["add", "-A"]);
  await git(path, ["commit", "-q", "-m", message]);
}

async function start(path: string, argv: readonly string[] = [process.execPath, MAIN, "run"]): Promise<Child> {
  const child = new Child(argv, { cwd: path, env: home.env });
  children.push(child);
  await child.waitFor(RUNS);
  return child;
}

async function ok(args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await trueup(args, home, cwd);
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

/** Process ids of the pods that are not being ended, in order. */
async function podPids(cwd: string): Promise<number[]> {
  const { items } = JSON.parse(await ok(["get", "pods", "-o", "json"], cwd)) as { items: Pod[] };
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ status }) => Number(status?.containerStatuses?.[0]?.containerID?.replace("process://", "")))
    .sort((a, b) => a - b);
}

async function kubeletPid(cwd: string): Promise<number> {
  const { kubelet } = JSON.parse(await ok(["status", "-o", "json"], cwd)) as DaemonStatus;
  return kubelet?.pid ?? Number.NaN;
}

async function urlOf(cwd: string): Promise<string> {
  const wide = await ok(["get", "svc", "hello-deployment-svc", "-o", "wide"], cwd);
  return /http:\/\/\S+/.exec(wide)?.[0] ?? "";
}

/** Waits for a process that is nobody's child here to end. */
async function ended(pids: readonly number[]): Promise<void> {
  while (pids.some(isAlive)) await new Promise((look) => setTimeout(look, 20));
}

/** Kills the kubelet and waits until the daemon has another one that is connected. */
async function replaceKubelet(cwd: string): Promise<number> {
  const gone = await kubeletPid(cwd);
  process.kill(gone, "SIGKILL");
  for (;;) {
    const { kubelet } = JSON.parse(await ok(["status", "-o", "json"], cwd)) as DaemonStatus;
    if (kubelet?.connected === true && kubelet.pid !== null && kubelet.pid !== gone) return kubelet.pid;
  }
}

describe("the demo", () => {
  it("is refused twice on one directory, goes down with all its processes, and goes on where it was", async () => {
    const { child, url } = await startDemo(home, ["--port", "18280"]);
    children.push(child);
    const second = await trueup(["demo"], home);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`no other daemon must have it: pid ${child.pid}, on `);
    await ok(["set", "image", DEPLOYMENT, "hello-deployment=hello-server:v2", "--wait"], home.dir);
    const pids = [...(await podPids(home.dir)), await kubeletPid(home.dir)];
    expect(pids.length).toBe(4);
    child.kill("SIGINT");
    expect(await child.exited).toEqual({ code: 0, signal: null });
    await ended(pids);

    const again = await startDemo(home, ["--port", "18280"]);
    children.push(again.child);
    expect(again.url).toBe(url);
    expect(again.child.output).toContain("answers: Hello World! I'm Server version 2.");
    await ok(["rollout", "status", DEPLOYMENT], home.dir);
    const left = [...(await podPids(home.dir)), await kubeletPid(home.dir)];
    expect(left.length).toBe(4);
    const rows = JSON.parse(await ok(["log", "-o", "json"], home.dir)) as unknown[];
    expect(rows.length).toBe(2);
    again.child.kill("SIGKILL");
    await again.child.exited;
    expect(await ok(["down"], home.dir)).toContain("the pods that it had left have ended");
    await ended(left);
  });
});

describe("a kubelet that is killed", () => {
  it("is replaced by the daemon: the same pods, the same port, and requests fail only while there is none", async () => {
    const path = await makeRepository("hello", 18380);
    await start(path);
    const url = await urlOf(path);
    const before = await podPids(path);
    const load = new Load(url);
    await replaceKubelet(path);
    const { failures, sent } = await load.stop();
    expect(sent).toBeGreaterThan(failures.length);
    const others = failures.filter((why) => !/ECONNREFUSED|ECONNRESET|socket hang up/.test(why));
    expect(others).toEqual([]);

    const calm = new Load(url);
    expect(await podPids(path)).toEqual(before);
    expect(await urlOf(path)).toBe(url);
    expect((await calm.stop()).failures).toEqual([]);

    // In mid-rollout, and with a pod that ends while nobody watches.
    await ok(["set", "image", DEPLOYMENT, "hello-deployment=hello-server:v2"], path);
    await replaceKubelet(path);
    expect(await ok(["rollout", "status", DEPLOYMENT], path)).toContain("successfully rolled out");
    const [victim = -1, ...rest] = await podPids(path);
    const kubelet = await kubeletPid(path);
    process.kill(kubelet, "SIGSTOP");
    process.kill(victim, "SIGKILL");
    process.kill(kubelet, "SIGKILL");
    for (let pods: number[] = []; pods.length < 3 || pods.includes(victim); ) pods = await podPids(path);
    await ok(["rollout", "status", DEPLOYMENT], path);
    const described = await ok(["describe", "pods"], path);
    expect(described).toMatch(/Exit Code: +unknown/);
    expect((await podPids(path)).filter((pid) => rest.includes(pid))).toEqual(rest);
  });

  it("leaves no pod behind when all is to end: with the daemon, and after that was killed too", async () => {
    const path = await makeRepository("hello", 18480);
    const other = await makeRepository("other", 18480);
    const bystander = await start(other);
    const first = await start(path);
    const pids = await podPids(path);
    process.kill(await kubeletPid(path), "SIGKILL");
    await ok(["down"], path);
    expect(await first.exited).toEqual({ code: 0, signal: null });
    await ended(pids);

    const second = await start(path);
    const orphans = await podPids(path);
    expect(orphans.length).toBe(3);
    const kubelet = await kubeletPid(path);
    second.kill("SIGKILL");
    await second.exited;
    process.kill(kubelet, "SIGKILL");
    // The daemon of another repository is the only one that runs, and not the one that is meant.
    expect(await ok(["down"], path)).toContain("the pods that it had left have ended");
    await ended(orphans);
    expect(isAlive(bystander.pid)).toBe(true);
    expect((await podPids(other)).length).toBe(3);
  });
});

describe("run", () => {
  it("leaves its pods to the next run, and says by its exit code what became of the head", async () => {
    const path = await makeRepository("hello", 18580);
    const first = await start(path);
    const pids = await podPids(path);
    for (const signal of ["SIGINT", "SIGHUP"] as const) {
      const child = signal === "SIGINT" ? first : await start(path);
      child.kill(signal);
      expect(await child.exited).toEqual({ code: 0, signal: null });
      expect(pids.filter(isAlive)).toEqual(pids);
    }
    expect((await trueup(["run", "--once"], home, path)).code).toBe(0);

    edit(path, "hello-deployment.yaml", [[/replicas: 3/, "replicaz: 3"]]);
    await commit(path, "Misspelt");
    const rejected = await trueup(["run", "--once"], home, path);
    expect(rejected.code).toBe(1);
    expect(rejected.stderr).toContain("spec.replicaz");

    edit(path, "hello-deployment.yaml", [
      [/replicaz: 3/, "replicas: 3\n  progressDeadlineSeconds: 3"],
      [/hello-server:v1/, "hello-server:v77"],
    ]);
    await commit(path, "No such image");
    const failed = await trueup(["run", "--once"], home, path);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("no directory images/hello-server/v77 in commit");
    expect(failed.stderr).not.toContain("cannot be read");

    edit(path, "hello-deployment.yaml", [
      [/progressDeadlineSeconds: 3/, "progressDeadlineSeconds: 900"],
      [/minReadySeconds: \d+/, "minReadySeconds: 600"],
      [/hello-server:v77/, "hello-server:v1"],
    ]);
    await commit(path, "Patience");
    const late = await trueup(["run", "--once", "--timeout", "2s"], home, path);
    expect(late.code).toBe(1);
    expect(late.stderr).toMatch(/is Progressing: .*\nWaited no longer: --timeout allows 2 s\.\n$/);

    expect(pids.filter(isAlive)).toEqual(pids);
  });

  it("that cannot start leaves no kubelet, and a commit whose trueup.yaml is wrong is rejected", async () => {
    const path = await makeRepository("hello", 18680);
    const nowhere = await trueup(["run", "--once", home.dir], home);
    expect({ code: nowhere.code, left: readdirSync(join(home.dir, "run")) }).toEqual({ code: 1, left: ["trueup"] });
    await start(path);
    writeFileSync(join(path, "trueup.yaml"), "apps: 3\n");
    edit(path, "hello-deployment.yaml", [[/replicas: 3/, "replicas: 1"]]);
    await commit(path, "Broken configuration");
    const status = await trueup(["rollout", "status", DEPLOYMENT], home, path);
    expect(status.stderr).toContain("trueup.yaml:1:7");
    expect((await podPids(path)).length).toBe(3);
    await ok(["down"], path);
    const again = await trueup(["run", "--once"], home, path);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("trueup.yaml:1:7");
  });
});

describe("a pod", () => {
  it("has a clean environment and no stranger's descriptors, and ends with all its descendants", async () => {
    const path = await makeRepository("hello", 18780);
    cpSync(join(path, "images/hello-server/v1"), join(path, "images/hello-server/v9"), { recursive: true });
    writeFileSync(
      join(path, SERVER),
      `import { spawn } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:http";
process.on("SIGTERM", () => console.log("never mind"));
const away = spawn("sleep", ["3000"], { detached: true, stdio: "ignore" });
const stubborn = spawn("sh", ["-c", "trap '' TERM; sleep 3000 & wait"], { stdio: "ignore" });
away.unref();
const pids = [process.pid, away.pid, stubborn.pid];
createServer((_, response) => response.end(JSON.stringify({ pids, env: Object.keys(process.env).sort() })))
  .listen(Number(process.env.PORT), "127.0.0.1");
`,
    );
    edit(path, "hello-deployment.yaml", [
      [/hello-server:v1/, "hello-server:v9"],
      [/replicas: 3/, "replicas: 1"],
      [/PeriodSeconds: 10/, "PeriodSeconds: 1"],
    ]);
    await commit(path, "Stubborn");
    const leak = join(home.dir, "leak.txt");
    const argv = ["bash", "-c", 'exec 250>"$1"; shift; exec "$@"', "-", leak, process.execPath, MAIN, "run"];
    home.env.A_CREDENTIAL = "of the daemon";
    await start(path, argv);
    const answer = (await (await fetch(await urlOf(path))).json()) as { pids: number[]; env: string[] };
    expect(answer.env.filter((name) => !/_SERVICE_(HOST|PORT)|^(PORT|TRUEUP_)/.test(name))).toEqual([
      "HOME",
      "HOSTNAME",
      "PATH",
      "TMPDIR",
    ]);
    if (process.platform === "linux") {
      for (const pid of [await kubeletPid(path), ...answer.pids]) {
        const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
        expect(open.filter((target) => target === leak)).toEqual([]);
      }
    }
    await ok(["down"], path);
    await ended(answer.pids);
  });
});
