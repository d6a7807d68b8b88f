/** Plays as many random histories as asked for: `npm run soak -- [COUNT] [FIRST SEED] [STEPS]`. */
import { makeHistory } from "./history.ts";
import { play } from "./play.ts";
import { explain, stepsAt } from "./shrink.ts";
import { Tally } from "./tally.ts";

const [count = 10_000, first = 1] = process.argv.slice(2, 4).map(Number);
/** Of one seed: only the steps at these places, as a failure names them. */
const only = process.argv[4]?.split(",").filter(Boolean).map(Number);
if (!(Number.isInteger(count) && count > 0 && Number.isInteger(first))) {
  console.error("usage: npm run soak -- [COUNT] [FIRST SEED] [STEPS, as 0,3,4]");
  process.exit(2);
}

const started = performance.now();
const tally = new Tally();
let virtualMs = 0;
let failures = 0;
for (let seed = first; seed < first + count; seed++) {
  const history = makeHistory(seed);
  const played = await play(history, only === undefined ? {} : { steps: stepsAt(history, only) });
  tally.merge(played.tally);
  virtualMs += played.virtualMs;
  if (played.violations.length > 0) {
    failures++;
    console.error(only === undefined ? await explain(history, played) : played.violations.join("\n"));
  }
}
const seconds = (performance.now() - started) / 1_000;
console.log(String(tally));
console.log(
  `${count} histories from seed ${first}: ${failures} failed; ${(virtualMs / 3_600_000).toFixed(1)} virtual hours in ` +
    `${seconds.toFixed(1)} s (${(count / seconds).toFixed(1)} a second), ${(process.cpuUsage().user / 1e6).toFixed(1)} s of CPU`,
);
process.exitCode = failures > 0 ? 1 : 0;
