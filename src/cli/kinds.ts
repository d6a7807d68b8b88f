/** The kinds that commands know by name: plural, singular, short, as kubectl spells them. */
import { TrueupError } from "../model/errors.ts";

export interface Kind {
  group: string;
  kind: string;
  plural: string;
  singular: string;
  short: readonly string[];
  namespaced: boolean;
}

function kind(group: string, name: string, short: readonly string[], plural?: string, namespaced = true): Kind {
  const singular = name.toLowerCase();
  return { group, kind: name, singular, plural: plural ?? `${singular}s`, short, namespaced };
}

export const KINDS: readonly Kind[] = [
  kind("", "Pod", ["po"]),
  kind("", "Service", ["svc"]),
  kind("apps", "Deployment", ["deploy"]),
  kind("apps", "ReplicaSet", ["rs"]),
  kind("", "ConfigMap", ["cm"]),
  kind("", "Secret", []),
  kind("", "Endpoints", ["ep"], "endpoints"),
  kind("", "Event", ["ev"]),
  kind("", "Namespace", ["ns"], "namespaces", false),
];

/** What `get all` lists, in kubectl's order. */
const ALL = ["Pod", "Service", "Deployment", "ReplicaSet"];

/**
 * The kind that a word names: `deploy`, `Deployments`, `deployment.apps`, `deployments.v1.apps`.
 *
 * @throws {TrueupError} `usage` when no kind is called so
 */
export function findKind(word: string): Kind {
  const [name = "", ...rest] = word.toLowerCase().split(".");
  const group = /^v\d/.test(rest[0] ?? "") ? rest.slice(1).join(".") : rest.join(".");
  const found = KINDS.find(
    (candidate) =>
      [candidate.plural, candidate.singular, ...candidate.short].includes(name) &&
      (group === "" || group === candidate.group),
  );
  if (found !== undefined) return found;
  const known = KINDS.map(({ plural }) => plural).join(", ");
  throw new TrueupError("usage", `Cannot find the kind "${word}" as it must be one that trueup knows.`, {
    hint: `Kinds: ${known}; get also takes "all".`,
  });
}

/** The kinds that `pods,svc` or `all` mean. */
export function findKinds(words: string): Kind[] {
  const kinds = words
    .split(",")
    .filter((word) => word !== "")
    .flatMap((word) => (word === "all" ? KINDS.filter((each) => ALL.includes(each.kind)) : [findKind(word)]));
  return [...new Set(kinds)];
}

/** An object as people name it on the command line. */
export interface ObjectName {
  kind: Kind;
  name: string;
}

/**
 * Reads `deployment/web`, or the two words `deployment web`.
 *
 * @throws {TrueupError} `usage` when it is neither
 */
export function readObjectName(args: readonly string[]): ObjectName {
  const [first = "", second] = args;
  const parts = first.split("/");
  if (parts.length === 2 && second === undefined && parts[0] !== "" && parts[1]) {
    return { kind: findKind(parts[0] ?? ""), name: parts[1] };
  }
  if (parts.length === 1 && second !== undefined && second !== "") return { kind: findKind(first), name: second };
  throw new TrueupError("usage", `Cannot read "${args.join(" ")}" as it must be KIND/NAME, as in deployment/web.`);
}
