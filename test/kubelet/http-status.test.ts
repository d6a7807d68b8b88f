/** What a probe says and understands over a plain connection. */
import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { askStatus, requestHead, statusIn } from "../../src/kubelet/http-status.ts";

const question = { host: "127.0.0.1", port: 8080, path: "/healthz", headers: [] };

describe("the question", () => {
  it("is one GET, whose Host a manifest may replace and whose connection is closed in any case", () => {
    const headers = [
      ["Accept", "*/*"],
      ["accept", "text/plain"],
      ["HOST", "shop.example"],
      ["connection", "keep-alive"],
    ] as const;
    expect(requestHead({ ...question, headers })).toBe(
      "GET /healthz HTTP/1.1\r\nHOST: shop.example\r\naccept: text/plain\r\nConnection: close\r\n\r\n",
    );
  });

  it.each([
    ["/a b", "/a%20b"],
    ["/é?q=1", "/%C3%A9?q=1"],
    ["/x HTTP/1.1\r\nEvil: 1", "/x%20HTTP/1.1%0D%0AEvil:%201"],
    ["/\ud800", "/%EF%BF%BD"],
    ["/kept%20as-it-is", "/kept%20as-it-is"],
  ])("keeps the path %j on its line", (path, sent) => {
    expect(requestHead({ ...question, path }).split("\r\n")).toEqual([
      `GET ${sent} HTTP/1.1`,
      "Host: 127.0.0.1:8080",
      "Connection: close",
      "",
      "",
    ]);
  });

  it.each([[["X-A", "1\r\nEvil: 1"]], [["X A", "1"]], [["", "1"]]] as const)(
    "refuses the field %j, which would not stay one",
    (field) => {
      expect(() => requestHead({ ...question, headers: [field] })).toThrow(TypeError);
    },
  );

  it("puts an IPv6 address in brackets", () => {
    expect(requestHead({ ...question, host: "::1" })).toContain("\r\nHost: [::1]:8080\r\n");
  });
});

describe("the answer", () => {
  it.each([
    ["HTTP/1.1 200 OK\r\n", 200],
    ["HTTP/1.0 503 Service Unavailable\n", 503],
    ["HTTP/1.1 404\r\n", 404],
    ["HTTP/1.1 204 \r\n", 204],
    ["HTTP/1.1 101 Switching Protocols\r\n", 101],
    ["HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 302 Found\r\n", 302],
    ["", null],
    ["HTTP/1.1 20", null],
    ["HTTP/1.1 100 Continue\r\n", null],
    ["HTTP/1.1 100 Continue\r\n\r\nHTT", null],
  ])("%j means %j", (text, status) => {
    expect(statusIn(text)).toBe(status);
  });

  it.each([
    "SSH-2.0-OpenSSH_9.2\r\n",
    "\n",
    "HTTP/1.1 2000 OK\r\n",
    "HTTP/1.1 099 No\r\n",
    "HTTP/2 200\r\n",
    "x".repeat(65_536),
  ])("%j is no HTTP response", (text) => {
    expect(() => statusIn(text)).toThrow("malformed HTTP response");
  });
});

describe("asking", () => {
  const servers: Server[] = [];

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
  });

  /** Writes the pieces one after the other, each in a turn of its own, then ends. */
  async function serve(...pieces: string[]): Promise<number> {
    const server = createServer((socket) => {
      socket.on("error", () => undefined).setNoDelay();
      const next = (): void => {
        const piece = pieces.shift();
        if (piece === undefined) socket.end();
        else socket.write(piece, () => setImmediate(next));
      };
      socket.once("data", next);
    });
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  const ask = async (...pieces: string[]): Promise<string> => {
    const port = await serve(...pieces);
    const outcome = await new Promise<number | Error>((answered) => askStatus({ ...question, port }, answered));
    return outcome instanceof Error ? outcome.message : String(outcome);
  };

  it.each([
    [["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], "200"],
    [["HT", "TP/1.1 5", "00 Oh\r", "\n"], "500"],
    [[], "EOF"],
    [["HTTP/1.1 200 OK"], "EOF"],
    [["220 smtp.example ESMTP\r\n"], 'malformed HTTP response "220 smtp.example ESMTP"'],
  ])("a server that writes %j is answered with %j", async (pieces, outcome) => {
    expect(await ask(...pieces)).toBe(outcome);
  });

  it("says nothing more once it was given up", async () => {
    const port = await serve("HTTP/1.1 200 OK\r\n\r\n");
    const heard: unknown[] = [];
    const closed = new Promise((done) => servers[0]?.once("connection", (socket) => socket.once("close", done)));
    askStatus({ ...question, port }, (outcome) => heard.push(outcome))();
    const other = new Promise((answered) => askStatus({ ...question, port }, answered));
    await Promise.race([other, closed]);
    expect(heard).toEqual([]);
  });
});
