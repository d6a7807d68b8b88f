/** What a Kubernetes API server says when it refuses, as errors of ours. Pure. */
import { type ErrorCode, TrueupError } from "../../model/errors.ts";
import type { KubeCall } from "../../model/kube-api.ts";
import { causesInText, isWrongObject } from "./told-in-text.ts";

/** The server's `Status` (meta/v1), as far as it says something; the `cause` of each error that an answer led to. */
export interface KubeStatus {
  /** HTTP status. */
  code: number;
  /** One word, as `Conflict`, `Expired`, `AlreadyExists`; empty when the server gave none. */
  reason: string;
  /** The server's own sentence; empty where it may quote a Secret. */
  message: string;
  details: {
    kind?: string;
    name?: string;
    group?: string;
    uid?: string;
    retryAfterSeconds?: number;
    causes: readonly { reason: string; message: string; field: string }[];
  };
}

/** Carries the server's status behind an error; an `Error`, so that whoever prints causes prints this one too. */
export class KubeStatusError extends Error {
  readonly status: KubeStatus;

  constructor(status: KubeStatus) {
    super(status.message === "" ? `HTTP ${status.code} ${status.reason}` : status.message);
    this.name = "KubeStatusError";
    this.status = status;
  }
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: "invalid",
  401: "forbidden",
  403: "forbidden",
  404: "not-found",
  405: "invalid",
  406: "invalid",
  409: "conflict",
  410: "not-found",
  413: "invalid",
  415: "invalid",
  422: "invalid",
};

/** The status behind an error, `null` when no answer of an API server led to it. */
export function statusOf(error: unknown): KubeStatus | null {
  const cause = error instanceof TrueupError ? error.cause : error;
  return cause instanceof KubeStatusError ? cause.status : null;
}

/**
 * Reads what came with a status that is no success.
 *
 * @param code HTTP status, for answers that are no `Status` object, as those of proxies
 * @param body The answer, as parsed, or as text when it is no JSON
 * @param isSecret Whether the request was about Secrets: the server quotes refused values, so its sentences are left out
 */
export function readStatus(code: number, body: unknown, isSecret: boolean): KubeStatus {
  const status = isRecord(body) && body.kind === "Status" ? body : {};
  const details = isRecord(status.details) ? status.details : {};
  const say = (value: unknown): string => (isSecret ? "" : text(value));
  const sentence = text(status.message);
  const causes = [...(Array.isArray(details.causes) ? details.causes : []), ...causesInText(sentence)]
    .filter(isRecord)
    .map((cause) => ({ reason: text(cause.reason), message: say(cause.message), field: text(cause.field) }));
  const isInvalid = isWrongObject(sentence);
  const plain = typeof body === "string" && !isSecret ? body.trim().slice(0, 500) : "";
  return {
    code: isInvalid ? 422 : typeof status.code === "number" ? status.code : code,
    reason: isInvalid ? "Invalid" : text(status.reason),
    message: say(status.message) || plain,
    details: {
      ...given("kind", text(details.kind)),
      ...given("name", text(details.name)),
      ...given("group", text(details.group)),
      ...given("uid", text(details.uid)),
      ...(typeof details.retryAfterSeconds === "number" && { retryAfterSeconds: details.retryAfterSeconds }),
      causes,
    },
  };
}

const HINTS: Readonly<Record<number, string>> = {
  401: "Look at the credentials of the kubeconfig's user; they may have expired.",
  403: "Give trueup's user this right: examples/kubernetes/rbac.yaml is the least that it must be allowed.",
};

/** The error of a call that the server answered with this status. */
export function errorOfStatus(call: Pick<KubeCall, "method" | "path">, status: KubeStatus): TrueupError {
  const fields = status.details.causes.map(({ field }) => field).filter((field) => field !== "");
  const said =
    status.message ||
    [`${status.code} ${status.reason}`.trim(), ...(fields.length === 0 ? [] : [`in ${fields.join(", ")}`])].join(" ");
  const code = CODES[status.code] ?? "unavailable";
  return new TrueupError(code, `Cannot ${describeCall(call)} as the API server must agree: it says "${said}".`, {
    ...(Object.hasOwn(HINTS, status.code) && { hint: HINTS[status.code] }),
    cause: new KubeStatusError(status),
  });
}

const VERBS: Readonly<Record<KubeCall["method"], string>> = {
  GET: "read",
  POST: "create",
  PUT: "write",
  PATCH: "change",
  DELETE: "delete",
};

/** `read deployments/web in shop`, of `GET /apis/apps/v1/namespaces/shop/deployments/web`. */
export function describeCall({ method, path }: Pick<KubeCall, "method" | "path">): string {
  const segments = path.split("/").slice(1).map(decodeURIComponent);
  const rest = segments[0] === "api" ? segments.slice(2) : segments[0] === "apis" ? segments.slice(3) : [];
  if (rest.length === 0) return `${VERBS[method]} ${path}`;
  const isScoped = rest[0] === "namespaces" && rest.length > 2;
  const [plural = "", ...name] = isScoped ? rest.slice(2) : rest;
  const where = isScoped ? ` in ${rest[1]}` : "";
  return `${VERBS[method]} ${[plural, ...name].join("/")}${where}`;
}

/** Whether a path is about Secrets of the core group. */
export function isAboutSecrets(path: string): boolean {
  return /^\/api\/v1\/(?:namespaces\/[^/]+\/)?secrets(?:\/|$)/.test(path);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function given<K extends string>(key: K, value: string): { [key in K]?: string } {
  return value === "" ? {} : ({ [key]: value } as { [key in K]: string });
}
