import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { ReadBuffer } from "../../../src/kubelet/proxy/read-buffer.ts";
import type { ProxyBackend } from "../../../src/kubelet/proxy-contract.ts";
import { deadPod, endAll, proxyFor, rawPod, signal, Wire } from "./support.ts";

afterEach(endAll);

/** Says its name, then repeats what it is told, and ends when the client does. */
function echo(podUid: string): Promise<ProxyBackend> {
  return rawPod(podUid, (socket) => {
    socket.write(`${podUid}:`);
    socket.pipe(socket);
  });
}

describe("a new connection", () => {
  it("goes to the pods in turn", async () => {
    const { port } = await proxyFor("tcp", [await echo("pod-a"), await echo("pod-b")]);
    const names: string[] = [];
    for (let i = 0; i < 4; i++) names.push(await new Wire(port).until(/:$/));
    expect(names).toEqual(["pod-a:", "pod-b:", "pod-a:", "pod-b:"]);
  });

  it("goes to the next pod when one cannot be connected to, and loses no byte that came meanwhile", async () => {
    const { port, log } = await proxyFor("tcp", [await deadPod("pod-a"), await echo("pod-b")]);
    expect(await new Wire(port).send("early").until(/early$/)).toBe("pod-b:early");
    expect(log).toEqual([expect.stringMatching(/cannot connect to pod pod-a at 127.0.0.1:\d+: .*ECONNREFUSED/)]);
  });

  it.each([
    { name: "without a pod", pods: async () => [] },
    { name: "when none of the pods accepts", pods: async () => [await deadPod("pod-a"), await deadPod("pod-b")] },
  ])("is accepted and reset $name", async ({ pods }) => {
    const { port } = await proxyFor("tcp", await pods());
    const wire = new Wire(port);
    await wire.closed;
    expect({ code: wire.error?.code, text: wire.text }).toEqual({ code: "ECONNRESET", text: "" });
  });
});

describe("an open connection", () => {
  it("stays with a pod that has left, until that ends it; a new one goes elsewhere", async () => {
    const sockets: Socket[] = [];
    const old = await rawPod("old", (socket) => {
      sockets.push(socket);
      socket.on("data", (chunk) => socket.write(`old ${chunk}`));
    });
    const { port, proxy } = await proxyFor("tcp", [old]);
    const wire = new Wire(port).send("1");
    await wire.until(/old 1/);
    proxy.setBackends("svc:80", [await echo("new")]);
    await wire.send("2").until(/old 2/);
    await new Wire(port).until(/new:/);
    // The pod has accepted it long ago: there is nothing to wait for.
    await proxy.drain("old", 60_000);
    sockets[0]?.end("bye");
    await wire.until(/bye/);
    await wire.ended;
  });

  it("carries the end of one direction while the other goes on, from either side", async () => {
    const { port } = await proxyFor("tcp", [
      await rawPod("pod", (socket) => {
        let text = "";
        socket.on("data", (chunk) => {
          text += chunk;
        });
        socket.on("end", () => socket.end(`had ${text}`));
      }),
    ]);
    const wire = new Wire(port).send("all of it");
    wire.socket.end();
    await wire.ended;
    await wire.closed;
    expect(wire.text).toBe("had all of it");

    const received = signal<string>();
    const talker = await proxyFor("tcp", [
      await rawPod("pod", (socket) => {
        let text = "";
        socket.on("data", (chunk) => {
          text += chunk;
        });
        socket.on("end", () => received.resolve(text));
        socket.end("done talking");
      }),
    ]);
    const listener = new Wire(talker.port);
    await listener.ended;
    listener.send("still listening?");
    listener.socket.end();
    expect(await received.promise).toBe("still listening?");
    await listener.closed;
  });

  it("carries a reset as a reset, from either side", async () => {
    const lost = signal<string | undefined>();
    const { port } = await proxyFor("tcp", [
      await rawPod("pod", (socket) => {
        socket.on("error", (error: NodeJS.ErrnoException) => lost.resolve(error.code));
        socket.on("data", (chunk) => {
          if (chunk.toString() === "reset me") socket.resetAndDestroy();
          else socket.write("ok");
        });
      }),
    ]);
    const first = new Wire(port).send("reset me");
    await first.closed;
    expect(first.error?.code).toBe("ECONNRESET");
    const second = new Wire(port).send("hello");
    await second.until(/ok/);
    second.socket.resetAndDestroy();
    expect(await lost.promise).toBe("ECONNRESET");
  });

  it("delivers every byte of a large transfer both ways, though readers pause", async () => {
    const SIZE = 24 * 1024 * 1024;
    const data = Buffer.alloc(SIZE);
    for (let i = 0; i < SIZE; i += 4) data.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
    const expected = createHash("sha256").update(data).digest("hex");
    const { port } = await proxyFor("tcp", [await rawPod("pod", (socket) => socket.pipe(socket))]);
    const wire = new Wire(port);
    wire.socket.removeAllListeners("data");
    const hash = createHash("sha256");
    let reads = 0;
    wire.socket.on("data", (chunk) => {
      hash.update(chunk);
      if (++reads % 50 !== 0) return;
      wire.socket.pause();
      setImmediate(() => setImmediate(() => wire.socket.resume()));
    });
    wire.socket.end(data);
    await wire.closed;
    expect(hash.digest("hex")).toBe(expected);
  });

  it("leaves nothing behind when it ends, nor when the client gives up early", async () => {
    const { port, proxy } = await proxyFor("tcp", [await echo("pod")]);
    for (let round = 0; round < 20; round++) {
      const wires = Array.from({ length: 10 }, () => new Wire(port));
      for (const [index, wire] of wires.entries()) {
        if (index % 2 === 0) wire.socket.destroy();
        else wire.socket.end("x");
      }
      await Promise.all(wires.map((wire) => wire.closed));
    }
    await expect.poll(() => proxy.open(), { interval: 5 }).toBe(0);
  });
});

describe("ReadBuffer", () => {
  it("gives the same memory again unless somebody still needs it", () => {
    const buffer = new ReadBuffer();
    const first = buffer.next();
    buffer.used(10, false);
    expect(buffer.next()).toBe(first);
    buffer.used(10, true);
    expect(buffer.next()).not.toBe(first);
  });

  it("leaves its memory to a later connection, unless bytes in it still wait to be sent", () => {
    const [free, pending] = [new ReadBuffer(), new ReadBuffer()];
    const left = free.next();
    const kept = pending.next();
    pending.used(10, true);
    free.end();
    pending.end();
    const later = [new ReadBuffer(), new ReadBuffer()].map((buffer) => buffer.next());
    expect(later[0]).toBe(left);
    expect(later).not.toContain(kept);
  });

  it("grows while reads fill it, to 256 KiB, and shrinks after 64 small ones", () => {
    const buffer = new ReadBuffer();
    const sizes: number[] = [];
    for (let i = 0; i < 5; i++) {
      sizes.push(buffer.next().length);
      buffer.used(buffer.next().length, false);
    }
    expect(sizes).toEqual([4096, 16_384, 65_536, 262_144, 262_144]);
    for (let i = 0; i < 63; i++) buffer.used(100, false);
    expect(buffer.next().length).toBe(262_144);
    buffer.used(100, false);
    expect(buffer.next().length).toBe(4096);
  });
});
