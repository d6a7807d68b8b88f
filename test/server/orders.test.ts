/** The three orders over a real socket: what arrives, what is refused, and with which status. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TrueupError } from "../../src/model/errors.ts";
import { type ApiServer, startServer } from "../../src/server/server.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { FakeDaemon } from "./fake-daemon.ts";

let directory: string;
let daemon: FakeDaemon;
let server: ApiServer;

beforeEach(async () => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "trueup-orders-")));
  daemon = new FakeDaemon();
  server = await startServer({
    service: daemon,
    clock: new VirtualClock(),
    socket: join(directory, "s.sock"),
    onInternalError: (error) => {
      throw error;
    },
  });
});

afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

function post(path: string, body: unknown): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const outgoing = request({ socketPath: join(directory, "s.sock"), path, method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    outgoing.on("error", reject);
    outgoing.end(JSON.stringify(body));
  });
}

const FULL = { app: "web", by: "ann@desk", digest: "sha256:3f2c" };
const rows = [
  { order: "approve", fields: ["app", "by", "digest"], given: FULL, taken: { order: "approve", ...FULL } },
  { order: "discard", fields: ["app", "by"], given: FULL, taken: { order: "discard", app: "web", by: "ann@desk" } },
  { order: "retry", fields: ["app", "by"], given: FULL, taken: { order: "retry", app: "web", by: "ann@desk" } },
] as const;

describe.each(rows)("POST /v1/$order", ({ order, fields, given, taken }) => {
  it("hands the order on, and nothing else of the body", async () => {
    expect(await post(`/v1/${order}`, { ...given, extra: 1 })).toEqual({ status: 200, body: {} });
    expect(daemon.orders).toEqual([taken]);
  });

  it("refuses a body without one of its fields, empty, too long, or no text", async () => {
    for (const field of fields) {
      for (const value of [undefined, "", "x".repeat(201), 7, null, {}]) {
        const { status, body } = await post(`/v1/${order}`, { ...given, [field]: value });
        expect([field, status]).toEqual([field, 400]);
        expect(JSON.stringify(body)).toContain(`as ${field} must be a text of 1 to 200 characters`);
      }
    }
    for (const body of [null, [], "x", 1]) expect((await post(`/v1/${order}`, body)).status).toBe(400);
    expect(daemon.orders).toEqual([]);
  });

  it.each([
    ["not-found", 404],
    ["conflict", 409],
    ["unavailable", 503],
  ] as const)("answers %s with %d", async (code, status) => {
    daemon.orderError = new TrueupError(code, "Cannot do it.", { hint: "Wait." });
    const answer = await post(`/v1/${order}`, given);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ code, message: "Cannot do it.", hint: "Wait." });
  });
});
