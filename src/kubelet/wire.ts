/** How daemon and kubelet talk over the socket: paths, JSON bodies, and streams of JSON lines. */
import type { IncomingMessage } from "node:http";
import { StringDecoder } from "node:string_decoder";
import { ERROR_CLASSES, type ErrorCode, TrueupError } from "../model/errors.ts";

/** Largest body of a request, bytes: an assignment carries ConfigMaps and Secrets of up to a megabyte each. */
export const BODY_LIMIT = 64 * 1024 * 1024;

/** A path for each call of the interface. */
export const PATHS = {
  info: "/v1/info",
  assign: "/v1/assign",
  stop: "/v1/stop",
  serve: "/v1/serve",
  pods: "/v1/pods",
  reports: "/v1/reports",
  acknowledge: "/v1/acknowledge",
  logs: "/v1/logs",
  shutdown: "/v1/shutdown",
} as const;

/** An error on its way: as the body of an answer, or as the last line of a stream. */
export interface WireError {
  error: { code: ErrorCode; message: string; hint?: string };
}

/** A line of a stream: an item, or the error that ended it. A stream without an `end` line was cut off. */
export type WireLine = { item: unknown } | { end: true } | WireError;

export function encodeError(error: TrueupError): WireError {
  const { code, message, hint } = error;
  return { error: { code, message, ...(hint !== undefined && { hint }) } };
}

export function decodeError({ error }: WireError): TrueupError {
  const code = Object.hasOwn(ERROR_CLASSES, error.code) ? error.code : "internal";
  return new TrueupError(code, error.message, error.hint === undefined ? {} : { hint: error.hint });
}

/** @throws {TrueupError} `invalid` when the body is too long or no JSON */
export async function readJson(message: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) {
      throw new TrueupError(
        "invalid",
        `Cannot read the message as it must be at most ${BODY_LIMIT} bytes: it is longer.`,
      );
    }
    chunks.push(chunk);
  }
  if (size === 0) return null;
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (error) {
    throw new TrueupError("invalid", "Cannot read the message as it must be JSON: it is not.", { cause: error });
  }
}

/** The lines of a stream, parsed. */
export async function* readLines(message: IncomingMessage): AsyncGenerator<WireLine> {
  const decoder = new StringDecoder("utf8");
  let partial = "";
  for await (const chunk of message as AsyncIterable<Buffer>) {
    const lines = (partial + decoder.write(chunk)).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as WireLine;
  }
}
