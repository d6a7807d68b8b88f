/** Bundles the sources as the package ships them: one file a command, dependencies left outside. */
import { join, resolve } from "node:path";
import { build, type Metafile } from "esbuild";

export const ROOT = resolve(import.meta.dirname, "..");

/** Where the benchmarks bundle what is in `src/` now: `dist/` may be older. Packages are found from here too. */
export const BENCH_BUNDLE = join(ROOT, "node_modules/.cache/trueup-bench");

/**
 * @param outdir Gets `main.js`, `index.js`, `conformance.js`, the thread that checks files beside the main one, and their chunks
 * @returns What was written
 */
export async function bundle(outdir: string): Promise<Metafile["outputs"]> {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: {
      main: "src/main.ts",
      index: "src/index.ts",
      conformance: "src/conformance/suite.ts",
      "check-worker": "src/cli/check/worker.ts",
    },
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    packages: "external",
    sourcemap: false,
    legalComments: "none",
    metafile: true,
  });
  return result.metafile.outputs;
}
