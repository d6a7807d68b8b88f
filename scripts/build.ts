/** Builds what the package ships: `dist/`, bundled JavaScript with one chunk a command, and the types of the exports. */
import { execFileSync } from "node:child_process";
import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, ROOT } from "./bundle.ts";

const dist = join(ROOT, "dist");
rmSync(dist, { recursive: true, force: true });
const outputs = await bundle(dist);
execFileSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  cwd: ROOT,
  stdio: "inherit",
});
// The compiler leaves the sources' own extensions in declarations, where a reader's compiler looks for .ts files.
for (const file of globSync("types/**/*.d.ts", { cwd: dist })) {
  const path = join(dist, file);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replaceAll(/(from "\.{1,2}\/[^"]*)\.ts"/g, '$1.js"'));
}
const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
console.log(`dist/: ${Object.keys(outputs).length} files, ${Math.round(bytes / 1024)} KiB`);
