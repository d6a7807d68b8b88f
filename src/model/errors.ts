/** The errors that trueup shows to people: a code, a sentence, and what to do next. One table maps codes to statuses. */

/** What kind of failure it is. Terminal ones do not go away by trying again with the same input. */
export type ErrorCode =
  | "usage"
  | "invalid"
  | "not-found"
  | "conflict"
  | "forbidden"
  | "unavailable"
  | "timeout"
  | "aborted"
  | "io"
  | "internal";

interface ErrorClass {
  /** Exit code of a command that ends with it. */
  exit: 1 | 2;
  /** Status of an HTTP answer that carries it. */
  http: number;
  /** Whether trying again with the same input can help. */
  retryable: boolean;
}

export const ERROR_CLASSES: Readonly<Record<ErrorCode, ErrorClass>> = {
  usage: { exit: 2, http: 400, retryable: false },
  invalid: { exit: 1, http: 422, retryable: false },
  "not-found": { exit: 1, http: 404, retryable: false },
  conflict: { exit: 1, http: 409, retryable: true },
  forbidden: { exit: 1, http: 403, retryable: false },
  unavailable: { exit: 1, http: 503, retryable: true },
  timeout: { exit: 1, http: 504, retryable: true },
  aborted: { exit: 1, http: 499, retryable: true },
  io: { exit: 1, http: 500, retryable: true },
  internal: { exit: 1, http: 500, retryable: false },
};

/** A field that a server refused, and why; in its own words. */
export interface RefusedField {
  /** As the server names it: `spec.template.spec.containers[0].image`; "" when it names none. */
  path: string;
  message: string;
}

/** An error whose message is written for the person who reads it: "Cannot X as Y must be Z: it is V." */
export class TrueupError extends Error {
  readonly code: ErrorCode;
  /** What to do next, when there is something; one sentence. */
  readonly hint: string | undefined;
  /** What of the object was refused, where whoever refused it says so. */
  readonly fields: readonly RefusedField[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown; fields?: readonly RefusedField[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TrueupError";
    this.code = code;
    this.hint = options.hint;
    this.fields = options.fields ?? [];
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Wraps what was thrown, unless it already is a `TrueupError`; nothing is lost: the cause is kept. */
export function asTrueupError(thrown: unknown, doing: string): TrueupError {
  if (thrown instanceof TrueupError) return thrown;
  return new TrueupError("internal", `Cannot ${doing}: ${messageOf(thrown)}`, { cause: thrown });
}
