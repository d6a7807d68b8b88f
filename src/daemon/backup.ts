/** Backs a state directory up, also while its daemon runs, and puts a backup in the place of a state directory. */
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { forgetMachine, STATE_VERSION } from "../cluster/state-file.ts";
import { INCOMING, LEAVING, removeTree } from "../image/materialise.ts";
import type { ChainHead } from "../ledger/chain.ts";
import { LEDGER_VERSION } from "../ledger/database.ts";
import { type LedgerProof, verifyLedgerFile } from "../ledger/verify.ts";
import { messageOf, TrueupError } from "../model/errors.ts";
import { parseRecord } from "../util/json.ts";
import { copySqliteFile } from "../util/sqlite-file.ts";
import { takeLock } from "../util/state-lock.ts";
import { type BackupFile, copyTree, describeTree, differenceOf } from "./backup-files.ts";
import { CONFIG_KEY_FILE } from "./config-key.ts";
import { OWNER_ID_FILE } from "./owner-id.ts";
import { readTargetRecord, TARGET_FILE } from "./target-record.ts";

/** Version of the backup's own form. */
const FORMAT = 1;
const MANIFEST = "manifest.json";
const IMAGES = "images";
/**
 * With another key every workload that watches its configuration would restart once; with another owner id all that was
 * applied to a cluster would be somebody else's.
 */
const SMALL_FILES = [CONFIG_KEY_FILE, OWNER_ID_FILE, TARGET_FILE];
/** In the order in which they are copied: the cluster must never be older than the ledger, or a revision's number that the
 * ledger has would be given again. Images come last: what the cluster names is laid down by then. */
const DATABASES = [
  { file: "ledger.db", version: LEDGER_VERSION, what: "the ledger" },
  { file: "cluster.db", version: STATE_VERSION, what: "the cluster's state" },
] as const;

/** `manifest.json` of a backup. Written last: a directory without it is no whole backup. */
export interface BackupManifest {
  format: number;
  /** The trueup that made it. */
  trueup: string;
  /** RFC 3339. */
  madeAt: string;
  /** The state directory that it was made of. */
  stateDir: string;
  /** Version of each database, by file. */
  databases: Record<string, number>;
  /** Where the ledger's chain had come to; absent when the ledger is of an older version. */
  ledgerHead?: ChainHead;
  files: BackupFile[];
}

export interface BackupRequest {
  stateDir: string;
  /** Must not exist, or be empty. */
  directory: string;
  version: string;
  nowMs: number;
}

/**
 * Copies what a state directory must not lose: ledger, objects, images, and the key of its configuration digests. Pods, logs and local ports belong to the
 * machine and stay out.
 *
 * @throws {TrueupError} `not-found` when it is no state directory, `conflict` when the backup's place is taken, `io`
 */
export async function backUp({ stateDir, directory, version, nowMs }: BackupRequest): Promise<BackupManifest> {
  const target = existsSync(stateDir) ? await readTargetRecord(stateDir) : null;
  if (target?.ledger === "cluster") {
    throw new TrueupError(
      "not-found",
      `Cannot back ${stateDir} up as its ledger must be in it: ${target.name} keeps that.`,
      {
        hint: `Back the cluster's Secrets up: kubectl get secrets -n ${target.namespace} -l trueup/ledger -o yaml`,
      },
    );
  }
  if (!existsSync(join(stateDir, "ledger.db"))) {
    throw new TrueupError(
      "not-found",
      `Cannot back ${stateDir} up as it must be a state directory: it has no ledger.`,
      {
        hint: "Name the state directory with --state.",
      },
    );
  }
  const isNew = await makeEmpty(directory);
  let release = (): void => undefined;
  try {
    release = keepStill(stateDir);
    const databases: BackupManifest["databases"] = {};
    for (const { file } of DATABASES) {
      // A daemon that was ended before it applied anything has a ledger only.
      if (!existsSync(join(stateDir, file))) continue;
      databases[file] = copySqliteFile(join(stateDir, file), join(directory, file));
    }
    await copySmallFiles(stateDir, directory);
    const images = join(stateDir, IMAGES);
    if (existsSync(images)) await copyTree(images, join(directory, IMAGES), isPassing);
    const ledgerHead = databases["ledger.db"] === LEDGER_VERSION ? proofOf(directory).head : undefined;
    const manifest: BackupManifest = {
      format: FORMAT,
      trueup: version,
      madeAt: new Date(nowMs).toISOString(),
      stateDir,
      databases,
      ...(ledgerHead !== undefined && { ledgerHead }),
      files: await describeTree(directory, [MANIFEST]),
    };
    const text = `${JSON.stringify(manifest, null, 2)}\n`;
    await writeFile(join(directory, MANIFEST), text, { mode: 0o600, flag: "wx", flush: true });
    return manifest;
  } catch (error) {
    if (isNew) await removeTree(directory);
    throw error instanceof TrueupError ? error : failure("back up", stateDir, error);
  } finally {
    release();
  }
}

