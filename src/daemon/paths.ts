/** Where a daemon keeps its state and where it is found: directories, socket paths, and the record that names it. */
import { createHash } from "node:crypto";
import { chmod, lstat, mkdir, open, readdir, readFile, realpath, rename, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { DaemonRecord } from "../model/status.ts";
import { parseRecord } from "../util/json.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Longest socket path that all supported systems take (macOS: 104 bytes with the closing NUL), with room to spare. */
const LONGEST_SOCKET_PATH = 100;

/** Files of a daemon's socket directory. */
export interface SocketPaths {
  /** Private to the user; holds the files below. */
  directory: string;
  /** The daemon's API. */
  daemonSocket: string;
  kubeletSocket: string;
  /** `daemon.json`: a `DaemonRecord`. */
  daemonRecord: string;
}

/** What tells one configuration from another, and so one state directory from the next. */
export interface Configuration {
  /** Path of the repository; symbolic links are resolved by `defaultStateDir`. */
  repository: string;
  /** Ref tracked, as given; "" for HEAD. */
  ref: string;
  /** Directory of the repository that is the app; "" for all of it. */
  path: string;
  /** Name of the target; absent for the embedded cluster. */
  target?: string;
}

/** First 12 hexadecimal digits of a SHA-256: enough to tell apart what one user runs, short enough for a socket path. */
export function hash12(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/**
 * The directory under which each daemon has its socket directory: `$XDG_RUNTIME_DIR/trueup`, else
 * `<temporary directory>/trueup-<uid>`; `/tmp/trueup-<uid>` when sockets below those would have too long a path.
 */
export function runtimeRoot(env: Environment, uid: number, temporary: string = tmpdir()): string {
  const xdg = env.XDG_RUNTIME_DIR ?? "";
  const roots = [...(xdg.startsWith("/") ? [join(xdg, "trueup")] : []), join(temporary, `trueup-${uid}`)];
  const fits = (root: string): boolean =>
    Buffer.byteLength(join(root, "0".repeat(12), "kubelet.sock")) < LONGEST_SOCKET_PATH;
  return roots.find(fits) ?? `/tmp/trueup-${uid}`;
}

/** Paths for the daemon of a state directory, which must be given with symbolic links resolved. */
export function socketPaths(root: string, realStateDir: string): SocketPaths {
  const directory = join(root, hash12(realStateDir));
  return {
    directory,
    daemonSocket: join(directory, "daemon.sock"),
    kubeletSocket: join(directory, "kubelet.sock"),
    daemonRecord: join(directory, "daemon.json"),
  };
}

/** `$XDG_STATE_HOME/trueup/<hash of the configuration>`, else below `~/.local/state`. */
export async function defaultStateDir(
  env: Environment,
  configuration: Configuration,
  home: string = homedir(),
): Promise<string> {
  const xdg = env.XDG_STATE_HOME ?? "";
  const base = xdg.startsWith("/") ? xdg : join(home, ".local", "state");
  const repository = await realDirectory(configuration.repository);
  const { ref, path, target } = configuration;
  const parts = [repository, ref, path, ...(target === undefined ? [] : [target])];
  return join(base, "trueup", hash12(JSON.stringify(parts)));
}

async function realDirectory(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT") && !isErrno(error, "ENOTDIR")) throw error;
    throw new TrueupError(
      "not-found",
      `Cannot open ${path} as it must be a git repository: there is no such directory.`,
      {
        cause: error,
      },
    );
  }
}

/** The user's id; systems without one (no `getuid`) are not supported. */
export function userId(): number {
  const uid = process.getuid?.();
  if (uid === undefined) {
    throw new TrueupError("usage", "Cannot start as the system must be Linux or macOS: it has no user ids.", {
      hint: "On Windows, use WSL 2.",
    });
  }
  return uid;
}

/**
 * Makes a directory that only this user can enter, or checks that it is one.
 *
 * @returns Its path with symbolic links resolved
 * @throws {TrueupError} `forbidden` when it belongs to somebody else or is not a directory: then another user could
 *   have put it there to catch what we write or to answer in our place
 */
export async function ensurePrivateDirectory(path: string, uid: number = userId()): Promise<string> {
  const absolute = resolve(path);
  try {
    await mkdir(absolute, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new TrueupError("io", `Cannot make the directory ${absolute}: ${messageOf(error)}`, { cause: error });
  }
  const real = await realpath(absolute);
  const found = await lstat(real);
  if (!found.isDirectory() || found.uid !== uid) {
    throw new TrueupError(
      "forbidden",
      `Cannot use ${absolute} as it must be a directory of user ${uid}: it belongs to user ${found.uid}.`,
      { hint: "Remove it, or choose another place with --state, XDG_STATE_HOME or XDG_RUNTIME_DIR." },
    );
  }
  if ((found.mode & 0o077) !== 0) await chmod(real, 0o700);
  return real;
}

/** As `ensurePrivateDirectory`, but only checks; `null` when there is nothing at that path. */
async function checkPrivateDirectory(path: string, uid: number): Promise<string | null> {
  const found = await lstat(path).catch((error: unknown) => {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return null;
    throw error;
  });
  if (found === null) return null;
  return found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0 ? path : null;
}

/** Makes the socket directory of a daemon and says its paths. `stateDir` must exist. */
export async function prepareSocketPaths(stateDir: string, env: Environment): Promise<SocketPaths> {
  const uid = userId();
  const root = runtimeRoot(env, uid);
  await ensureOwnDirectory(root, uid);
  const paths = socketPaths(root, await realpath(stateDir));
  await ensureOwnDirectory(paths.directory, uid);
  return paths;
}

/** A private directory that may not be a symbolic link, for places where others can write beside it. */
async function ensureOwnDirectory(path: string, uid: number): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new TrueupError("io", `Cannot make the directory ${path}: ${messageOf(error)}`, { cause: error });
  }
  // Looked at only now: what stands here and is ours, nobody else can replace any more. A link could be laid before.
  if ((await lstat(path)).isSymbolicLink()) {
    throw new TrueupError("forbidden", `Cannot use ${path} as it must be a directory: it is a symbolic link.`, {
      hint: "Remove it, or set XDG_RUNTIME_DIR to a directory of yours.",
    });
  }
  await ensurePrivateDirectory(path, uid);
}

