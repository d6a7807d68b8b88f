/** The machine fails under a real daemon: a kubelet that hangs, files that cannot grow, a copied state, a damaged database. */
import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { DaemonStatus } from "../../src/model/status.ts";
import type { Pod } from "../../src/model/workload.ts";
import { daemonRecords, endHome, until } from "../support/daemon.ts";
import { Child, type Home, isAlive, MAIN, makeHome, ROOT, run, trueup } from "../support/processes.ts";

const RUNS = /runs: what is in git is what runs/;

let home: Home;
let repository: string;
let stateDir: string;
const children: Child[] = [];
/** Processes that were stopped by a signal: they must go on before they can be ended. */
const stopped = new Set<number>();

beforeEach(async () => {
  home = makeHome();
  repository = join(home.dir, "hello");
  stateDir = join(home.dir, "s");
  cpSync(join(ROOT, "sample-repo"), repository, { recursive: true });
  await git("init", "-q", "-b", "main");
  await git("config", "user.name", "Ada");
  await git("config", "user.email", "ada@example.com");
  await commit("Version 1");
});
afterEach(async () => {
  for (const pid of stopped) if (isAlive(pid)) process.kill(pid, "SIGCONT");
  stopped.clear();
  await endHome(home, children.splice(0));
});

async function git(...args: string[]): Promise<void> {
  const { code, stderr } = await run(["git", ...args], { cwd: repository, env: home.env });
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
}

async function commit(message: string): Promise<void> {
  await git("add", "-A");
  await git("commit", "-q", "-m", message);
}

/** Another number of replicas, as a commit. */
async function scale(replicas: number): Promise<void> {
  const file = join(repository, "hello-deployment.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/replicas: \d+/, `replicas: ${replicas}`));
  await commit(`${replicas} replicas`);
}

async function start(): Promise<Child> {
  const child = new Child([process.execPath, MAIN, "run", "--state", stateDir], { cwd: repository, env: home.env });
  children.push(child);
  await child.waitFor(RUNS);
  return child;
}

const command = (...args: string[]): ReturnType<typeof trueup> =>
  trueup([...args, "--state", stateDir], home, repository);

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await command(...args);
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

async function status(): Promise<DaemonStatus> {
  return JSON.parse(await ok("status", "-o", "json")) as DaemonStatus;
}

async function pids(): Promise<number[]> {
  const { items } = JSON.parse(await ok("get", "pods", "-o", "json")) as { items: Pod[] };
  return items.map((pod) => Number(pod.status?.containerStatuses?.[0]?.containerID?.replace("process://", ""))).sort();
}

it("a kubelet that hangs is said to, with since when and what to do; passes go on, and all of it when it does", async () => {
  const child = await start();
  const kubelet = (await status()).kubelet?.pid ?? 0;
  stopped.add(kubelet);
  process.kill(kubelet, "SIGSTOP");
  await scale(4);
  const silent = await until(status, ({ kubelet }) => kubelet?.silentSince !== undefined);
  expect(Date.parse(silent.kubelet?.silentSince ?? "")).toBeLessThanOrEqual(Date.now());
  const text = await ok("status");
  expect(text).toContain(`kubelet process ${kubelet} not answering since `);
  expect(text).toContain(`kill -CONT ${kubelet}`);
  // The commit was read, planned and applied all the same.
  const [app] = silent.apps;
  expect(app?.head?.subject).toBe("4 replicas");
  expect(app?.applied).toBe(app?.head?.commit);
  const down = await command("down");
  expect(down.code).toBe(1);
  expect(down.stderr).toContain(`must answer within 10 s: process ${kubelet} does not`);
  await child.exited;

  // A new daemon says the same instead of starting a rival.
  const rival = await command("run", "--once");
  expect({ code: rival.code, text: rival.stderr }).toEqual({
    code: 1,
    text: expect.stringContaining(`process ${kubelet} does not`),
  });
  process.kill(kubelet, "SIGCONT");
  await start();
  expect((await status()).kubelet).toEqual({ connected: true, pid: kubelet });
  expect((await pids()).length).toBe(4);
});

it("while no file can grow the daemon runs on and says so, and the commit is deployed once when there is room", async () => {
  const child = await start();
  const before = await pids();
  const limit = (bytes: string) =>
    run(["prlimit", "--pid", String(child.pid), `--fsize=${bytes}:`], { cwd: home.dir, env: home.env });
  expect((await limit("0")).code).toBe(0);
  await scale(4);
  const full = await until(status, ({ apps }) => apps[0]?.phase === "Unreadable");
  expect(full.apps[0]?.reason).toMatch(/^Cannot record an attempt in the ledger /);
  expect(await pids()).toEqual(before);
  expect((await limit("unlimited")).code).toBe(0);
  await until(status, ({ apps }) => apps[0]?.phase === "Synced" && apps[0].applied === apps[0].head?.commit);
  const rows = JSON.parse(await ok("log", "-o", "json")) as { subject: string; ending?: { outcome: string } }[];
  expect(rows.map(({ subject, ending }) => `${ending?.outcome} ${subject}`)).toEqual([
    "deployed 4 replicas",
    "deployed Version 1",
  ]);
  const after = await pids();
  expect(after.length).toBe(4);
  for (const pid of before) expect(after).toContain(pid);
  expect((await ok("doctor")).split("\n").filter((line) => line.startsWith("problem"))).toEqual([]);
});

it("a copy of a state in use and a second daemon on it are refused, by run and by down; no pod notices", async () => {
  await start();
  const before = await pids();
  const second = await command("run");
  expect({ code: second.code, text: second.stderr }).toEqual({
    code: 1,
    text: expect.stringContaining("no other daemon must have it: pid "),
  });
  const copy = join(home.dir, "copy");
  cpSync(stateDir, copy, { recursive: true });
  for (const args of [["run", "--once"], ["down"]]) {
    const { code, stderr } = await trueup([...args, "--state", copy], home, repository);
    expect({ args, code, stderr }).toEqual({
      args,
      code: 1,
      stderr: expect.stringContaining(`it is a copy of ${realpathSync(stateDir)}`),
    });
  }
  expect(await pids()).toEqual(before);
  for (const pid of before) expect(isAlive(pid)).toBe(true);
  expect(daemonRecords(home).length).toBe(1);
});

it("a damaged database ends the start with what to do; doctor finds it; the pods run on", async () => {
  const child = await start();
  const before = await pids();
  child.kill("SIGTERM");
  await child.exited;
  const path = join(stateDir, "cluster.db");
  const saved = readFileSync(path);
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.alloc(8192, 0xa5), 0, 8192, 4096);
  closeSync(fd);
  const { code, stderr } = await command("run");
  expect(code).toBe(1);
  expect(stderr).toContain(`cluster.db: the file is damaged: `);
  expect(stderr).toContain("trueup doctor");
  const doctor = await command("doctor");
  expect(doctor.code).toBe(1);
  expect(doctor.stdout).toMatch(/^problem {2}cluster\.db: damaged: /m);
  for (const pid of before) expect(isAlive(pid)).toBe(true);
  writeFileSync(path, saved);
  await start();
  expect(await pids()).toEqual(before);
});

