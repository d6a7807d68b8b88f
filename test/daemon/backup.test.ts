/** Backups: what is in them, taken while a daemon writes, and how a damaged, newer or half-made one is refused. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StateFile } from "../../src/cluster/state-file.ts";
import { type BackupManifest, backUp, readBackup, restore } from "../../src/daemon/backup.ts";
import { ImageStore } from "../../src/image/store.ts";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import { verifyLedgerFile } from "../../src/ledger/verify.ts";
import { type KubeObject, keyOf } from "../../src/model/object.ts";
import { takeLock } from "../../src/util/state-lock.ts";
import { opening, playHistory } from "../ledger/facts.ts";

const DIGEST = "1".repeat(64);
const NOW = Date.UTC(2026, 2, 1);
let folder: string;
let stateDir: string;
let directory: string;
let ledger: SqliteLedger;
let state: StateFile;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "trueup-backup-"));
  stateDir = join(folder, "state");
  directory = join(folder, "backup");
  ledger = new SqliteLedger({ path: join(stateDir, "ledger.db") });
  await playHistory(ledger);
  writeFileSync(join(stateDir, "config.key"), Buffer.alloc(32, 7), { mode: 0o600 });
  writeFileSync(join(stateDir, "owner.id"), "ops\n", { mode: 0o600 });
  state = new StateFile(join(stateDir, "cluster.db"));
  store(object("Pod", "web-1"), object("Deployment", "web", "apps/v1"), object("Secret", "s"));
  // An image as the store lays it down: read-only, with a link and an executable file.
  const image = join(stateDir, "images", DIGEST);
  mkdirSync(join(image, "bin"), { recursive: true });
  writeFileSync(join(image, "bin/server.new"), "#!/bin/sh\n", { mode: 0o555 });
  symlinkSync("bin/server.new", join(image, "start"));
  for (const path of [join(image, "bin"), image]) chmodSync(path, 0o555);
  mkdirSync(join(stateDir, "images", ".incoming-x"));
  writeFileSync(join(stateDir, "images/index.json"), '{"version":1,"sources":{},"images":{},"references":{}}', {
    mode: 0o600,
  });
  for (const file of ["kubelet/pods/uid-1/record.json", "daemon.log"]) {
    mkdirSync(join(stateDir, file, ".."), { recursive: true });
    writeFileSync(join(stateDir, file), "of this machine");
  }
});
afterEach(() => {
  ledger.close();
  state.close();
  makeWritable(folder);
  rmSync(folder, { recursive: true, force: true });
});

function makeWritable(path: string): void {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(join(path, entry.name));
  }
}

const object = (kind: string, name: string, apiVersion = "v1"): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: "default", uid: `${kind}-${name}` },
});

function store(...objects: KubeObject[]): void {
  const meta = new Map([["kubelet-report", "7"]]);
  state.write({ objects: new Map(objects.map((each) => [keyOf(each), each])), applied: new Map(), meta });
}

const make = (): Promise<BackupManifest> => backUp({ stateDir, directory, version: "9.9.9", nowMs: NOW });
const modeOf = (...path: string[]): string => (statSync(join(...path)).mode & 0o777).toString(8);

describe("a backup", () => {
  it("holds ledger, objects and images as they are while a daemon has them open, and nothing of the machine", async () => {
    const { files, ...manifest } = await make();
    expect(manifest).toEqual({
      ...{ format: 1, trueup: "9.9.9", madeAt: "2026-03-01T00:00:00.000Z", stateDir },
      databases: { "ledger.db": 2, "cluster.db": 1 },
      ledgerHead: verifyLedgerFile(join(stateDir, "ledger.db")).head,
    });
    expect(files.map(({ path, mode, link }) => [path, mode ?? link])).toEqual([
      ["cluster.db", "0600"],
      ["config.key", "0600"],
      [`images/${DIGEST}/bin/server.new`, "0555"],
      [`images/${DIGEST}/start`, "bin/server.new"],
      ["images/index.json", "0600"],
      ["ledger.db", "0600"],
      ["owner.id", "0600"],
    ]);
    expect([modeOf(directory), modeOf(directory, "manifest.json")]).toEqual(["700", "600"]);
    expect(await readBackup(directory)).toEqual({ ...manifest, files });
  });

  it("is one state of each database, whatever is written meanwhile", async () => {
    const writer = new DatabaseSync(join(stateDir, "ledger.db"));
    try {
      writer.exec("BEGIN IMMEDIATE; INSERT INTO anchors VALUES (1, 't', 0, '[]', 0, '')");
      await make();
      writer.exec("ROLLBACK");
    } finally {
      writer.close();
    }
    expect(verifyLedgerFile(join(directory, "ledger.db"))).toMatchObject({ intact: true, entries: 9 });
  });

  it("is made of a state that nobody has, and keeps daemons away meanwhile only", async () => {
    ledger.close();
    state.close();
    await make();
    const attempt = takeLock(join(stateDir, "daemon.lock"), "a daemon");
    expect(attempt.held).toBe(true);
    if (attempt.held) attempt.release();
    expect(readdirSync(stateDir).filter((name) => /-(?:wal|shm)$/.test(name))).toEqual([]);
  });

  it("is not made over something else, nor of something else", async () => {
    mkdirSync(directory);
    writeFileSync(join(directory, "notes.txt"), "mine");
    await expect(make()).rejects.toMatchObject({ code: "conflict" });
    expect(readdirSync(directory)).toEqual(["notes.txt"]);
    const request = { stateDir: directory, directory: join(folder, "b"), version: "", nowMs: NOW };
    await expect(backUp(request)).rejects.toMatchObject({ code: "not-found" });
    expect(existsSync(join(folder, "b"))).toBe(false);
  });

  it("leaves nothing behind when it fails", async () => {
    state.close();
    rmSync(join(stateDir, "cluster.db"));
    writeFileSync(join(stateDir, "cluster.db"), "no database, and long enough to be seen as none".repeat(50));
    await expect(make()).rejects.toMatchObject({ code: "io" });
    expect(existsSync(directory)).toBe(false);
  });
});

describe("a restored state", () => {
  it("keeps the history and the objects, and has none of the machine's pods", async () => {
    const manifest = await make();
    const to = join(folder, "restored");
    const proof = await restore({ directory, manifest, stateDir: to });
    expect(proof).toMatchObject({ intact: true, head: manifest.ledgerHead });
    expect(readdirSync(to).sort()).toEqual(["cluster.db", "config.key", "images", "ledger.db", "owner.id"]);
    expect(readFileSync(join(to, "config.key"))).toEqual(Buffer.alloc(32, 7));
    expect([to, join(to, "cluster.db"), join(to, "ledger.db")].map((path) => modeOf(path))).toEqual([
      "700",
      "600",
      "600",
    ]);
    expect(readFileSync(join(to, `images/${DIGEST}/start`), "utf8")).toBe("#!/bin/sh\n");
    expect(modeOf(to, `images/${DIGEST}`)).toBe("555");
    await ImageStore.open(join(to, "images"));
    const again = new StateFile(join(to, "cluster.db"));
    const { objects, meta } = again.read();
    again.close();
    expect({ kinds: objects.map(({ object: { kind } }) => kind), meta: [...meta] }).toEqual({
      kinds: ["Deployment", "Secret"],
      meta: [],
    });
    const copy = new SqliteLedger({ path: join(to, "ledger.db") });
    try {
      expect(await copy.attempts({})).toEqual(await ledger.attempts({}));
      await copy.open(opening("e", 20));
    } finally {
      copy.close();
    }
    expect(verifyLedgerFile(join(to, "ledger.db"), proof?.head.hash)).toMatchObject({ intact: true, entries: 10 });
  });

  it("does not replace what came into being meanwhile, and can be made after a killed try", async () => {
    const manifest = await make();
    const to = join(folder, "restored");
    mkdirSync(join(to, "kubelet"), { recursive: true });
    await expect(restore({ directory, manifest, stateDir: to })).rejects.toMatchObject({ code: "io" });
    expect(readdirSync(to)).toEqual(["kubelet"]);
    rmSync(to, { recursive: true });
    // The failed try left its work beside the place; so would a killed one.
    expect(await restore({ directory, manifest, stateDir: to })).toMatchObject({ intact: true });
    expect(readdirSync(folder).sort()).toEqual(["backup", "restored", "state"]);
  });
});

describe("a backup that is refused", () => {
  const edit = (change: Partial<BackupManifest>): void => {
    const path = join(directory, "manifest.json");
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...change }));
  };

  it.each<[string, () => void, string]>([
    ["was never finished", () => rmSync(join(directory, "manifest.json")), "a whole backup: it has no manifest.json"],
    [
      "has a manifest that is none",
      () => writeFileSync(join(directory, "manifest.json"), "null"),
      "none that trueup wrote",
    ],
    [
      "has half a manifest",
      () => writeFileSync(join(directory, "manifest.json"), '{"format"'),
      "none that trueup wrote",
    ],
    ["is of a newer form", () => edit({ format: 2 }), "version must be at most 1: it is 2"],
    [
      "has a newer ledger",
      () => edit({ databases: { "ledger.db": 3 } }),
      "version of the ledger must be at most 2: it is 3",
    ],
    ["lost a file", () => rmSync(join(directory, "cluster.db")), "cluster.db is missing"],
    [
      "was changed",
      () => writeFileSync(join(directory, "images/index.json"), "{}"),
      "images/index.json is not what it was",
    ],
    ["got another file", () => writeFileSync(join(directory, "images/x"), ""), "images/x was added"],
  ])("%s", async (_name, damage, message) => {
    await make();
    damage();
    await expect(readBackup(directory)).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining(message),
    });
  });

  it("is none at all", async () => {
    await expect(readBackup(join(folder, "nowhere"))).rejects.toMatchObject({ code: "invalid" });
    cpSync(stateDir, directory, { recursive: true });
    await expect(readBackup(directory)).rejects.toMatchObject({ code: "invalid" });
  });
});
