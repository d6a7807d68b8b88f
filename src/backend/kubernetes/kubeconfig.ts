/** Which cluster, and as whom: kubeconfig files as kubectl reads and merges them, else what a pod is given. */
import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { load, YAMLException } from "js-yaml";
import { TrueupError } from "../../model/errors.ts";
import type { KubeUser } from "./plug-in.ts";
import { asProxy, proxyFor } from "./proxy.ts";
import type { TlsSettings } from "./transport.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface KubeconfigOptions {
  /** File to read; absent: `$KUBECONFIG`, else `~/.kube/config`, else, in a pod, its service account. */
  kubeconfig?: string;
  /** Context of it; the current one when absent. */
  context?: string;
  /** Takes the pod's service account, whatever files there are. */
  inCluster?: boolean;
  /** The variables of the environment: KUBECONFIG, HOME, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT; HTTPS_PROXY and its kin. */
  env: Readonly<Record<string, string | undefined>>;
  /** Where a pod finds its service account; for tests. */
  serviceAccount?: string;
}

export interface ClusterAccess {
  /** Name of the context; absent in a pod. */
  context?: string;
  server: string;
  tls: TlsSettings;
  user: KubeUser;
  /** Where objects go that name no namespace. */
  namespace: string;
}

type Tree = Readonly<Record<string, unknown>>;

/** @throws {TrueupError} `usage` when there is no such file, context, cluster or user, or it cannot be read; never with content */
export async function readAccess(options: KubeconfigOptions): Promise<ClusterAccess> {
  const access = await accessIn(options);
  // What the kubeconfig says of this one cluster counts before what the environment says of all.
  if (access.tls.proxyUrl !== undefined) return access;
  return { ...access, tls: { ...access.tls, ...present("proxyUrl", proxyFor(access.server, options.env) ?? "") } };
}

async function accessIn(options: KubeconfigOptions): Promise<ClusterAccess> {
  if (options.inCluster === true) return inCluster(options);
  const { KUBECONFIG = "", HOME = "" } = options.env;
  const explicit = options.kubeconfig !== undefined;
  const listed = KUBECONFIG.split(":").filter((path) => path !== "");
  const home = HOME === "" ? [] : [join(HOME, ".kube/config")];
  const paths = options.kubeconfig !== undefined ? [options.kubeconfig] : listed.length > 0 ? listed : home;
  const read = await Promise.all(paths.map((path) => readConfig(resolve(path), explicit)));
  const configs = read.filter((config) => config !== null);
  if (configs.length > 0) return accessOf(configs, paths.join(", "), options.context);
  if (options.context === undefined && options.env.KUBERNETES_SERVICE_HOST !== undefined) return inCluster(options);
  throw new TrueupError("usage", `Cannot find the cluster as a kubeconfig must be there: ${whereNot(paths)}.`, {
    hint: "Give --kubeconfig, or set KUBECONFIG; in a pod its service account is taken.",
  });
}

function whereNot(paths: readonly string[]): string {
  return paths.length === 0 ? "KUBECONFIG and HOME are not set" : `${paths.join(", ")} is not`;
}

/** A file's content with paths made absolute; `null` when it is not there and need not be. */
async function readConfig(path: string, isRequired: boolean): Promise<Tree | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && !isRequired) return null;
    throw new TrueupError("usage", `Cannot read the kubeconfig ${path} as it must be a readable file: ${code}.`);
  }
  try {
    return withPaths(text.trim() === "" ? {} : tree(load(text)), dirname(path));
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    // The exception's own message shows the lines around, which may hold a token.
    const line = error.mark === undefined ? "" : ` in line ${error.mark.line + 1}`;
    throw new TrueupError("usage", `Cannot read the kubeconfig ${path} as it must be YAML: ${error.reason}${line}.`);
  }
}

