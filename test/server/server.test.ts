/** The API over a real socket: answers, errors, masking, streams, and the ends of streams. */
import { mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createClient, type DaemonClient } from "../../src/cli/client.ts";
import { TrueupError } from "../../src/model/errors.ts";
import type { KubeObject } from "../../src/model/object.ts";
import { asCommitId } from "../../src/model/source.ts";
import { type ApiServer, startServer } from "../../src/server/server.ts";
import { HEARTBEAT_MS } from "../../src/server/stream.ts";
import { SystemClock, settle, VirtualClock } from "../../src/util/clock.ts";
import { FakeDaemon } from "./fake-daemon.ts";

const COMMIT = asCommitId("3f2c1aa".padEnd(40, "0"));
const never = new AbortController().signal;

let directory: string;
let socket: string;
let daemon: FakeDaemon;
let clock: VirtualClock;
let server: ApiServer;
let client: DaemonClient;
let internal: { error: unknown; route: string }[];

beforeEach(async () => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "trueup-api-")));
  socket = join(directory, "daemon.sock");
  daemon = new FakeDaemon();
  clock = new VirtualClock();
  internal = [];
  server = await start();
  client = createClient({ socket, clock: new SystemClock() });
});

afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

function start(): Promise<ApiServer> {
  const onInternalError = (error: unknown, route: string): void => void internal.push({ error, route });
  return startServer({ service: daemon, clock, socket, onInternalError });
}

interface Answer {
  status: number;
  type: string;
  body: unknown;
}

function ask(path: string, method = "GET", body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const outgoing = request({ socketPath: socket, path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        const type = response.headers["content-type"] ?? "";
        resolve({ status: response.statusCode ?? 0, type, body: JSON.parse(text) });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function pod(name: string, namespace = "default"): KubeObject {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec: { containers: [] } };
}

function secret(name: string, value: string): KubeObject {
  const data = { password: Buffer.from(value).toString("base64") };
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({ data }) };
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default", annotations }, data };
}

describe("the socket", () => {
  it("can be opened by its user only", () => {
    expect((statSync(socket).mode & 0o777).toString(8)).toBe("600");
  });

  it("is taken over when nobody answers on it", async () => {
    await server.close();
    const abandoned = await listen(socket);
    // As a killed process leaves it: the file stays, nobody answers.
    await closeKeepingFile(abandoned);
    server = await start();
    expect((await client.status(never)).version).toBe("9.9.9");
  });

  it("is not taken from a daemon that answers", async () => {
    await expect(start()).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("another daemon"),
    });
    expect((await client.status(never)).version).toBe("9.9.9");
  });

  it("is not made of another kind of file", async () => {
    await server.close();
    writeFileSync(socket, "precious");
    await expect(start()).rejects.toMatchObject({ code: "conflict" });
    rmSync(socket);
    server = await start();
  });
});

function listen(path: string): Promise<Server> {
  return new Promise((resolve) => {
    const other = createServer();
    other.listen(path, () => resolve(other));
  });
}

