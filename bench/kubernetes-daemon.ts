/** A daemon process on a Kubernetes cluster that has everything already: memory of all that it watches, and what idling costs. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { synced } from "../test/support/daemon.ts";
import type { BenchCluster } from "./kubernetes-control-plane.ts";
import { bundledMain, inHome, pause } from "./trueup.ts";

const MEASURED_MS = Number(process.env.MEASURED_MS ?? 60_000);
const REST_MS = 10_000;
/** What the start left behind is collected ten quiet seconds later, and V8 gives pages back in the half minute after that. */
const GIVEN_BACK_MS = 60_000;
/** Unit of `/proc/PID/stat` on Linux (`getconf CLK_TCK`). */
const TICK_MS = 10;

export interface DaemonFigures {
  /** Objects of the collections that are watched. */
  watched: number;
  rssMb: number;
  /** Of it, what is nobody else's; the rest is nearly all Node's program. */
  ownMb: number;
  /** Processor time of the measured time, scaled to an hour, seconds. */
  hourS: number;
  measuredS: number;
}

/** @param owner Id under which the apps' objects are owned */
export async function measureDaemon(cluster: BenchCluster, repository: string, owner: string): Promise<DaemonFigures> {
  const main = await bundledMain();
  return inHome(async (home, start) => {
    const config = {
      repositories: [{ path: repository, ref: "main" }],
      targets: [
        { name: "bench", kind: "kubernetes", kubeconfig: cluster.kubeconfig("trueup"), context: "trueup-test", owner },
      ],
    };
    const file = join(home.dir, "trueup.config.yaml");
    writeFileSync(file, JSON.stringify(config));
    const mark = await cluster.mark();
    const { pid } = start([main, "run", "--config", file]);
    await pause(REST_MS);
    await synced(home);
    await pause(GIVEN_BACK_MS);
    const before = cpuMs(pid);
    await pause(MEASURED_MS);
    const cpu = cpuMs(pid) - before;
    const watched = [...(await cluster.watched(mark)).values()].reduce((sum, count) => sum + count, 0);
    return {
      watched,
      rssMb: memoryMb(pid, "VmRSS"),
      ownMb: memoryMb(pid, "RssAnon"),
      hourS: (cpu / MEASURED_MS) * 3_600,
      measuredS: MEASURED_MS / 1_000,
    };
  });
}

/** Processor time so far. The program's name stands in parentheses and may hold spaces. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function memoryMb(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN) / 1024;
}