it("a pod that prints 1,000 lines a second is kept within its bounds, and is probed and followed all the while", async () => {
  const server = join(repository, "images/hello-server/v1/server.mjs");
  const chatter = 'setInterval(() => { for (let i = 0; i < 100; i++) console.log("x".repeat(400)); }, 100);\n';
  writeFileSync(server, `${readFileSync(server, "utf8")}\n${chatter}`);
  await scale(1);
  await start();
  const [pid = 0] = await pids();
  const kubelet = (await status()).kubelet?.pid ?? 0;
  const [pod = ""] = (await ok("get", "pods", "-o", "json")).match(/hello-deployment-[a-z0-9]+-[a-z0-9]{5}/) ?? [];
  const log = join(stateDir, "kubelet/pods");
  const files = async (): Promise<number[]> => {
    const { stdout } = await run(["find", log, "-name", "*.log*"], { cwd: home.dir, env: home.env });
    return stdout
      .trim()
      .split("\n")
      .filter(existsSync)
      .map((path) => statSync(path).size);
  };
  // 0.4 MB a second: rotated for the first time after some 27 s.
  const cpu = (): number => {
    const fields = readFileSync(`/proc/${kubelet}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  };
  const [began, spent] = [Date.now(), cpu()];
  const sizes = await until(files, (found) => found.length > 1);
  for (const size of sizes) expect(size).toBeLessThan(16 * 1024 * 1024);
  const seconds = (Date.now() - began) / 1000;
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${kubelet}/status`, "utf8"))?.[1]) / 1024;
  console.log(
    `kubelet: ${(((cpu() - spent) / seconds) * 100).toFixed(1)} % of a core, ${rss.toFixed(0)} MB, over ${seconds.toFixed(0)} s`,
  );
  expect((await ok("logs", pod, "--tail", "3")).trim().split("\n").length).toBe(3);
  expect((await status()).apps[0]?.health.status).toBe("Healthy");
  expect(await pids()).toEqual([pid]);
});
