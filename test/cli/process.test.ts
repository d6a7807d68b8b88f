/** How the command behaves as a process: help, exit codes, errors, signals, pipes, and which daemon it finds. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/table.ts";
import { writeDaemonRecord } from "../../src/daemon/paths.ts";
import { gitIn, initRepository } from "../git/support.ts";
import { addFake, appStatus, PROGRAM, type Running, startFake } from "./with-daemon.ts";

let fake: Running;

beforeEach(async () => {
  fake = await startFake();
});

afterEach(async () => {
  await fake.end();
});

describe("help", () => {
  it("lists every command that people use, without loading any", async () => {
    const { code, stdout, stderr } = await fake.run("--help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const { name, group } of COMMANDS) {
      if (group !== undefined && !name.includes(" ")) expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    }
    expect(stdout).not.toContain("kubelet ");
  });

  it("shows a command's options and an example, asked for in either way", async () => {
    const asked = await fake.run("rollout", "undo", "--help");
    expect(asked).toMatchObject({ code: 0, stderr: "" });
    expect(asked.stdout).toContain("Usage: trueup rollout undo [options] <kind> [name]");
    expect(asked.stdout).toContain("--to-revision <number>");
    expect(asked.stdout).toMatch(/Examples:\n {2}trueup rollout undo deployment\/web\n/);
    expect((await fake.run("help", "rollout", "undo")).stdout).toBe(asked.stdout);
  });

  it("tells the version", async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
    expect(await fake.run("--version")).toEqual({ code: 0, stdout: `trueup ${version}\n`, stderr: "" });
  });
});

describe("usage errors", () => {
  const rows: [args: string[], message: RegExp][] = [
    [["nonsense"], /^trueup: unknown command 'nonsense'\n$/],
    [["statsu"], /Did you mean status\?/],
    [["get"], /^trueup: missing required argument 'kind'\n$/],
    [["get", "pods", "--nonsense"], /^trueup: unknown option '--nonsense'\n/],
    [["get", "pods", "-o", "xml"], /choices/i],
    [["get", "frobs"], /^trueup: Cannot find the kind "frobs"[^\n]+\n {2}hint: Kinds: pods, /],
    [["describe", "deployment/"], /^trueup: Cannot read "deployment\/" as it must be KIND\/NAME/],
    [["rollout", "status", "pod/a"], /^trueup: Cannot follow pod\/a as it must be a deployment/],
    [["scale", "deployment/web", "--replicas", "many"], /^trueup: Cannot use --replicas as it must be a whole number/],
    [["scale", "deployment/web"], /use --replicas/],
    [["rollout", "status", "deployment/web", "--timeout", "soon"], /must be a duration such as 30s/],
    [["run", "--timeout", "5m"], /^trueup: Cannot use --timeout as --once must be there/],
    [["run", "--once", "--timeout", "soon"], /must be a duration such as 30s/],
    [["set", "image", "deployment/web", "web"], /must be CONTAINER=IMAGE/],
    [["completion", "tcsh"], /must be one of: bash, zsh, fish/],
  ];
  it.each(rows)("%j exits 2 and says what is wrong", async (args, message) => {
    const { code, stdout, stderr } = await fake.run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});

describe("errors", () => {
  it("are a sentence and a hint on stderr, with the exit code of their class", async () => {
    expect(await fake.run("get", "pod", "web")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        'trueup: Cannot find pod "web" in namespace default.\n' +
        "  hint: There are no pods in namespace default; -A looks in all namespaces.\n",
    });
  });

  it("show where they arose when TRUEUP_DEBUG is set", async () => {
    fake.home.env.TRUEUP_DEBUG = "1";
    expect((await fake.run("get", "pod", "web")).stderr).toMatch(/\n {4}at /);
  });

  it("name the way out when no daemon runs", async () => {
    rmSync(fake.paths.daemonRecord);
    expect(await fake.run("status")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "trueup: Cannot ask a daemon as it must be running: none is.\n" +
        "  hint: Start one with trueup run REPO, or try trueup demo.\n",
    });
  });
});

describe("which daemon", () => {
  it("passes over records whose process or socket is gone", async () => {
    const other = await addFake(fake.home, "/other", "other");
    await other.server.close();
    const record = { version: "1", startedAt: "", repository: "/dead", stateDir: "/dead", socket: "/dead.sock" };
    const directory = join(fake.paths.directory, "../000000000000");
    mkdirSync(directory);
    await writeDaemonRecord(
      { ...fake.paths, directory, daemonRecord: join(directory, "daemon.json") },
      { ...record, pid: 2 ** 22 + 1 },
    );
    const broken = join(fake.paths.directory, "../111111111111");
    mkdirSync(broken);
    writeFileSync(join(broken, "daemon.json"), "{");
    expect(await fake.run("status", "-o", "json")).toMatchObject({ code: 0, stderr: "" });
  });

  it("lists the candidates when several run and none is meant", async () => {
    const other = await addFake(fake.home, "/other", "other");
    const { code, stdout, stderr } = await fake.run("status");
    await other.server.close();
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^trueup: Cannot choose a daemon as exactly one must fit: 2 run\.\n/);
    expect(stderr).toContain(`/nowhere  (--state ${join(fake.home.dir, "state")}, process ${process.pid})\n`);
    expect(stderr).toContain(`\n  /other  (--state ${join(fake.home.dir, "other")}, process ${process.pid})\n`);
    expect(stderr).toContain("  hint: Use -C with a directory of the repository meant, or --state.\n");
  });

  it("takes the one of the repository stood in, also from a linked work tree, or of --state", async () => {
    const repository = join(fake.home.dir, "shop");
    initRepository(repository);
    gitIn(repository, ["commit", "-q", "--allow-empty", "-m", "first"]);
    gitIn(repository, ["worktree", "add", "-q", join(fake.home.dir, "linked")]);
    mkdirSync(join(repository, "deep"));
    const other = await addFake(fake.home, repository, "other");
    other.daemon.apps = [appStatus("shop")];
    const apps = async (...args: string[]): Promise<string[]> => {
      const { stdout } = await fake.run(...args, "status", "-o", "json");
      return (JSON.parse(stdout) as { apps: { app: string }[] }).apps.map(({ app }) => app);
    };
    expect(await apps("-C", join(repository, "deep"))).toEqual(["shop"]);
    expect(await apps("-C", "linked")).toEqual(["shop"]);
    expect(await apps("--state", "other")).toEqual(["shop"]);
    expect(await apps("--state", "state")).toEqual([]);
    expect((await fake.run("--state", "none", "status")).stderr).toContain("Cannot ask the daemon of ");
    await other.server.close();
  });
});

describe("streams and signals", () => {
  it("ends with 130 on Ctrl-C", async () => {
    const child = fake.start("get", "pods", "-w");
    await child.waitFor(/NAME/);
    child.kill("SIGINT");
    expect(await child.exited).toEqual({ code: 130, signal: null });
    expect(child.output).toBe("NAME   READY   STATUS   RESTARTS   AGE\n");
  });

  it("ends with 143 on SIGTERM", async () => {
    const child = fake.start("status", "-w");
    await child.waitFor(/state in/);
    child.kill("SIGTERM");
    expect(await child.exited).toEqual({ code: 143, signal: null });
  });

  it("ends quietly when the reader of its output has seen enough", async () => {
    for (let index = 0; index < 3_000; index++) {
      fake.daemon.put({ apiVersion: "v1", kind: "Pod", metadata: { name: `p${index}` }, spec: { containers: [] } });
    }
    const child = spawn(process.execPath, [PROGRAM, "get", "pods", "-o", "yaml"], {
      cwd: fake.home.dir,
      env: fake.home.env,
    });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      errors += chunk;
    });
    child.stdout.once("data", () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
  });

  it("prints no colour where nobody reads it, whatever the terminal", async () => {
    const { NO_COLOR: _unset, ...env } = fake.home.env;
    fake.home.env = { ...env, TERM: "xterm-256color" };
    fake.daemon.apps = [appStatus("shop", { phase: "Failed" })];
    expect((await fake.run("status")).stdout).not.toContain("\u001b");
  });
});
