/** Who decides, and about which app: what `approve`, `discard` and `retry` have in common. */
import { hostname, userInfo } from "node:os";
import { TrueupError } from "../model/errors.ts";
import type { AppStatus } from "../model/status.ts";
import type { DaemonClient } from "./client.ts";

/** Who decides, for the ledger: only this user can reach the daemon's socket. */
export function decider(): string {
  return `${userName()}@${hostname()}`;
}

/** The user's name, or, where the system has none for the id (as in many containers), the id. */
function userName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_SYSTEM_ERROR") throw error;
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

/**
 * The app that is meant: the one named, or the only one for which there is something to decide.
 *
 * @param isOpen Whether there is something to decide about an app
 * @param doing For the error, `retry`
 * @throws {TrueupError} `not-found`, or `usage` when it is not clear which
 */
export async function chooseApp(
  client: DaemonClient,
  name: string | undefined,
  isOpen: (app: AppStatus) => boolean,
  doing: string,
  signal: AbortSignal,
): Promise<AppStatus> {
  const { apps } = await client.status(signal);
  const names = apps.map(({ app }) => app).join(", ") || "none";
  if (name !== undefined) {
    const found = apps.find(({ app }) => app === name);
    if (found !== undefined) return found;
    throw new TrueupError("not-found", `Cannot ${doing} ${name} as it must be one of the daemon's apps: ${names}.`);
  }
  const open = apps.filter(isOpen);
  const [only] = open;
  if (only !== undefined && open.length === 1) return only;
  const why =
    open.length === 0 ? "no app waits for that" : `${open.length} apps wait: ${open.map(({ app }) => app).join(", ")}`;
  throw new TrueupError("usage", `Cannot ${doing} as one app must be meant: ${why}.`, {
    hint: open.length === 0 ? "trueup status says what each app waits for." : "Name one of them.",
  });
}
