/** Where state and sockets are, and who may have made the directories. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  defaultStateDir,
  ensurePrivateDirectory,
  hash12,
  listDaemonRecords,
  parseDaemonRecord,
  prepareSocketPaths,
  readDaemonRecord,
  removeDaemonRecord,
  runtimeRoot,
  socketPaths,
  userId,
  writeDaemonRecord,
} from "../../src/daemon/paths.ts";
import type { DaemonRecord } from "../../src/model/status.ts";

let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "trueup-paths-")));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const RECORD: DaemonRecord = {
  pid: 4711,
  version: "0.1.0",
  startedAt: "2026-01-01T00:00:00.000Z",
  repository: "/repo",
  stateDir: "/state",
  socket: "/run/x/daemon.sock",
};

describe("the runtime directory", () => {
  const long = `/${"x".repeat(80)}`;
  const rows: [title: string, xdg: string | undefined, temporary: string, expected: string][] = [
    ["the user's own", "/run/user/7", "/tmp", "/run/user/7/trueup"],
    ["the temporary one without it", undefined, "/var/tmp", "/var/tmp/trueup-7"],
    ["the temporary one when it is empty", "", "/tmp", "/tmp/trueup-7"],
    ["the temporary one when it is relative", "run", "/tmp", "/tmp/trueup-7"],
    ["the temporary one when sockets would have too long a path", long, "/tmp", "/tmp/trueup-7"],
    ["/tmp when both are too long", long, long, "/tmp/trueup-7"],
  ];
  it.each(rows)("is %s", (_title, xdg, temporary, expected) => {
    const found = runtimeRoot(xdg === undefined ? {} : { XDG_RUNTIME_DIR: xdg }, 7, temporary);
    expect(found).toBe(expected);
    expect(socketPaths(found, "/state").kubeletSocket.length).toBeLessThan(100);
  });

  it("holds one directory a state directory", () => {
    const { directory, daemonSocket, kubeletSocket, daemonRecord } = socketPaths("/run/trueup", "/state");
    expect(directory).toBe(`/run/trueup/${hash12("/state")}`);
    expect([daemonSocket, kubeletSocket, daemonRecord]).toEqual(
      ["daemon.sock", "kubelet.sock", "daemon.json"].map((name) => join(directory, name)),
    );
  });
});

describe("the state directory", () => {
  it("is told apart by repository, ref, path and target, and not by how the repository is reached", async () => {
    mkdirSync(join(root, "repo"));
    symlinkSync(join(root, "repo"), join(root, "link"));
    const of = (repository: string, ref = "", path = "", target?: string): Promise<string> => {
      const of = { repository: join(root, repository), ref, path, ...(target !== undefined && { target }) };
      return defaultStateDir({ XDG_STATE_HOME: "/state" }, of);
    };
    const base = await of("repo");
    expect(base).toMatch(/^\/state\/trueup\/[0-9a-f]{12}$/);
    expect(await of("link")).toBe(base);
    expect(new Set([base, await of("repo", "main"), await of("repo", "", "main"), await of("")]).size).toBe(4);
    expect(new Set([base, await of("repo", "", "", "stage"), await of("repo", "", "", "prod")]).size).toBe(3);
  });

  it("is below the home directory without XDG_STATE_HOME", async () => {
    const configuration = { repository: root, ref: "", path: "" };
    expect(await defaultStateDir({}, configuration, "/home/ann")).toMatch(/^\/home\/ann\/\.local\/state\/trueup\//);
    expect(await defaultStateDir({ XDG_STATE_HOME: "relative" }, configuration, "/home/ann")).toMatch(/^\/home\/ann\//);
  });
});

describe("private directories", () => {
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

  it("are made, or closed to others, for their user only", async () => {
    expect(await ensurePrivateDirectory(join(root, "a/b"))).toBe(join(root, "a/b"));
    expect(mode(join(root, "a/b"))).toBe("700");
    chmodSync(join(root, "a/b"), 0o755);
    await ensurePrivateDirectory(join(root, "a/b"));
    expect(mode(join(root, "a/b"))).toBe("700");
  });

  it("are refused when they are another's or none", async () => {
    mkdirSync(join(root, "theirs"));
    await expect(ensurePrivateDirectory(join(root, "theirs"), userId() + 1)).rejects.toMatchObject({
      code: "forbidden",
    });
    writeFileSync(join(root, "file"), "");
    await expect(ensurePrivateDirectory(join(root, "file"))).rejects.toMatchObject({ code: "io" });
    await expect(ensurePrivateDirectory(join(root, "file/below"))).rejects.toMatchObject({ code: "io" });
  });

  it("that hold sockets may not be links, which another could have laid", async () => {
    mkdirSync(join(root, "elsewhere"));
    symlinkSync(join(root, "elsewhere"), join(root, "trueup"));
    await expect(prepareSocketPaths(root, { XDG_RUNTIME_DIR: root })).rejects.toMatchObject({ code: "forbidden" });
  });
});

describe("daemon.json", () => {
  it("is written whole, listed, and removed by its own daemon only", async () => {
    const env = { XDG_RUNTIME_DIR: join(root, "run") };
    expect(await listDaemonRecords(env)).toEqual([]);
    const paths = await prepareSocketPaths(root, env);
    await writeDaemonRecord(paths, RECORD);
    expect((statSync(paths.daemonRecord).mode & 0o777).toString(8)).toBe("600");
    expect(await listDaemonRecords(env)).toEqual([RECORD]);
    await removeDaemonRecord(paths, 1);
    expect(await readDaemonRecord(paths.daemonRecord)).toEqual(RECORD);
    await removeDaemonRecord(paths, RECORD.pid);
    expect(await listDaemonRecords(env)).toEqual([]);
  });

  it("is not believed in a directory that others can write to", async () => {
    const env = { XDG_RUNTIME_DIR: join(root, "run") };
    await writeDaemonRecord(await prepareSocketPaths(root, env), RECORD);
    chmodSync(join(root, "run/trueup"), 0o777);
    expect(await listDaemonRecords(env)).toEqual([]);
  });

  const broken: [title: string, text: string][] = [
    ["no JSON", "{"],
    ["no object", "7"],
    ["null", "null"],
    ["no process id", JSON.stringify({ ...RECORD, pid: "4711" })],
    ["process id 0, which would mean our own group", JSON.stringify({ ...RECORD, pid: 0 })],
    ["a negative process id", JSON.stringify({ ...RECORD, pid: -1 })],
    ["no socket", JSON.stringify({ ...RECORD, socket: undefined })],
  ];
  it.each(broken)("counts as absent with %s", (_title, text) => {
    expect(parseDaemonRecord(text)).toBeNull();
  });
});
