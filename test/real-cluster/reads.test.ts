/** What the Kubernetes backend reads of a real API server: kinds that come and go, rights, logs, a network that fails. */

import { readFileSync } from "node:fs";
import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type ConnectOptions, connectKubernetes } from "../../src/backend/kubernetes/connect.ts";
import type { KubernetesBackend } from "../../src/backend/kubernetes/kubernetes.ts";
import type { ListQuery } from "../../src/model/backend.ts";
import { TrueupError } from "../../src/model/errors.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { randomSuffix, systemRandom } from "../../src/util/random.ts";
import { readKubeconfig, writeKubeconfig } from "../support/kubernetes/access.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";
import { LOGS_ANNOTATION } from "../support/kubernetes/logs.ts";

const cluster = clusterForTests();
const { signal } = new AbortController();
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function connect(options: Partial<ConnectOptions> = {}): Promise<KubernetesBackend> {
  const backend = await connectKubernetes({
    kubeconfig: cluster.kubeconfigFor("trueup"),
    env: {},
    clock: new SystemClock(),
    random: systemRandom,
    ownerId: `reads-${randomSuffix(systemRandom)}`,
    namespace: "trueup-reads",
    ...options,
  });
  ends.push(() => backend.close());
  return backend;
}

async function names(backend: KubernetesBackend, query: ListQuery): Promise<string[]> {
  return (await backend.list(query, signal)).items.map(({ object }) => object.metadata.name).sort();
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    return error instanceof TrueupError ? error.code : `thrown: ${String(error)}`;
  }
}

/** Events from now on, until enough were told. */
async function until(backend: KubernetesBackend, query: ListQuery, told: string): Promise<string[]> {
  const { version } = await backend.list(query, signal);
  const seen: string[] = [];
  for await (const event of backend.watch(query, version, signal)) {
    if (event.type === "bookmark") continue;
    seen.push(`${event.type} ${event.observed.object.metadata.name}`);
    if (seen.at(-1) === told) break;
  }
  return seen;
}

function configMap(
  namespace: string,
  name: string,
): { apiVersion: string; kind: string; metadata: { name: string; namespace: string }; data: object } {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { x: "1" } };
}

describe("lists and watches", () => {
  it.skipIf(!cluster.isOwn)("cost no request once a kind is followed, and show what others do", async () => {
    const namespace = await cluster.namespace("reads");
    const backend = await connect();
    const query = { group: "", kind: "ConfigMap", namespace };
    await backend.list(query, signal);
    const mark = await cluster.audit.mark();
    for (let pass = 0; pass < 50; pass++) {
      await backend.list(query, signal);
      await backend.list({}, signal);
      await backend.list({ owner: "web" }, signal);
    }
    expect(await cluster.audit.since(mark, { user: "trueup" })).toEqual([]);
    const seen = until(backend, query, "deleted a");
    await cluster.api.create(configMap(namespace, "a"));
    await cluster.api.patch(`/api/v1/namespaces/${namespace}/configmaps/a`, "merge", { data: { x: "2" } });
    await cluster.api.remove(`/api/v1/namespaces/${namespace}/configmaps/a`);
    expect(await seen).toEqual(["added a", "modified a", "deleted a"]);
  });

  it("read a long list page by page, and all of it", async () => {
    const namespace = await cluster.namespace("pages");
    const wanted = Array.from({ length: 620 }, (_, index) => `c-${String(index).padStart(4, "0")}`);
    for (let at = 0; at < wanted.length; at += 40) {
      await Promise.all(wanted.slice(at, at + 40).map((name) => cluster.api.create(configMap(namespace, name))));
    }
    const found = await names(await connect(), { group: "", kind: "ConfigMap", namespace });
    expect(found.filter((name) => name.startsWith("c-"))).toEqual(wanted);
  });
});

