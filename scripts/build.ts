/** Builds what the package ships: `dist/`, bundled JavaScript with one chunk a command, and the types of the exports. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { bundle, ROOT } from "./bundle.ts";

const dist = join(ROOT, "dist");
rmSync(dist, { recursive: true, force: true });
const outputs = await bundle(dist);
execFileSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  cwd: ROOT,
  stdio: "inherit",
});
const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
console.log(`dist/: ${Object.keys(outputs).length} files, ${Math.round(bytes / 1024)} KiB`);
