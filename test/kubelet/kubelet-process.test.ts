/** The kubelet with real processes: pods that serve, its own death and return, its lock, its socket, its end. */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { launchKubelet } from "../../src/kubelet/launch.ts";
import { lockDirectory } from "../../src/kubelet/lock.ts";
import { runKubelet } from "../../src/kubelet/process.ts";
import { processTable } from "../../src/kubelet/process-table.ts";
import type { KubeletReport } from "../../src/model/kubelet.ts";
import type { Container } from "../../src/model/workload.ts";
import { systemRandom } from "../../src/util/random.ts";
import { pod } from "./harness.ts";
import { Bench, isGone, isReady, pidsOf, readJsonFile, reportWhere, SERVER } from "./processes.ts";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const web: Container = {
  name: "web",
  image: "web:v1",
  ports: [{ name: "http", containerPort: 8080 }],
  readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 1 },
};

function event(uid: string, reason: string): (report: KubeletReport) => boolean {
  return (report) => report.type === "pod-event" && report.uid === uid && report.reason === reason;
}

describe("a pod of real processes", () => {
  it("serves on its local port, and ends when it is stopped", async () => {
    const kubelet = bench.kubelet();
    await kubelet.start();
    const uid = `${bench.directory}-a`;
    const one = pod("web-1", { containers: [web] });
    one.metadata.uid = uid;
    await kubelet.assign(bench.assignment(one, bench.image({ "main.js": SERVER })));
    const ready = await reportWhere(kubelet, isReady(uid));
    const port = ready.type === "pod-status" ? ready.hostPorts["8080"] : undefined;
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    expect(await answer.text()).toBe("hello web-1");
    const record = readdirSync(join(bench.kubeletDirectory, "pods")).map((name) =>
      join(bench.kubeletDirectory, "pods", name, "record.json"),
    );
    expect(record.map((path) => (statSync(path).mode & 0o777).toString(8))).toEqual(["600"]);
    await kubelet.stop(uid, 30);
    await reportWhere(kubelet, isGone(uid));
    expect(await pidsOf(uid)).toEqual([]);
    expect(readdirSync(join(bench.kubeletDirectory, "pods"))).toEqual([]);
  });

  it("that listens on its declared port is told apart, with the port to use", async () => {
    const kubelet = bench.kubelet();
    await kubelet.start();
    const uid = `${bench.directory}-a`;
    const declared = await bench.runtime().allocatePort();
    const script = `require("node:http").createServer((q, s) => s.end()).listen(${declared}, "127.0.0.1")`;
    const one = pod("web-1", { containers: [{ ...web, ports: [{ name: "http", containerPort: declared }] }] });
    one.metadata.uid = uid;
    await kubelet.assign(bench.assignment(one, bench.image({ "main.js": script })));
    const report = await reportWhere(kubelet, event(uid, "WrongPort"));
    const status = await reportWhere(kubelet, (each) => each.type === "pod-status");
    const port = status.type === "pod-status" ? status.hostPorts[declared] : undefined;
    expect(report.type === "pod-event" && report.message).toBe(
      `Container web listens on ${declared}, its declared port; listen on $PORT (${port}) instead, as pods share this host`,
    );
  });

  it("whose program is missing says so: StartError, then CrashLoopBackOff", async () => {
    const kubelet = bench.kubelet();
    await kubelet.start();
    const uid = `${bench.directory}-a`;
    const one = pod("web-1", { containers: [{ name: "web", image: "web:v1", command: ["foo"] }] });
    one.metadata.uid = uid;
    await kubelet.assign(bench.assignment(one, bench.image({})));
    const report = await reportWhere(
      kubelet,
      (each) =>
        each.type === "pod-status" && each.status.containerStatuses?.[0]?.state.waiting?.reason === "CrashLoopBackOff",
    );
    const status = report.type === "pod-status" ? report.status.containerStatuses?.[0] : undefined;
    expect(status?.lastState.terminated).toMatchObject({
      exitCode: 128,
      reason: "StartError",
      message: 'exec: "foo": executable file not found in $PATH',
    });
    await kubelet.stop(uid, 0);
  });

  it("gets SIGKILL when its grace period is over", async () => {
    const kubelet = bench.kubelet();
    await kubelet.start();
    const uid = `${bench.directory}-a`;
    const script =
      "process.on('SIGTERM', () => {}); require('node:http').createServer((q, s) => s.end()).listen(process.env.PORT)";
    const one = pod("web-1", { containers: [web] });
    one.metadata.uid = uid;
    await kubelet.assign(bench.assignment(one, bench.image({ "main.js": script })));
    await reportWhere(kubelet, isReady(uid));
    await kubelet.stop(uid, 1);
    const gone = await reportWhere(kubelet, isGone(uid));
    const last = await reportWhere(kubelet, (each) => each.seq === gone.seq - 1);
    expect(last.type === "pod-status" && last.status.containerStatuses?.[0]?.state.terminated).toMatchObject({
      exitCode: 137,
      signal: 9,
      reason: "Error",
    });
  });
});

