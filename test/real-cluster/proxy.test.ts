/** A real API server that is reached only through a proxy: by the kubeconfig's word, or by the environment's. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect as dial, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { connectKubernetes } from "../../src/backend/kubernetes/connect.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { randomSuffix, systemRandom } from "../../src/util/random.ts";
import { readKubeconfig, writeKubeconfig } from "../support/kubernetes/access.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";

const cluster = clusterForTests();
const { signal } = new AbortController();
/** No resolver knows it: only the proxy leads there. */
const HIDDEN = "https://api.hidden.test:6443";
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface TestProxy {
  port: number;
  /** What was asked for, with the name of who asked: `me api.hidden.test:6443`. */
  asked: string[];
}

/** A proxy of tunnels that leads to the cluster, whatever it is asked for; it turns away who has no password. */
async function proxyToCluster(): Promise<TestProxy> {
  const { hostname, port } = new URL(readKubeconfig(cluster.kubeconfigFor("trueup")).server);
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    // Either side may hang up; the other one is told by the end of its own connection.
    socket.once("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
  };
  const server: Server = createServer();
  server.on("connect", (request: IncomingMessage, client: Socket, head: Buffer) => {
    keep(client);
    const [, login = ""] = /^Basic (.+)$/.exec(request.headers["proxy-authorization"] ?? "") ?? [];
    const [user, password] = Buffer.from(login, "base64").toString().split(":");
    asked.push(`${user} ${request.url}`);
    if (password !== "open") {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const upstream = dial(Number(port), hostname, () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    keep(upstream);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  ends.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

/** A kubeconfig of the hidden address, which says besides what is given. */
function hiddenKubeconfig(more: object): string {
  const path = join(cluster.directory, `hidden-${randomSuffix(systemRandom)}.json`);
  const server = { "tls-server-name": "kubernetes.default.svc", ...more };
  writeKubeconfig(path, { ...readKubeconfig(cluster.kubeconfigFor("trueup")), server: HIDDEN }, "default", server);
  return path;
}

async function readThrough(kubeconfig: string, env: Record<string, string>): Promise<string[]> {
  const backend = await connectKubernetes({
    kubeconfig,
    env,
    clock: new SystemClock(),
    random: systemRandom,
    ownerId: `proxy-${randomSuffix(systemRandom)}`,
  });
  ends.push(() => backend.close());
  const { items, version } = await backend.list({ kind: "Namespace", name: "default" }, signal);
  // The watch comes through it too.
  for await (const event of backend.watch({ kind: "Namespace" }, version, signal)) {
    if (event.type === "bookmark") break;
  }
  return items.map(({ object }) => object.metadata.name);
}

it.skipIf(!cluster.isOwn)("is reached through proxy-url of the kubeconfig, streams included", async () => {
  const { port, asked } = await proxyToCluster();
  const kubeconfig = hiddenKubeconfig({ "proxy-url": `http://me:open@127.0.0.1:${port}` });
  expect(await readThrough(kubeconfig, { HTTPS_PROXY: "http://127.0.0.1:9" })).toEqual(["default"]);
  expect(new Set(asked)).toEqual(new Set(["me api.hidden.test:6443"]));
});

it.skipIf(!cluster.isOwn)("is reached through HTTPS_PROXY, unless NO_PROXY says otherwise", async () => {
  const { port, asked } = await proxyToCluster();
  const kubeconfig = hiddenKubeconfig({});
  const env = { HTTPS_PROXY: `me:open@127.0.0.1:${port}` };
  expect(await readThrough(kubeconfig, env)).toEqual(["default"]);
  expect(new Set(asked)).toEqual(new Set(["me api.hidden.test:6443"]));
  const direct = readThrough(kubeconfig, { ...env, NO_PROXY: ".hidden.test" });
  await expect(direct).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
  });
});

it.skipIf(!cluster.isOwn)(
  "is not reached through a proxy that turns away, and the error names it without the password",
  async () => {
    const { port } = await proxyToCluster();
    const kubeconfig = hiddenKubeconfig({ "proxy-url": `http://me:hunter2@127.0.0.1:${port}` });
    await expect(readThrough(kubeconfig, {})).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(
        `^Cannot (?:.*)reach the API server ${HIDDEN} through the proxy http://127.0.0.1:${port} as it must answer: .*407`,
      ),
    });
  },
);
