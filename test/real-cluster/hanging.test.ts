/** A real API server that stops saying anything, behind connections that stay open. */
import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "../support/daemon.ts";
import { readKubeconfig, writeKubeconfig } from "../support/kubernetes/access.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";
import { CONTEXT, Shop } from "../support/kubernetes/shop.ts";
import { trueup } from "../support/processes.ts";

const cluster = clusterForTests();

let shop: Shop;
let relay: Relay;

/** Carries bytes to the API server and back, until it is told to hold them. */
class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isHeld = false;

  constructor(target: URL) {
    this.#server = createServer((client) => {
      const upstream = dial(Number(target.port), target.hostname);
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(from);
        from.on("data", (bytes) => to.write(bytes));
        from.on("close", () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        // Who hung up shows by the close that follows.
        from.on("error", () => from.destroy());
        if (this.#isHeld) from.pause();
      }
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
    return (this.#server.address() as { port: number }).port;
  }

  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    for (const socket of this.#sockets) {
      if (isHeld) socket.pause();
      else socket.resume();
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }
}

beforeEach(() => {
  shop = new Shop();
});
afterEach(async () => {
  await shop.end();
  await relay.close();
});

it.skipIf(!cluster.isOwn)("shows what is known, and says that it may be old by now", async () => {
  const namespace = await cluster.namespace("hanging");
  const access = readKubeconfig(cluster.kubeconfigFor("trueup"));
  relay = new Relay(new URL(access.server));
  const server = `https://127.0.0.1:${await relay.listen()}`;
  const kubeconfig = join(shop.home.dir, "kubeconfig.json");
  writeKubeconfig(kubeconfig, { ...access, server });
  const head = shop.commit("First", {
    "trueup.yaml": `apps: [{ name: web, path: web, namespace: ${namespace} }]\n`,
    "web/all.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\n",
  });
  shop.run(shop.repository, "--kubeconfig", kubeconfig, "--context", CONTEXT);
  await shop.synced(head);
  const get = (): ReturnType<typeof trueup> =>
    trueup(["get", "configmaps", "-n", namespace, "-o", "name"], shop.home, shop.repository);
  expect(await get()).toEqual({ code: 0, stdout: expect.stringContaining("configmap/web\n"), stderr: "" });

  relay.hold(true);
  // What was heard within the last second needs no question.
  expect(await until(get, ({ stderr }) => stderr !== "")).toEqual({
    code: 0,
    stdout: expect.stringContaining("configmap/web\n"),
    stderr: expect.stringMatching(
      new RegExp(
        `^trueup: warning: The API server ${server} does not answer: .*\\. What is shown is as it was \\d+ s ago\\.\n$`,
      ),
    ),
  });

  relay.hold(false);
  expect((await until(get, ({ stderr }) => stderr === "")).stdout).toContain("configmap/web");
});
