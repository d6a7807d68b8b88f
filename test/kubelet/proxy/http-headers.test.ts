import { describe, expect, it } from "vitest";
import { planRequest, type RequestHead, responseHeaders, trailersOf } from "../../../src/kubelet/proxy/http-headers.ts";

const FORWARDED = ["X-Forwarded-For", "127.0.0.1", "X-Forwarded-Proto", "http", "X-Forwarded-Host", "svc"];
const KEEP = ["Connection", "keep-alive"];

function head(change: Partial<RequestHead>): RequestHead {
  return {
    method: "GET",
    url: "/",
    rawHeaders: ["Host", "svc"],
    httpVersion: "1.1",
    remoteAddress: "127.0.0.1",
    localAuthority: "127.0.0.1:8080",
    upgrade: false,
    ...change,
  };
}

describe("planRequest", () => {
  const table: {
    name: string;
    head: Partial<RequestHead>;
    path: string;
    headers: string[];
    hasBody: boolean;
    repeatable: boolean;
  }[] = [
    {
      name: "a plain GET, with who asked",
      head: { url: "/a?b=c", rawHeaders: ["Host", "svc", "Accept", "*/*"] },
      path: "/a?b=c",
      headers: ["Host", "svc", "Accept", "*/*", ...FORWARDED, ...KEEP],
      hasBody: false,
      repeatable: true,
    },
    {
      name: "a POST with a length: never twice",
      head: { method: "POST", rawHeaders: ["Host", "svc", "Content-Length", "3"] },
      path: "/",
      headers: ["Host", "svc", "Content-Length", "3", ...FORWARDED, ...KEEP],
      hasBody: true,
      repeatable: false,
    },
    {
      name: "a POST without a body: never twice, and told to have none",
      head: { method: "POST" },
      path: "/",
      headers: ["Host", "svc", ...FORWARDED, "Content-Length", "0", ...KEEP],
      hasBody: false,
      repeatable: false,
    },
    {
      name: "a PUT with a body, which is not kept to be sent again",
      head: { method: "PUT", rawHeaders: ["Host", "svc", "Transfer-Encoding", "Chunked"] },
      path: "/",
      headers: ["Host", "svc", ...FORWARDED, "Transfer-Encoding", "chunked", ...KEEP],
      hasBody: true,
      repeatable: false,
    },
    {
      name: "a DELETE without a body",
      head: { method: "DELETE" },
      path: "/",
      headers: ["Host", "svc", ...FORWARDED, ...KEEP],
      hasBody: false,
      repeatable: true,
    },
    {
      name: "no hop-by-hop fields, nominated ones included, in any case",
      head: {
        rawHeaders: [
          ...[
            "Host",
            "svc",
            "cOnnection",
            "close, X-Secret,  host",
            "KEEP-ALIVE",
            "timeout=5",
            "Proxy-Connection",
            "x",
          ],
          ...["x-secret", "1", "Upgrade", "h2c", "Cookie", "a=1", "Cookie", "b=2"],
        ],
      },
      path: "/",
      headers: ["Host", "svc", "Cookie", "a=1", "Cookie", "b=2", ...FORWARDED, ...KEEP],
      hasBody: false,
      repeatable: true,
    },
    {
      name: "trailers welcome",
      head: { rawHeaders: ["Host", "svc", "TE", "gzip, trailers", "Connection", "TE"] },
      path: "/",
      headers: ["Host", "svc", ...FORWARDED, "TE", "trailers", "Connection", "keep-alive, TE"],
      hasBody: false,
      repeatable: true,
    },
    {
      name: "what a proxy before this one added",
      head: {
        rawHeaders: [
          ...["Host", "svc", "X-Forwarded-For", "10.0.0.1", "x-forwarded-for", "10.0.0.2"],
          ...["X-Forwarded-Proto", "https", "X-Forwarded-Host", "example.org"],
        ],
      },
      path: "/",
      headers: [
        ...["Host", "svc", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "example.org"],
        ...["X-Forwarded-For", "10.0.0.1, 10.0.0.2, 127.0.0.1", ...KEEP],
      ],
      hasBody: false,
      repeatable: true,
    },
    {
      name: "the authority of an absolute target in place of Host",
      head: { url: "http://other:81?x=1", rawHeaders: ["Host", "svc"] },
      path: "/?x=1",
      headers: ["Host", "other:81", ...FORWARDED.slice(0, 5), "other:81", ...KEEP],
      hasBody: false,
      repeatable: true,
    },
    {
      name: "the server as a whole",
      head: { method: "OPTIONS", url: "http://svc" },
      path: "*",
      headers: ["Host", "svc", ...FORWARDED, ...KEEP],
      hasBody: false,
      repeatable: true,
    },
    {
      name: "HTTP/1.0 without a Host",
      head: { httpVersion: "1.0", rawHeaders: [] },
      path: "/",
      headers: ["Host", "127.0.0.1:8080", ...FORWARDED.slice(0, 5), "127.0.0.1:8080", ...KEEP],
      hasBody: false,
      repeatable: true,
    },
    {
      name: "an upgrade that both sides follow",
      head: { upgrade: true, rawHeaders: ["Host", "svc", "Connection", "Upgrade", "Upgrade", "websocket"] },
      path: "/",
      headers: ["Host", "svc", ...FORWARDED, "Connection", "Upgrade", "Upgrade", "websocket"],
      hasBody: false,
      repeatable: true,
    },
  ];
  it.each(table)("passes on $name", ({ head: change, path, headers, hasBody, repeatable }) => {
    expect(planRequest(head(change))).toEqual({ ok: true, path, headers, hasBody, repeatable });
  });

  const refused: { name: string; head: Partial<RequestHead>; status: number; reason: RegExp }[] = [
    { name: "two Hosts", head: { rawHeaders: ["Host", "a", "host", "a"] }, status: 400, reason: /one Host/ },
    {
      name: "two lengths",
      head: { rawHeaders: ["Content-Length", "1", "content-length", "1"] },
      status: 400,
      reason: /one Content-Length/,
    },
    {
      name: "a length and a transfer coding",
      head: { rawHeaders: ["Content-Length", "1", "Transfer-Encoding", "chunked"] },
      status: 400,
      reason: /exclude each other/,
    },
    {
      name: "a transfer coding in HTTP/1.0",
      head: { httpVersion: "1.0", rawHeaders: ["Transfer-Encoding", "chunked"] },
      status: 400,
      reason: /HTTP\/1.0/,
    },
    {
      name: "a coding below chunked",
      head: { rawHeaders: ["Transfer-Encoding", "gzip, chunked"] },
      status: 501,
      reason: /chunked/,
    },
    {
      name: "chunked twice",
      head: { rawHeaders: ["Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"] },
      status: 501,
      reason: /chunked/,
    },
    { name: "a target that is no path", head: { url: "svc:80" }, status: 400, reason: /path/ },
    { name: "an asterisk with GET", head: { url: "*" }, status: 400, reason: /path/ },
    { name: "user information in the target", head: { url: "http://u:p@svc/" }, status: 400, reason: /path/ },
    { name: "another scheme", head: { url: "ftp://svc/" }, status: 400, reason: /path/ },
  ];
  it.each(refused)("refuses $name", ({ head: change, status, reason }) => {
    expect(planRequest(head(change))).toEqual({ ok: false, status, reason: expect.stringMatching(reason) });
  });
});

