/** The routes by which people decide about an app: approve, discard, retry. */
import type { FastifyInstance } from "fastify";
import { TrueupError } from "../model/errors.ts";
import type { DaemonService } from "./service.ts";
import { signalOf } from "./signal.ts";

/** What people decide about an app; each answers when it is written down, and what follows shows in the status. */
export function addOrders(app: FastifyInstance, service: DaemonService): void {
  app.post("/v1/approve", async (request, reply) => {
    const { app: name, by, digest } = readOrder(request.body, "approve a plan", ["app", "by", "digest"]);
    await service.approve(name, { by, digest }, signalOf(reply));
    return {};
  });
  app.post("/v1/discard", async (request) => {
    const { app: name, by } = readOrder(request.body, "discard what is held", ["app", "by"]);
    await service.discard(name, { by });
    return {};
  });
  app.post("/v1/retry", async (request) => {
    const { app: name, by } = readOrder(request.body, "retry", ["app", "by"]);
    await service.retry(name, { by });
    return {};
  });
}

/** Longest text of an order's field, in characters: it stays in the ledger for good. */
const LONGEST_FIELD = 200;

function readOrder<Name extends string>(body: unknown, doing: string, names: readonly Name[]): Record<Name, string> {
  const given = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const order = {} as Record<Name, string>;
  for (const name of names) {
    const value = given[name];
    if (typeof value !== "string" || value === "" || value.length > LONGEST_FIELD) {
      throw new TrueupError(
        "usage",
        `Cannot ${doing} as ${name} must be a text of 1 to ${LONGEST_FIELD} characters: it is ${JSON.stringify(value) ?? "missing"}.`,
      );
    }
    order[name] = value;
  }
  return order;
}
