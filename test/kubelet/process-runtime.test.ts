/** Containers as real processes: environment, descriptors, groups, signals, logs, probes, adoption, and wrong ports. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { logPath, readLog, rotateLog, tailLog } from "../../src/kubelet/container-logs.ts";
import { findProgram } from "../../src/kubelet/program.ts";
import type { ContainerLaunch, RunningContainer } from "../../src/model/runtime.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { Bench, pidsOf, SERVER } from "./processes.ts";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** Lines of a run's log, up to and including the first that fits. */
async function linesUntil(
  runtime: ReturnType<Bench["runtime"]>,
  launch: ContainerLaunch,
  text: string,
): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of runtime.logs(launch, { follow: true }, new AbortController().signal)) {
    lines.push(line);
    if (line.includes(text)) return lines;
  }
  throw new Error(`"${text}" is not in: ${lines.join("\n")}`);
}

describe("a process", () => {
  it("has exactly the environment it was given, a log, no input, and no other descriptor", async () => {
    process.env.TRUEUP_TEST_LEAK = "secret of the daemon";
    const script = `
      const fs = require("node:fs");
      console.log(JSON.stringify({
        env: process.env, cwd: process.cwd(), argv: process.argv.slice(2),
        // A copy of a descriptor of /proc/self/fd is open while it is read: it is of that directory itself.
        fds: fs.readdirSync("/proc/self/fd").map((fd) => { try { return fd + " " + fs.readlinkSync("/proc/self/fd/" + fd) } catch { return "" } })
          .filter((line) => /^[0-9]+ (\\/|socket|pipe)/.test(line) && !line.includes("/proc/")),
        parentGroup: require("node:child_process").execFileSync("ps", ["-o", "pgid=", "-p", String(process.pid)]).toString().trim(),
        pid: process.pid,
      }));`;
    const image = bench.image({ "main.js": script });
    const runtime = bench.runtime();
    const launch = bench.launch(image, { argv: ["node", "main.js", "$(not) expanded; `nor` run"], env: { A: "1" } });
    const running = await runtime.start(launch);
    delete process.env.TRUEUP_TEST_LEAK;
    expect(await running.exited).toEqual({ exitCode: 0 });
    const seen = JSON.parse((await runtime.tail(launch, 1))[0] ?? "");
    expect(seen.env).toEqual(launch.env);
    expect(seen.cwd).toBe(image.directory);
    expect(seen.argv).toEqual(["$(not) expanded; `nor` run"]);
    expect(seen.parentGroup).toBe(String(seen.pid));
    expect(running.id).toBe(`process://${seen.pid}`);
    const log = logPath(bench.kubeletDirectory, launch);
    const inherited = seen.fds.filter((line: string) => /^[0-9]+ \//.test(line) && !line.includes("/dev/urandom"));
    expect(inherited).toEqual(["0 /dev/null", `1 ${log}`, `2 ${log}`]);
  });

  it("that ends by a signal says which", async () => {
    const runtime = bench.runtime();
    const running = await runtime.start(
      bench.launch(bench.image({ "main.js": "process.kill(process.pid, 'SIGKILL')" })),
    );
    expect(await running.exited).toEqual({ signal: "SIGKILL" });
  });

  it("is ended with all of its group", async () => {
    const script = `
      const { spawn } = require("node:child_process");
      spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); console.log('child'); setInterval(() => {}, 1000)"], { stdio: "inherit" });
      process.on("SIGTERM", () => process.exit(7));`;
    const runtime = bench.runtime();
    const launch = bench.launch(bench.image({ "main.js": script }));
    const running = await runtime.start(launch);
    await linesUntil(runtime, launch, "child");
    expect((await pidsOf(launch.podUid)).length).toBe(2);
    running.signal("SIGTERM");
    expect(await running.exited).toEqual({ exitCode: 7 });
    await runtime.sweep(launch.podUid);
    expect(await pidsOf(launch.podUid)).toEqual([]);
  });

  it("that left its group is found by its environment and killed by a sweep, others are not", async () => {
    const leaver = `
      const { spawn } = require("node:child_process");
      spawn(process.execPath, ["-e", "console.log('escaped'); setInterval(() => {}, 1000)"], { stdio: "inherit", detached: true }).unref();`;
    const runtime = bench.runtime();
    const image = bench.image({ "main.js": leaver });
    const launch = bench.launch(image);
    const other = bench.launch(bench.image({ "main.js": "setInterval(() => {}, 1000)" }), {
      podUid: `${launch.podUid}x`,
      env: { TRUEUP_POD_UID: `${launch.podUid}x` },
    });
    const bystander = await runtime.start(other);
    const running = await runtime.start(launch);
    await running.exited;
    // The log is followed by nobody now; the escaped process may still be starting.
    await runtime.sweep(launch.podUid, "another-container");
    expect((await pidsOf(launch.podUid)).length).toBe(1);
    await runtime.sweep(launch.podUid);
    expect(await pidsOf(launch.podUid)).toEqual([]);
    expect(await pidsOf(other.podUid)).toEqual([bystander.pid]);
  });

  it("that ignores SIGTERM is ended by SIGKILL", async () => {
    const runtime = bench.runtime();
    const launch = bench.launch(
      bench.image({
        "main.js": "process.on('SIGTERM', () => console.log('no')); console.log('up'); setInterval(() => {}, 1000)",
      }),
    );
    const running = await runtime.start(launch);
    await linesUntil(runtime, launch, "up");
    running.signal("SIGTERM");
    await linesUntil(runtime, launch, "no");
    running.signal("SIGKILL");
    expect(await running.exited).toEqual({ signal: "SIGKILL" });
  });
});

describe("a program", () => {
  const query = (argv: string[], extra: Partial<Parameters<typeof findProgram>[0]> = {}) =>
    findProgram({
      argv,
      env: { PATH: "/usr/bin:/bin" },
      workingDir: "",
      imageDirectory: bench.image({}).directory,
      ...extra,
    });

  it("called node is the Node that runs trueup", () => {
    expect(query(["node"]).file).toBe(join(dirname(process.execPath), "node"));
  });

  it("that is missing is refused as container runtimes do", async () => {
    expect(() => query(["foo"])).toThrow('exec: "foo": executable file not found in $PATH');
    expect(() => query(["./foo"])).toThrow('exec: "./foo": no such file or directory, or not executable');
    expect(() => query(["node"], { workingDir: "/no/such" })).toThrow('chdir to cwd ("/no/such") failed');
    expect(() => query([])).toThrow("no command specified");
    const launch = bench.launch(bench.image({}), { argv: ["foo"] });
    await expect(bench.runtime().start(launch)).rejects.toMatchObject({ name: "TrueupError", code: "invalid" });
  });

  it("and a directory are the image's own where it has them", () => {
    const image = bench.image({ "run.sh": "#!/bin/sh\n" });
    mkdirSync(join(image.directory, "app/bin"), { recursive: true });
    writeFileSync(join(image.directory, "app/bin/tool"), "#!/bin/sh\n", { mode: 0o755 });
    const inside = (argv: string[], workingDir = "", PATH = "/usr/bin") =>
      findProgram({ argv, env: { PATH }, workingDir, imageDirectory: image.directory });
    expect(inside(["./run.sh"])).toEqual({ file: join(image.directory, "run.sh"), directory: image.directory });
    expect(inside(["/run.sh"], "/app").file).toBe(join(image.directory, "run.sh"));
    expect(inside(["bin/tool"], "/app")).toEqual({
      file: join(image.directory, "app/bin/tool"),
      directory: join(image.directory, "app"),
    });
    expect(inside(["tool"], "", "/app/bin:/usr/bin").file).toBe(join(image.directory, "app/bin/tool"));
    expect(inside(["/bin/sh"], "/tmp")).toEqual({ file: "/bin/sh", directory: "/tmp" });
    expect(inside(["/bin/sh"], "/../../app").directory).toBe(join(image.directory, "app"));
  });

  it("is not taken from the image when a link leads out of it", () => {
    const image = bench.image({});
    symlinkSync("/bin", join(image.directory, "out"));
    expect(() => query(["out/sh"], { imageDirectory: image.directory })).toThrow("no such file");
    expect(() => query(["node"], { imageDirectory: image.directory, workingDir: "out" })).toThrow("chdir");
  });
});

describe("a log", () => {
  it("is rotated while it is written, and reads as one", async () => {
    const script = `
      let n = 0;
      const more = () => { for (let i = 0; i < 100; i++) console.log("line " + n++); if (n < 1000) setImmediate(more); else console.log("filled"); };
      more();
      process.on("SIGTERM", () => { console.log("after"); process.exit(0); });
      setInterval(() => {}, 1000);`;
    const runtime = bench.runtime();
    const launch = bench.launch(bench.image({ "main.js": script }));
    const running = await runtime.start(launch);
    await linesUntil(runtime, launch, "filled");
    const path = logPath(bench.kubeletDirectory, launch);
    expect(rotateLog(path, { maxBytes: 100, keep: 3 })).toBe(true);
    expect(readFileSync(path, "utf8")).toBe("");
    running.signal("SIGTERM");
    await running.exited;
    // No hole where the old content was: the writer's descriptor appends.
    expect(readFileSync(path, "utf8")).toBe("after\n");
    const all: string[] = [];
    for await (const line of runtime.logs(launch, {}, new AbortController().signal)) all.push(line);
    expect(all.length).toBe(1002);
    expect(all[0]).toBe("line 0");
    expect(await runtime.tail(launch, 3)).toEqual(["line 999", "filled", "after"]);
  });

  it("keeps only so many older files", () => {
    const path = join(bench.directory, "a.log");
    for (let round = 0; round < 6; round++) {
      appendFileSync(path, `${round}`.repeat(20));
      expect(rotateLog(path, { maxBytes: 10, keep: 3 })).toBe(true);
    }
    expect([1, 2, 3, 4].map((n) => existsSync(`${path}.${n}`))).toEqual([true, true, true, false]);
    expect(readFileSync(`${path}.1`, "utf8")[0]).toBe("5");
    expect(rotateLog(path, { maxBytes: 10, keep: 3 })).toBe(false);
    expect(rotateLog(join(bench.directory, "none.log"), { maxBytes: 10, keep: 3 })).toBe(false);
  });

  it("is rotated by the runtime's own timer", async () => {
    const clock = new VirtualClock();
    const runtime = bench.runtime({ clock, logLimits: { maxBytes: 10, keep: 2 } });
    const launch = bench.launch(
      bench.image({ "main.js": "console.log('x'.repeat(100)); setInterval(() => {}, 1000)" }),
    );
    const running = await runtime.start(launch);
    const path = logPath(bench.kubeletDirectory, launch);
    const follow = {
      clock: bench.clock,
      ended: () => false,
      end: running.exited,
      signal: new AbortController().signal,
    };
    for await (const line of readLog(path, undefined, follow)) if (line.startsWith("x")) break;
    await clock.advance(10_000);
    expect(existsSync(`${logPath(bench.kubeletDirectory, launch)}.1`)).toBe(true);
    running.signal("SIGKILL");
    await running.exited;
  });

  it.each([
    { text: "", count: 5, want: [] },
    { text: "a\nb\nc\n", count: 2, want: ["b", "c"] },
    { text: "a\nb\nc", count: 2, want: ["b", "c"] },
    { text: "a\n\nc\n", count: 9, want: ["a", "", "c"] },
    { text: `${"é".repeat(70_000)}\nz\n`, count: 2, want: ["é".repeat(70_000), "z"] },
    { text: "a\nb\n", count: 0, want: [] },
  ])("of $text.length characters has $want.length last lines of $count", ({ text, count, want }) => {
    const path = join(bench.directory, "b.log");
    writeFileSync(path, text);
    expect(tailLog(path, count)).toEqual(want);
  });

  it("has its last lines in order over all rotated files", () => {
    const path = join(bench.directory, "d.log");
    for (const [suffix, text] of [
      [".3", "1\n2\n"],
      [".2", "3\n4\n"],
      [".1", "5\n6\n"],
      ["", "7\n"],
    ] as const) {
      writeFileSync(`${path}${suffix}`, text);
    }
    expect(tailLog(path, 4)).toEqual(["4", "5", "6", "7"]);
    expect(tailLog(path, 9)).toEqual(["1", "2", "3", "4", "5", "6", "7"]);
  });

  it("of gigabytes without a line end is not read as a whole for its last line", () => {
    const path = join(bench.directory, "e.log");
    writeFileSync(path, "");
    // A hole: it takes no room.
    truncateSync(path, 20 * 1024 ** 3);
    appendFileSync(path, "the end\n");
    const [line = ""] = tailLog(path, 1);
    expect(line.endsWith("the end")).toBe(true);
    expect(line.length).toBeLessThan(2 * 1024 * 1024);
  });

  it("that is followed for long leaves nothing behind for each of its changes", async () => {
    const path = join(bench.directory, "f.log");
    writeFileSync(path, "");
    const end = new Promise<void>(() => undefined);
    const reactions = vi.spyOn(end, "then");
    const options = { clock: bench.clock, ended: () => false, end, signal: new AbortController().signal };
    const reader = readLog(path, undefined, options);
    for (let line = 0; line < 5; line++) {
      appendFileSync(path, `${line}\n`);
      expect((await reader.next()).value).toBe(String(line));
    }
    await reader.return(undefined);
    expect(reactions).toHaveBeenCalledOnce();
  });

  it("that is followed from its last line goes on where that one was unfinished", async () => {
    const path = join(bench.directory, "c.log");
    writeFileSync(path, "one\ntwo\nthr");
    const done = new AbortController();
    const lines: string[] = [];
    let ended = false;
    const end = Promise.withResolvers<void>();
    const reader = readLog(path, 2, { clock: bench.clock, ended: () => ended, end: end.promise, signal: done.signal });
    const first = await reader.next();
    lines.push(String(first.value));
    appendFileSync(path, "ee\nfour");
    ended = true;
    end.resolve();
    for await (const line of reader) lines.push(line);
    expect(lines).toEqual(["two", "three", "four"]);
  });

  it("keeps the last two runs", async () => {
    const runtime = bench.runtime();
    const image = bench.image({ "main.js": "console.log('run')" });
    for (const run of [0, 1, 2]) await (await runtime.start(bench.launch(image, { run }))).exited;
    const kept = [0, 1, 2].map((run) => existsSync(logPath(bench.kubeletDirectory, bench.launch(image, { run }))));
    expect(kept).toEqual([false, true, true]);
  });
});

describe("probes", () => {
  it("over HTTP take 200 to 399 for a success, and word failures as the kubelet does", async () => {
    const script = `
      require("node:http").createServer((request, response) => {
        if (request.url === "/hang") return;
        response.writeHead(Number(request.url.slice(1)), { "x-seen": request.headers["x-probe"] ?? "" }).end();
      }).listen(Number(process.env.PORT), "127.0.0.1", () => console.log("up"));`;
    const runtime = bench.runtime();
    const port = await runtime.allocatePort();
    const launch = bench.launch(bench.image({ "main.js": script }), { env: { PORT: String(port) } });
    await runtime.start(launch);
    await linesUntil(runtime, launch, "up");
    const look = (path: string, at = port, timeoutMs = 2_000) =>
      runtime.probe(
        launch,
        { kind: "http", host: "127.0.0.1", port: at, path, scheme: "HTTP", headers: [] },
        timeoutMs,
      );
    expect(await look("/200")).toEqual({ ok: true, message: "" });
    expect(await look("/302")).toEqual({ ok: true, message: "" });
    expect(await look("/500")).toEqual({ ok: false, message: "HTTP probe failed with statuscode: 500" });
    expect((await look("/hang", port, 50)).message).toBe(
      `Get "http://127.0.0.1:${port}/hang": context deadline exceeded`,
    );
    const free = await runtime.allocatePort();
    expect((await look("/", free)).message).toBe(
      `Get "http://127.0.0.1:${free}/": dial tcp 127.0.0.1:${free}: connect: connection refused`,
    );
    expect(await runtime.probe(launch, { kind: "tcp", host: "127.0.0.1", port }, 1_000)).toEqual({
      ok: true,
      message: "",
    });
    expect((await runtime.probe(launch, { kind: "tcp", host: "127.0.0.1", port: free }, 1_000)).message).toBe(
      `dial tcp 127.0.0.1:${free}: connect: connection refused`,
    );
  });

  it("by command run in the container's directory and environment, and end with their group", async () => {
    const runtime = bench.runtime();
    const image = bench.image({ "main.js": "", "check.sh": '#!/bin/sh\necho "saw $A in $(pwd)"\nexit $1\n' });
    const launch = bench.launch(image, { env: { A: "1" } });
    const look = (argv: string[], timeoutMs = 5_000) => runtime.probe(launch, { kind: "exec", argv }, timeoutMs);
    expect(await look(["./check.sh", "0"])).toEqual({ ok: true, message: "" });
    expect(await look(["./check.sh", "3"])).toEqual({ ok: false, message: `saw 1 in ${image.directory}` });
    expect(await look(["false"])).toEqual({ ok: false, message: "command failed with exit code 1" });
    expect((await look(["nothing-like-it"])).message).toBe(
      'exec: "nothing-like-it": executable file not found in $PATH',
    );
    const slow = await look(["sh", "-c", "sleep 60 & sleep 60"], 200);
    expect(slow).toEqual({ ok: false, message: 'command timed out: "sh -c sleep 60 & sleep 60" timed out after 0s' });
    await expect.poll(() => pidsOf(launch.podUid)).toEqual([]);
  });
});

describe("adoption", () => {
  const sleeper = "console.log('up'); process.on('SIGTERM', () => process.exit(5)); setInterval(() => {}, 1000)";

  it("finds the process of an earlier kubelet by number or by environment, and tells its end without an exit code", async () => {
    const first = bench.runtime();
    const launch = bench.launch(bench.image({ "main.js": sleeper }));
    const running = await first.start(launch);
    await linesUntil(first, launch, "up");
    const second = bench.runtime();
    const byNumber = await second.adopt(launch, running.id);
    const byEnvironment = await second.adopt(launch, "");
    expect([byNumber?.id, byEnvironment?.id]).toEqual([running.id, running.id]);
    byNumber?.signal("SIGTERM");
    const exit = await byNumber?.exited;
    expect(exit?.exitCode).toBeUndefined();
    expect(exit?.message).toBe("The kubelet that started it is gone, so its exit code is not known.");
  });

  it("does not take another process of the same number, run, container or pod", async () => {
    const runtime = bench.runtime();
    const launch = bench.launch(bench.image({ "main.js": sleeper }));
    const running = (await runtime.start(launch)) as RunningContainer;
    await linesUntil(runtime, launch, "up");
    expect(await runtime.adopt(launch, `process://${process.pid}`)).toBeNull();
    expect(await runtime.adopt({ ...launch, run: 1 }, running.id)).toBeNull();
    expect(await runtime.adopt({ ...launch, container: "other" }, running.id)).toBeNull();
    expect(await runtime.adopt({ ...launch, podUid: "other" }, running.id)).toBeNull();
    running.signal("SIGKILL");
    await running.exited;
    expect(await runtime.adopt(launch, running.id)).toBeNull();
  });
});

describe("ports", () => {
  it("are different from each other until they are released, and free", async () => {
    const runtime = bench.runtime();
    const ports = await Promise.all(Array.from({ length: 50 }, () => runtime.allocatePort()));
    expect(new Set(ports).size).toBe(50);
    expect(ports.every((port) => port >= 20_000 && port < 32_768)).toBe(true);
  });

  it.runIf(process.platform === "linux")("that a process listens on are known", async () => {
    const runtime = bench.runtime();
    const port = await runtime.allocatePort();
    const other = await runtime.allocatePort();
    const launch = bench.launch(bench.image({ "main.js": SERVER }), { env: { PORT: String(port) } });
    const running = await runtime.start(launch);
    await linesUntil(runtime, launch, "listening");
    expect(await runtime.listensOn(running, port)).toBe(true);
    expect(await runtime.listensOn(running, other)).toBe(false);
  });
});
