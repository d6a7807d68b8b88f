/** Addresses, networks and URLs in expressions: `ip()`, `cidr()`, `url()` and what is asked of them. */
import { isIPv4, isIPv6 } from "node:net";
import type { Environment } from "@marcbachmann/cel-js";

const IP = "net.IP";
const CIDR = "net.CIDR";
const URL_TYPE = "kubernetes.URL";

class Address {
  readonly text: string;
  readonly family: 4 | 6;
  readonly bits: bigint;

  constructor(text: string, family: 4 | 6, bits: bigint) {
    this.text = text;
    this.family = family;
    this.bits = bits;
  }

  get width(): number {
    return this.family === 4 ? 32 : 128;
  }

  /** The first bits, as a number. */
  prefix(length: number): bigint {
    return this.bits >> BigInt(this.width - length);
  }
}

class Network {
  readonly address: Address;
  readonly length: number;

  constructor(address: Address, length: number) {
    this.address = address;
    this.length = length;
  }

  contains(address: Address, length = address.width): boolean {
    return (
      address.family === this.address.family &&
      length >= this.length &&
      address.prefix(this.length) === this.address.prefix(this.length)
    );
  }

  get masked(): Network {
    const { family, width } = this.address;
    const rest = BigInt(width - this.length);
    return new Network(addressOf(family, (this.address.bits >> rest) << rest), this.length);
  }

  get text(): string {
    return `${this.address.text}/${this.length}`;
  }
}

class Link {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;

  constructor(scheme: string, host: string, path: string, query: string) {
    this.scheme = scheme;
    this.host = host;
    this.path = path;
    this.query = query;
  }
}

/** An address without a zone, and none of IPv4 written as one of IPv6, as Kubernetes wants it. */
function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return addressOf(4, BigInt(`0x${Buffer.from(text.split(".").map(Number)).toString("hex")}`));
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [before = "", after] = canonical.split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const groups = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => "0"), ...tail];
  const bits = BigInt(`0x${groups.map((group) => group.padStart(4, "0")).join("")}`);
  return bits >> 32n === 0xffffn ? undefined : new Address(canonical, 6, bits);
}

function addressOf(family: 4 | 6, bits: bigint): Address {
  const hex = bits.toString(16).padStart(family === 4 ? 8 : 32, "0");
  if (family === 4) return new Address([...Buffer.from(hex, "hex")].join("."), 4, bits);
  const text = new URL(`http://[${(hex.match(/.{4}/g) ?? []).join(":")}]/`).hostname.slice(1, -1);
  return new Address(text, 6, bits);
}

function parseNetwork(text: string): Network | undefined {
  const [address, length, ...more] = text.split("/");
  const parsed = parseAddress(address ?? "");
  if (parsed === undefined || more.length > 0 || !/^(?:0|[1-9]\d{0,2})$/.test(length ?? "")) return undefined;
  return Number(length) > parsed.width ? undefined : new Network(parsed, Number(length));
}

