import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { UndiciKubeApi } from "../../../src/backend/kubernetes/api.ts";
import { Credentials } from "../../../src/backend/kubernetes/credentials.ts";
import { linesOf } from "../../../src/backend/kubernetes/lines.ts";
import { retryMs } from "../../../src/backend/kubernetes/retry.ts";
import {
  describeCall,
  errorOfStatus,
  isAboutSecrets,
  readStatus,
  statusOf,
} from "../../../src/backend/kubernetes/status.ts";
import { TrueupError } from "../../../src/model/errors.ts";
import type { KubeCall } from "../../../src/model/kube-api.ts";
import { type Clock, SystemClock } from "../../../src/util/clock.ts";
import { refused } from "./scripted-api.ts";

const { signal } = new AbortController();
const GET: KubeCall = { method: "GET", path: "/api/v1/namespaces/default/configmaps/a" };

/** Waits are over at once, and noted. */
class HastyClock extends SystemClock implements Clock {
  readonly waits: number[] = [];

  override setTimer(ms: number, fn: () => void): () => void {
    this.waits.push(ms);
    return super.setTimer(0, fn);
  }
}

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

interface World {
  api: UndiciKubeApi;
  clock: HastyClock;
  server: Server;
  /** `GET /path?query` in order. */
  asked: string[];
}

/** A server whose next answers are these; the last one stays. */
async function serve(
  handlers: Handler[],
  settings: Record<string, unknown> = { token: "s3cret-token" },
  given?: Credentials,
): Promise<World> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const handler = handlers.length > 1 ? handlers.shift() : handlers[0];
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => handler?.(request, response, body));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const clock = new HastyClock();
  const address = `http://127.0.0.1:${port}/k8s/clusters/c-1`;
  const api = new UndiciKubeApi({
    server: address.replace("http://", "http://admin:hunter2@"),
    tls: {},
    credentials: given ?? new Credentials({ name: "test", server: address, settings }, new SystemClock()),
    clock,
    random: { next: () => 0 },
    userAgent: "trueup/test",
  });
  ends.push(async () => {
    await api.close();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return { api, clock, server, asked };
}

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
}

const OK = answer(200, { kind: "ConfigMap" });
const status = (code: number, reason: string, message = "", details = {}): object => ({
  kind: "Status",
  apiVersion: "v1",
  status: "Failure",
  code,
  reason,
  message,
  details,
});

async function failure(work: Promise<unknown>): Promise<TrueupError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof TrueupError) return error;
    throw error;
  }
  throw new Error("It did not fail");
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

