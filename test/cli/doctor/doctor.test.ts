/** `trueup doctor` on real state directories: what it says of each fault, that it changes nothing, and what --fix removes. */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteObjectStore } from "../../../src/cluster/store.ts";
import { prepareSocketPaths, type SocketPaths, writeDaemonRecord } from "../../../src/daemon/paths.ts";
import { type TargetRecord, writeTargetRecord } from "../../../src/daemon/target-record.ts";
import { ImageStore } from "../../../src/image/store.ts";
import { SqliteLedger } from "../../../src/ledger/sqlite-ledger.ts";
import { SystemClock } from "../../../src/util/clock.ts";
import { seededRandom } from "../../../src/util/random.ts";
import { claimIdentity } from "../../../src/util/state-identity.ts";
import { takeLock } from "../../../src/util/state-lock.ts";
import { type Home, makeHome, trueup } from "../../support/processes.ts";

let home: Home;
let state: string;
let sockets: SocketPaths;

beforeEach(async () => {
  home = makeHome();
  state = join(home.dir, "state");
  mkdirSync(join(state, "kubelet", "pods"), { recursive: true, mode: 0o700 });
  chmodSync(state, 0o700);
  claimIdentity(state, seededRandom(1));
  new SqliteObjectStore(join(state, "cluster.db"), { clock: new SystemClock(), random: seededRandom(1) }).close();
  new SqliteLedger({ path: join(state, "ledger.db") }).close();
  await ImageStore.open(join(state, "images"));
  sockets = await prepareSocketPaths(state, home.env);
});
afterEach(() => home.remove());

interface Report {
  findings: { check: string; level: string; message: string; hint?: string }[];
  fixed: string[];
}

async function doctor(...args: string[]): Promise<{ code: number | null; troubles: string[]; report: Report }> {
  const { code, stdout, stderr } = await trueup(["doctor", "--state", state, "-o", "json", ...args], home);
  expect(stderr).toBe("");
  const report = JSON.parse(stdout) as Report;
  // How much room this machine has is not what is tested here.
  const bad = report.findings.filter(
    ({ level, check }) => level !== "ok" && check !== "disk" && check !== "open files",
  );
  for (const { hint } of bad) expect(hint).toMatch(/\w/);
  return { code, troubles: bad.map(({ check, level, message }) => `${level} ${check}: ${message}`), report };
}

/** A socket file that nobody listens on, as a killed process leaves it. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(`${path}.live`, done));
  // Hard-linked, as the server removes its own name when it closes.
  execFileSync("ln", [`${path}.live`, path]);
  await new Promise((done) => server.close(done));
}

/** Names, sizes and times of all files below. */
function listing(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  return names.map((name) => {
    const { size, mtimeMs } = statSync(join(directory, name));
    return `${name} ${size} ${mtimeMs}`;
  });
}

