/** Plays as many random histories as asked for: `npm run soak -- [--staged] [COUNT] [FIRST SEED] [STEPS]`. */
import { type History, makeHistory } from "./history.ts";
import { play } from "./play.ts";
import { explain, stepsAt } from "./shrink.ts";
import { Tally } from "./tally.ts";

/** Every so manieth history is played once more with its objects in waves; with `--staged`, each is, and only so. */
const STAGED_EACH = 5;

const given = process.argv.slice(2);
const isStaged = given[0] === "--staged";
const [of = "10000", from = "1", steps] = isStaged ? given.slice(1) : given;
const [count, first] = [Number(of), Number(from)];
/** Of one seed: only the steps at these places, as a failure names them. */
const only = steps?.split(",").filter(Boolean).map(Number);
if (!(Number.isInteger(count) && count > 0 && Number.isInteger(first))) {
  console.error("usage: npm run soak -- [--staged] [COUNT] [FIRST SEED] [STEPS, as 0,3,4]");
  process.exit(2);
}

const started = performance.now();
const tally = new Tally();
let histories = 0;
let virtualMs = 0;
let failures = 0;

async function playOne(history: History): Promise<void> {
  const played = await play(history, only === undefined ? {} : { steps: stepsAt(history, only) });
  tally.merge(played.tally);
  histories++;
  virtualMs += played.virtualMs;
  if (played.violations.length === 0) return;
  failures++;
  console.error(only === undefined ? await explain(history, played) : played.violations.join("\n"));
}

for (let seed = first; seed < first + count; seed++) {
  if (!isStaged) await playOne(makeHistory(seed));
  if (isStaged || (only === undefined && seed % STAGED_EACH === 0)) await playOne(makeHistory(seed, true));
}
const seconds = (performance.now() - started) / 1_000;
console.log(String(tally));
console.log(
  `${histories} histories from seed ${first}: ${failures} failed; ${(virtualMs / 3_600_000).toFixed(1)} virtual hours in ` +
    `${seconds.toFixed(1)} s (${(histories / seconds).toFixed(1)} a second), ${(process.cpuUsage().user / 1e6).toFixed(1)} s of CPU`,
);
process.exitCode = failures > 0 ? 1 : 0;
