/** npm in a fresh home: its cache and its registry's settings are the machine's, everything else is new. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Home } from "./processes.ts";

export function npmEnv(home: Home): Record<string, string> {
  const settings = Object.entries(process.env).filter(
    ([name, value]) => /^npm_config_/i.test(name) && value !== undefined && value !== "",
  );
  const own = Object.fromEntries(settings.map(([name, value]) => [name, value ?? ""]));
  const userConfig = join(process.env.HOME ?? "", ".npmrc");
  return {
    ...home.env,
    ...own,
    ...(existsSync(userConfig) && { npm_config_userconfig: userConfig }),
    // A connection that says nothing is given up early and tried again: by itself npm waits for five minutes.
    npm_config_fetch_timeout: "30000",
    npm_config_fetch_retries: "5",
    npm_config_cache: process.env.npm_config_cache ?? join(process.env.HOME ?? "", ".npm"),
  };
}
