/** Long answers: server-sent events and lines of text, with back pressure, heartbeats, and an end that both sides notice. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { asTrueupError } from "../model/errors.ts";
import type { Clock } from "../util/clock.ts";
import { errorBody } from "./errors.ts";

/** Milliseconds between two heartbeats, so that either side notices a peer that is gone. */
export const HEARTBEAT_MS = 15_000;

/** Where a stream's parts go. Resolves when the peer can take more. */
export type Send = (text: string) => Promise<void>;

/** Open streams of a server, so that it can end them all when it closes. */
export class Streams {
  readonly #open = new Map<AbortController, Promise<void>>();
  #closing = false;

  get size(): number {
    return this.#open.size;
  }

  /**
   * Runs one stream until its work is done, the peer has gone, or the server closes.
   *
   * @param work Sends the parts; its signal is aborted when nobody listens any more. What it throws after that is not
   *   an error; before it, `failed` says it to the peer.
   */
  async run(
    response: ServerResponse,
    work: (send: Send, signal: AbortSignal) => Promise<void>,
    failed: (error: unknown, send: Send) => Promise<void>,
  ): Promise<void> {
    const abort = new AbortController();
    const stop = (): void => abort.abort(new Error("the peer has gone"));
    response.once("close", stop);
    const done = this.#drive(response, abort.signal, work, failed);
    this.#open.set(abort, done);
    if (this.#closing) stop();
    try {
      await done;
    } finally {
      this.#open.delete(abort);
      response.off("close", stop);
    }
  }

  /** Ends all streams and waits until they have ended. */
  async close(): Promise<void> {
    this.#closing = true;
    const open = [...this.#open];
    for (const [abort] of open) abort.abort(new Error("the server closes"));
    await Promise.allSettled(open.map(([, done]) => done));
  }

  async #drive(
    response: ServerResponse,
    signal: AbortSignal,
    work: (send: Send, signal: AbortSignal) => Promise<void>,
    failed: (error: unknown, send: Send) => Promise<void>,
  ): Promise<void> {
    const send: Send = async (text) => {
      signal.throwIfAborted();
      if (!response.write(text)) await once(response, "drain", { signal });
    };
    try {
      await work(send, signal);
    } catch (error) {
      if (!signal.aborted) await failed(error, send);
    }
    response.end();
  }
}

/** One message of an event stream. */
export function serverSentEvent(data: unknown, event?: string): string {
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/** Answers with server-sent events; an error after the start travels as an event named `error` and ends the stream. */
export async function sendEvents(
  streams: Streams,
  response: ServerResponse,
  clock: Clock,
  work: (send: (data: unknown) => Promise<void>, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  await streams.run(
    response,
    async (send, signal) => {
      const stopHeartbeat = beat(clock, () => {
        // A peer that is behind has data to read already: it needs no sign of life.
        if (!response.writableNeedDrain && !signal.aborted) response.write(": heartbeat\n\n");
      });
      try {
        await work((data) => send(serverSentEvent(data)), signal);
      } finally {
        stopHeartbeat();
      }
    },
    (error, send) => send(serverSentEvent(errorBody(asTrueupError(error, "go on with the stream")), "error")),
  );
}

function beat(clock: Clock, tick: () => void): () => void {
  let cancel = (): void => undefined;
  const arm = (): void => {
    cancel = clock.setTimer(HEARTBEAT_MS, () => {
      tick();
      arm();
    });
  };
  arm();
  return () => cancel();
}