describe("a kubelet that dies", () => {
  it("by SIGKILL leaves its pods, and the next one adopts them: same process, still ready, numbers go on", async () => {
    const uid = `${bench.directory}-a`;
    const one = pod("web-1", { containers: [web] });
    one.metadata.uid = uid;
    const first = await bench.process();
    await first.client.assign(bench.assignment(one, bench.image({ "main.js": SERVER })));
    const before = await reportWhere(first.client, isReady(uid));
    const pids = await pidsOf(uid);
    expect(pids.length).toBe(1);
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    expect(await pidsOf(uid)).toEqual(pids);

    const second = await bench.process();
    const after = await reportWhere(second.client, isReady(uid), before.seq);
    expect(after.seq).toBe(before.seq + 1);
    expect(await pidsOf(uid)).toEqual(pids);
    const status = after.type === "pod-status" ? after.status.containerStatuses?.[0] : undefined;
    expect(status).toMatchObject({ restartCount: 0, containerID: `process://${pids[0]}`, ready: true });
    const port = after.type === "pod-status" ? after.hostPorts["8080"] : undefined;
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    expect(await answer.text()).toBe("hello web-1");

    // What the adopted one does at its end is not seen, and that is said.
    await second.client.stop(uid, 30);
    const gone = await reportWhere(second.client, isGone(uid), after.seq);
    const last = await reportWhere(second.client, (each) => each.seq === gone.seq - 1, after.seq);
    expect(last.type === "pod-status" && last.status.containerStatuses?.[0]?.state.terminated).toMatchObject({
      reason: "ContainerStatusUnknown",
      message: "The kubelet that started it is gone, so its exit code is not known.",
    });
    expect(await pidsOf(uid)).toEqual([]);
  });

  it("while a pod is ending has the next one finish that", async () => {
    const uid = `${bench.directory}-a`;
    const one = pod("web-1", { containers: [web] });
    one.metadata.uid = uid;
    const script =
      "process.on('SIGTERM', () => console.log('term')); require('node:http').createServer((q, s) => s.end()).listen(process.env.PORT)";
    const first = await bench.process();
    await first.client.assign(bench.assignment(one, bench.image({ "main.js": script })));
    await reportWhere(first.client, isReady(uid));
    await first.client.stop(uid, 2);
    for await (const line of first.client.logs({ uid, follow: true }, new AbortController().signal)) {
      if (line === "term") break;
    }
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    const second = await bench.process();
    await reportWhere(second.client, isGone(uid));
    expect(await pidsOf(uid)).toEqual([]);
  });

  it("restarts a container that ended meanwhile", async () => {
    const uid = `${bench.directory}-a`;
    const one = pod("web-1", { containers: [web] });
    one.metadata.uid = uid;
    const first = await bench.process();
    await first.client.assign(bench.assignment(one, bench.image({ "main.js": SERVER })));
    const before = await reportWhere(first.client, isReady(uid));
    const [pid = 0] = await pidsOf(uid);
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    process.kill(pid, "SIGKILL");
    await expect.poll(() => pidsOf(uid)).toEqual([]);
    const second = await bench.process();
    const after = await reportWhere(second.client, isReady(uid), before.seq);
    const status = after.type === "pod-status" ? after.status.containerStatuses?.[0] : undefined;
    expect(status).toMatchObject({ restartCount: 1, lastState: { terminated: { reason: "ContainerStatusUnknown" } } });
  });
});

