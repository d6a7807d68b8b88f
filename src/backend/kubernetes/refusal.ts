/** What the API server refused, as people and diagnostics need it: which object, which fields, and whether trying again helps. */
import { type ErrorCode, type RefusedField, TrueupError } from "../../model/errors.ts";
import { displayId, type ObjectId } from "../../model/object.ts";
import { type KubeStatus, KubeStatusError, statusOf } from "./status.ts";

/**
 * The error of a write with the object that it was about; one that no answer of the server led to is given back as it is.
 *
 * @param doing `apply`, `delete`
 */
export function refusalOf(error: unknown, doing: string, id: ObjectId): unknown {
  const status = statusOf(error);
  if (status === null || !(error instanceof TrueupError)) return error;
  const code = codeOf(status, error.code);
  const hint = hintOf(status, code) ?? error.hint;
  const fields = fieldsOf(status);
  return new TrueupError(
    code,
    `Cannot ${doing} ${displayId(id)} as the API server must accept it: it says "${saidBy(status, fields)}".`,
    { fields, cause: error.cause, ...(hint !== undefined && { hint }) },
  );
}

/** The server's sentence; where it was left out, as it may quote a Secret, what else is known. */
function saidBy(status: KubeStatus, fields: readonly RefusedField[]): string {
  if (status.message !== "") return status.message;
  const where = fields.map(({ path }) => path).filter((path) => path !== "");
  return [`${status.code} ${status.reason}`.trim(), ...(where.length === 0 ? [] : [`in ${where.join(", ")}`])].join(
    " ",
  );
}

function codeOf(status: KubeStatus, code: ErrorCode): ErrorCode {
  if (status.details.causes.some(({ reason }) => reason === "NamespaceTerminating")) return "conflict";
  return code;
}

function hintOf(status: KubeStatus, code: ErrorCode): string | undefined {
  if (status.details.causes.some(({ reason }) => reason === "NamespaceTerminating")) {
    return "It is applied again once the namespace is gone.";
  }
  if (code === "forbidden" && /cannot \w+ resource/.test(status.message)) {
    return "Give trueup's user this right, by a Role or ClusterRole.";
  }
  return status.message === ""
    ? "The server's sentence is left out, as it may quote a value of the Secret."
    : undefined;
}

function fieldsOf(status: KubeStatus): RefusedField[] {
  return status.details.causes
    .filter(({ field }) => field !== "" && field !== "<nil>")
    .map(({ field, message }) => ({ path: field.replace(/^\./, ""), message }));
}

/** Whether the server refused because somebody else wrote first: look again, then try again. */
export function isStale(error: unknown): boolean {
  const status = statusOf(error);
  if (status === null) return false;
  if (status.code === 409) return true;
  // The object was made anew under its name.
  return status.code === 422 && status.details.causes.some(({ field }) => field === "metadata.uid");
}

/** Whether a server that is none of Kubernetes' own (an aggregated API) wants no version of an object that is to be made. */
export function isAboutVersion(error: unknown): boolean {
  const status = statusOf(error);
  if (status === null || (status.code !== 400 && status.code !== 422)) return false;
  return (
    /resourceVersion/i.test(status.message) || status.details.causes.some(({ field }) => /resourceVersion/.test(field))
  );
}

/**
 * Whether a new object is refused for nothing but that it was tried beside the one that it replaces: that one counts against a
 * quota, or has the only name that is allowed. What is said once it is gone, nobody can tell.
 */
export function isOfThePresent(error: unknown): boolean {
  const status = statusOf(error);
  if (status === null) return false;
  const { causes } = status.details;
  if (status.code === 403) return /exceeded quota/.test(status.message);
  return status.code === 422 && causes.length > 0 && causes.every(({ field }) => field === "metadata.name");
}

/** The refusal of an object that was tried under another name, as if it had its own. */
export function calledBy(error: unknown, tried: string, name: string): unknown {
  const status = statusOf(error);
  if (status === null || !(error instanceof TrueupError)) return error;
  const own = (text: string): string => text.replaceAll(tried, name);
  const causes = status.details.causes.map((cause) => ({ ...cause, message: own(cause.message) }));
  const told = { ...status, message: own(status.message), details: { ...status.details, causes } };
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new TrueupError(error.code, own(error.message), { ...hint, cause: new KubeStatusError(told) });
}
