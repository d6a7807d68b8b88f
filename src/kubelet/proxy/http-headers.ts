/** What of a message's head goes on to the other side (RFC 9110 §7.6), and which requests are refused. Pure. */

/** Fields that concern one connection only: RFC 9110 §7.6.1, and `Transfer-Encoding` by RFC 9112 §6.1. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** Fields that a `Connection` header cannot have removed: without them the message would mean another one. */
const NOT_NOMINABLE: ReadonlySet<string> = new Set(["host", "content-length"]);

/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** Methods for which Node sends no body unless told; others get `Content-Length: 0` so that it sends none either. */
const BODILESS_BY_DEFAULT: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"]);

/** Framing, routing, authentication and content fields have no place in trailers: RFC 9110 §6.5.1. */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "authorization",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "host",
  "set-cookie",
  "trailer",
]);

export interface RequestHead {
  method: string;
  /** Request target as received. */
  url: string;
  /** Names and values in turn, as received. */
  rawHeaders: readonly string[];
  /** `1.0` or `1.1`. */
  httpVersion: string;
  remoteAddress: string;
  /** `host:port` that the proxy answers on, for clients that send no Host. */
  localAuthority: string;
  /** Whether the client and the proxy agree to change the protocol. */
  upgrade: boolean;
}

export type RequestPlan =
  | {
      ok: true;
      path: string;
      /** Names and values in turn. */
      headers: string[];
      hasBody: boolean;
      /** Whether sending it twice does no more than sending it once, and it can be sent again from what is kept. */
      repeatable: boolean;
    }
  | { ok: false; status: number; reason: string };

interface Findings {
  hosts: string[];
  lengths: string[];
  encodings: string[];
  nominated: Set<string> | undefined;
  forwardedFor: string[];
  wantsTrailers: boolean;
  upgradeTo: string;
  hasForwardedProto: boolean;
  hasForwardedHost: boolean;
}

/**
 * Plans how a request goes on: its target in origin form, its end-to-end fields, who asked.
 *
 * Node's strict parser has refused most of what could be read in two ways (RFC 9112 §11.2); the rest is refused here:
 * two Hosts, length and transfer coding together, codings other than chunked. `X-Forwarded-Proto` and `-Host` stay when
 * the client sent them, as it may be a proxy itself; nothing is trusted by that, since whoever reaches this listener also
 * reaches the pod. No `Via` is added: frameworks turn compression off when they see it.
 */
export function planRequest(head: RequestHead): RequestPlan {
  const found = readHeaders(head.rawHeaders);
  const refusal = refuse(head, found);
  if (refusal !== null) return refusal;
  const target = originForm(head.method, head.url);
  if (target === null) return { ok: false, status: 400, reason: "the request target must be a path" };

  const chunked = found.encodings.length > 0;
  const length = found.lengths[0];
  const hasBody = chunked || (length !== undefined && !/^0+$/.test(length));
  const host = target.authority ?? found.hosts[0] ?? head.localAuthority;
  const headers = ["Host", host];
  copyEndToEnd(head.rawHeaders, found, headers);
  headers.push("X-Forwarded-For", [...found.forwardedFor, head.remoteAddress].join(", "));
  if (!found.hasForwardedProto) headers.push("X-Forwarded-Proto", "http");
  if (!found.hasForwardedHost) headers.push("X-Forwarded-Host", host);
  if (chunked) headers.push("Transfer-Encoding", "chunked");
  else if (length === undefined && !BODILESS_BY_DEFAULT.has(head.method)) headers.push("Content-Length", "0");
  if (head.upgrade) headers.push("Connection", "Upgrade", "Upgrade", found.upgradeTo);
  else if (found.wantsTrailers) headers.push("TE", "trailers", "Connection", "keep-alive, TE");
  else headers.push("Connection", "keep-alive");
  return { ok: true, path: target.path, headers, hasBody, repeatable: !hasBody && IDEMPOTENT.has(head.method) };
}

