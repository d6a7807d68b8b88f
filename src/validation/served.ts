/** Finds the schema that an object is checked with, and says what is wrong with its kind and API version. */
import type { Declared } from "../model/manifest.ts";
import { groupOf } from "../model/object.ts";
import { CustomKinds } from "./custom/kinds.ts";
import { nearest } from "./names.ts";
import type { Report } from "./report.ts";
import { type KindQuery, kindSchema, knownKinds } from "./schemas/index.ts";
import { type Lifecycle, lifecycleOf } from "./schemas/lifecycle.ts";
import type { KindSchema } from "./schemas/types.ts";
import { matchesWildcard } from "./wildcard.ts";

/** What is known, and what is let pass, of kinds that Kubernetes does not bring. */
export interface CustomOptions {
  customKinds?: CustomKinds;
  /** Kinds that may go without a schema: all, or those whose `group/Kind` fits a pattern; none unless given. */
  allowUnknownKinds?: boolean | readonly string[];
}

/**
 * The schema of a declared object's kind; `undefined` when it cannot be checked, which is then reported. An object in a
 * removed API version is checked as its successor's, whose fields are nearly the same: what else is wrong is said at once.
 *
 * @param version Kubernetes version
 */
export function schemaOf(
  report: Report,
  declared: Declared,
  version: string,
  { customKinds = CustomKinds.NONE, allowUnknownKinds = false }: CustomOptions = {},
): KindSchema | undefined {
  const { apiVersion, kind } = declared.object;
  const query: KindQuery = { version, apiVersion, kind };
  const custom = customKinds.schema(version, apiVersion, kind);
  if (custom !== undefined && isCustom(groupOf(apiVersion))) return custom;
  const missing = (): void => {
    const versions = customKinds.apiVersions(groupOf(apiVersion), kind);
    if (versions.length > 0) reportVersion(report, query, versions);
    else if (!isAllowed(query, allowUnknownKinds)) reportMissingSchema(report, query);
  };
  const life = lifecycleOf(query);
  switch (life.state) {
    case "served":
      if (life.use !== undefined) reportDeprecation(report, query, life);
      return kindSchema(query);
    case "removed": {
      const what = life.use === undefined ? "nothing replaces it" : `use ${life.use}`;
      const message = `${apiVersion} was removed in Kubernetes ${life.in}: ${what}`;
      report.say("error", "api-removed", ["apiVersion"], message, writeHint(life.use));
      return life.use === undefined ? undefined : kindSchema({ ...query, apiVersion: life.use });
    }
    case "not-yet":
      report.say(
        "error",
        "api-not-served",
        ["apiVersion"],
        `Cannot apply ${kind} of ${apiVersion} as Kubernetes must serve it: ${life.since} is the first that does, and this is checked for ${version}`,
        life.use === undefined
          ? { hint: `Check for another one: --kubernetes-version ${life.since}.` }
          : writeHint(life.use),
      );
      return undefined;
    case "elsewhere":
      if (isCustom(groupOf(apiVersion))) missing();
      else reportVersion(report, query, life.apiVersions);
      return undefined;
    case "unknown":
      if (isCustom(groupOf(apiVersion))) missing();
      else reportKind(report, query);
      return undefined;
    default:
      return life satisfies never;
  }
}

function writeHint(apiVersion: string | undefined): { hint?: string } {
  return apiVersion === undefined ? {} : { hint: `Write apiVersion: ${apiVersion}.` };
}

function reportDeprecation(
  report: Report,
  { apiVersion, kind }: KindQuery,
  { use, since }: Extract<Lifecycle, { state: "served" }>,
): void {
  const when = since === undefined ? "" : ` since Kubernetes ${since}`;
  report.say(
    "warning",
    "api-deprecated",
    ["apiVersion"],
    `${apiVersion} of ${kind} is to be removed from Kubernetes: use ${use}${when}`,
    use?.includes(" ") === true ? {} : writeHint(use),
  );
}

function reportVersion(report: Report, { apiVersion, kind }: KindQuery, apiVersions: readonly string[]): void {
  const [first = ""] = apiVersions;
  const which = apiVersions.length === 1 ? first : `one of ${apiVersions.join(", ")}`;
  const message = `Cannot apply ${kind} as its apiVersion must be ${which}: it is ${JSON.stringify(apiVersion)}`;
  report.say("error", "unknown-kind", ["apiVersion"], message, writeHint(first));
}

function reportKind(report: Report, { version, apiVersion, kind }: KindQuery): void {
  const served = knownKinds().filter((each) => each.in.includes(version));
  const siblings = served.filter((each) => each.apiVersion === apiVersion).map((each) => each.kind);
  const close = nearest(kind, siblings) ?? nearest(kind, new Set(served.map((each) => each.kind)));
  report.say(
    "error",
    "unknown-kind",
    ["kind"],
    `Cannot apply ${kind} of ${apiVersion} as Kubernetes ${version} must know the kind: it does not`,
    {
      hint:
        close === undefined
          ? "Move the file out of the app's directory if it is no manifest."
          : `Did you mean ${close}?`,
    },
  );
}

/** Whether a kind may go without a schema: any, or one of those named as `group/Kind`, where `*` stands for any text. */
function isAllowed({ apiVersion, kind }: KindQuery, allowed: boolean | readonly string[]): boolean {
  if (typeof allowed === "boolean") return allowed;
  const name = `${groupOf(apiVersion)}/${kind}`;
  return allowed.some((pattern) => matchesWildcard(pattern, name));
}

function reportMissingSchema(report: Report, { apiVersion, kind }: KindQuery): void {
  report.say(
    "error",
    "schema-missing",
    ["kind"],
    `Cannot check ${kind} of ${apiVersion} as its schema must be known: it is no built-in kind`,
    {
      hint:
        "Declare its CustomResourceDefinition in an app of the repository, name a file of it (--schema FILE, or schemas: [FILE] in " +
        `trueup.yaml), or let it pass (--allow-unknown-kinds, or allowUnknownKinds: [${groupOf(apiVersion)}/${kind}]).`,
    },
  );
}

let builtInGroups: ReadonlySet<string> | undefined;

/** Whether a group is somebody's own: it has a domain, and is not a built-in group nor nearly one. */
function isCustom(group: string): boolean {
  builtInGroups ??= new Set(knownKinds().map((each) => groupOf(each.apiVersion)));
  if (!group.includes(".") || builtInGroups.has(group)) return false;
  const close = nearest(group, builtInGroups);
  return close === undefined || Math.abs(close.length - group.length) > 2;
}