describe("a state directory", () => {
  it("that is well: every check says so, and nothing is changed", async () => {
    const before = listing(state);
    const { code, troubles, report } = await doctor();
    expect({ code, troubles }).toEqual({ code: 0, troubles: [] });
    expect(report.findings.map(({ check }) => check)).toEqual(
      "node,git,repository,open files,target,state directory,identity,disk,daemon,kubelet,cluster.db,ledger.db,ledger chain,clock,journal,pods,images,sockets,files".split(
        ",",
      ),
    );
    expect(listing(state)).toEqual(before);
  });

  it("with faults: each is found, all in one run, with what to do, and nothing is changed", async () => {
    const copy = join(home.dir, "copy");
    cpSync(state, copy, { recursive: true });
    state = copy;
    chmodSync(state, 0o755);
    writeFileSync(join(state, "ledger.db"), "no database at all, but long enough to be taken for one".repeat(20));
    writeFileSync(join(state, "kubelet", "journal.ndjson"), '{"base":0}\n{"seq":7}\n');
    mkdirSync(join(state, "kubelet", "pods", "uid-a"));
    writeFileSync(join(state, "kubelet", "pods", "uid-a", "record.json"), "{");
    rmSync(join(state, "cluster.db"));
    writeFileSync(join(state, "images", "index.json"), "{}");
    mkdirSync(join(state, "images", "0".repeat(64)));
    const before = listing(state);
    const { code, troubles } = await doctor();
    expect(code).toBe(1);
    expect(troubles.map((line) => line.replaceAll(home.dir, "~"))).toEqual([
      "problem state directory: others may enter ~/copy (mode 755), and it holds Secrets",
      "problem identity: it is a copy of ~/state: its pods are not its own",
      "problem cluster.db: it is missing or empty, and 1 pods are recorded",
      "problem ledger.db: the file is damaged: file is not a database",
      expect.stringContaining("warning ledger chain: it cannot be walked: "),
      "warning clock: it cannot be compared with the ledger: the file is damaged: file is not a database",
      "problem journal: Cannot read the kubelet's journal as line 2 of ~/copy/kubelet/journal.ndjson must be its next report.",
      expect.stringContaining("problem pod records: ~/copy/kubelet/pods/uid-a/record.json cannot be read: "),
      expect.stringContaining(`problem images: image ${"0".repeat(12)}: `),
      expect.stringContaining("problem images: Cannot read the image index ~/copy/images/index.json"),
    ]);
    expect(listing(state)).toEqual(before);
  });

  it("that lost its ledger: it is said, as a new one begins without a word", async () => {
    rmSync(join(state, "ledger.db"));
    const { code, troubles } = await doctor();
    expect({ code, troubles }).toEqual({
      code: 0,
      troubles: ["warning ledger.db: it is missing or empty, though cluster.db is in use: the history is gone"],
    });
    rmSync(join(state, "cluster.db"));
    expect((await doctor()).troubles).toEqual([]);
  });

  it("whose lock is held by one that does not answer: it is named", async () => {
    const lock = takeLock(join(state, "daemon.lock"), "pid 4711, on /srv/shop");
    try {
      const { code, troubles } = await doctor();
      expect(code).toBe(1);
      expect(troubles).toEqual(["problem daemon: pid 4711, on /srv/shop has the lock and does not answer"]);
    } finally {
      if (lock.held) lock.release();
    }
  });
});

