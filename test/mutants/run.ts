/** Plays a mutant's history, or that of every mutant: `node --import hooks.ts run.ts [NAME…]`. Says what broke, and exits with 1. */
import { makeHistory } from "../simulation/history.ts";
import { play } from "../simulation/play.ts";
import { MUTANTS, mutantNamed } from "./mutants.ts";

const names = process.argv.slice(2);
const mutants = names.length === 0 ? MUTANTS : names.map(mutantNamed);
for (const { name, history } of mutants) {
  const { violations } = await play(typeof history === "number" ? makeHistory(history) : history);
  if (violations.length === 0) continue;
  console.log(`${name}: ${violations[0]}`);
  process.exitCode = 1;
}
