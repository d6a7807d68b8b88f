/** Runs every benchmark, each in a process of its own, one after the other. `npm run bench [-- NAME... [N]]` runs the named ones, of size N. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const NO_BENCH = new Set([
  "main.ts",
  "support.ts",
  "trueup.ts",
  "kubernetes-control-plane.ts",
  "kubernetes-daemon.ts",
  "kubernetes-one-app.ts",
  "kubernetes-world.ts",
]);
const given = process.argv.slice(2);
const sizes = given.filter((each) => /^\d+$/.test(each));
const wanted = given.filter((each) => !sizes.includes(each));
const names = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".ts") && !NO_BENCH.has(name))
  .map((name) => name.slice(0, -".ts".length))
  .sort();
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`Cannot run ${unknown.join(", ")} as a benchmark must be one of: ${names.join(", ")}.`);
  process.exit(2);
}
let failed = 0;
for (const name of wanted.length > 0 ? wanted : names) {
  console.log(`\n# ${name}\n`);
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...sizes], {
    stdio: "inherit",
  });
  if (status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
