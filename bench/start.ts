/** How long trueup takes to start: `--help`, and the demo until it prints the address that answers. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { machineLine, median, printTable } from "./support.ts";
import { bundledMain, inHome, MAIN, makeHome, ROOT } from "./trueup.ts";

const HELP_RUNS = 15;
const DEMO_RUNS = 3;
const HELP_AIM_MS = 100;
const DEMO_AIM_MS = 5_000;
const FIRST_PORT = 21_500;

const ms = (value: number): string => `${value.toFixed(0)} ms`;

/** One table row. */
function row(what: string, values: readonly number[], aim?: number): string[] {
  const middle = median(values);
  const aims = aim === undefined ? ["", ""] : [`< ${aim} ms`, (middle / aim).toFixed(2)];
  return [what, ms(middle), ms(Math.min(...values)), ms(Math.max(...values)), ...aims];
}

/** Runs a program to its end in a home of its own that later runs find warm; the first run is left out. */
function timeProgram(argv: readonly string[]): number[] {
  const home = makeHome();
  try {
    const values: number[] = [];
    for (let run = 0; run <= HELP_RUNS; run++) {
      const begun = performance.now();
      const { status } = spawnSync(process.execPath, argv, { env: home.env, cwd: home.dir });
      values.push(performance.now() - begun);
      if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${status}`);
    }
    return values.slice(1);
  } finally {
    home.remove();
  }
}

/** `trueup demo` in a fresh home, until its address is printed, which is when a pod has answered on it. */
async function timeDemo(main: string): Promise<number[]> {
  const values: number[] = [];
  for (let run = 0; run < DEMO_RUNS; run++) {
    const elapsed = await inHome(async (_home, start) => {
      const begun = performance.now();
      const child = start([main, "demo", "--port", String(FIRST_PORT)]);
      await child.waitFor(/http:\/\/localhost:\d+ answers/);
      return performance.now() - begun;
    });
    values.push(elapsed);
  }
  return values;
}

const bundled = await bundledMain();
console.log(machineLine());
printTable(
  ["what", "median", "min", "max", "aim", "of aim"],
  [
    row("node -e 0", timeProgram(["-e", "0"])),
    row("trueup --help, sources", timeProgram([MAIN, "--help"]), HELP_AIM_MS),
    row("trueup --help, bundle", timeProgram([bundled, "--help"]), HELP_AIM_MS),
    row("trueup --help, bin/trueup.js", timeProgram([join(ROOT, "bin/trueup.js"), "--help"]), HELP_AIM_MS),
    row("trueup demo to its address, sources", await timeDemo(MAIN), DEMO_AIM_MS),
    row("trueup demo to its address, bundle", await timeDemo(bundled), DEMO_AIM_MS),
  ],
);
console.log(
  `--help: ${HELP_RUNS} runs after one that is not counted; demo: ${DEMO_RUNS} runs, each in a fresh home (nothing cached).`,
);
