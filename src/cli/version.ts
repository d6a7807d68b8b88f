/** Where the package stands on disk, and its version. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { TrueupError } from "../model/errors.ts";

/** The package's root: the nearest folder above this file whose `package.json` is trueup's, be it `src/` or `dist/` here. */
export function packageRoot(): string {
  for (let dir = import.meta.dirname; dirname(dir) !== dir; dir = dirname(dir)) {
    const manifest = join(dir, "package.json");
    if (existsSync(manifest) && readManifest(manifest).name === "trueup") return dir;
  }
  throw new TrueupError("internal", "Cannot find the package of trueup above its own files.", {
    hint: "Install it again.",
  });
}

export function readVersion(): string {
  return readManifest(join(packageRoot(), "package.json")).version ?? "unknown";
}

function readManifest(path: string): { name?: string; version?: string } {
  return JSON.parse(readFileSync(path, "utf8")) as { name?: string; version?: string };
}