describe("custom kinds", () => {
  const group = `reads-${randomSuffix(systemRandom)}.test`;
  const definition = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `sites.${group}` },
    spec: {
      group,
      scope: "Cluster",
      names: { plural: "sites", singular: "site", kind: "Site", listKind: "SiteList" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  };
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sites.${group}`;

  it("come and go with their definition: absent, there, gone with their objects, and everything else stays", async () => {
    const namespace = await cluster.namespace("kinds");
    await cluster.api.create(configMap(namespace, "stays"));
    const backend = await connect();
    const query = { group, kind: "Site" };
    expect(await names(backend, query)).toEqual([]);
    ends.push(async () => {
      await cluster.api.remove(path);
    });
    await cluster.api.create(definition);
    await cluster.api.until(path, (crd) => JSON.stringify(crd?.status ?? {}).includes('"type":"Established"'));
    const site = { apiVersion: `${group}/v1`, kind: "Site", metadata: { name: "one" } };
    // Established, and yet not at once served by all parts of the server.
    await expect
      .poll(() => codeOf(cluster.api.request("POST", `/apis/${group}/v1/sites`, { body: site })), { timeout: 20_000 })
      .toBe("done");
    await expect.poll(() => names(backend, query), { timeout: 20_000 }).toEqual(["one"]);
    // Whoever asks takes it for an object of a namespace.
    expect(await names(backend, { ...query, namespace: "default", name: "one" })).toEqual(["one"]);
    const gone = until(backend, query, "deleted one");
    await cluster.api.remove(path);
    expect(await gone).toContain("deleted one");
    await expect.poll(() => codeOf(names(backend, query)), { timeout: 30_000 }).toBe("done");
    expect(await names(backend, query)).toEqual([]);
    expect(await names(backend, { kind: "ConfigMap", namespace })).toContain("stays");
  });
});

describe("an app's custom kinds", () => {
  it("that were not served when its objects were first listed are seen once they are", async () => {
    const group = `late-${randomSuffix(systemRandom)}.test`;
    const definition = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `sites.${group}` },
      spec: {
        group,
        scope: "Cluster",
        names: { plural: "sites", singular: "site", kind: "Site", listKind: "SiteList" },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
      },
    };
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sites.${group}`;
    const ownerId = `late-${randomSuffix(systemRandom)}`;
    const site = { apiVersion: `${group}/v1`, kind: "Site", metadata: { name: "one" } };
    ends.push(async () => {
      await cluster.api.remove(path);
    });
    const define = async (): Promise<void> => {
      await cluster.api.create(definition);
      await cluster.api.until(path, (crd) => JSON.stringify(crd?.status ?? {}).includes('"type":"Established"'));
    };
    await define();
    const first = await connect({ ownerId });
    const apply = () => first.apply({ desired: site, owner: "shop" }, signal);
    await expect.poll(() => codeOf(apply()), { timeout: 20_000 }).toBe("done");
    await cluster.api.remove(path);
    await cluster.api.until(path, (crd) => crd === null);
    const second = await connect({ ownerId });
    await expect.poll(() => names(second, { owner: "shop" }), { timeout: 20_000 }).toEqual([]);
    await define();
    await expect.poll(() => codeOf(apply()), { timeout: 20_000 }).toBe("done");
    // Nobody asks for the kind itself here.
    await expect.poll(() => names(second, { owner: "shop" }), { timeout: 20_000 }).toEqual(["one"]);
  }, 60_000);
});

describe("rights", () => {
  it("that do not reach to a list are an error; a target that reads some namespaces does with those", async () => {
    const namespace = await cluster.namespace("rights");
    const own = await cluster.namespace("rights-own");
    await cluster.api.create(configMap(namespace, "a"));
    const role = "trueup-reads";
    for (const where of [namespace, own]) {
      await cluster.api.create({
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: role, namespace: where },
        rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list", "watch"] }],
      });
      await cluster.api.create({
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        metadata: { name: role, namespace: where },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "alice" }],
      });
    }
    const kubeconfig = cluster.kubeconfigFor("alice");
    const everywhere = await connect({ kubeconfig });
    const refusal = names(everywhere, { kind: "ConfigMap", namespace });
    await expect(refusal).rejects.toThrow(/User "alice" cannot list resource "configmaps"/);
    expect(await codeOf(names(everywhere, { owner: "web" }))).toBe("forbidden");
    const some = await connect({ kubeconfig, namespaces: [namespace], namespace: own });
    expect(await names(some, { kind: "ConfigMap", namespace, name: "a" })).toEqual(["a"]);
    expect(await codeOf(names(some, { kind: "Secret", namespace }))).toBe("forbidden");
    expect(await codeOf(names(some, { kind: "ConfigMap", namespace: "default" }))).toBe("forbidden");
  });
});

