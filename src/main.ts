/** Entry point of the `trueup` command: keeps compiled code for the next start, and loads only what this one needs. */
import { enableCompileCache, getCompileCacheDir } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { holdYoungGeneration, releaseYoungGeneration } from "./util/young-generation.ts";

// In the user's own cache, never in a directory that others could write to; where it cannot be kept, Node goes on without.
// `bin/trueup.js` has done this already, and so need not load what strips the types of this very file.
if (getCompileCacheDir() === undefined) {
  enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "trueup", "compiled"));
}

holdYoungGeneration();
const argv = process.argv.slice(2);
const [command, stateFlag, stateDir, socketFlag, socketPath] = argv;
const isDaemonsCall =
  command === "kubelet" && stateFlag === "--state" && socketFlag === "--socket" && argv.length === 5;
if (isDaemonsCall && stateDir !== undefined && socketPath !== undefined) {
  // As the daemon starts it: the process that lives longest does without the rest of the command line.
  const { kubeletMain } = await import("./cli/kubelet-process.ts");
  releaseYoungGeneration();
  process.exit(await kubeletMain(stateDir, socketPath));
}
const { main } = await import("./cli/main.ts");
// What was printed has been taken by the streams, so nothing is lost by ending here, whatever else is still open.
process.exit(await main(argv));
