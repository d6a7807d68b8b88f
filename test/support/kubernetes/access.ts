/** Who may talk to a cluster, and where it is: kubeconfig files, written for our own control plane and read for another's. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { load } from "js-yaml";
import { TrueupError } from "../../../src/model/errors.ts";

/** Where a cluster answers and as whom. */
export interface Access {
  server: string;
  /** PEM of whom to trust; without it, whom the machine trusts. */
  ca?: string;
  token?: string;
  /** PEM of a client certificate and its key. */
  certificate?: string;
  key?: string;
  /** Act as this user, which whoever may do everything may. */
  impersonate?: string;
}

/**
 * Writes a kubeconfig of one context, readable by its owner alone. As JSON, which is YAML too.
 *
 * @param more Settings of the cluster, as a kubeconfig names them
 */
export function writeKubeconfig(path: string, access: Access, namespace = "default", more: object = {}): void {
  const base64 = (text: string | undefined): string | undefined => text && Buffer.from(text).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "trueup-test",
    contexts: [{ name: "trueup-test", context: { cluster: "trueup-test", user: "trueup-test", namespace } }],
    clusters: [
      {
        name: "trueup-test",
        cluster: { server: access.server, "certificate-authority-data": base64(access.ca), ...more },
      },
    ],
    users: [
      {
        name: "trueup-test",
        user: {
          token: access.token,
          "client-certificate-data": base64(access.certificate),
          "client-key-data": base64(access.key),
          as: access.impersonate,
        },
      },
    ],
  };
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}

interface Named {
  name: string;
}
interface Kubeconfig {
  "current-context"?: string;
  contexts?: (Named & { context: { cluster: string; user: string } })[];
  clusters?: (Named & { cluster: Record<string, unknown> })[];
  users?: (Named & { user: Record<string, unknown> })[];
}

/**
 * Reads the current context of a kubeconfig.
 *
 * @throws {TrueupError} When it logs in by a way that is not understood here: these tests take tokens and certificates
 */
export function readKubeconfig(path: string): Access {
  const config = load(readFileSync(path, "utf8")) as Kubeconfig;
  const context = config.contexts?.find(({ name }) => name === config["current-context"])?.context;
  const cluster = config.clusters?.find(({ name }) => name === context?.cluster)?.cluster;
  const user = config.users?.find(({ name }) => name === context?.user)?.user;
  const server = cluster?.server;
  if (user === undefined || cluster === undefined || typeof server !== "string") {
    throw refusal(path, `its current context "${config["current-context"] ?? ""}" names none`);
  }
  if (cluster["insecure-skip-tls-verify"] === true) throw refusal(path, "it trusts any server");
  const text = (from: Record<string, unknown>, name: string): string | undefined => {
    const data = from[`${name}-data`];
    if (typeof data === "string") return Buffer.from(data, "base64").toString();
    const file = from[name];
    return typeof file === "string" ? readFileSync(resolve(dirname(path), file), "utf8") : undefined;
  };
  const access: Access = { server };
  const ca = text(cluster, "certificate-authority");
  const certificate = text(user, "client-certificate");
  const key = text(user, "client-key");
  const tokenFile = typeof user.tokenFile === "string" ? resolve(dirname(path), user.tokenFile) : null;
  const token = tokenFile === null ? user.token : readFileSync(tokenFile, "utf8").trim();
  if (ca !== undefined) access.ca = ca;
  if (typeof token === "string") access.token = token;
  else if (certificate !== undefined && key !== undefined) Object.assign(access, { certificate, key });
  else throw refusal(path, `its user has ${Object.keys(user).join(", ") || "nothing"}`);
  if (typeof user.as === "string") access.impersonate = user.as;
  return access;
}

function refusal(path: string, why: string): TrueupError {
  const message = `Cannot use ${path} for the tests as it must name a server and a token or a client certificate: ${why}.`;
  return new TrueupError("usage", message);
}
