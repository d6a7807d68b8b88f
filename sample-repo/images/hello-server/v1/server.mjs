// A server that says which version it is and which pod answers. It finishes what it accepted before it ends.
import http from "node:http";
import os from "node:os";

const version = 1;
const pod = process.env.HOSTNAME || os.hostname();

const server = http.createServer((request, response) => {
  if (request.url === "/healthz") {
    response.end("ok\n");
    return;
  }
  response.end(`Hello World! I'm Server version ${version}. ${pod}\n`);
});

server.listen(Number(process.env.PORT || 8080), () => {
  console.log(`version ${version} listens on port ${server.address().port}`);
});

process.on("SIGTERM", () => {
  console.log("SIGTERM: finishing what was accepted");
  server.close(() => process.exit(0));
});
