/** HTTP over a unix socket with nothing but Node: JSON answers, and server-sent events read as they come. */

import { ERROR_CLASSES, type ErrorCode, messageOf, TrueupError } from "../model/errors.ts";
import { type IncomingMessage, request } from "../util/http.ts";

export type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Call {
  socket: string;
  path: string;
  query?: Parameters;
  method?: "GET" | "POST";
  body?: object;
  signal: AbortSignal;
}

/** One message of an event stream; `event` is "message" where the stream names none. */
export interface StreamMessage {
  event: string;
  data: unknown;
}

/**
 * Asks for a JSON answer.
 *
 * @throws {TrueupError} The daemon's own error, or `unavailable` when it cannot be reached; the signal's reason
 */
export async function getJson<T>(call: Call): Promise<T> {
  const response = await send(call);
  return parseJson((await collect(response, call)).toString("utf8"), call.path) as T;
}

/**
 * Reads an event stream until the daemon ends it.
 *
 * @throws {TrueupError} As `getJson`; an `error` event is thrown as the error it carries
 */
export async function* openStream(call: Call): AsyncGenerator<StreamMessage> {
  const response = await send(call);
  const parser = new EventParser();
  response.setEncoding("utf8");
  try {
    for await (const chunk of response) {
      for (const { event, data } of parser.push(chunk as string)) {
        const value = parseJson(data, call.path);
        if (event === "error") throw errorOf(value, 500);
        yield { event, data: value };
      }
    }
  } catch (error) {
    throw describeFailure(error, call);
  } finally {
    response.destroy();
  }
}

/** Splits an event stream (HTML standard, section 9.2.6) into messages; comments, ids and retry times are dropped. */
export class EventParser {
  #rest = "";
  #event = "";
  #data: string[] = [];

  push(text: string): { event: string; data: string }[] {
    const lines = `${this.#rest}${text}`.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): { event: string; data: string }[] {
    if (line === "") {
      const message = { event: this.#event || "message", data: this.#data.join("\n") };
      const empty = this.#data.length === 0;
      this.#event = "";
      this.#data = [];
      return empty ? [] : [message];
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    return [];
  }
}

/** Sends a request and gives the answer once its head is there; an answer that is not a success is thrown. */
async function send(call: Call): Promise<IncomingMessage> {
  call.signal.throwIfAborted();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const outgoing = request({
      socketPath: call.socket,
      path: `${call.path}${queryString(call.query ?? {})}`,
      method: call.method ?? "GET",
      headers: body === undefined ? {} : { "content-type": "application/json" },
      agent: false,
      signal: call.signal,
    });
    outgoing.once("response", resolve);
    outgoing.once("error", (error) => reject(describeFailure(error, call)));
    outgoing.end(body);
  });
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  const text = (await collect(response, call)).toString("utf8");
  throw errorOf(parseJson(text, call.path), status);
}

async function collect(response: IncomingMessage, call: Call): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw describeFailure(error, call);
  }
  return Buffer.concat(chunks);
}

function queryString(query: Parameters): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text === "" ? "" : `?${text}`;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TrueupError("unavailable", `Cannot read the daemon's answer to ${path} as it must be JSON.`, {
      hint: "The command and the daemon may be of different versions: see trueup status.",
      cause: error,
    });
  }
}

/** The error that an answer's body describes. */
function errorOf(body: unknown, status: number): TrueupError {
  const { code, message, hint } = (body ?? {}) as { code?: unknown; message?: unknown; hint?: unknown };
  const known = typeof code === "string" && Object.hasOwn(ERROR_CLASSES, code);
  return new TrueupError(
    known ? (code as ErrorCode) : "internal",
    typeof message === "string" ? message : `Cannot use the daemon's answer as it must be a success: it is ${status}.`,
    typeof hint === "string" ? { hint } : {},
  );
}

function describeFailure(error: unknown, { socket, signal }: Call): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof TrueupError) return error;
  return new TrueupError("unavailable", `Cannot reach the daemon at ${socket}: ${messageOf(error)}`, {
    hint: "See whether it runs with trueup status; start it with trueup run.",
    cause: error,
  });
}
