/** Which failed calls to an API server are made again, and when. Pure. */
import type { KubeCall } from "../../model/kube-api.ts";
import { backoffMs } from "../../util/backoff.ts";
import type { Random } from "../../util/random.ts";
import { statusOf } from "./status.ts";

/** Tries after the first one. */
const TRIES = 4;
const BACKOFF = { baseMs: 250, maxMs: 4_000 };
/** A server that asks for more patience than this is said to be unavailable. */
const LONGEST_MS = 15_000;

/** Nothing was sent: the call can be made again, whatever it does. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** It may have been carried out before the connection broke. */
const BROKEN: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET"]);

/**
 * How long to wait before the call is made again, in milliseconds; `null` when it is not.
 *
 * As client-go: whatever the server answers with a time to come back is not carried out. Other failures of the server and
 * broken connections are tried again only where doing it twice is doing it once: reads, and server-side apply.
 *
 * @param failures How often the call failed before this failure, >= 0
 */
export function retryMs(call: KubeCall, error: unknown, failures: number, random: Random): number | null {
  if (failures >= TRIES) return null;
  const spread = backoffMs(failures, BACKOFF) * (1 + random.next() / 2);
  const status = statusOf(error);
  if (status === null) {
    const code = networkCode(error);
    if (NEVER_SENT.has(code)) return spread;
    return BROKEN.has(code) && isRepeatable(call) ? spread : null;
  }
  const { retryAfterSeconds } = status.details;
  const isBusy = status.code === 429 || status.code >= 500;
  if (isBusy && retryAfterSeconds !== undefined) {
    const ms = Math.max(retryAfterSeconds * 1_000, spread);
    return ms > LONGEST_MS ? null : ms;
  }
  return status.code === 429 || (status.code >= 500 && isRepeatable(call)) ? spread : null;
}

/** Node's or undici's code of a network failure, wherever in the chain of causes; empty when there is none. */
export function networkCode(error: unknown): string {
  for (let each: unknown = error, depth = 0; each instanceof Error && depth < 5; each = each.cause, depth++) {
    if (each instanceof AggregateError && each.errors.length > 0) return networkCode(each.errors[0]);
    if ("code" in each && typeof each.code === "string" && isNetworkCode(each.code)) return each.code;
  }
  return "";
}

/** Codes of ours, as `unavailable`, are written small. */
function isNetworkCode(code: string): boolean {
  return /^[A-Z][A-Z0-9_]+$/.test(code);
}

function isRepeatable({ method, contentType }: KubeCall): boolean {
  return method === "GET" || (method === "PATCH" && contentType?.startsWith("application/apply-patch") === true);
}
