/** What the demo costs while nothing happens but three readiness probes a second: processor time and memory, a minute long. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { machineLine, printTable } from "./support.ts";
import { bundledMain, type Child, inHome, kubeletPid, pause, ROOT, until } from "./trueup.ts";

const WARM_UP_MS = Number(process.env.WARM_UP_MS ?? 10_000);
const MEASURED_MS = Number(process.env.MEASURED_MS ?? 60_000);
const CPU_AIM_PERCENT = 0.5;
const MEMORY_AIM_MB = 150;
const FIRST_PORT = 21_600;
/** Unit of `/proc/PID/stat` on Linux (`getconf CLK_TCK`). */
const TICK_MS = 10;

interface Usage {
  cpuMs: number;
  rssMb: number;
  pssMb: number;
  /** Memory that is nobody else's, and pages of mapped files (nearly all of it Node's program), in MB. */
  anonMb: number;
  fileMb: number;
}

/** Processor time so far and memory now, as the kernel counts them. */
function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The program's name stands in parentheses and may hold spaces; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mb = (text: string, name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN) / 1024;
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    rssMb: mb(rollup, "Rss"),
    pssMb: mb(rollup, "Pss"),
    anonMb: mb(status, "RssAnon"),
    fileMb: mb(status, "RssFile"),
  };
}

/** Processes whose parent this is and whose command line has the word. */
function childrenOf(parent: number, word: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const ppid = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
        return ppid === parent && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word);
      } catch (error) {
        // It ended while we looked.
        if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
        throw error;
      }
    });
}

/** Usage of each process over the measured time. */
async function measure(pids: readonly number[]): Promise<Usage[]> {
  const before = pids.map(usageOf);
  await pause(MEASURED_MS);
  return pids.map(usageOf).map((after, index) => ({ ...after, cpuMs: after.cpuMs - (before[index]?.cpuMs ?? 0) }));
}

async function measureDemo(main: string): Promise<{ daemon: Usage; kubelet: Usage; git: Usage; bare: Usage }> {
  return inHome(async (home, start) => {
    const startDemo = async (): Promise<Child> => {
      const child = start([main, "demo", "--port", String(FIRST_PORT)]);
      await child.waitFor(/http:\/\/localhost:\d+ answers/);
      return child;
    };
    // The first start compiles (and, from the sources, strips types), and keeps that for those after it.
    const first = await startDemo();
    first.kill("SIGINT");
    await first.exited;
    const demo = await startDemo();
    const bare = start(["-e", "setInterval(() => {}, 2 ** 30)"]);
    const kubelet = await until("the kubelet", () => kubeletPid(join(home.dir, ".trueup/demo.state")));
    const git = await until("git cat-file", () => childrenOf(demo.pid, "cat-file")[0]);
    await pause(WARM_UP_MS);
    const [daemon, pods, cat, idle] = await measure([demo.pid, kubelet, git, bare.pid]);
    if (daemon === undefined || pods === undefined || cat === undefined || idle === undefined)
      throw new Error("no usage");
    return { daemon, kubelet: pods, git: cat, bare: idle };
  });
}

/** Both processes; pages of files are the same ones, so those of the larger are all there are. */
const together = (a: Usage, b: Usage): Usage => ({
  cpuMs: a.cpuMs + b.cpuMs,
  rssMb: a.rssMb + b.rssMb,
  pssMb: a.pssMb + b.pssMb,
  anonMb: a.anonMb + b.anonMb,
  fileMb: Math.max(a.fileMb, b.fileMb),
});
const mb = (value: number): string => `${value.toFixed(0)} MB`;
const row = (name: string, { cpuMs, rssMb, pssMb, anonMb, fileMb }: Usage): string[] => [
  name,
  `${((100 * cpuMs) / MEASURED_MS).toFixed(2)} %`,
  mb(anonMb),
  mb(fileMb),
  mb(anonMb + fileMb),
  mb(rssMb),
  mb(pssMb),
];

console.log(machineLine());
const forms = [
  ["checkout", join(ROOT, "bin/trueup.js")],
  ["bundle", await bundledMain()],
] as const;
for (const [form, main] of forms) {
  if (process.argv[2] !== undefined && process.argv[2] !== form) continue;
  const { daemon, kubelet, git, bare } = await measureDemo(main);
  console.log(`\nThe demo, run from its ${form}, idle for ${MEASURED_MS / 1000} s after ${WARM_UP_MS / 1000} s:`);
  printTable(
    ["process", "of a core", "own", "of files", "in memory", "RSS", "PSS"],
    [
      row("daemon", daemon),
      row("kubelet", kubelet),
      row("daemon and kubelet", together(daemon, kubelet)),
      ["aim", `< ${CPU_AIM_PERCENT} %`, "", "", `< ${MEMORY_AIM_MB} MB`],
      row("git cat-file of the daemon", git),
      row("for comparison: node that only waits", bare),
    ],
  );
}
console.log(
  "\nIn memory counts a page that both have once; RSS counts it twice; PSS divides it by all processes of the machine that have it.",
);