function readHeaders(raw: readonly string[]): Findings {
  const found: Findings = {
    hosts: [],
    lengths: [],
    encodings: [],
    nominated: undefined,
    forwardedFor: [],
    wantsTrailers: false,
    upgradeTo: "",
    hasForwardedProto: false,
    hasForwardedHost: false,
  };
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    const value = raw[i + 1] ?? "";
    if (name === "host") found.hosts.push(value);
    else if (name === "content-length") found.lengths.push(value);
    else if (name === "transfer-encoding") found.encodings.push(value);
    else if (name === "connection") found.nominated = nominate(found.nominated, value);
    else if (name === "x-forwarded-for") found.forwardedFor.push(value);
    else if (name === "x-forwarded-proto") found.hasForwardedProto = true;
    else if (name === "x-forwarded-host") found.hasForwardedHost = true;
    else if (name === "te") found.wantsTrailers ||= tokensOf(value).includes("trailers");
    else if (name === "upgrade") found.upgradeTo = found.upgradeTo === "" ? value : `${found.upgradeTo}, ${value}`;
  }
  return found;
}

function nominate(nominated: Set<string> | undefined, value: string): Set<string> | undefined {
  // Almost every client sends exactly this, or nothing.
  if (value === "keep-alive" || value === "close") return nominated;
  const all = nominated ?? new Set<string>();
  for (const token of tokensOf(value)) if (!NOT_NOMINABLE.has(token)) all.add(token);
  return all;
}

function tokensOf(value: string): string[] {
  return value.split(",").map((token) => token.trim().toLowerCase());
}

function refuse({ httpVersion }: RequestHead, found: Findings): RequestPlan | null {
  const refusal = (status: number, reason: string): RequestPlan => ({ ok: false, status, reason });
  if (found.hosts.length > 1) return refusal(400, "there must be one Host");
  if (found.lengths.length > 1) return refusal(400, "there must be one Content-Length");
  if (found.encodings.length === 0) return null;
  if (found.lengths.length > 0) return refusal(400, "Content-Length and Transfer-Encoding exclude each other");
  if (httpVersion === "1.0") return refusal(400, "HTTP/1.0 has no Transfer-Encoding");
  const codings = tokensOf(found.encodings.join(","));
  return codings.length === 1 && codings[0] === "chunked" ? null : refusal(501, "only the chunked coding is known");
}

/** RFC 9112 §3.2: a path as it is; of an absolute form the path, and the authority in place of Host (§3.2.2). */
function originForm(method: string, url: string): { path: string; authority?: string } | null {
  if (url.startsWith("/")) return { path: url };
  if (url === "*") return method === "OPTIONS" ? { path: url } : null;
  const absolute = /^http:\/\/([^/?#@\s]+)((?:[/?][^#]*)?)$/i.exec(url);
  if (absolute === null) return null;
  const [, authority = "", rest = ""] = absolute;
  if (rest === "" && method === "OPTIONS") return { path: "*", authority };
  return { path: rest.startsWith("/") ? rest : `/${rest}`, authority };
}

function copyEndToEnd(raw: readonly string[], { nominated }: Findings, into: string[]): void {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const lower = name.toLowerCase();
    if (lower === "host" || lower === "x-forwarded-for") continue;
    if (HOP_BY_HOP.has(lower) || nominated?.has(lower)) continue;
    into.push(name, raw[i + 1] ?? "");
  }
}

/**
 * The fields of a response that go on to the client. A length beside a transfer coding is dropped (RFC 9112 §6.3);
 * `Upgrade` stays in a 426, which must name what to upgrade to (RFC 9110 §15.5.22).
 *
 * @param raw Names and values in turn
 */
export function responseHeaders(raw: readonly string[], status: number): string[] {
  const { nominated, encodings } = readHeaders(raw);
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const lower = name.toLowerCase();
    const keptUpgrade = lower === "upgrade" && status === 426;
    if (!keptUpgrade && (HOP_BY_HOP.has(lower) || nominated?.has(lower))) continue;
    if (lower === "content-length" && encodings.length > 0) continue;
    headers.push(name, raw[i + 1] ?? "");
  }
  if (status === 426) headers.push("Connection", "Upgrade");
  return headers;
}

/** The trailer fields that go on, as pairs. @param raw Names and values in turn */
export function trailersOf(raw: readonly string[]): [string, string][] {
  const kept: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? "";
    if (!NOT_IN_TRAILERS.has(name.toLowerCase())) kept.push([name, raw[i + 1] ?? ""]);
  }
  return kept;
}
