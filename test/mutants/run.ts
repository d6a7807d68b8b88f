/** Plays histories until one breaks a promise: `node --import hooks.ts run.ts SEED…`, with the mutant in the environment. */
import { makeHistory } from "../simulation/history.ts";
import { play } from "../simulation/play.ts";

const seeds = process.argv.slice(2).map(Number);
for (const seed of seeds) {
  const { violations } = await play(makeHistory(seed));
  if (violations.length === 0) continue;
  console.log(`seed ${seed}: ${violations[0]}`);
  process.exit(1);
}
