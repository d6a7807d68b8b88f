/** What follows a 101 response (WebSocket): bytes both ways until either side ends. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/**
 * Sends the 101 on and joins the two connections. The end of either ends both, after what it had sent is delivered.
 *
 * @param early Bytes that each side sent right behind its head
 */
export function tunnel(
  answer: IncomingMessage,
  client: Duplex,
  upstream: Duplex,
  early: { client: Buffer; upstream: Buffer },
): void {
  const lines = [`HTTP/1.1 101 ${answer.statusMessage ?? "Switching Protocols"}`];
  // Connection and Upgrade included: by answering, this hop changes the protocol as well (RFC 9110 §7.8).
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
    lines.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`);
  }
  client.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  if (early.upstream.length > 0) client.write(early.upstream);
  if (early.client.length > 0) upstream.write(early.client);
  join(client, upstream);
  join(upstream, client);
}

function join(from: Duplex, to: Duplex): void {
  from.pipe(to);
  from.on("end", () => to.end(() => to.destroy()));
  from.on("error", () => to.destroy());
  from.on("close", () => {
    if (to.writableFinished) to.destroy();
    else to.end(() => to.destroy());
  });
}
