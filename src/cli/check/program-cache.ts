/** Finds the user's cache of checks for the program that runs. */
import { readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readVersion } from "../version.ts";
import { CheckCache } from "./cache.ts";

/**
 * Opens the cache by what else decides about results.
 *
 * @returns Absent for a program that runs from its sources: they change without their version
 */
export function programCache(
  env: Readonly<Record<string, string | undefined>>,
): ((identity: string) => CheckCache) | undefined {
  if (import.meta.url.endsWith(".ts")) return undefined;
  const base = env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache");
  return (identity) =>
    new CheckCache(
      join(base, "trueup", "checks"),
      JSON.stringify([readVersion(), process.version, program(), identity]),
    );
}

/** The program's files with their sizes. Chunks are named by their content, so a build that says something else shows. */
function program(): string[] {
  const directory = dirname(fileURLToPath(import.meta.url));
  const names = readdirSync(directory).filter((name) => name.endsWith(".js"));
  return names.sort().map((name) => `${name} ${statSync(join(directory, name)).size}`);
}