/** An absolute URI, or an absolute path. */
function parseLink(text: string): Link | undefined {
  const parts = /^(?:([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?)?(\/[^?]*)?(?:\?(.*))?$/s.exec(text);
  if (parts === null || /[\u0000-\u0020\u007f]|%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  const [, scheme = "", authority = "", path = "", query = ""] = parts;
  if (scheme === "" && path === "") return undefined;
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  if (!/^(?:\[[0-9A-Fa-f:.%]+\]|[^:[\]<>"{}|\\^`]*)(?::\d*)?$/.test(host)) return undefined;
  return new Link(scheme.toLowerCase(), host, path, query);
}

function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the text is no ${what}`);
  return value;
}

export function registerNetwork(environment: Environment): void {
  registerAddresses(environment);
  registerNetworks(environment);
  registerLinks(environment);
}

function registerAddresses(environment: Environment): void {
  const top = (address: Address, length: number, v4: bigint, v6: bigint): boolean =>
    address.prefix(length) === (address.family === 4 ? v4 : v6);
  const isMulticast = (address: Address): boolean => top(address, address.family === 4 ? 4 : 8, 0xen, 0xffn);
  const isLinkLocal = (address: Address): boolean => top(address, address.family === 4 ? 16 : 10, 0xa9fen, 0x3fan);
  const isLoopback = (address: Address): boolean =>
    address.family === 4 ? address.prefix(8) === 127n : address.bits === 1n;
  class IpNamespace {}
  environment
    .registerType(IP, { ctor: Address, fields: {} })
    .registerType("ipNamespace", { ctor: IpNamespace, fields: {} })
    .registerConstant("ip", "ipNamespace", new IpNamespace())
    .registerFunction("ipNamespace.isCanonical(string): bool", (_: unknown, text: string) => {
      return needed(parseAddress(text), "IP address").text === text;
    })
    .registerFunction(`ip(string): ${IP}`, (text: string) => needed(parseAddress(text), "IP address"))
    .registerFunction("isIP(string): bool", (text: string) => parseAddress(text) !== undefined)
    .registerFunction(`string(${IP}): string`, ({ text }: Address) => text)
    .registerFunction(`${IP}.family(): int`, ({ family }: Address) => BigInt(family))
    .registerFunction(`${IP}.isUnspecified(): bool`, ({ bits }: Address) => bits === 0n)
    .registerFunction(`${IP}.isLoopback(): bool`, isLoopback)
    .registerFunction(`${IP}.isLinkLocalUnicast(): bool`, isLinkLocal)
    .registerFunction(`${IP}.isLinkLocalMulticast(): bool`, (address: Address) =>
      address.family === 4 ? address.prefix(24) === 0xe00000n : (address.prefix(16) & 0xff0fn) === 0xff02n,
    )
    .registerFunction(
      `${IP}.isGlobalUnicast(): bool`,
      (address: Address) =>
        address.bits !== 0n &&
        !isLoopback(address) &&
        !isMulticast(address) &&
        !isLinkLocal(address) &&
        !(address.family === 4 && address.bits === 0xffffffffn),
    )
    .registerOperator(`${IP} == ${IP}`, (a: Address, b: Address) => a.text === b.text);
}

function registerNetworks(environment: Environment): void {
  const network = (text: string): Network => needed(parseNetwork(text), "CIDR");
  environment
    .registerType(CIDR, { ctor: Network, fields: {} })
    .registerFunction(`cidr(string): ${CIDR}`, network)
    .registerFunction("isCIDR(string): bool", (text: string) => parseNetwork(text) !== undefined)
    .registerFunction(`string(${CIDR}): string`, ({ text }: Network) => text)
    .registerFunction(`${CIDR}.containsIP(string): bool`, (of: Network, text: string) =>
      of.contains(needed(parseAddress(text), "IP address")),
    )
    .registerFunction(`${CIDR}.containsIP(${IP}): bool`, (of: Network, address: Address) => of.contains(address))
    .registerFunction(`${CIDR}.containsCIDR(string): bool`, (of: Network, text: string) => {
      const { address, length } = network(text);
      return of.contains(address, length);
    })
    .registerFunction(`${CIDR}.containsCIDR(${CIDR}): bool`, (of: Network, { address, length }: Network) =>
      of.contains(address, length),
    )
    .registerFunction(`${CIDR}.ip(): ${IP}`, ({ address }: Network) => address)
    .registerFunction(`${CIDR}.masked(): ${CIDR}`, ({ masked }: Network) => masked)
    .registerFunction(`${CIDR}.prefixLength(): int`, ({ length }: Network) => BigInt(length))
    .registerOperator(`${CIDR} == ${CIDR}`, (a: Network, b: Network) => a.text === b.text);
}

function registerLinks(environment: Environment): void {
  const port = /:(\d*)$/;
  environment
    .registerType(URL_TYPE, { ctor: Link, fields: {} })
    .registerFunction(`url(string): ${URL_TYPE}`, (text: string) => needed(parseLink(text), "URL"))
    .registerFunction("isURL(string): bool", (text: string) => parseLink(text) !== undefined)
    .registerFunction(`${URL_TYPE}.getScheme(): string`, ({ scheme }: Link) => scheme)
    .registerFunction(`${URL_TYPE}.getHost(): string`, ({ host }: Link) => host)
    .registerFunction(`${URL_TYPE}.getHostname(): string`, ({ host }: Link) =>
      host.replace(port, "").replace(/^\[(.*)\]$/, "$1"),
    )
    .registerFunction(`${URL_TYPE}.getPort(): string`, ({ host }: Link) => port.exec(host)?.[1] ?? "")
    .registerFunction(`${URL_TYPE}.getEscapedPath(): string`, ({ path }: Link) => path)
    .registerFunction(`${URL_TYPE}.getQuery(): map<string, list<string>>`, ({ query }: Link) => {
      const params = new URLSearchParams(query);
      return new Map([...new Set(params.keys())].map((key) => [key, params.getAll(key)]));
    });
}
