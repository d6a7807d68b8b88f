/** The tests' own client as a `KubeApi`, so that what takes one can be tried on a real server without trueup's client. */

import { Agent, request } from "undici";
import { type ErrorCode, TrueupError } from "../../../src/model/errors.ts";
import type { KubeApi, KubeCall } from "../../../src/model/kube-api.ts";
import type { JsonObject } from "../../../src/model/object.ts";
import { readKubeconfig } from "./access.ts";

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: "invalid",
  401: "forbidden",
  403: "forbidden",
  404: "not-found",
  409: "conflict",
  410: "not-found",
  413: "invalid",
  422: "invalid",
};

export class PlainKubeApi implements KubeApi {
  readonly server: string;
  readonly #agent: Agent;
  readonly #headers: Record<string, string>;

  /** @param kubeconfig Path */
  constructor(kubeconfig: string) {
    const { server, ca, certificate: cert, key, token, impersonate } = readKubeconfig(kubeconfig);
    this.server = server;
    this.#agent = new Agent({ connect: { ca, cert, key } });
    this.#headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(impersonate !== undefined && { "impersonate-user": impersonate }),
    };
  }

  async request(
    { method, path, query = {}, body, contentType, accept }: KubeCall,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
    const answer = await request(`${this.server}${path}${search === "" ? "" : `?${search}`}`, {
      ...{ method, dispatcher: this.#agent, signal },
      headers: {
        ...this.#headers,
        accept: accept ?? "application/json",
        ...(body !== undefined && { "content-type": contentType ?? "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const said = (await answer.body.json()) as JsonObject;
    if (answer.statusCode < 300) return said;
    const message = `Cannot ask the API server as it must agree: it says "${said.message}".`;
    throw new TrueupError(CODES[answer.statusCode] ?? "unavailable", message);
  }

  lines(): AsyncIterable<string> {
    throw new Error("Cannot follow a stream as only requests are carried here");
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
