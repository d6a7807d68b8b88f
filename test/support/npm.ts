/** npm in a fresh home: its cache, its registry's settings and the way to it are the machine's, everything else is new. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Home } from "./processes.ts";

/** Whom to trust, and by way of whom to go: without them npm reaches nothing where a proxy looks into what it passes on. */
const NETWORK = /^(npm_config_.*|node_extra_ca_certs|node_use_system_ca|ssl_cert_(file|dir)|https?_proxy|no_proxy)$/i;
/**
 * What npm works out from the Node that runs it, and hands on to what it runs. Under the checkout's own Node (the package
 * `node`) these lead into that package, and away from what the machine says of its registry.
 */
const WORKED_OUT = /^npm_config_(?:local_prefix|global_prefix|prefix|globalconfig)$/i;

export function npmEnv(home: Home): Record<string, string> {
  const settings = Object.entries(process.env).filter(
    ([name, value]) => NETWORK.test(name) && !WORKED_OUT.test(name) && value !== undefined && value !== "",
  );
  const own = Object.fromEntries(settings.map(([name, value]) => [name, value ?? ""]));
  const userConfig = join(process.env.HOME ?? "", ".npmrc");
  const programs = (home.env.PATH ?? "").split(delimiter).filter((path) => !path.includes("node_modules"));
  return {
    ...home.env,
    ...own,
    PATH: programs.join(delimiter),
    ...(existsSync(userConfig) && { npm_config_userconfig: userConfig }),
    // A connection that says nothing is given up early and tried again: by itself npm waits for five minutes.
    npm_config_fetch_timeout: "30000",
    npm_config_cache: process.env.npm_config_cache ?? join(process.env.HOME ?? "", ".npm"),
  };
}