describe("a state directory of a cluster", () => {
  const ID = "0f5d6a3e-7c1b-4b6e-9d2a-3c4e5f60718a";

  /** As a daemon on that cluster leaves it. */
  async function leave(server: string, ownerId = ID, more: Partial<TargetRecord> = {}): Promise<void> {
    await writeTargetRecord(state, {
      name: "stage",
      kind: "kubernetes",
      server,
      context: "admin",
      namespace: "ops",
      ownerId,
      ...more,
    });
    writeFileSync(join(state, "owner.id"), `${ID}\n`);
  }

  /** A kubeconfig of this server. */
  function kubeconfigOf(server: string): string {
    const path = join(home.dir, "kubeconfig.json");
    const named = { name: "admin", context: { cluster: "c", user: "u" } };
    const config = {
      contexts: [named],
      clusters: [{ name: "c", cluster: { server } }],
      users: [{ name: "u", user: { token: "s3cret" } }],
    };
    writeFileSync(path, JSON.stringify(config));
    return path;
  }

  /** What an API server answers to whoever looks whether all is well. */
  async function serve(answers: (path: string, body: string) => object | number): Promise<Server> {
    const server = createHttpServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      request.on("end", () => {
        const answer = answers(String(request.url).split("?")[0] ?? "", body);
        response.writeHead(typeof answer === "number" ? answer : 200, { "content-type": "application/json" });
        response.end(JSON.stringify(typeof answer === "number" ? { kind: "Status", message: "no" } : answer));
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    servers.push(server);
    return server;
  }

  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  });

  const resources = (...names: [string, string][]): object => ({
    kind: "APIResourceList",
    resources: names.map(([name, kind]) => ({ name, kind, namespaced: true, verbs: ["list", "watch"] })),
  });
  const CLUSTER: Readonly<Record<string, object>> = {
    "/version": { gitVersion: "v1.37.0" },
    "/apis/authentication.k8s.io/v1/selfsubjectreviews": { status: { userInfo: { username: "ann" } } },
    "/api/v1/namespaces/kube-system": { metadata: { uid: "cluster-1" } },
    "/api/v1/namespaces/ops/configmaps": { items: [] },
    "/api": { kind: "APIVersions", versions: ["v1"] },
    "/apis": { kind: "APIGroupList", groups: [] },
    "/api/v1": resources(["configmaps", "ConfigMap"], ["secrets", "Secret"]),
  };
  const may = (allowed: boolean): object => ({ status: { allowed } });
  const answering =
    (denied: string) =>
    (path: string, body: string): object | number =>
      path.endsWith("selfsubjectaccessreviews") ? may(!body.includes(denied)) : (CLUSTER[path] ?? 404);

  it("that answers: it is named, with who asks and what is allowed, and nothing is said of pods of this machine", async () => {
    const server = await serve(answering("nothing"));
    const { port } = server.address() as AddressInfo;
    const address = `http://127.0.0.1:${port}`;
    await leave(address, ID, { kubeconfig: kubeconfigOf(address), clusterId: "cluster-1" });
    const { troubles, report } = await doctor();
    expect(troubles).toEqual([]);
    const about = report.findings.filter(({ check }) => ["target", "rights"].includes(check));
    expect(about.map(({ message }) => message)).toEqual([
      `stage: kubernetes v1.37.0 at ${address} (context admin), as ann, owner ${ID}`,
      "all 18 that it needs",
    ]);
    expect(report.findings.map(({ check }) => check)).toEqual(
      "node,git,repository,open files,target,rights,state directory,identity,disk,daemon,ledger.db,ledger chain,clock,sockets,files".split(
        ",",
      ),
    );
    await leave(address, ID, { kubeconfig: kubeconfigOf(address), ledger: "cluster" });
    const checks = (await doctor()).report.findings.map(({ check }) => check);
    expect(checks.filter((check) => check.startsWith("ledger"))).toEqual([]);
  });

  it("that lets it do too little, knows it no more, or is another one: that is said", async () => {
    const rows: [Parameters<typeof serve>[0], string[]][] = [
      [
        answering('"secrets"'),
        ["problem rights: it may not get, list, watch, create, patch, delete secrets in the whole cluster"],
      ],
      [
        () => 401,
        [expect.stringMatching(/^problem target: stage at http:.* \(context admin\) does not let trueup in: Cannot /)],
      ],
      [
        (path, body) =>
          path.endsWith("kube-system") ? { metadata: { uid: "cluster-2" } } : answering("nothing")(path, body),
        [expect.stringMatching(/^problem target: stage at .* is another cluster than when it was last used$/)],
      ],
    ];
    for (const [answers, expected] of rows) {
      const { port } = (await serve(answers)).address() as AddressInfo;
      const address = `http://127.0.0.1:${port}`;
      await leave(address, ID, { kubeconfig: kubeconfigOf(address), clusterId: "cluster-1" });
      const { code, troubles } = await doctor();
      expect({ code, troubles }).toEqual({ code: 1, troubles: expected });
    }
  });

  it("that lets it do much too little: what is to be done is said once", async () => {
    const { port } = (await serve(answering("maps"))).address() as AddressInfo;
    const address = `http://127.0.0.1:${port}`;
    await leave(address, ID, { kubeconfig: kubeconfigOf(address), clusterId: "cluster-1" });
    expect((await doctor()).troubles.length).toBeGreaterThan(1);
    const { stdout } = await trueup(["doctor", "--state", state], home);
    const lines = stdout.split("\n");
    const hints = lines.flatMap((line, at) => (line.includes("hint: Grant them") ? [at] : []));
    expect(hints).toEqual([lines.findLastIndex((line) => line.startsWith("problem  rights")) + 1]);
  });

  it("that does not answer, or is not to be found, and whose owner's id is lost: both are said", async () => {
    // Nobody listens on the port of a reserved service that no machine runs.
    await leave("http://127.0.0.1:1", ID, { kubeconfig: kubeconfigOf("http://127.0.0.1:1") });
    rmSync(join(state, "owner.id"));
    const { code, troubles } = await doctor();
    expect({ code, troubles }).toEqual({
      code: 1,
      troubles: [
        expect.stringMatching(/^problem target: stage at http:.* \(context admin\) does not answer: Cannot reach/),
        `problem target: owner.id is gone: what was applied as ${ID} is somebody else's`,
      ],
    });
    await leave("http://127.0.0.1:1", "prod-trueup", { kubeconfig: join(home.dir, "none.yaml") });
    expect((await doctor()).troubles).toEqual([
      expect.stringMatching(/^problem target: stage at .* cannot be asked: Cannot read the kubeconfig/),
    ]);
    await leave("nowhere", "prod-trueup");
    writeFileSync(join(state, "target.json"), "{");
    expect((await doctor()).troubles).toEqual([
      expect.stringMatching(/^problem target: .* does not say which cluster it is$/),
    ]);
  });
});