describe("responseHeaders", () => {
  it.each([
    {
      name: "end-to-end fields, repeated ones too",
      raw: [
        "Set-Cookie",
        "a",
        "Set-Cookie",
        "b",
        "Connection",
        "close, x-hop",
        "X-Hop",
        "1",
        "Keep-Alive",
        "timeout=5",
      ],
      status: 200,
      kept: ["Set-Cookie", "a", "Set-Cookie", "b"],
    },
    {
      name: "no length beside a transfer coding",
      raw: ["Content-Length", "5", "Transfer-Encoding", "chunked"],
      status: 200,
      kept: [],
    },
    { name: "no Upgrade", raw: ["Upgrade", "h2c", "Connection", "Upgrade"], status: 200, kept: [] },
    {
      name: "Upgrade in a 426",
      raw: ["Upgrade", "websocket", "Connection", "Upgrade"],
      status: 426,
      kept: ["Upgrade", "websocket", "Connection", "Upgrade"],
    },
  ])("keeps $name", ({ raw, status, kept }) => {
    expect(responseHeaders(raw, status)).toEqual(kept);
  });
});

describe("trailersOf", () => {
  it("keeps what may stand there, and nothing of framing, routing or credentials", () => {
    const raw = ["X-Sum", "1", "Content-Length", "9", "Host", "x", "Authorization", "x", "Grpc-Status", "0"];
    expect(trailersOf(raw)).toEqual([
      ["X-Sum", "1"],
      ["Grpc-Status", "0"],
    ]);
  });
});