describe("a kubelet process", () => {
  it("is the only one of its directory, and the refusal names it", async () => {
    const { client } = await bench.process();
    const { pid } = await client.info();
    expect(() => lockDirectory(bench.kubeletDirectory)).toThrow(`the kubelet with process id ${pid} is`);
    const clock = bench.clock;
    const options = {
      stateDir: bench.stateDir,
      socketPath: `${bench.socketPath}2`,
      version: "0",
      clock,
      random: systemRandom,
    };
    await expect(runKubelet({ ...options, log: () => undefined })).rejects.toMatchObject({ code: "conflict" });
    expect(readJsonFile(join(bench.kubeletDirectory, "kubelet.json"))).toMatchObject({ pid, socket: bench.socketPath });
    expect((statSync(bench.socketPath).mode & 0o777).toString(8)).toBe("600");
  });

  it("ignores SIGINT and SIGHUP, and on SIGTERM ends and leaves its pods", async () => {
    const uid = `${bench.directory}-a`;
    const one = pod("web-1", { containers: [web] });
    one.metadata.uid = uid;
    const { child, client } = await bench.process();
    await client.assign(bench.assignment(one, bench.image({ "main.js": SERVER })));
    await reportWhere(client, isReady(uid));
    const pids = await pidsOf(uid);
    child.kill("SIGINT");
    child.kill("SIGHUP");
    expect((await client.pods()).map(({ name }) => name)).toEqual(["web-1"]);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(await pidsOf(uid)).toEqual(pids);
    await expect(client.pods()).rejects.toMatchObject({ code: "unavailable" });
  });

  it("ends with its pods when it is told to", async () => {
    const uid = `${bench.directory}-a`;
    const one = pod("web-1", { containers: [web] });
    one.metadata.uid = uid;
    const { child, client } = await bench.process();
    await client.assign(bench.assignment(one, bench.image({ "main.js": SERVER })));
    await reportWhere(client, isReady(uid));
    const exited = once(child, "exit");
    await client.shutdown({ stopPods: true });
    expect(await exited).toEqual([0, null]);
    expect(await pidsOf(uid)).toEqual([]);
  });

  it("streams logs and errors over its socket", async () => {
    const uid = `${bench.directory}-a`;
    const one = pod("web-1", { containers: [web] });
    one.metadata.uid = uid;
    const { client } = await bench.process();
    await client.assign(bench.assignment(one, bench.image({ "main.js": SERVER })));
    await reportWhere(client, isReady(uid));
    const done = new AbortController();
    const lines: string[] = [];
    for await (const line of client.logs({ uid, follow: true }, done.signal)) {
      lines.push(line);
      if (line === "listening") await client.stop(uid, 30);
      if (line === "bye") break;
    }
    expect(lines).toEqual(["listening", "bye"]);
    await expect(client.logs({ uid: "none" }, done.signal).next()).rejects.toMatchObject({ code: "not-found" });
  });

  it("is started once for a state directory, and found again", async () => {
    const main = join(import.meta.dirname, "kubelet-main.ts");
    const options = {
      stateDir: bench.stateDir,
      socketPath: bench.socketPath,
      argv: [process.execPath, main, bench.stateDir, bench.socketPath],
      clock: bench.clock,
    };
    const first = await launchKubelet(options);
    const second = await launchKubelet(options);
    const { pid } = await first.info();
    expect((await second.info()).pid).toBe(pid);
    if (process.platform === "linux") {
      // A session of its own: what the terminal sends to its foreground group does not reach it.
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ");
      expect(stat?.[3]).toBe(String(pid));
    }
    await second.shutdown({ stopPods: true });
    first.close();
    second.close();
    await expect.poll(() => processTable().identity(pid)).toBeNull();
  });

  it("is waited for by a process that has nothing else to do, and outlives it", async () => {
    const script = join(bench.directory, "starter.ts");
    const source = join(import.meta.dirname, "../../src");
    const main = join(import.meta.dirname, "kubelet-main.ts");
    writeFileSync(
      script,
      `import { launchKubelet } from ${JSON.stringify(join(source, "kubelet/launch.ts"))};
       import { SystemClock } from ${JSON.stringify(join(source, "util/clock.ts"))};
       const [stateDir, socketPath] = process.argv.slice(2);
       const argv = [process.execPath, ${JSON.stringify(main)}, stateDir, socketPath];
       const client = await launchKubelet({ stateDir, socketPath, argv, clock: new SystemClock() });
       console.log((await client.info()).pid);
       client.close();`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [script, bench.stateDir, bench.socketPath]);
    const client = bench.client();
    expect((await client.info()).pid).toBe(Number(stdout));
    await client.shutdown({ stopPods: true });
    await expect.poll(() => processTable().identity(Number(stdout))).toBeNull();
  });

  it("that was stopped by a signal is named instead of waited for without end", async () => {
    const main = join(import.meta.dirname, "kubelet-main.ts");
    const { stateDir, socketPath, clock } = bench;
    const options = { stateDir, socketPath, clock, argv: [process.execPath, main, stateDir, socketPath] };
    const first = await launchKubelet(options);
    const { pid } = await first.info();
    process.kill(pid, "SIGSTOP");
    try {
      await expect(launchKubelet({ ...options, timeoutMs: 300 })).rejects.toMatchObject({
        code: "timeout",
        message: `Cannot reach the kubelet at ${bench.socketPath} as it must answer within 0.3 s: process ${pid} does not.`,
        hint: expect.stringContaining(`kill -CONT ${pid} lets it go on`),
      });
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await first.shutdown({ stopPods: true });
    first.close();
    await expect.poll(() => processTable().identity(pid)).toBeNull();
  });

  it("that cannot start is refused with its last words", async () => {
    const broken = join(bench.directory, "broken.js");
    writeFileSync(broken, "console.error('no such luck'); process.exit(3)");
    const options = { stateDir: bench.stateDir, socketPath: bench.socketPath, clock: bench.clock };
    await expect(launchKubelet({ ...options, argv: [process.execPath, broken] })).rejects.toThrow(
      /Cannot start the kubelet: it ended with code 3\.\nno such luck/,
    );
  });
});
