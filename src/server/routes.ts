/** The routes under `/v1`: each reads its parameters, asks the service, and sends what may be seen. */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { ListQuery } from "../model/backend.ts";
import { asTrueupError, messageOf, TrueupError } from "../model/errors.ts";
import type { AttemptQuery } from "../model/ledger.ts";
import { asCommitId, type CommitId } from "../model/source.ts";
import type { Clock } from "../util/clock.ts";
import { errorBody } from "./errors.ts";
import { eventsAbout, everyObject, listObjects, type ObjectFilter, watchObjects } from "./objects.ts";
import { addOrders } from "./orders.ts";
import { viewPlan } from "./plan-view.ts";
import { readQuery } from "./query.ts";
import type { DaemonService } from "./service.ts";
import { signalOf } from "./signal.ts";
import { type Streams, sendEvents } from "./stream.ts";

export interface RouteContext {
  service: DaemonService;
  clock: Clock;
  streams: Streams;
  onInternalError(error: unknown, route: string): void;
}

type Query = Readonly<Record<string, unknown>>;

export function addRoutes(app: FastifyInstance, context: RouteContext): void {
  addStatus(app, context);
  addObjects(app, context);
  addLogs(app, context);
  addHistory(app, context);
  addWhy(app, context.service);
  addOrders(app, context.service);
  addShutdown(app, context);
}

function addStatus(app: FastifyInstance, { service, clock, streams }: RouteContext): void {
  app.get("/v1/status", async (request, reply) => {
    const { watch } = readQuery(request.query as Query, { watch: "flag" });
    if (watch !== true) return service.status();
    reply.hijack();
    await sendEvents(streams, reply.raw, clock, async (send, signal) => {
      for await (const _ of changes(service, signal)) await send(service.status());
    });
    return reply;
  });
}

/** Yields once at first and then after each change; changes that come while the reader is busy count as one. */
async function* changes(service: DaemonService, signal: AbortSignal): AsyncIterable<void> {
  let changed = true;
  let wake = (): void => undefined;
  const stop = service.onChange(() => {
    changed = true;
    wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort);
  try {
    while (!signal.aborted) {
      if (!changed) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      changed = false;
      yield;
    }
  } finally {
    stop();
    signal.removeEventListener("abort", onAbort);
  }
}

function addObjects(app: FastifyInstance, context: RouteContext): void {
  app.get("/v1/objects", async (request, reply) => {
    const shape = { kind: "text", namespace: "text", name: "text", owner: "text", watch: "flag" } as const;
    const raw = request.query as Query;
    // An empty group is the core group, not "any": it is read apart, as empty parameters count as absent.
    const { group, ...others } = raw;
    const { watch, ...rest } = readQuery(others, shape);
    if (group !== undefined && typeof group !== "string") {
      throw new TrueupError("usage", 'Cannot read the parameter "group" as it must be given once.');
    }
    const query: ListQuery = { ...present(rest), ...(group !== undefined && { group }) };
    return sendObjects(context, reply, query, everyObject, watch === true);
  });
  app.get("/v1/events", async (request, reply) => {
    const shape = { namespace: "text", kind: "text", name: "text", watch: "flag" } as const;
    const { namespace, kind, name, watch } = readQuery(request.query as Query, shape);
    const query: ListQuery = { group: "", kind: "Event", ...present({ namespace }) };
    return sendObjects(context, reply, query, eventsAbout(kind, name), watch === true);
  });
}

async function sendObjects(
  { service, clock, streams }: RouteContext,
  reply: FastifyReply,
  query: ListQuery,
  filter: ObjectFilter,
  watch: boolean,
): Promise<unknown> {
  if (!watch) {
    const signal = signalOf(reply);
    const list = listObjects(service.backend, query, filter, signal);
    const [body, doubt] = await Promise.all([list, service.doubt(signal)]);
    return doubt === null ? body : { ...body, doubt };
  }
  reply.hijack();
  await sendEvents(streams, reply.raw, clock, async (send, signal) => {
    for await (const event of watchObjects(service.backend, query, filter, signal)) await send(event);
  });
  return reply;
}

function addLogs(app: FastifyInstance, { service, streams }: RouteContext): void {
  app.get("/v1/logs", async (request, reply) => {
    const shape = {
      namespace: "text",
      pod: "text",
      container: "text",
      follow: "flag",
      tail: "count",
      previous: "flag",
    } as const;
    const { pod, namespace, ...rest } = readQuery(request.query as Query, shape);
    if (pod === undefined || namespace === undefined) {
      throw new TrueupError("usage", "Cannot show logs as the parameters namespace and pod must be given.");
    }
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort(new Error("the peer has gone")));
    const lines = service.backend.logs({ pod, namespace, ...present(rest) }, gone.signal)[Symbol.asyncIterator]();
    // An error before the first line is an answer of its own, with a status. A pod that has printed nothing yet must
    // not hold the answer back, so a following stream starts at once.
    const first = rest.follow === true ? null : await lines.next();
    reply.hijack();
    reply.raw.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" });
    reply.raw.flushHeaders();
    await streams.run(
      reply.raw,
      async (send, signal) => {
        signal.addEventListener("abort", () => gone.abort(signal.reason), { once: true });
        for (let next = first ?? (await lines.next()); next.done !== true; next = await lines.next()) {
          await send(`data: ${JSON.stringify(next.value)}\n\n`);
        }
        await send('event: end\ndata: ""\n\n');
      },
      (error, send) =>
        send(`event: error\ndata: ${JSON.stringify(errorBody(asTrueupError(error, "read the logs")))}\n\n`),
    );
    return reply;
  });
}

