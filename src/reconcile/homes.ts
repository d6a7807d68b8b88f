/** What an object needs to be there before it can be asked about or made: in the same plan, in another app's, or by a controller. */
import { TrueupError } from "../model/errors.ts";
import type { Declared } from "../model/manifest.ts";
import { displayId, keyOfId, type ObjectId } from "../model/object.ts";
import { definedKind } from "../model/ordering.ts";
import type { Change } from "../model/plan.ts";
import type { Claims } from "./claims.ts";

/** How the backend, and API servers, say that they know nothing of a kind. */
export const UNSERVED = /must serve the kind|no matches for kind|could not find the requested resource/i;
/** How API servers say that a Pod cannot be admitted as its account is not there. */
const NO_ACCOUNT = /service ?account "([^"]*)" not found/i;
/** Made by a controller in each namespace, some moments after it. */
const DEFAULT_ACCOUNT = "default";

/** What the other apps of the repository bring at the commit. */
export interface Neighbours {
  claims: Claims;
  /** Definitions of custom kinds. */
  definitions: () => Promise<readonly Declared[]>;
}

/** Changes that cannot be asked about before others of the list are made: what they live in, or are of, is not there yet. */
export function untried(changes: readonly Change[]): Change[] {
  return [...homesOf(changes).keys()];
}

/** The same, each with the changes that must be made before: its Namespace, a Pod's account, and the definition of its kind. */
export function homesOf(changes: readonly Change[]): Map<Change, Change[]> {
  const homes = new Map<string, Change>();
  for (const change of changes) {
    const { action, id, declared } = change;
    // A definition that changes may bring the very version, or field, that its objects need.
    const kind = declared === undefined ? null : definedKind(declared.object);
    if (kind !== null) homes.set(`kind ${kind}`, change);
    if (action !== "create" || id.group !== "") continue;
    if (id.kind === "Namespace") homes.set(`namespace ${id.name}`, change);
    if (id.kind === "ServiceAccount") homes.set(`account ${id.namespace}/${id.name}`, change);
  }
  const found = new Map<Change, Change[]>();
  if (homes.size === 0) return found;
  for (const change of changes) {
    const { action, id, declared } = change;
    const inNew = action === "create" ? [`namespace ${id.namespace}`, `account ${accountOf(id, declared)}`] : [];
    const names = [...inNew, ...(action === "delete" ? [] : [`kind ${id.group}/${id.kind}`])];
    const own = names.flatMap((name) => homes.get(name) ?? []);
    if (own.length > 0) found.set(change, own);
  }
  return found;
}

/** The account that a Pod is to run as, which must be there before the Pod; "" for other kinds: theirs are asked for later. */
function accountOf({ group, kind, namespace }: ObjectId, declared: Declared | undefined): string {
  const { spec } = (declared?.object ?? {}) as { spec?: { serviceAccountName?: string } };
  return group === "" && kind === "Pod" ? `${namespace}/${spec?.serviceAccountName ?? "default"}` : "";
}

/**
 * What a new object was refused for, if another app of the commit brings it: that is no fault of the manifest, and waited for.
 *
 * @returns A clause, `its Namespace must be there: app base makes it (base/ns.yaml:1)`; `null` when nobody brings it
 */
export async function broughtByOthers(
  { action, id, declared }: Change,
  { code, message }: TrueupError,
  { claims, definitions }: Neighbours,
): Promise<string | null> {
  if (action !== "create") return null;
  const made = (what: string, key: ObjectId): string | null => {
    const claim = claims.of(keyOfId(key));
    if (claim === undefined) return null;
    const { file, line } = claim.declared.locate([]);
    return `${what} must be there: app ${claim.app} makes it (${file}:${line})`;
  };
  if (code === "not-found" && id.namespace !== "" && /namespace/i.test(message) && message.includes(id.namespace)) {
    return made("its Namespace", { group: "", kind: "Namespace", namespace: "", name: id.namespace });
  }
  const [, account] = NO_ACCOUNT.exec(message) ?? [];
  if (account !== undefined) {
    return made(`its account ${account}`, {
      group: "",
      kind: "ServiceAccount",
      namespace: id.namespace,
      name: account,
    });
  }
  if (declared === undefined || !UNSERVED.test(message)) return null;
  const definition = (await definitions()).find(({ object }) => definedKind(object) === `${id.group}/${id.kind}`);
  if (definition === undefined) return null;
  const { file, line } = definition.locate([]);
  return `its kind must be served: ${file}:${line} defines it`;
}

/** Whether a Pod was refused for what each namespace has a moment after it was made. */
export function isAccountLate({ action, id }: Change, { message }: TrueupError): boolean {
  const isPod = action === "create" && id.group === "" && id.kind === "Pod";
  return isPod && NO_ACCOUNT.exec(message)?.[1] === DEFAULT_ACCOUNT;
}

export function accountIsLate({ id }: Change, cause: TrueupError): TrueupError {
  return new TrueupError(
    "unavailable",
    `Cannot apply ${displayId(id)} as the account ${DEFAULT_ACCOUNT} of namespace ${id.namespace} must be there: it is made a moment after the namespace.`,
    { cause },
  );
}