async function copySmallFiles(from: string, to: string): Promise<void> {
  for (const file of SMALL_FILES) {
    if (existsSync(join(from, file))) await copyTree(join(from, file), join(to, file));
  }
}

/** What is on its way in or out of the image store: it is not content yet, or no more. */
function isPassing(name: string): boolean {
  return name.startsWith(INCOMING) || name.startsWith(LEAVING) || name.endsWith(".new");
}

/**
 * Keeps daemons away while nobody has the directory open, as a file is then read as one that stands still. When a daemon
 * has it, SQLite sees to both.
 */
function keepStill(stateDir: string): () => void {
  const attempt = takeLock(join(stateDir, "daemon.lock"), `pid ${process.pid}, trueup backup`);
  return attempt.held ? attempt.release : () => undefined;
}

/** @returns Whether it was made */
async function makeEmpty(directory: string): Promise<boolean> {
  try {
    if ((await mkdir(directory, { recursive: true, mode: 0o700 })) !== undefined) return true;
    if ((await readdir(directory)).length === 0) {
      await chmod(directory, 0o700);
      return false;
    }
  } catch (error) {
    throw failure("make the directory", directory, error);
  }
  throw new TrueupError("conflict", `Cannot back up into ${directory} as it must be empty: it is not.`, {
    hint: "Name a directory that is not there yet.",
  });
}

/**
 * Reads a backup and checks every file of it.
 *
 * @throws {TrueupError} `invalid` when it is none, not whole, changed, or made by a newer trueup; `io`
 */
export async function readBackup(directory: string): Promise<BackupManifest> {
  const manifest = await readManifest(directory);
  const newer = DATABASES.find(({ file, version }) => (manifest.databases[file] ?? 0) > version);
  if (manifest.format > FORMAT || newer !== undefined) {
    const said =
      newer === undefined
        ? `version must be at most ${FORMAT}: it is ${manifest.format}`
        : `version of ${newer.what} must be at most ${newer.version}: it is ${manifest.databases[newer.file]}`;
    throw new TrueupError("invalid", `Cannot restore ${directory} as its ${said}.`, {
      hint: `trueup ${manifest.trueup} made it: use that one or a newer one.`,
    });
  }
  const difference = differenceOf(manifest.files, await describeTree(directory, [MANIFEST]));
  if (difference !== null) {
    throw new TrueupError("invalid", `Cannot restore ${directory} as it must be as it was made: ${difference}.`, {
      hint: "Use another backup; this one was changed or damaged.",
    });
  }
  return manifest;
}

async function readManifest(directory: string): Promise<BackupManifest> {
  const path = join(directory, MANIFEST);
  const none = (why: string, cause: unknown): TrueupError =>
    new TrueupError("invalid", `Cannot restore ${directory} as it must be a whole backup: ${why}.`, { cause });
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw none(`it has no ${MANIFEST}`, error);
    throw failure("read", path, error);
  }
  const manifest = manifestOf(text);
  if (manifest === null) throw none(`its ${MANIFEST} is none that trueup wrote`, undefined);
  return manifest;
}

function manifestOf(text: string): BackupManifest | null {
  const value: Partial<BackupManifest> | null = parseRecord(text);
  if (value === null) return null;
  const { format, files, databases, stateDir } = value;
  const isOurs = typeof format === "number" && Array.isArray(files) && typeof stateDir === "string";
  return isOurs && typeof databases === "object" && databases !== null ? (value as BackupManifest) : null;
}

export interface RestoreRequest {
  directory: string;
  manifest: BackupManifest;
  /** Must not exist. */
  stateDir: string;
}

/**
 * Makes a state directory of a backup that was read, in one step: a crash leaves none or the whole one.
 *
 * Its pods are not in it: the daemon that runs on it makes new ones.
 *
 * @returns What the ledger's chain is worth
 * @throws {TrueupError} `conflict` when the state directory came into being meanwhile, `io`
 */
export async function restore({ directory, manifest, stateDir }: RestoreRequest): Promise<LedgerProof | null> {
  const incoming = `${stateDir}.incoming`;
  try {
    await removeTree(incoming);
    await mkdir(incoming, { recursive: true, mode: 0o700 });
    for (const { file } of DATABASES) {
      if (manifest.databases[file] !== undefined) await copyTree(join(directory, file), join(incoming, file));
    }
    await copySmallFiles(directory, incoming);
    if (existsSync(join(directory, IMAGES))) await copyTree(join(directory, IMAGES), join(incoming, IMAGES));
    if (manifest.databases["cluster.db"] !== undefined) forgetMachine(join(incoming, "cluster.db"));
    const proof = manifest.databases["ledger.db"] === LEDGER_VERSION ? proofOf(incoming) : null;
    await rename(incoming, stateDir);
    return proof;
  } catch (error) {
    throw error instanceof TrueupError ? error : failure("restore", stateDir, error);
  }
}

function proofOf(directory: string): LedgerProof {
  return verifyLedgerFile(join(directory, "ledger.db"));
}

function failure(doing: string, path: string, error: unknown): TrueupError {
  return new TrueupError("io", `Cannot ${doing} ${path}: ${messageOf(error)}`, { cause: error });
}
