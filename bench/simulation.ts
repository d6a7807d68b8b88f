/** How much simulated time passes in a second: random histories of commits and faults, with every promise checked on the way. */
import { makeHistory } from "../test/simulation/history.ts";
import { play } from "../test/simulation/play.ts";
import { machineLine, printTable } from "./support.ts";

const HISTORIES = 100;
/** Code is compiled while they run; they are not counted. */
const WARM_UP = 10;

async function playAll(first: number, count: number): Promise<number> {
  let virtualMs = 0;
  for (let seed = first; seed < first + count; seed++) {
    const played = await play(makeHistory(seed));
    if (played.violations.length > 0) throw new Error(`seed ${seed}: ${played.violations[0]}`);
    virtualMs += played.virtualMs;
  }
  return virtualMs;
}

await playAll(1, WARM_UP);
const begun = performance.now();
const hours = (await playAll(1, HISTORIES)) / 3_600_000;
const seconds = (performance.now() - begun) / 1_000;
console.log(machineLine());
printTable(
  ["what", "histories a second", "simulated hours", "in", "simulated hours a second"],
  [
    [
      "random histories with faults",
      (HISTORIES / seconds).toFixed(1),
      hours.toFixed(1),
      `${seconds.toFixed(1)} s`,
      (hours / seconds).toFixed(2),
    ],
  ],
);