describe("a request", () => {
  it("goes below the server's path, with query, credentials, name and body", async () => {
    let seen: unknown;
    const { api, asked } = await serve([
      (request, response, body) => {
        const { authorization, accept, "user-agent": agent, "content-type": type } = request.headers;
        seen = { authorization, accept, agent, type, body };
        response.end("{}");
      },
    ]);
    await api.request(
      {
        method: "PATCH",
        path: "/api/v1/namespaces/default/configmaps/a%2Fb",
        query: { fieldManager: "trueup", force: true, limit: 5, absent: undefined },
        body: { kind: "ConfigMap", data: { ü: "ö" } },
        contentType: "application/apply-patch+yaml",
      },
      signal,
    );
    expect(asked).toEqual([
      "PATCH /k8s/clusters/c-1/api/v1/namespaces/default/configmaps/a%2Fb?fieldManager=trueup&force=true&limit=5",
    ]);
    expect(seen).toEqual({
      authorization: "Bearer s3cret-token",
      accept: "application/json",
      agent: "trueup/test",
      type: "application/apply-patch+yaml",
      body: '{"kind":"ConfigMap","data":{"ü":"ö"}}',
    });
    expect(api.server).not.toMatch(/admin|hunter2/);
  });

  it("that is refused fails with the server's own sentence, its status as the cause, and no credentials", async () => {
    const rows: [number, string, string][] = [
      [404, "NotFound", "not-found"],
      [409, "Conflict", "conflict"],
      [403, "Forbidden", "forbidden"],
      [401, "Unauthorized", "forbidden"],
      [422, "Invalid", "invalid"],
      [400, "BadRequest", "invalid"],
      [410, "Expired", "not-found"],
      [500, "InternalError", "unavailable"],
    ];
    for (const [code, reason, expected] of rows) {
      const { api } = await serve([answer(code, status(code, reason, `because of ${reason}`))]);
      const error = await failure(api.request(GET, signal));
      expect([error.code, statusOf(error)?.code, statusOf(error)?.reason]).toEqual([expected, code, reason]);
      expect(error.message).toBe(
        `Cannot read configmaps/a in default as the API server must agree: it says "because of ${reason}".`,
      );
      expect(JSON.stringify([error.message, error.hint, String(error.cause)])).not.toContain("s3cret");
    }
  });

  it("is made again after what passes, as the server asks", async () => {
    const busy = answer(429, status(429, "TooManyRequests"), { "retry-after": "2" });
    const away = answer(503, "upstream not there");
    const { api, clock, asked } = await serve([busy, away, OK]);
    expect(await api.request(GET, signal)).toEqual({ kind: "ConfigMap" });
    expect([clock.waits.filter((ms) => ms > 0), asked.length]).toEqual([[2_000, 500], 3]);
  });

  it("that is never answered well ends after five tries, and says what the last one said", async () => {
    const { api, asked } = await serve([answer(503, "upstream not there")]);
    const error = await failure(api.request(GET, signal));
    expect([error.code, asked.length, error.message]).toEqual([
      "unavailable",
      5,
      'Cannot read configmaps/a in default as the API server must agree: it says "upstream not there".',
    ]);
  });

  it("is made once more as another, when the server does not know who asks", async () => {
    const unknown = answer(401, status(401, "Unauthorized", "Unauthorized"));
    const plugIn = { apiVersion: "client.authentication.k8s.io/v1", command: "/bin/sh", args: ["-c", PRINT_TOKEN] };
    const first = await serve([unknown, OK], { exec: plugIn });
    expect(await first.api.request(GET, signal)).toEqual({ kind: "ConfigMap" });
    const second = await serve([unknown], { exec: plugIn });
    expect((await failure(second.api.request(GET, signal))).code).toBe("forbidden");
    // A token that is written into the kubeconfig stays what it is.
    const third = await serve([unknown]);
    expect((await failure(third.api.request(GET, signal))).code).toBe("forbidden");
    expect([first.asked.length, second.asked.length, third.asked.length]).toEqual([2, 2, 1]);
  });

  it("leaves no connections of certificates that were replaced long ago", async () => {
    let generation = 0;
    const rotating = {
      identity: async () => ({ generation: ++generation, headers: {}, cert: `CERT ${generation}`, key: "K" }),
      close: () => undefined,
    };
    const { api, server } = await serve([OK], {}, rotating as unknown as Credentials);
    for (let times = 0; times < 8; times++) await api.request(GET, signal);
    const open = (): Promise<number> => new Promise((done) => server.getConnections((_error, count) => done(count)));
    await expect.poll(open).toBeLessThanOrEqual(2);
    expect(await api.request(GET, signal)).toEqual({ kind: "ConfigMap" });
  });

  it("fails when what answers is no API server, when nobody does, and after the end", async () => {
    const page = await serve([answer(200, "<html>Sign in</html>")]);
    expect(await failure(page.api.request(GET, signal))).toMatchObject({
      code: "unavailable",
      hint: expect.stringMatching(/sign in/),
    });
    const gone = await serve([OK]);
    gone.server.close();
    gone.server.closeAllConnections();
    const error = await failure(gone.api.request(GET, signal));
    expect([error.code, error.message]).toEqual([
      "unavailable",
      expect.stringMatching(/must answer: connect ECONNREFUSED/),
    ]);
    await page.api.close();
    expect(await failure(page.api.request(GET, signal))).toMatchObject({ code: "unavailable" });
  });

  it("ends with the signal's reason, before it is answered and while it rests", async () => {
    const reason = new TrueupError("aborted", "enough");
    const end = new AbortController();
    const { api } = await serve([() => end.abort(reason)]);
    await expect(api.request(GET, end.signal)).rejects.toBe(reason);
    await expect(api.request(GET, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it("does not lose a large answer, nor mangle letters that end in another piece", async () => {
    const data = { text: "äöü€😀".repeat(200_000) };
    const { api } = await serve([answer(200, { data })]);
    expect(await api.request(GET, signal)).toEqual({ data });
  });
});

/** What a plug-in of a cloud prints. */
const PRINT_TOKEN = `echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t"}}'`;

describe("lines", () => {
  it("come one by one, wherever the pieces end; a stream that ends ends them", async () => {
    const { api } = await serve([
      (_request, response) => {
        response.write('{"a":');
        response.write('1}\n{"b":2}\n{"c"');
        response.end(":3}");
      },
    ]);
    const opened: string[] = [];
    const lines = api.lines({ ...GET, query: { watch: true } }, signal, () => opened.push("opened"));
    expect(await all(lines)).toEqual(['{"a":1}', '{"b":2}', '{"c":3}']);
    expect(opened).toEqual(["opened"]);
  });

  it("are said to be open before the first one comes", async () => {
    const { api } = await serve([(_request, response) => response.flushHeaders()]);
    const end = new AbortController();
    const reason = new TrueupError("aborted", "enough");
    await expect(all(api.lines(GET, end.signal, () => end.abort(reason)))).rejects.toBe(reason);
  });

  it("fail when the connection breaks half way through one, and when they are refused", async () => {
    const broken = await serve([
      (_request, response) => {
        response.write('{"a":1}\n{"b":');
        setImmediate(() => response.destroy());
      },
    ]);
    const seen: string[] = [];
    const error = await failure(
      (async () => {
        for await (const line of broken.api.lines(GET, signal)) seen.push(line);
      })(),
    );
    expect([error.code, seen]).toEqual(["unavailable", ['{"a":1}']]);
    const old = await serve([answer(410, status(410, "Expired", "too old resource version"))]);
    const refusal = await failure(all(old.api.lines(GET, signal)));
    expect([statusOf(refusal)?.code, old.asked.length]).toEqual([410, 1]);
  });

  it("end at the server when the reader has enough", async () => {
    const ended = Promise.withResolvers<void>();
    const { api } = await serve([
      (_request, response) => {
        response.on("close", () => ended.resolve());
        response.write("one\ntwo\n");
      },
    ]);
    for await (const line of api.lines(GET, signal)) {
      expect(line).toBe("one");
      break;
    }
    await ended.promise;
  });

  it("wait for a slow reader, and lose nothing", async () => {
    const many = Array.from({ length: 40_000 }, (_, index) => `${index} ${"x".repeat(100)}`);
    const { api } = await serve([(_request, response) => response.end(many.join("\n"))]);
    let count = 0;
    for await (const line of api.lines(GET, signal)) {
      if (count % 5_000 === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(line.startsWith(`${count++} `)).toBe(true);
    }
    expect(count).toBe(many.length);
  });

  it("that never end are cut, so that they do not fill the memory", async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let piece = 0; piece < 80; piece++) yield Buffer.alloc(1 << 19, "x");
      yield Buffer.from("end\nnext");
    }
    const lengths = (await all(linesOf(endless()))).map((line) => line.length);
    expect(Math.max(...lengths)).toBeLessThan(1.1 * 2 ** 24);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(80 * 2 ** 19 + "endnext".length);
    expect(lengths.at(-1)).toBe(4);
  });

  it("are cut the same however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: "grapheme" })), fc.array(fc.nat(50)), async (parts, cuts) => {
        const lines = parts.map((part) => part.replaceAll(/[\r\n]/g, " "));
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        async function* pieces(): AsyncGenerator<Uint8Array> {
          let at = 0;
          for (const cut of cuts) {
            yield bytes.subarray(at, at + cut);
            at += cut;
          }
          yield bytes.subarray(at);
        }
        expect(await all(linesOf(pieces()))).toEqual(lines);
      }),
    );
  });
});