/** Relative paths are meant from the file that says them. */
function withPaths(config: Tree, directory: string): Tree {
  const absolute = (value: unknown): unknown =>
    typeof value === "string" && value !== "" && !isAbsolute(value) ? join(directory, value) : value;
  const fix = (entry: Tree, part: string, keys: readonly string[]): Tree => {
    const settings = tree(entry[part]);
    const changed = keys.filter((key) => key in settings).map((key) => [key, absolute(settings[key])]);
    const exec = tree(settings.exec);
    const command = typeof exec.command === "string" && exec.command.includes("/") ? absolute(exec.command) : undefined;
    const own = command === undefined ? {} : { exec: { ...exec, command } };
    return { ...entry, [part]: { ...settings, ...Object.fromEntries(changed), ...own } };
  };
  return {
    ...config,
    clusters: trees(config.clusters).map((entry) => fix(entry, "cluster", ["certificate-authority"])),
    users: trees(config.users).map((entry) => fix(entry, "user", ["client-certificate", "client-key", "tokenFile"])),
  };
}

/** Of several files the first to say something counts, as with kubectl. */
function accessOf(configs: readonly Tree[], where: string, wanted: string | undefined): ClusterAccess {
  const named = (list: string, part: string, name: string): Tree | null => {
    const entry = configs.flatMap((config) => trees(config[list])).find((each) => each.name === name);
    return entry === undefined ? null : tree(entry[part]);
  };
  const missing = (what: string, name: string): never => {
    const names = configs.flatMap((config) => trees(config[`${what}s`])).map((each) => String(each.name));
    throw new TrueupError("usage", `Cannot use the ${what} "${name}" as it must be in ${where}: it is not.`, {
      hint: names.length === 0 ? "There is none." : `There is ${names.join(", ")}.`,
    });
  };
  const current = configs.map((config) => text(config["current-context"])).find((each) => each !== "");
  const name = wanted ?? current;
  if (name === undefined) {
    throw new TrueupError("usage", `Cannot choose a context as ${where} must have a current one: it has none.`, {
      hint: "Give --context, or run `kubectl config use-context NAME`.",
    });
  }
  const context = named("contexts", "context", name) ?? missing("context", name);
  const clusterName = text(context.cluster);
  const cluster = named("clusters", "cluster", clusterName) ?? missing("cluster", clusterName);
  const userName = text(context.user);
  const user = userName === "" ? {} : (named("users", "user", userName) ?? missing("user", userName));
  const server = text(cluster.server);
  if (!/^https?:\/\//.test(server)) {
    throw new TrueupError("usage", `Cannot use the cluster "${clusterName}" as its server must be an http(s) address.`);
  }
  return {
    context: name,
    server,
    tls: tlsOf(cluster),
    user: { name: userName, server, settings: user, ...present("ca", text(cluster["certificate-authority-data"])) },
    namespace: text(context.namespace) || "default",
  };
}

function tlsOf(cluster: Tree): TlsSettings {
  const data = text(cluster["certificate-authority-data"]);
  const proxy = text(cluster["proxy-url"]);
  return {
    ...(data !== "" && { ca: Buffer.from(data, "base64") }),
    ...present("caFile", data === "" ? text(cluster["certificate-authority"]) : ""),
    ...(cluster["insecure-skip-tls-verify"] === true && { rejectUnauthorized: false }),
    ...present("servername", text(cluster["tls-server-name"])),
    ...(proxy !== "" && { proxyUrl: asProxy(proxy, "the kubeconfig") }),
  };
}

async function inCluster({ env, serviceAccount = SERVICE_ACCOUNT }: KubeconfigOptions): Promise<ClusterAccess> {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "443" } = env;
  if (host === "") {
    throw new TrueupError(
      "usage",
      "Cannot take a pod's credentials as trueup must run in one: KUBERNETES_SERVICE_HOST is not set.",
    );
  }
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  let namespace: string;
  try {
    namespace = (await readFile(join(serviceAccount, "namespace"), "utf8")).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TrueupError(
      "usage",
      `Cannot take the pod's credentials as ${serviceAccount} must be readable: ${code}.`,
      {
        hint: "The pod's spec may say automountServiceAccountToken: false.",
      },
    );
  }
  return {
    server,
    tls: { caFile: join(serviceAccount, "ca.crt") },
    user: { name: "service account", server, settings: { tokenFile: join(serviceAccount, "token") } },
    namespace: namespace || "default",
  };
}

function tree(value: unknown): Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Tree) : {};
}

function trees(value: unknown): Tree[] {
  return (Array.isArray(value) ? value : []).map(tree);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function present<K extends string>(key: K, value: string): { [key in K]?: string } {
  return value === "" ? {} : ({ [key]: value } as { [key in K]: string });
}