async function closeKeepingFile(other: Server): Promise<void> {
  await new Promise((resolve) => other.close(resolve));
  // Node removes the file as it closes; a killed process could not. A bound, closed socket is made anew by a child.
  const { spawnSync } = await import("node:child_process");
  const script = `require("node:net").createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", script]);
  expect(statSync(socket).isSocket()).toBe(true);
}

describe("errors", () => {
  const cases: [title: string, path: string, method: string, body: string | undefined, status: number, code: string][] =
    [
      ["an unknown route", "/v1/nothing", "GET", undefined, 404, "not-found"],
      ["an unknown parameter", "/v1/status?foo=1", "GET", undefined, 400, "usage"],
      ["a flag that is none", "/v1/status?watch=yes", "GET", undefined, 400, "usage"],
      ["a repeated parameter", "/v1/objects?kind=Pod&kind=Secret", "GET", undefined, 400, "usage"],
      ["a repeated group", "/v1/objects?group=a&group=b", "GET", undefined, 400, "usage"],
      ["a count that is none", "/v1/attempts?limit=-1", "GET", undefined, 400, "usage"],
      ["a commit that is none", "/v1/attempts?commit=main", "GET", undefined, 400, "usage"],
      ["logs of nobody", "/v1/logs?pod=a", "GET", undefined, 400, "usage"],
      ["logs of a pod that is gone", "/v1/logs?pod=gone&namespace=default", "GET", undefined, 404, "not-found"],
      ["a plan of no app", "/v1/plan", "GET", undefined, 400, "usage"],
      ["a plan that cannot be made", "/v1/plan?app=shop", "GET", undefined, 404, "not-found"],
      ["a shutdown without a word on pods", "/v1/shutdown", "POST", "{}", 400, "usage"],
      ["a body that is no JSON", "/v1/shutdown", "POST", "{", 400, "usage"],
      ["a body that is too large", "/v1/shutdown", "POST", JSON.stringify({ x: "x".repeat(70_000) }), 413, "usage"],
    ];
  it.each(cases)(
    "answers %s with a code, a sentence and a status",
    async (_title, path, method, body, status, code) => {
      const answer = await ask(path, method, body);
      expect(answer).toMatchObject({ status, type: "application/json; charset=utf-8", body: { code } });
      expect((answer.body as { message: string }).message).toMatch(/^Cannot .+\.?$/);
      expect(daemon.shutdowns).toEqual([]);
    },
  );

  it("carry the hint of the daemon's own error to the caller", async () => {
    daemon.listError = new TrueupError("unavailable", "Cannot list as the store is closed.", { hint: "Open it." });
    await expect(client.list({}, never)).rejects.toMatchObject({
      name: "TrueupError",
      code: "unavailable",
      message: "Cannot list as the store is closed.",
      hint: "Open it.",
    });
  });

  it("of the daemon's own making go to its log and not to the caller", async () => {
    daemon.listError = new Error("password=hunter2");
    const answer = await ask("/v1/objects?kind=Pod");
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.body)).not.toContain("hunter2");
    expect(internal).toEqual([{ error: daemon.listError, route: "GET /v1/objects?kind=Pod" }]);
  });

  it("of a socket that nobody answers on say what to do", async () => {
    const lost = createClient({ socket: join(directory, "none.sock"), clock: new SystemClock() });
    await expect(lost.status(never)).rejects.toMatchObject({
      code: "unavailable",
      hint: expect.stringContaining("trueup run"),
    });
  });
});

describe("objects", () => {
  it("come with why they may be old by now, where they may", async () => {
    const told: string[] = [];
    const careful = createClient({ socket, clock: new SystemClock(), onDoubt: (why) => told.push(why) });
    daemon.doubtful = "The API server does not answer.";
    expect(await careful.list({}, never)).toMatchObject({ items: [], doubt: "The API server does not answer." });
    daemon.doubtful = null;
    expect(await careful.list({}, never)).not.toHaveProperty("doubt");
    expect(told).toEqual(["The API server does not answer."]);
  });

  it("are listed by group, kind, namespace, name and owner", async () => {
    daemon.put(pod("a"));
    daemon.put(pod("b", "other"), "else");
    daemon.put({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a", namespace: "default" } });
    const names = async (query: object): Promise<string[]> =>
      (await client.list(query, never)).items.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(await names({})).toEqual(["Pod/a", "Pod/b", "Deployment/a"]);
    expect(await names({ group: "" })).toEqual(["Pod/a", "Pod/b"]);
    expect(await names({ group: "apps" })).toEqual(["Deployment/a"]);
    expect(await names({ kind: "Pod", namespace: "other" })).toEqual(["Pod/b"]);
    expect(await names({ name: "a" })).toEqual(["Pod/a", "Deployment/a"]);
    expect(await names({ owner: "else" })).toEqual(["Pod/b"]);
  });

  it("never show a secret value, in lists, watches and annotations alike", async () => {
    daemon.put(secret("db", "hunter2"));
    const listed = await ask("/v1/objects?kind=Secret");
    const seen = [JSON.stringify(listed.body)];
    const stop = new AbortController();
    for await (const event of client.watch({ kind: "Secret" }, stop.signal)) {
      seen.push(JSON.stringify(event));
      if (event.type === "synced") daemon.put(secret("db", "hunter3"));
      if (event.type === "modified") break;
    }
    expect(seen).toHaveLength(4);
    for (const text of seen) {
      expect(text).not.toContain(Buffer.from("hunter2").toString("base64"));
      expect(text).not.toContain(Buffer.from("hunter3").toString("base64"));
    }
    expect(listed.body).toMatchObject({ items: [{ data: { password: "***" } }] });
  });

  it("are watched from what is there to what comes, without a gap", async () => {
    daemon.put(pod("a"));
    const seen: string[] = [];
    for await (const event of client.watch({ kind: "Pod" }, never)) {
      seen.push("object" in event ? `${event.type} ${event.object.metadata.name}` : event.type);
      if (event.type === "synced") {
        daemon.put(pod("b"));
        daemon.put(pod("a"));
        daemon.remove(pod("b"));
      }
      if (event.type === "deleted") break;
    }
    expect(seen).toEqual(["added a", "synced", "added b", "modified a", "deleted b"]);
  });

  it("are watched again from the start when the store has forgotten the version", async () => {
    daemon.put(pod("a"));
    const seen: string[] = [];
    for await (const event of client.watch({ kind: "Pod" }, never)) {
      seen.push(event.type);
      if (seen.length === 2) daemon.forgetVersions();
      if (seen.length === 5) break;
    }
    expect(seen).toEqual(["added", "synced", "reset", "added", "synced"]);
  });

  it("are watched on when the daemon was started again", async () => {
    const states: string[] = [];
    const patient = createClient({
      socket,
      clock: new SystemClock(),
      onConnection: (state) => void states.push(state),
    });
    daemon.put(pod("a"));
    const seen: string[] = [];
    for await (const event of patient.watch({ kind: "Pod" }, never)) {
      seen.push(event.type);
      if (seen.length === 2) {
        await server.close();
        server = await start();
      }
      if (seen.length === 5) break;
    }
    expect(seen).toEqual(["added", "synced", "reset", "added", "synced"]);
    expect(states).toEqual(["lost", "back"]);
  });

  it("end the backend's watch when the reader goes", async () => {
    const stop = new AbortController();
    const reason = new Error("seen enough");
    const reading = (async () => {
      for await (const event of client.watch({ kind: "Pod" }, stop.signal)) {
        if (event.type === "synced") stop.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    await until(() => daemon.watchers.size === 0);
  });
});

describe("events", () => {
  const event = (name: string, kind: string, about: string): KubeObject => ({
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: "default" },
    involvedObject: { kind, name: about },
  });

  it("are those about one object, whatever the case of its kind", async () => {
    daemon.put(event("one", "Deployment", "web"));
    daemon.put(event("two", "Pod", "web"));
    daemon.put(event("three", "Deployment", "other"));
    const { body } = await ask("/v1/events?kind=deployment&name=web");
    expect((body as { items: KubeObject[] }).items.map(({ metadata }) => metadata.name)).toEqual(["one"]);
  });
});

describe("streams", () => {
  it("beat while nothing happens, on the clock", async () => {
    const text = await new Promise<string>((resolve, reject) => {
      request({ socketPath: socket, path: "/v1/objects?watch=true" }, (response) => {
        let seen = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          seen += chunk;
          if (seen.includes("heartbeat")) {
            response.destroy();
            resolve(seen);
          } else if (seen.includes("synced")) void clock.advance(HEARTBEAT_MS);
        });
      })
        .on("error", reject)
        .end();
    });
    expect(text).toBe('data: {"type":"synced","version":"1"}\n\n: heartbeat\n\n');
    await until(() => clock.pending === 0);
  });

  it("end cleanly when the server closes, so that it closes at once", async () => {
    const seen: string[] = [];
    const reading = (async () => {
      for await (const status of client.watchStatus(never)) {
        seen.push(status.version);
        void server.close();
      }
    })();
    await reading;
    expect(seen).toEqual(["9.9.9"]);
    expect(daemon.listenerCount).toBe(0);
  });

  it("tell the present status and each later one", async () => {
    const seen: number[] = [];
    for await (const { apps } of client.watchStatus(never)) {
      seen.push(apps.length);
      if (seen.length === 1) daemon.setApps([appStatus("shop")]);
      else break;
    }
    expect(seen).toEqual([0, 1]);
  });
});

function appStatus(app: string): FakeDaemon["apps"][number] {
  return {
    app,
    target: "local",
    repository: "/repo",
    ref: "refs/heads/main",
    path: "",
    head: null,
    applied: null,
    phase: "Starting",
    reason: "",
    health: { status: "Healthy", reason: "" },
    diagnostics: [],
    attempt: null,
    held: [],
    contested: [],
    planDigest: null,
  };
}

describe("logs", () => {
  async function collect(lines: AsyncIterable<string>): Promise<string[]> {
    const all: string[] = [];
    for await (const line of lines) all.push(line);
    return all;
  }

  it("come line by line, whatever is in a line", async () => {
    daemon.logLines.push("one", "", "data: not an event", "ünï\tcode \u001b[31mred", "last");
    expect(await collect(client.logs({ namespace: "default", pod: "a" }, never))).toEqual(daemon.logLines);
    expect(daemon.logQueries).toEqual([{ namespace: "default", pod: "a" }]);
  });

  it("take the container, the tail and the previous run", async () => {
    daemon.logLines.push("one", "two");
    const query = { namespace: "default", pod: "a", container: "c", tail: 1, previous: true, follow: false };
    expect(await collect(client.logs(query, never))).toEqual(["two"]);
    expect(daemon.logQueries).toEqual([query]);
  });

  it("follow a pod to its end", async () => {
    daemon.logLines.push("one");
    const seen: string[] = [];
    for await (const line of client.logs({ namespace: "default", pod: "a", follow: true }, never)) {
      seen.push(line);
      daemon.endLogs();
    }
    expect(seen).toEqual(["one", "the last line"]);
  });

  it("that break off in the middle are an error, not an end", async () => {
    daemon.logLines.push("one");
    const reading = (async () => {
      for await (const _ of client.logs({ namespace: "default", pod: "breaks", follow: true }, never)) daemon.endLogs();
    })();
    await expect(reading).rejects.toMatchObject({ code: "io", message: "Cannot read the log file." });
  });

  it("of a daemon that goes away are an error, not an end", async () => {
    daemon.logLines.push("one");
    const reading = (async () => {
      for await (const _ of client.logs({ namespace: "default", pod: "a", follow: true }, never)) void server.close();
    })();
    await expect(reading).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("the ledger and plans", () => {
  it("give attempts by app, commit and number", async () => {
    const row = { app: "shop", target: "local", commit: COMMIT, ordinal: 1, openedAt: "", ref: "", authorName: "" };
    daemon.attemptRows.push({ ...row, authorEmail: "", subject: "a", row: 2, events: [] });
    daemon.attemptRows.push({ ...row, app: "other", authorEmail: "", subject: "b", row: 1, events: [] });
    expect((await client.attempts({}, never)).map(({ subject }) => subject)).toEqual(["a", "b"]);
    expect((await client.attempts({ limit: 1 }, never)).map(({ subject }) => subject)).toEqual(["a"]);
    expect((await client.attempts({ app: "other" }, never)).map(({ subject }) => subject)).toEqual(["b"]);
    expect((await ask(`/v1/attempts?commit=${COMMIT}&open=true`)).body).toHaveLength(2);
  });

  it("plan the only app when none is named", async () => {
    daemon.apps = [appStatus("shop")];
    daemon.planOutcome = { kind: "rejected", app: "shop", commit: COMMIT, diagnostics: [] };
    expect(await client.plan({ revision: "HEAD~1" }, never)).toEqual(daemon.planOutcome);
    expect(daemon.planned).toEqual([{ app: "shop", revision: "HEAD~1" }]);
  });

  it("show a plan's changes without its objects, and its diffs when asked, secrets masked", async () => {
    const live = secret("db", "hunter2");
    daemon.put(live);
    const desired = secret("db", "hunter3");
    const location = { file: "db.yaml", line: 7, column: 1 };
    const declared = {
      object: desired,
      id: { group: "", kind: "Secret", namespace: "default", name: "db" },
      file: "db.yaml",
      blob: "0".repeat(40) as never,
      document: 0,
      locate: () => location,
      locateValue: () => location,
    };
    const change = { id: declared.id, declared, fields: [], restartsPods: false, action: "update" as const };
    const observed = { object: live, applied: live, owner: "shop" };
    daemon.planOutcome = {
      kind: "planned",
      diagnostics: [],
      plan: { app: "shop", commit: COMMIT, changes: [{ ...change, observed }], unchanged: 4, digest: "sha256:1" },
    };
    const plain = await client.plan({ app: "shop" }, never);
    expect(plain).toEqual({
      kind: "planned",
      app: "shop",
      commit: COMMIT,
      unchanged: 4,
      digest: "sha256:1",
      diagnostics: [],
      text: expect.stringContaining("secret/db (db.yaml:7)"),
      changes: [{ action: "update", id: declared.id, source: "db.yaml:7", fields: [], restartsPods: false }],
    });
    const withDiff = JSON.stringify(await client.plan({ app: "shop", diff: true }, never));
    expect(withDiff).toContain("*** (before)");
    expect(withDiff).not.toContain(Buffer.from("hunter3").toString("base64"));
  });
});

describe("shutdown", () => {
  it("answers when all has ended that is to end, and runs once", async () => {
    const gate = Promise.withResolvers<void>();
    daemon.shutdownGate = gate.promise;
    let done = 0;
    const first = client.shutdown({ stopPods: true }, never).then(() => (done += 1));
    const second = client.shutdown({ stopPods: true }, never).then(() => (done += 1));
    await until(() => daemon.shutdowns.length > 0);
    expect(done).toBe(0);
    gate.resolve();
    await Promise.all([first, second]);
    expect(daemon.shutdowns).toEqual([{ stopPods: true }]);
  });

  it("answers, too, when the daemon closes its server first", async () => {
    daemon.shutdownGate = new Promise(() => undefined);
    const shutdown = client.shutdown({ stopPods: false }, never);
    await until(() => daemon.shutdowns.length > 0);
    await server.close();
    await shutdown;
  });

  it("that fails says so", async () => {
    daemon.shutdownGate = Promise.reject(new TrueupError("timeout", "Cannot end pod a in time."));
    daemon.shutdownGate.catch(() => undefined);
    await expect(client.shutdown({ stopPods: true }, never)).rejects.toMatchObject({ code: "timeout" });
  });
});

/** Waits, event loop turn by turn, for what another end of a socket brings about. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await settle();
}
