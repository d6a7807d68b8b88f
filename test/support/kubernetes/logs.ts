/** The door of a kubelet at which the API server asks for logs: answers with what the pod's annotation says it has written. */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { type Api, ApiError } from "./api.ts";

/** What each container of the pod has written: its value is plain text. */
export const LOGS_ANNOTATION = "trueup.test/logs";

/** Only the path and the query count; the rest makes it an address. */
const BASE = "https://node";

export class KubeletLogs {
  readonly #server: Server;
  readonly port: number;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @param tls Files of a certificate and its key, shown to the API server */
  static async start(api: Api, tls: { certificate: string; key: string }): Promise<KubeletLogs> {
    const options = { cert: readFileSync(tls.certificate), key: readFileSync(tls.key) };
    const server = createServer(options, ({ url = "" }, response) => {
      answer(api, new URL(url, BASE)).then(
        ({ status, text }) => response.writeHead(status, { "content-type": "text/plain" }).end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new KubeletLogs(server);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), "close");
  }
}

async function answer(api: Api, { pathname, searchParams }: URL): Promise<{ status: number; text: string }> {
  const [, namespace, pod] = /^\/containerLogs\/([^/]+)\/([^/]+)\/[^/]+$/.exec(pathname) ?? [];
  if (namespace === undefined) return { status: 404, text: "only logs are played here" };
  const found = await api.get(`/api/v1/namespaces/${namespace}/pods/${pod}`).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  });
  if (found === null) return { status: 404, text: "no such pod" };
  const text = found.metadata.annotations?.[LOGS_ANNOTATION] ?? "";
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const tail = searchParams.get("tailLines");
  const shown = tail === null ? lines : lines.slice(Math.max(0, lines.length - Number(tail)));
  return { status: 200, text: shown.map((line) => `${line}\n`).join("") };
}