describe("logs", () => {
  it.skipIf(!cluster.isOwn)(
    "are those of the container, the last lines of them, or say that there are none",
    async () => {
      const namespace = await cluster.namespace("logs");
      cluster.play([namespace]);
      const image = "web:v1";
      const containers = ["web", "side"].map((name) => ({ name, image }));
      const metadata = { name: "web", namespace, annotations: { [LOGS_ANNOTATION]: "one\ntwo\nthree\n" } };
      const pods = `/api/v1/namespaces/${namespace}/pods`;
      const body = { apiVersion: "v1", kind: "Pod", metadata, spec: { containers } };
      await cluster.api.request("POST", pods, { body });
      await cluster.api.until(`${pods}/web`, (found) =>
        JSON.stringify(found?.status ?? {}).includes("containerStatuses"),
      );
      const backend = await connect();
      await backend.list({ kind: "Pod", namespace }, signal);
      const read = async (query: Partial<Parameters<KubernetesBackend["logs"]>[0]>): Promise<string[]> => {
        const lines: string[] = [];
        for await (const line of backend.logs({ namespace, pod: "web", ...query }, signal)) lines.push(line);
        return lines;
      };
      expect(await read({})).toEqual(["one", "two", "three"]);
      expect(await read({ container: "side", tail: 2 })).toEqual(["two", "three"]);
      const rows: [Parameters<typeof read>[0], string][] = [
        [{ pod: "none" }, "not-found"],
        [{ container: "none" }, "not-found"],
      ];
      for (const [query, code] of rows) expect({ query, code: await codeOf(read(query)) }).toEqual({ query, code });
    },
  );
});

describe("a network that fails", () => {
  it.skipIf(!cluster.isOwn)(
    "is an error while it does; afterwards watches go on where they were, without a list",
    async () => {
      const namespace = await cluster.namespace("network");
      const line = await Line.to(cluster.kubeconfigFor("trueup"), join(cluster.directory, "line.kubeconfig"));
      ends.push(() => line.cut());
      const backend = await connect({ kubeconfig: line.kubeconfig });
      const query = { group: "", kind: "ConfigMap", namespace };
      await backend.list(query, signal);
      await line.cut();
      await expect.poll(() => codeOf(names(backend, query)), { timeout: 20_000 }).toBe("unavailable");
      expect(await codeOf(names(backend, {}))).toBe("unavailable");
      await cluster.api.create(configMap(namespace, "meanwhile"));
      const mark = await cluster.audit.mark();
      await line.mend();
      await expect.poll(() => codeOf(names(backend, query)), { timeout: 20_000 }).toBe("done");
      await expect.poll(() => names(backend, query), { timeout: 20_000 }).toContain("meanwhile");
      const asked = await cluster.audit.since(mark, { user: "trueup", resource: "configmaps" });
      expect(asked.map(({ verb }) => verb)).toEqual(["watch"]);
    },
  );
});

/** A line to the API server that can be cut. */
class Line {
  readonly kubeconfig: string;
  readonly #port: number;
  readonly #target: number;
  #server: Server | null;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number, target: number, kubeconfig: string) {
    this.#server = server;
    this.#port = port;
    this.#target = target;
    this.kubeconfig = kubeconfig;
    server.on("connection", (socket) => this.#carry(socket));
  }

  static async to(kubeconfig: string, path: string): Promise<Line> {
    const access = readKubeconfig(kubeconfig);
    const target = new URL(access.server);
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("It does not listen");
    writeKubeconfig(path, { ...access, server: `https://127.0.0.1:${address.port}` });
    expect(readFileSync(path, "utf8")).toContain(String(address.port));
    return new Line(server, address.port, Number(target.port), path);
  }

  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    const closed = server === null ? Promise.resolve() : new Promise((done) => server.close(done));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async mend(): Promise<void> {
    const server = createServer((socket) => this.#carry(socket));
    await new Promise<void>((done) => server.listen(this.#port, "127.0.0.1", done));
    this.#server = server;
  }

  #carry(socket: Socket): void {
    const far = dial(this.#target, "127.0.0.1");
    for (const [one, other] of [
      [socket, far],
      [far, socket],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
