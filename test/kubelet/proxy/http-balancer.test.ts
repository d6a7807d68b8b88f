import type { IncomingMessage } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import type { ProxyBackend } from "../../../src/kubelet/proxy-contract.ts";
import { deadPod, endAll, get, httpPod, proxyFor, rawPod, roundTrip, signal, Wire } from "./support.ts";

afterEach(endAll);

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

function hello(podUid: string, seen: IncomingMessage[] = []): Promise<ProxyBackend> {
  return httpPod(podUid, (request, response) => {
    seen.push(request);
    request.resume();
    request.on("end", () => response.end(podUid));
  });
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

describe("choosing a pod", () => {
  it("gives the requests of one client connection to the pods in turn", async () => {
    const { port } = await proxyFor("http", [await hello("pod-a"), await hello("pod-b")]);
    const wire = new Wire(port);
    for (const expected of ["pod-a", "pod-b", "pod-a", "pod-b"]) {
      wire.text = "";
      expect(await wire.send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n").until(/pod-.$/)).toContain(expected);
    }
  });

  it("asks the next pod when one cannot be connected to, without losing a body, and says so once", async () => {
    const echo = await httpPod("pod-b", async (request, response) => response.end(await readAll(request)));
    const { port, log } = await proxyFor("http", [await deadPod("pod-a"), echo]);
    const post = "POST / HTTP/1.1\r\nHost: svc\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";
    expect(await roundTrip(port, post)).toMatch(/200 OK[\s\S]*body$/);
    expect(await roundTrip(port, post)).toMatch(/200 OK[\s\S]*body$/);
    expect(await roundTrip(port, get("/"))).toMatch(/200 OK/);
    expect(log).toEqual([
      expect.stringMatching(/^svc:80: cannot connect to pod pod-a at 127.0.0.1:\d+: .*ECONNREFUSED/),
    ]);
  });

  it("answers 503 with one line and Retry-After when there is no pod, and keeps the connection", async () => {
    const { port, proxy } = await proxyFor("http", []);
    const wire = new Wire(port).send("POST / HTTP/1.1\r\nHost: svc\r\nContent-Length: 4\r\n\r\nbody");
    const text = await wire.until(/ready\.\n$/);
    expect(text).toMatch(/^HTTP\/1.1 503 Service Unavailable\r\n/);
    expect(text).toMatch(/\r\nRetry-After: 1\r\n/);
    proxy.setBackends("svc:80", [await hello("pod-a")]);
    expect(await wire.send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n").until(/pod-a$/)).toContain("200 OK");
  });

  it("answers 503 when no pod can be connected to, each tried once", async () => {
    const { port, log } = await proxyFor("http", [await deadPod("pod-a"), await deadPod("pod-b")]);
    expect(await roundTrip(port, get("/"))).toMatch(/^HTTP\/1.1 503 /);
    expect(log).toHaveLength(2);
  });
});

describe("requests that a client sends without waiting", () => {
  it("are answered in their order, though the pods differ in speed", async () => {
    const quick = signal();
    const { port } = await proxyFor("http", [
      await httpPod("slow", async (_request, response) => {
        await quick.promise;
        response.end("slow.");
      }),
      await httpPod("quick", (_request, response) => {
        response.end("quick.");
        quick.resolve();
      }),
    ]);
    const text = await roundTrip(port, `GET / HTTP/1.1\r\nHost: svc\r\n\r\n${get("/")}`);
    expect(text.match(/slow\.|quick\./g)).toEqual(["slow.", "quick."]);
  });
});

describe("a pod that leaves", () => {
  it("gets no further request, finishes the one it has, and its idle connections close at once", async () => {
    const closed = signal();
    const arrived = signal();
    const finish = signal();
    let requests = 0;
    const old = await httpPod("old", async (request, response) => {
      requests++;
      if (requests === 1) request.socket.once("close", () => closed.resolve());
      if (request.url === "/slow") {
        arrived.resolve();
        await finish.promise;
      }
      response.end("from old");
    });
    const { port, proxy } = await proxyFor("http", [old]);
    // One connection becomes idle; the POST then opens one of its own.
    const wire = new Wire(port).send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n");
    await wire.until(/from old$/);
    const slow = new Wire(port).send("POST /slow HTTP/1.1\r\nHost: svc\r\nContent-Length: 0\r\n\r\n");
    await arrived.promise;
    expect(proxy.underWay("old")).toBe(1);

    proxy.setBackends("svc:80", [await hello("new")]);
    await closed.promise;
    let drained = false;
    const drain = proxy.drain("old", 60_000).then(() => {
      drained = true;
    });
    wire.text = "";
    await wire.send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n").until(/new$/);
    expect({ drained, requests }).toEqual({ drained: false, requests: 2 });

    finish.resolve();
    expect(await slow.until(/from old$/)).toContain("200 OK");
    await drain;
    expect(proxy.underWay("old")).toBe(0);
    // The client's connection outlives the pod.
    slow.text = "";
    await slow.send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n").until(/new$/);
  });
});

describe("a connection that the pod closes just as a request is written", () => {
  /** Answers the first request of each connection, and closes without a word at the second. */
  async function rude(requests: string[]): Promise<ProxyBackend> {
    return await rawPod("rude", (socket) => {
      let count = 0;
      socket.on("data", (chunk) => {
        requests.push(chunk.toString("latin1").split(" ", 1)[0] ?? "");
        if (++count === 1) socket.write(OK);
        else socket.destroy();
      });
    });
  }

  it.each(["GET", "HEAD", "OPTIONS", "DELETE"])("%s is sent again on a new connection", async (method) => {
    const requests: string[] = [];
    const { port } = await proxyFor("http", [await rude(requests)]);
    await roundTrip(port, get("/"));
    expect(await roundTrip(port, get("/").replace("GET", method))).toMatch(/^HTTP\/1.1 200 OK/);
    expect(requests).toEqual(["GET", method, method]);
  });

  it.each(["POST", "PATCH", "PUT"])("%s goes on a new connection in the first place", async (method) => {
    const requests: string[] = [];
    const { port } = await proxyFor("http", [await rude(requests)]);
    await roundTrip(port, get("/"));
    const text = `${method} / HTTP/1.1\r\nHost: svc\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi`;
    expect(await roundTrip(port, text)).toMatch(/^HTTP\/1.1 200 OK/);
    expect(requests).toEqual(["GET", method]);
  });

  it("a 408 that crossed with the request counts as closed", async () => {
    const { port } = await proxyFor("http", [
      await rawPod("pod", (socket) => {
        let count = 0;
        socket.on("data", () => {
          socket.write(
            ++count === 1 ? OK : "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
          );
        });
      }),
    ]);
    await roundTrip(port, get("/"));
    expect(await roundTrip(port, get("/"))).toMatch(/^HTTP\/1.1 200 OK/);
  });

  it("bytes that nobody asked for make a connection unfit", async () => {
    const poisoned = signal();
    let connections = 0;
    const { port } = await proxyFor("http", [
      await rawPod("pod", (socket) => {
        connections++;
        socket.on("data", () => {
          socket.write(OK);
          setImmediate(() =>
            socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", () => poisoned.resolve()),
          );
        });
      }),
    ]);
    await roundTrip(port, get("/"));
    await poisoned.promise;
    expect(await roundTrip(port, get("/"))).toMatch(/ok$/);
    expect(connections).toBe(2);
  });

  it("is lost for good when the second connection fails as well: 502, and not a third time", async () => {
    let requests = 0;
    const { port, log } = await proxyFor("http", [
      await rawPod("pod-a", (socket) => socket.on("data", () => requests++ < 9 && socket.destroy())),
      await rawPod("pod-b", (socket) => socket.on("data", () => requests++ < 9 && socket.destroy())),
      await hello("pod-c"),
    ]);
    expect(await roundTrip(port, get("/"))).toMatch(/^HTTP\/1.1 502 /);
    expect(requests).toBe(2);
    expect(log).toEqual([expect.stringMatching(/pod pod-b at .* gave no response/)]);
  });

  it("a POST lost on a new connection is not repeated: 502", async () => {
    let requests = 0;
    const { port } = await proxyFor("http", [
      await rawPod("pod-a", (socket) => socket.on("data", () => requests++ < 9 && socket.destroy())),
      await hello("pod-b"),
    ]);
    const post = "POST / HTTP/1.1\r\nHost: svc\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    expect(await roundTrip(port, post)).toMatch(/^HTTP\/1.1 502 /);
    expect(requests).toBe(1);
  });

  it.each([
    { name: "no HTTP", text: "220 mail.example ESMTP\r\n" },
    {
      name: "a change of protocol that nobody asked for",
      text: "HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    },
    { name: "two lengths", text: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab" },
    { name: "half a head", text: "HTTP/1.1 200 OK\r\nX-A: " },
  ])("$name from a pod is a 502, and not asked for twice", async ({ text }) => {
    let requests = 0;
    const { port, proxy } = await proxyFor("http", [
      await rawPod("pod", (socket) =>
        socket.on("data", () => {
          requests++;
          socket.end(text);
        }),
      ),
    ]);
    expect(await roundTrip(port, get("/"))).toMatch(/^HTTP\/1.1 502 /);
    expect(requests).toBe(1);
    await proxy.drain("pod", 60_000);
    expect(proxy.underWay("pod")).toBe(0);
  });

  it("a response that breaks off breaks the client's connection off", async () => {
    const { port } = await proxyFor("http", [
      await rawPod("pod", (socket) =>
        socket.on("data", () =>
          socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", () => socket.destroy()),
        ),
      ),
    ]);
    const wire = new Wire(port).send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n");
    await wire.ended;
    expect(wire.text).not.toContain("502");
  });
});

describe("a client that goes away", () => {
  it("takes its request along", async () => {
    const arrived = signal();
    const cancelled = signal();
    const { port, proxy } = await proxyFor("http", [
      await httpPod("pod", (request) => {
        request.socket.once("close", () => cancelled.resolve());
        arrived.resolve();
      }),
    ]);
    const wire = new Wire(port).send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n");
    await arrived.promise;
    wire.socket.destroy();
    await cancelled.promise;
    await proxy.drain("pod", 60_000);
    expect(proxy.underWay("pod")).toBe(0);
  });

  it("takes its half-sent body along", async () => {
    const arrived = signal();
    const cancelled = signal();
    const { port, proxy } = await proxyFor("http", [
      await httpPod("pod", (request) => {
        request.on("error", () => cancelled.resolve());
        request.once("data", () => arrived.resolve());
      }),
    ]);
    const wire = new Wire(port).send("POST / HTTP/1.1\r\nHost: svc\r\nContent-Length: 9\r\n\r\nhalf");
    await arrived.promise;
    wire.socket.destroy();
    await cancelled.promise;
    await proxy.drain("pod", 60_000);
    expect(proxy.underWay("pod")).toBe(0);
  });
});

describe("bodies", () => {
  it("pass both ways in chunks, with trailers both ways", async () => {
    const { port } = await proxyFor("http", [
      await httpPod("pod", async (request, response) => {
        const body = await readAll(request);
        response.setHeader("Trailer", "X-Sum");
        response.write(body);
        response.addTrailers({ "X-Sum": `${request.trailers["x-client-sum"]}+1` });
        response.end();
      }),
    ]);
    const text = await roundTrip(
      port,
      "PUT / HTTP/1.1\r\nHost: svc\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Client-Sum\r\n\r\n" +
        "3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Client-Sum: 7\r\n\r\n",
    );
    expect(text).toMatch(/\r\n\r\n7\r\nabcdefg\r\n0\r\nX-Sum: 7\+1\r\n\r\n$/);
  });

  it("of a HEAD are only announced", async () => {
    const { port } = await proxyFor("http", [
      await httpPod("pod", (_request, response) => {
        response.setHeader("Content-Length", 1234);
        response.end();
      }),
    ]);
    const text = await roundTrip(port, get("/").replace("GET", "HEAD"));
    expect(text).toMatch(/\r\nContent-Length: 1234\r\n/);
    expect(text).toMatch(/\r\n\r\n$/);
  });

  it("without a length, from a pod that speaks HTTP/1.0, become chunked", async () => {
    const { port } = await proxyFor("http", [
      await rawPod("pod", (socket) => socket.on("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nto the end"))),
    ]);
    expect(await roundTrip(port, get("/"))).toMatch(/Transfer-Encoding: chunked\r\n\r\na\r\nto the end\r\n0\r\n\r\n$/);
  });

  it("are read no faster than they are taken", async () => {
    const TOTAL = 96 * 1024 * 1024;
    const chunk = Buffer.alloc(1024 * 1024, "x");
    let written = 0;
    const full = signal();
    const { port } = await proxyFor("http", [
      await httpPod("pod", async (request, response) => {
        if (request.url === "/ping") {
          response.end("pong");
          return;
        }
        response.setHeader("Content-Length", TOTAL);
        for (; written < TOTAL; written += chunk.length) {
          if (response.write(chunk)) continue;
          full.resolve();
          await new Promise((done) => response.once("drain", done));
        }
        response.end();
      }),
    ]);
    const wire = new Wire(port);
    wire.socket.pause();
    wire.send(get("/"));
    await full.promise;
    // Time for a proxy that does not hold back to take all of it; the buffers of two connections hold a fraction.
    for (let i = 0; i < 100; i++) await roundTrip(port, get("/ping"));
    expect(written).toBeLessThan(TOTAL);
    let received = 0;
    wire.socket.removeAllListeners("data");
    wire.socket.on("data", (bytes) => {
      received += bytes.length;
    });
    wire.socket.resume();
    await wire.ended;
    expect(received).toBeGreaterThan(TOTAL);
  });

  it("reach a slow client whole, though the pod has closed the connection long before", async () => {
    const SIZE = 3 * 1024 * 1024;
    const gone = signal();
    const { port } = await proxyFor("http", [
      await rawPod("pod", (socket) => {
        socket.once("close", () => gone.resolve());
        socket.on("data", () =>
          socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${SIZE}\r\n\r\n${"x".repeat(SIZE)}`),
        );
      }),
    ]);
    const wire = new Wire(port);
    wire.socket.removeAllListeners("data");
    let received = "";
    wire.socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      // A few bytes a turn: the proxy has to hold back.
      wire.socket.pause();
      setImmediate(() => wire.socket.resume());
    });
    wire.send(get("/"));
    await wire.ended;
    await gone.promise;
    expect(received.match(/x/g)).toHaveLength(SIZE);
  });

  it("are still taken when the pod has answered before their end", async () => {
    const body = signal<string>();
    const { port } = await proxyFor("http", [
      await httpPod("pod", (request, response) => {
        response.end("early");
        void readAll(request).then(body.resolve);
      }),
    ]);
    const wire = new Wire(port).send("POST / HTTP/1.1\r\nHost: svc\r\nContent-Length: 8\r\n\r\nhalf");
    await wire.until(/early/);
    wire.send("rest");
    expect(await body.promise).toBe("halfrest");
  });

  it("do not hold back the head of a response that is silent for long", async () => {
    const { port } = await proxyFor("http", [
      await httpPod("pod", (_request, response) => {
        response.setHeader("Content-Type", "text/event-stream");
        response.flushHeaders();
      }),
    ]);
    await new Wire(port).send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n").until(/text\/event-stream/);
  });
});

describe("interim responses", () => {
  it("100 comes from the pod, and only then the body is sent", async () => {
    const { port } = await proxyFor("http", [
      await rawPod("pod", (socket) => {
        let text = "";
        socket.on("data", (chunk) => {
          text += chunk.toString("latin1");
          if (text.endsWith("\r\n\r\n")) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
          if (text.endsWith("body")) socket.write(OK);
        });
      }),
    ]);
    const head = "POST / HTTP/1.1\r\nHost: svc\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    const wire = new Wire(port).send(head);
    await wire.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
    await wire.send("body").until(/200 OK[\s\S]*ok$/);
  });

  it("103 passes with its fields, and not to HTTP/1.0", async () => {
    const { port } = await proxyFor("http", [
      await httpPod("pod", (_request, response) => {
        response.writeEarlyHints({ link: "</a.css>; rel=preload" });
        response.end("done");
      }),
    ]);
    expect(await roundTrip(port, get("/"))).toMatch(
      /^HTTP\/1.1 103 Early Hints\r\nLink: <\/a.css>[\s\S]*200 OK[\s\S]*done$/i,
    );
    expect(await roundTrip(port, "GET / HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1.1 200 OK[\s\S]*done$/);
  });
});

describe("changing the protocol", () => {
  it("joins the two connections, bytes sent early included, until one side ends", async () => {
    const ended = signal();
    const { port, proxy } = await proxyFor("http", [
      await rawPod("pod", (socket) => {
        socket.once("data", (head) => {
          expect(head.toString("latin1")).toMatch(/\r\nUpgrade: websocket\r\n/);
          socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi ");
          socket.on("data", (chunk) => socket.write(chunk));
        });
        socket.once("end", ended.resolve);
      }),
    ]);
    const wire = new Wire(port).send(
      "GET /ws HTTP/1.1\r\nHost: svc\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nyou ",
    );
    await wire.until(/^HTTP\/1.1 101 [\s\S]*Upgrade: websocket\r\n\r\nhi you $/);
    await wire.send("there").until(/there$/);
    // It is no request any more: a pod that leaves need not wait for it.
    await proxy.drain("pod", 60_000);
    wire.socket.end();
    await ended.promise;
    await wire.closed;
  });

  it("ends at the client when the pod ends", async () => {
    const { port } = await proxyFor("http", [
      await rawPod("pod", (socket) =>
        socket.once("data", () =>
          socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nbye"),
        ),
      ),
    ]);
    const text = await roundTrip(port, "GET / HTTP/1.1\r\nHost: svc\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    expect(text).toMatch(/bye$/);
  });

  it("passes a refusal on, with its body", async () => {
    const { port } = await proxyFor("http", [
      await httpPod("pod", (_request, response) => {
        response.statusCode = 403;
        response.end("x".repeat(300_000));
      }),
    ]);
    const text = await roundTrip(
      port,
      "GET / HTTP/1.1\r\nHost: svc\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    expect(text).toMatch(/^HTTP\/1.1 403 Forbidden/);
    expect(text.match(/x/g)).toHaveLength(300_000);
  });

  it("to HTTP/2 is passed over, as a server may", async () => {
    const seen: IncomingMessage[] = [];
    const { port } = await proxyFor("http", [await hello("pod", seen)]);
    const text = await roundTrip(
      port,
      get("/", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"),
    );
    expect(text).toMatch(/200 OK[\s\S]*pod$/);
    expect(Object.keys(seen[0]?.headers ?? {})).not.toContain("http2-settings");
  });

  it("says 503 when there is no pod, and CONNECT is not allowed", async () => {
    const { port } = await proxyFor("http", []);
    const upgrade = "GET / HTTP/1.1\r\nHost: svc\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    expect(await roundTrip(port, upgrade)).toMatch(/^HTTP\/1.1 503 /);
    expect(await roundTrip(port, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")).toMatch(/^HTTP\/1.1 405 /);
  });
});

describe("requests that could be read in two ways never reach a pod", () => {
  it.each([
    { name: "length and transfer coding", head: "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", status: 400 },
    { name: "two lengths", head: "Content-Length: 5\r\nContent-Length: 6\r\n", status: 400 },
    { name: "two Hosts", head: "Host: other\r\n", status: 400 },
    { name: "an unknown transfer coding", head: "Transfer-Encoding: gzip, chunked\r\n", status: 501 },
    { name: "a space before the colon", head: "Content-Length : 5\r\n", status: 400 },
    { name: "a folded field", head: "X-A: 1\r\n 2\r\n", status: 400 },
    { name: "a bare line feed", head: "X-A: 1\nX-B: 2\r\n", status: 400 },
    { name: "a head of 20 kB", head: `X-A: ${"a".repeat(20_000)}\r\n`, status: 431 },
  ])("$name: $status", async ({ head, status }) => {
    const seen: IncomingMessage[] = [];
    const { port } = await proxyFor("http", [await hello("pod", seen)]);
    const text = await roundTrip(
      port,
      `POST / HTTP/1.1\r\nHost: svc\r\n${head}\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: svc\r\n\r\n`,
    );
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text.match(/HTTP\/1.1/g)).toHaveLength(1);
    expect(seen).toEqual([]);
  });

  it("and an HTTP/1.1 request without a Host gets 400", async () => {
    const { port } = await proxyFor("http", [await hello("pod")]);
    expect(await roundTrip(port, "GET / HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1.1 400 /);
  });
});

describe("what a pod and a client see", () => {
  it("are the end-to-end fields as they were, and no word of the hop between", async () => {
    const seen: IncomingMessage[] = [];
    const pod = await httpPod("pod", (request, response) => {
      seen.push(request);
      response.sendDate = false;
      response.setHeader("X-CaSe", "1");
      response.setHeader("Set-Cookie", ["a=1", "b=2"]);
      response.end("body");
    });
    const { port } = await proxyFor("http", [pod]);
    const wire = new Wire(port).send("GET /p HTTP/1.1\r\nHost: shop.example\r\nX-MiXed: 1\r\n\r\n");
    const text = await wire.until(/body$/);
    expect(text.split("\r\n")).toEqual([
      "HTTP/1.1 200 OK",
      ...["X-CaSe: 1", "Set-Cookie: a=1", "Set-Cookie: b=2", "Content-Length: 4", "Connection: keep-alive", "", "body"],
    ]);
    expect(seen[0]?.rawHeaders).toEqual([
      ...["Host", "shop.example", "X-MiXed", "1", "X-Forwarded-For", "127.0.0.1", "X-Forwarded-Proto", "http"],
      ...["X-Forwarded-Host", "shop.example", "Connection", "keep-alive"],
    ]);
  });
});
