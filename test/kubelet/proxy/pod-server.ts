/**
 * A server that runs as a pod's process: it names itself, works a few milliseconds, and on SIGTERM finishes what it
 * accepted and goes. `rude` has it close connections 5 ms after a response, without announcing that.
 */
import { createServer } from "node:http";

const [name = "pod", manners = "polite"] = process.argv.slice(2);
let served = 0;

const server = createServer((request, response) => {
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on("end", () => {
    const respond = (): void => {
      served++;
      if (manners === "rude") response.removeHeader("Keep-Alive");
      response.end(`${name} ${request.method} ${bytes}`);
    };
    const workMs = Number(new URL(request.url ?? "/", "http://pod").searchParams.get("ms") ?? 0);
    if (workMs > 0) setTimeout(respond, workMs);
    else respond();
  });
});
if (manners === "rude") {
  server.keepAliveTimeout = 5;
  server.keepAliveTimeoutBuffer = 0;
}
process.once("SIGTERM", () => server.close(() => process.stdout.write(`served ${served}\n`)));
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address !== "string") process.stdout.write(`listening ${address.port}\n`);
});
