import { afterEach, describe, expect, it } from "vitest";
import { HEAD_LIMIT_MS, STALL_LIMIT_MS, SWEEP_MS } from "../../../src/kubelet/proxy/client-guard.ts";
import { VirtualClock } from "../../../src/util/clock.ts";
import { atEnd, endAll, get, httpPod, proxyFor, signal, Wire } from "./support.ts";

afterEach(endAll);

describe("a client", () => {
  it("that never finishes a head gets 408, however slowly it goes on", async () => {
    const clock = new VirtualClock();
    const { port } = await proxyFor("http", [], clock);
    const wire = new Wire(port).send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n");
    await wire.until(/503/);
    wire.send("GET / HTTP/1.1\r\nX-Slow: ");
    // The first look sees that a head has begun; the limit runs from there.
    for (let passed = 0; passed <= HEAD_LIMIT_MS; passed += SWEEP_MS) {
      expect(wire.text).not.toMatch(/408/);
      wire.send("a");
      // A round trip on another connection: by its end, the bytes before it have been read.
      await new Wire(port).send(get("/")).ended;
      await clock.advance(SWEEP_MS);
    }
    await wire.ended;
    expect(wire.text).toMatch(/408 Request Timeout/);
  });

  it("that stops in the middle of a body is ended, and its request with it", async () => {
    const clock = new VirtualClock();
    const arrived = signal();
    const { port, proxy } = await proxyFor(
      "http",
      [await httpPod("pod", (r) => r.once("data", () => arrived.resolve()))],
      clock,
    );
    const wire = new Wire(port).send("POST / HTTP/1.1\r\nHost: svc\r\nContent-Length: 9\r\n\r\nhalf");
    await arrived.promise;
    await clock.advance(STALL_LIMIT_MS - SWEEP_MS);
    expect(proxy.underWay("pod")).toBe(1);
    await clock.advance(4 * SWEEP_MS);
    await wire.ended;
    await expect.poll(() => proxy.underWay("pod"), { interval: 5 }).toBe(0);
  });

  it("that does not read what it asked for is ended", async () => {
    const clock = new VirtualClock();
    const full = signal();
    const { port, proxy } = await proxyFor(
      "http",
      [
        await httpPod("pod", async (_request, response) => {
          const chunk = Buffer.alloc(1024 * 1024);
          atEnd(() => response.destroy());
          while (!response.destroyed) {
            if (response.write(chunk)) continue;
            full.resolve();
            await new Promise<void>((done) => {
              response.once("drain", done);
              response.once("close", done);
            });
          }
        }),
      ],
      clock,
    );
    const wire = new Wire(port);
    wire.socket.pause();
    wire.send(get("/"));
    await full.promise;
    // Bytes still move between the buffers for a while, in real time.
    const laterUnderWay = async (): Promise<number> => {
      await clock.advance(STALL_LIMIT_MS + 2 * SWEEP_MS);
      return proxy.underWay("pod");
    };
    await expect.poll(laterUnderWay, { interval: 5, timeout: 10_000 }).toBe(0);
  });

  it("that waits for a slow pod, or rests between two requests, is left alone for days", async () => {
    const clock = new VirtualClock();
    const arrived = signal();
    const finish = signal();
    const { port } = await proxyFor(
      "http",
      [
        await httpPod("pod", async (_request, response) => {
          arrived.resolve();
          await finish.promise;
          response.end("at last");
        }),
      ],
      clock,
    );
    const waiting = new Wire(port).send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n");
    await arrived.promise;
    await clock.advance(48 * 3_600_000);
    finish.resolve();
    await waiting.until(/at last$/);
    await clock.advance(48 * 3_600_000);
    waiting.text = "";
    await waiting.send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n").until(/at last$/);
  });

  it("costs no timer once it is gone", async () => {
    const clock = new VirtualClock();
    const { port } = await proxyFor("http", [], clock);
    expect(clock.pending).toBe(0);
    const wire = new Wire(port).send("GET / HTTP/1.1\r\nHost: svc\r\n\r\n");
    await wire.until(/503/);
    expect(clock.pending).toBe(1);
    wire.socket.destroy();
    await expect.poll(() => clock.pending, { interval: 5 }).toBe(0);
  });
});
