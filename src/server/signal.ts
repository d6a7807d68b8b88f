/** The caller of a route as an abort signal. */
import type { FastifyReply } from "fastify";

/** Aborted when the caller hangs up. */
export function signalOf(reply: FastifyReply): AbortSignal {
  const abort = new AbortController();
  reply.raw.once("close", () => abort.abort(new Error("the peer has gone")));
  return abort.signal;
}