describe("what is tried again", () => {
  const reset = Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" });
  const nobody = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  const apply: Partial<KubeCall> = { method: "PATCH", contentType: "application/apply-patch+yaml" };
  const busy = (code: number, retryAfterSeconds?: number): Error => {
    const read = readStatus(code, status(code, "x", "", { retryAfterSeconds }), false);
    return errorOfStatus(GET, read);
  };
  it.each([
    ["a read after a broken connection", {}, reset, 250],
    ["server-side apply after one", apply, reset, 250],
    ["a creation after one", { method: "POST" }, reset, null],
    ["another patch after one", { method: "PATCH", contentType: "application/merge-patch+json" }, reset, null],
    ["a creation that was never sent", { method: "POST" }, nobody, 250],
    ["a read that the server failed in", {}, busy(500), 250],
    ["a deletion that the server failed in", { method: "DELETE" }, busy(500), null],
    ["a creation, when the server says when", { method: "POST" }, busy(503, 3), 3_000],
    ["anything that was too much", { method: "POST" }, busy(429), 250],
    ["nothing that asks for more patience than that", {}, busy(503, 60), null],
    ["nothing that is refused", {}, busy(403), null],
    ["nothing that a certificate prevents", {}, Object.assign(new Error("x"), { code: "CERT_HAS_EXPIRED" }), null],
  ] as [string, Partial<KubeCall>, Error, number | null][])("is %s", (_what, call, error, expected) => {
    expect(retryMs({ ...GET, ...call }, error, 0, { next: () => 0 })).toBe(expected);
  });

  it("comes later each time, with some chance, and not for ever", () => {
    const waits = [0, 1, 2, 3, 4].map((failures) => retryMs(GET, reset, failures, { next: () => 1 }));
    expect(waits).toEqual([375, 750, 1_500, 3_000, null]);
  });
});

