/** How long an answer is waited for, by what it is an answer to. */
import type { Dispatcher } from "undici";
import { expect, it } from "vitest";
import { Transport } from "../../../src/backend/kubernetes/transport.ts";

const { signal } = new AbortController();
const REQUEST = { method: "GET" as const, path: "/", headers: {}, body: null };

it("is bounded but for streams, of which those that may be silent begin whenever they like", async () => {
  const asked: unknown[] = [];
  const answering = (name: string): Dispatcher =>
    ({
      dispatch({ headersTimeout, bodyTimeout }: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
        asked.push([name, headersTimeout, bodyTimeout]);
        handler.onResponseStart?.({} as Dispatcher.DispatchController, 200, {}, "OK");
        return true;
      },
    }) as unknown as Dispatcher;
  const transport = new Transport(answering("request"), answering("stream"));
  await transport.exchange(REQUEST, signal);
  await transport.stream(REQUEST, signal);
  await transport.stream({ ...REQUEST, isSilent: true }, signal);
  expect(asked).toEqual([
    ["request", 75_000, 75_000],
    ["stream", 75_000, 0],
    ["stream", 0, 0],
  ]);
});
