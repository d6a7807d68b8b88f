/** The machine's processes: who carries a pod's uid, who is still the one that was started, who listens where. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { TrueupError } from "../model/errors.ts";
import { settle } from "../util/clock.ts";

export interface PodProcess {
  pid: number;
  /** Process group. */
  group: number;
  podUid: string;
  container: string;
  /** -1 when the environment does not say. */
  run: number;
  /** Its HOME, which is below the state directory unless the pod sets another; "" without one. */
  home: string;
}

export interface ProcessTable {
  /** Processes whose environment carries this pod's uid; ended ones that nobody has reaped are left out. */
  ofPod(podUid: string): Promise<PodProcess[]>;
  /** Processes whose environment carries any pod's uid. */
  all(): Promise<PodProcess[]>;
  /** What tells this process from a later one of the same number; `null` when it has ended. */
  identity(pid: number): Promise<string | null>;
  /** Whether a process of the group listens on the port; `null` when that cannot be found out here. */
  listens(group: number, port: number): Promise<boolean | null>;
}

/** The table of the platform that this runs on. */
export function processTable(): ProcessTable {
  return process.platform === "linux" ? linuxTable : psTable;
}

/** So many processes are looked at before others get a turn: reads of /proc are short but not asynchronous. */
const SLICE = 64;

const linuxTable: ProcessTable = {
  ofPod: async (podUid) => (await linuxScan()).get(podUid) ?? [],
  all: async () => [...(await linuxScan()).values()].flat(),

  identity(pid) {
    const stat = linuxStat(pid);
    return Promise.resolve(stat === null || stat.state === "Z" || stat.state === "X" ? null : stat.startedAt);
  },

  listens(group, port) {
    const inodes = listeningInodes(group, port);
    if (inodes === null) return Promise.resolve(null);
    if (inodes.size === 0) return Promise.resolve(false);
    const members = linuxPids().filter((pid) => linuxStat(pid)?.group === group);
    return Promise.resolve(members.some((pid) => holdsOne(pid, inodes)));
  },
};

type ByPod = ReadonlyMap<string, PodProcess[]>;

/**
 * One look at the machine for all that ask at the same time: a thousand pods that exit at once would each go through
 * all processes otherwise, and nothing else would have a turn for half a minute. Whoever asks while one is under way gets
 * the next one, as what was started in between must not be missed.
 */
function shared(scan: () => Promise<PodProcess[]>): () => Promise<ByPod> {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<ByPod> | null = null;
  return () => {
    next ??= last.then(settle).then(async () => {
      next = null;
      return Map.groupBy(await scan(), ({ podUid }) => podUid);
    });
    // Who asked hears of a failure; the next look does not care.
    last = next.catch(() => undefined);
    return next;
  };
}

const linuxScan = shared(async () => {
  const found: PodProcess[] = [];
  let looked = 0;
  for (const pid of linuxPids()) {
    if (++looked % SLICE === 0) await settle();
    const environment = readProc(`/proc/${pid}/environ`);
    if (environment?.includes("TRUEUP_POD_UID=") !== true) continue;
    const stat = linuxStat(pid);
    const process = stat === null ? null : fromEnvironment(pid, stat.group, environment.split("\0"));
    if (process !== null && stat?.state !== "Z") found.push(process);
  }
  return found;
});

function linuxPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .map(Number);
}

/** A file of /proc; `null` when the process has ended or belongs to another user. */
function readProc(path: string): string | null {
  return orNull(() => readFileSync(path, "latin1"));
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES" || code === "EPERM") return null;
    throw error;
  }
}

/** State, group and start time (clock ticks since boot): fields 3, 5 and 22 of proc(5) `stat`. */
function linuxStat(pid: number): { state: string; group: number; startedAt: string } | null {
  const text = readProc(`/proc/${pid}/stat`);
  if (text === null) return null;
  // The second field is the program's name in brackets and may hold anything, blanks and brackets too.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", group: Number(fields[2]), startedAt: fields[19] ?? "" };
}

function fromEnvironment(pid: number, group: number, lines: readonly string[]): PodProcess | null {
  const value = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
  const podUid = value("TRUEUP_POD_UID");
  if (podUid === undefined) return null;
  const [container = "", home = ""] = [value("TRUEUP_CONTAINER"), value("HOME")];
  return { pid, group, podUid, container, run: Number(value("TRUEUP_RUN") ?? -1), home };
}

/** Inodes of the sockets that listen on the port, as the process sees its network; `null` when it is gone. */
function listeningInodes(pid: number, port: number): Set<string> | null {
  const tables = ["tcp", "tcp6"].map((name) => readProc(`/proc/${pid}/net/${name}`));
  if (tables.every((table) => table === null)) return null;
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = new Set<string>();
  for (const line of tables.flatMap((table) => table?.split("\n") ?? [])) {
    const fields = line.trim().split(/\s+/);
    // sl, local address, remote address, state (0A: LISTEN), …, inode
    if (fields[3] === "0A" && fields[1]?.endsWith(suffix) && fields[9] !== undefined) inodes.add(fields[9]);
  }
  return inodes;
}

function holdsOne(pid: number, inodes: ReadonlySet<string>): boolean {
  const descriptors = orNull(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return descriptors.some((descriptor) => {
    const inode = orNull(() => readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.match(/^socket:\[(\d+)\]$/)?.[1];
    return inode !== undefined && inodes.has(inode);
  });
}

const psScan = shared(async () => {
  const text = await ps(["-axww", "-E", "-o", "pid=,pgid=,stat=,command="]);
  return text.split("\n").flatMap((line) => {
    const [, pid, group, state, rest] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s(.*)$/.exec(line) ?? [];
    if (pid === undefined || rest === undefined || state?.startsWith("Z") || Number(pid) === process.pid) return [];
    const found = fromEnvironment(Number(pid), Number(group), rest.split(" "));
    return found === null ? [] : [found];
  });
});

/** macOS: `ps` shows environments (-E) of the user's own processes. Who listens where would need more rights. */
const psTable: ProcessTable = {
  ofPod: async (podUid) => (await psScan()).get(podUid) ?? [],
  all: async () => [...(await psScan()).values()].flat(),

  async identity(pid) {
    const line = (await ps(["-o", "stat=,lstart=", "-p", String(pid)])).trim();
    return line === "" || line.startsWith("Z") ? null : line.replace(/^\S+\s+/, "");
  },

  listens() {
    return Promise.resolve(null);
  },
};

/** @throws {TrueupError} `io` when ps cannot be run; that it finds nothing is an answer */
function ps(args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("/bin/ps", args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null || (error.code === 1 && stderr === "")) resolve(stdout);
      else reject(new TrueupError("io", `Cannot list processes: ${error.message}`, { cause: error }));
    });
  });
}