/** Writes `daemon.json` in one step, so that no reader sees half of it. */
export async function writeDaemonRecord(paths: SocketPaths, record: DaemonRecord): Promise<void> {
  const temporary = `${paths.daemonRecord}.${process.pid}`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(record, null, 2)}\n`);
  } finally {
    await file.close();
  }
  await rename(temporary, paths.daemonRecord);
}

/** Removes `daemon.json` and the socket, at the end of a daemon, unless another daemon has written its own by now. */
export async function removeDaemonRecord(paths: SocketPaths, pid: number): Promise<void> {
  const record = await readDaemonRecord(paths.daemonRecord);
  if (record !== null && record.pid !== pid) return;
  await rm(paths.daemonRecord, { force: true });
  await rm(paths.daemonSocket, { force: true });
}

/** The record at this path; `null` when there is none, or none that a trueup wrote. */
export async function readDaemonRecord(path: string): Promise<DaemonRecord | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return null;
    throw new TrueupError("io", `Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  return parseDaemonRecord(text);
}

/** The records of all daemons of this user, in no order, also of those that no longer run: the caller asks them. */
export async function listDaemonRecords(env: Environment): Promise<DaemonRecord[]> {
  const uid = userId();
  const root = await checkPrivateDirectory(runtimeRoot(env, uid), uid);
  if (root === null) return [];
  const names = await readdir(root);
  const records = await Promise.all(names.map((name) => readDaemonRecord(join(root, name, "daemon.json"))));
  return records.filter((record) => record !== null);
}

/** Reads the text of a `daemon.json`; `null` when it is not one. */
export function parseDaemonRecord(text: string): DaemonRecord | null {
  const value = parseRecord(text);
  if (value === null) return null;
  const { pid, version, startedAt, repository, stateDir, socket } = value;
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return null;
  const texts = { version, startedAt, repository, stateDir, socket };
  if (!Object.values(texts).every((entry) => typeof entry === "string")) return null;
  return { pid, ...(texts as Record<keyof typeof texts, string>) };
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
