/** The thread that checks files beside the main one. */
import { enableCompileCache } from "node:module";
import { dirname } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type { ThreadData } from "./pool.ts";

if (parentPort === null) throw new Error("this file is started as a thread");
const { work, compiled } = workerData as ThreadData;
// Threads do not inherit it; Node adds the directory of its own version.
if (compiled !== undefined) enableCompileCache(dirname(compiled));
const { workOn } = await import("./share.ts");
// As text: of small nested objects that is twice as fast as cloning them.
parentPort.postMessage(JSON.stringify(workOn(work)));