function addHistory(app: FastifyInstance, { service }: RouteContext): void {
  app.get("/v1/attempts", async (request) => {
    const shape = { app: "text", target: "text", commit: "text", limit: "count", open: "flag" } as const;
    const { commit, open, ...rest } = readQuery(request.query as Query, shape);
    const query: AttemptQuery = { ...present(rest) };
    if (commit !== undefined) query.commit = readCommit(commit);
    if (open !== undefined) query.onlyOpen = open;
    return service.ledger.attempts(query);
  });
  app.get("/v1/proof", async (request) => {
    return service.proveLedger(readQuery(request.query as Query, { expect: "text" }).expect);
  });
  app.get("/v1/revisions", async (request) => {
    const shape = { app: "text", target: "text", workload: "text", uid: "text" } as const;
    return service.ledger.revisions(present(readQuery(request.query as Query, shape)));
  });
  app.get("/v1/plan", async (request, reply) => {
    const shape = { app: "text", revision: "text", diff: "flag", adopt: "flag" } as const;
    const query = readQuery(request.query as Query, shape);
    const signal = signalOf(reply);
    const outcome = await service.plan(query.app ?? onlyApp(service), query.revision, signal, query.adopt);
    return viewPlan(outcome, service, query.diff === true, signal);
  });
}

function addWhy(app: FastifyInstance, service: DaemonService): void {
  app.get("/v1/why", async (request, reply) => {
    const shape = { kind: "text", namespace: "text", name: "text", field: "text" } as const;
    // An empty group is the core group: it is read apart, as empty parameters count as absent.
    const { group, ...others } = request.query as Query;
    const { kind, name, namespace = "", field } = readQuery(others, shape);
    if (typeof group !== "string" || kind === undefined || name === undefined) {
      throw new TrueupError("usage", "Cannot say why as the parameters group, kind and name must be given.");
    }
    return service.why({ group, kind, namespace, name, ...present({ field }) }, signalOf(reply));
  });
}

function readCommit(text: string): CommitId {
  try {
    return asCommitId(text);
  } catch (error) {
    throw new TrueupError("usage", messageOf(error), { cause: error });
  }
}

/** The app meant when none is named. */
function onlyApp(service: DaemonService): string {
  const apps = service.status().apps.map(({ app }) => app);
  const [app] = apps;
  if (app !== undefined && apps.length === 1) return app;
  throw new TrueupError("usage", `Cannot choose an app as one must be named: there are ${apps.join(", ") || "none"}.`);
}

function addShutdown(app: FastifyInstance, { service, streams, onInternalError }: RouteContext): void {
  let shutdown: Promise<void> | undefined;
  app.post("/v1/shutdown", async (request, reply) => {
    const body = request.body as { stopPods?: unknown } | null | undefined;
    if (typeof body?.stopPods !== "boolean") {
      throw new TrueupError("usage", "Cannot shut down as stopPods must be true or false.");
    }
    const stopPods = body.stopPods;
    reply.hijack();
    reply.raw.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", connection: "close" });
    // The answer's end is the sign that it is done; it starts at once, as ending pods takes their grace period.
    reply.raw.flushHeaders();
    shutdown ??= service.shutdown({ stopPods });
    const done = shutdown;
    await streams.run(
      reply.raw,
      (_send, signal) => Promise.race([done, aborted(signal)]),
      async (error, send) => {
        onInternalError(error, "POST /v1/shutdown");
        await send(`event: error\ndata: ${JSON.stringify(errorBody(asTrueupError(error, "shut down")))}\n\n`);
      },
    );
    return reply;
  });
}

/** Settles when the signal is aborted: the daemon may close its server before its shutdown has settled. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The entries that have a value, so that optional fields are absent rather than undefined. */
function present<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  };
}
