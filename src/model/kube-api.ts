/** Requests to a Kubernetes API server: what the backend and the ledger in the cluster send, whoever carries it. */
import type { JsonObject } from "./object.ts";

export interface KubeCall {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From the server's root, each segment percent-encoded: `/apis/apps/v1/namespaces/default/deployments/web`. */
  path: string;
  /** Absent values are left out. */
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  body?: JsonObject;
  /** Of the body; `application/json` when absent. */
  contentType?: string;
  /** What answers may be like; `application/json` when absent. */
  accept?: string;
  /** Of a stream that begins only when there is something to say, as the log of a container that is silent: however long that is. */
  isSilent?: boolean;
}

/**
 * One server, with credentials. Answers that are no success are `TrueupError`s with the server's own sentence: `not-found`
 * (404), `conflict` (409), `forbidden` (401, 403), `invalid` (400, 422), `gone` as `not-found` (410), `unavailable` (429,
 * 5xx, no connection), after what may be tried again was; each carries the server's status and details as `cause`.
 */
export interface KubeApi {
  /** Who it talks to, for messages; never with credentials. */
  readonly server: string;
  request(call: KubeCall, signal: AbortSignal): Promise<JsonObject>;
  /**
   * The lines of a streaming answer, as a watch or a log; ends when the server ends it. Failing to begin is tried once only:
   * who follows a stream has its own pace of trying again.
   *
   * @param opened Called when the server has begun to answer, which may be long before the first line
   */
  lines(call: KubeCall, signal: AbortSignal, opened?: () => void): AsyncIterable<string>;
  close(): Promise<void>;
}