describe("of several state directories", () => {
  it("the one whose daemon runs is meant; with none running, somebody must say which", async () => {
    const repository = join(home.dir, "shop");
    mkdirSync(repository);
    execFileSync("git", ["init", "--quiet"], { cwd: repository });
    const record = async (stateDir: string, pid: number): Promise<string> => {
      const paths = await prepareSocketPaths(stateDir, home.env);
      const { daemonSocket: socket } = paths;
      await writeDaemonRecord(paths, { pid, version: "0", startedAt: "", repository, stateDir, socket });
      return socket;
    };
    const other = join(home.dir, "other");
    mkdirSync(other, { mode: 0o700 });
    await record(other, process.pid);
    const socket = await record(state, process.pid);
    const look = (): ReturnType<typeof trueup> => trueup(["doctor", "-o", "json"], home, repository);
    const undecided = await look();
    expect([undecided.code, undecided.stderr]).toEqual([2, expect.stringContaining("2 are recorded.")]);
    const daemon = createHttpServer((_request, response) => response.end());
    await new Promise<void>((done) => daemon.listen(socket, done));
    try {
      expect((JSON.parse((await look()).stdout) as { stateDir: string }).stateDir).toBe(state);
    } finally {
      await new Promise((done) => daemon.close(done));
    }
  });
});

describe("--fix", () => {
  it("removes stale sockets and unfinished files, says which, and nothing else", async () => {
    await leaveSocket(sockets.daemonSocket);
    await leaveSocket(sockets.kubeletSocket);
    const unfinished = [join(state, "images", ".incoming-x"), join(state, "kubelet", "services.json.new")];
    for (const path of unfinished) writeFileSync(path, "half");
    writeFileSync(join(state, "kubelet", "services.json"), "{}");
    const looked = await doctor();
    expect(looked.code).toBe(0);
    expect(looked.troubles.map((line) => line.slice(0, 24))).toEqual([
      "warning sockets: nobody ",
      "warning sockets: nobody ",
      "warning files: 1 files w",
      "warning files: 1 files w",
    ]);
    expect(looked.report.fixed).toEqual([]);
    const { report } = await doctor("--fix");
    expect(report.fixed.sort()).toEqual([sockets.daemonSocket, sockets.kubeletSocket, ...unfinished].sort());
    for (const path of report.fixed) expect(existsSync(path)).toBe(false);
    expect(existsSync(join(state, "kubelet", "services.json"))).toBe(true);
    expect((await doctor()).troubles).toEqual([]);
  });

  it("leaves unfinished files while somebody holds the lock: they may be about to be finished", async () => {
    const path = join(state, "images", ".incoming-x");
    writeFileSync(path, "half");
    const lock = takeLock(join(state, "daemon.lock"), "pid 1, the daemon");
    try {
      expect((await doctor("--fix")).report.fixed).toEqual([]);
      expect(existsSync(path)).toBe(true);
    } finally {
      if (lock.held) lock.release();
    }
  });
});

it("without a state directory to look at is a wrong usage; with one that is not there, a failure", async () => {
  const lost = await trueup(["doctor"], home);
  expect({ code: lost.code, stdout: lost.stdout }).toEqual({ code: 2, stdout: "" });
  expect(lost.stderr).toContain("Name it with --state.");
  const absent = await trueup(["doctor", "--state", join(home.dir, "nowhere")], home);
  expect({ code: absent.code, stdout: absent.stdout }).toEqual({ code: 1, stdout: "" });
});
