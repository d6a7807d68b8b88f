/** Moves bodies and responses from one side of the proxy to the other, no faster than the receiver takes them. */
import type { ClientRequest, IncomingMessage, InformationEvent, ServerResponse } from "node:http";
import { responseHeaders, trailersOf } from "./http-headers.ts";

/** Sends the client's body on to the backend, trailers included. */
export function relayRequestBody(from: IncomingMessage, to: ClientRequest): void {
  from.on("data", (chunk: Buffer) => {
    // What a backend that has answered and gone no longer wants is read and dropped: the client's next request follows it.
    if (!to.destroyed && !to.write(chunk)) from.pause();
  });
  to.on("drain", () => from.resume());
  to.on("close", () => from.resume());
  from.on("end", () => {
    if (to.destroyed) return;
    const trailers = trailersOf(from.rawTrailers);
    if (trailers.length > 0) to.addTrailers(trailers);
    to.end();
  });
}

/** Sends an interim response on (RFC 9110 §15.2), except to HTTP/1.0, which has none. */
export function relayInformation(info: InformationEvent, to: ServerResponse): void {
  if (to.headersSent || to.destroyed || to.req.httpVersion === "1.0") return;
  // Node keeps the connection open after "100" only when it was sent by this method.
  if (info.statusCode === 100) to.writeContinue();
  else to.writeInformation(info.statusCode, responseHeaders(info.rawHeaders, info.statusCode));
}

/**
 * Sends a backend's response on. When it breaks off, the client's connection is broken off too: there is no other way
 * to say that the rest is missing.
 */
export function relayResponse(from: IncomingMessage, to: ServerResponse): void {
  let wrote = false;
  const status = from.statusCode ?? 502;
  to.sendDate = false;
  to.writeHead(status, from.statusMessage ?? "", responseHeaders(from.rawHeaders, status));
  from.on("data", (chunk: Buffer) => {
    wrote = true;
    if (!to.write(chunk)) from.pause();
  });
  to.on("drain", () => from.resume());
  from.on("error", () => to.destroy());
  from.on("end", () => {
    wrote = true;
    const trailers = trailersOf(from.rawTrailers);
    if (trailers.length > 0 && to.chunkedEncoding) to.addTrailers(trailers);
    to.end();
  });
  // A body that came with the head has been written when this runs, and head and body left together. If none came, the
  // head must not wait for it: an event stream may be silent for long.
  process.nextTick(() => {
    if (!wrote && !from.complete && !to.destroyed) to.flushHeaders();
  });
}
