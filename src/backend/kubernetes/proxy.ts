/** Through which proxy a server is reached: what the environment says, read as kubectl (Go) reads it. Pure. */
import { BlockList, isIP, isIPv4 } from "node:net";
import { TrueupError } from "../../model/errors.ts";

const SCHEMES = ["http:", "https:", "socks5:"];
const DEFAULT_PORTS: Readonly<Record<string, string>> = { "https:": "443", "http:": "80" };

/**
 * The proxy that `HTTPS_PROXY` or `HTTP_PROXY` names for this server; undefined when there is none, when `NO_PROXY` excepts the
 * server, or when it is this very machine.
 *
 * @param server `https://host:port`
 * @throws {TrueupError} `usage` for a variable that is no address of a proxy
 * @see golang.org/x/net/http/httpproxy, whose rules these are
 */
export function proxyFor(server: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const url = new URL(server);
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const proxy = ofEither(env, name);
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const port = url.port === "" ? (DEFAULT_PORTS[url.protocol] ?? "") : url.port;
  if (proxy === "" || isHere(host)) return undefined;
  const excepted = ofEither(env, "NO_PROXY").toLowerCase().split(",");
  if (excepted.some((entry) => isExcepted(entry.trim(), host, port))) return undefined;
  return asProxy(proxy, `variable ${name}`);
}

/**
 * The address as a URL; a mere `host:port` is one of an HTTP proxy.
 *
 * @param source Who says so: the text itself may hold a password, and is not shown
 * @throws {TrueupError} `usage`
 */
export function asProxy(text: string, source: string): string {
  const url = URL.parse(/^[a-z0-9]+:\/\//i.test(text) ? text : `http://${text}`);
  if (url !== null && SCHEMES.includes(url.protocol) && url.hostname !== "") return url.href;
  const schemes = SCHEMES.map((scheme) => `${scheme}//`).join(", ");
  throw new TrueupError(
    "usage",
    `Cannot use the proxy of ${source} as it must be an address of ${schemes}: it is not.`,
  );
}

/** The address without what somebody signs in by. */
export function withoutCredentials(proxy: string): string {
  const { protocol, host } = new URL(proxy);
  return `${protocol}//${host}`;
}

/** Go takes the capitals first; curl and others know only the small letters. */
function ofEither(env: Readonly<Record<string, string | undefined>>, name: string): string {
  return env[name] || env[name.toLowerCase()] || "";
}

function isHere(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** One entry: `*`, an address, a range of them, a name with all below it, or (`.name`) only those below; each but a range with a port or without. */
function isExcepted(entry: string, host: string, port: string): boolean {
  if (entry === "") return false;
  if (entry === "*") return true;
  if (entry.includes("/")) return isInRange(entry, host);
  const [, bracketed, plain, wanted] = /^(?:\[(.+)\]|([^:]*|.*:.*:.*?))(?::(\d+))?$/.exec(entry) ?? [];
  const name = bracketed ?? plain ?? "";
  if (name === "" || (wanted !== undefined && wanted !== port)) return false;
  if (isIP(name) !== 0) return name === host;
  const below = name.replace(/^\*?\.|^/, ".");
  return host.endsWith(below) || (below === `.${name}` && host === name);
}

function isInRange(range: string, host: string): boolean {
  const [network = "", bits = ""] = range.split("/");
  const [version, ours] = [isIP(network), isIP(host)];
  const widest = version === 4 ? 32 : 128;
  if (version === 0 || version !== ours || !/^\d+$/.test(bits) || Number(bits) > widest) return false;
  const family = version === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(host, family);
}
