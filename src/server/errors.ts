/** Errors as the API gives them: one table maps codes to statuses, and nothing inner leaks out. */
import { ERROR_CLASSES, type ErrorCode, TrueupError } from "../model/errors.ts";
import type { ErrorBody } from "./wire.ts";

export function errorBody(error: TrueupError): ErrorBody {
  return { code: error.code, message: error.message, ...(error.hint !== undefined && { hint: error.hint }) };
}

export function statusOf(code: ErrorCode): number {
  return ERROR_CLASSES[code].http;
}

/**
 * What to answer for anything that a route threw. The framework's own errors (ill-formed JSON, a body too large) carry
 * a 4xx status and are the caller's mistake; whatever else is not ours is internal and is told only by its kind.
 */
export function answerFor(thrown: unknown): { status: number; body: ErrorBody } {
  if (thrown instanceof TrueupError) return { status: statusOf(thrown.code), body: errorBody(thrown) };
  if (thrown instanceof Error && "statusCode" in thrown) {
    const status = Number(thrown.statusCode);
    if (status >= 400 && status < 500) {
      return { status, body: { code: "usage", message: `Cannot read the request: ${thrown.message}` } };
    }
  }
  const kind = thrown instanceof Error ? thrown.name : typeof thrown;
  return {
    status: statusOf("internal"),
    body: {
      code: "internal",
      message: `Cannot answer the request: the daemon had an error of its own (${kind}).`,
      hint: "The daemon's log has the details.",
    },
  };
}