describe("what the server says", () => {
  it("never is shown where it may quote a Secret: its fields are", () => {
    const paths: [string, boolean][] = [
      ["/api/v1/namespaces/default/secrets/a", true],
      ["/api/v1/secrets", true],
      ["/api/v1/namespaces/secrets", false],
      ["/apis/k8s.example/v1/secrets", false],
    ];
    for (const [path, expected] of paths)
      expect({ path, secret: isAboutSecrets(path) }).toEqual({ path, secret: expected });
    const causes = [{ reason: "FieldValueInvalid", message: 'Invalid value: "hunter2"', field: "data[password]" }];
    const said = status(422, "Invalid", 'Secret "a" is invalid: data[password]: Invalid value: "hunter2"', { causes });
    const path = "/api/v1/namespaces/default/secrets/a";
    const error = errorOfStatus({ method: "PATCH", path }, readStatus(422, said, isAboutSecrets(path)));
    expect(error.message).toBe(
      'Cannot change secrets/a in default as the API server must agree: it says "422 Invalid in data[password]".',
    );
    expect(JSON.stringify([error, statusOf(error), String(error.cause)])).not.toContain("hunter2");
  });

  it.each([
    [{ method: "GET", path: "/version" }, "read /version"],
    [{ method: "DELETE", path: "/api/v1/namespaces/shop" }, "delete namespaces/shop"],
    [{ method: "POST", path: "/apis/apps/v1/namespaces/shop/deployments" }, "create deployments in shop"],
    [{ method: "GET", path: "/api/v1/namespaces/shop/pods/web-1/log" }, "read pods/web-1/log in shop"],
  ] as [KubeCall, string][])("is told with what was asked: %j", (call, expected) => {
    expect(describeCall(call)).toBe(expected);
  });

  it("is read from what is no Status too, as far as it goes", () => {
    expect(readStatus(502, "<html>Bad gateway</html>", false)).toEqual({
      code: 502,
      reason: "",
      message: "<html>Bad gateway</html>",
      details: { causes: [] },
    });
    expect(refused(410, "Expired")(GET).code).toBe("not-found");
  });
});
