/** Reads the repository's `trueup.yaml`. */
import { type FieldPattern, type IgnoreRule, parseFieldPattern } from "../model/ignore.ts";
import { type AppConfig, type RepositoryConfig, texts, versionOf } from "./config.ts";
import { ConfigReader, type ParsedConfig } from "./config-reader.ts";
import type { Field } from "./field.ts";
import * as repositorySchema from "./generated/repository-config.js";
import { quote } from "./report.ts";
import { NO_OPERATOR, type OperatorFloor } from "./settings.ts";
import { readValidation } from "./validation-section.ts";
import { covers } from "./wildcard.ts";

/**
 * Reads `trueup.yaml`. All that is wrong is reported at once.
 *
 * @param operator What the operator asks: the repository may ask for more, and what would be less is an error
 */
export function parseRepositoryConfig(
  text: string,
  file: string,
  operator: OperatorFloor = NO_OPERATOR,
): ParsedConfig<RepositoryConfig> {
  const reader = new ConfigReader(text, file, repositorySchema);
  const { root } = reader;
  const apps = root.at("apps").items.map(
    (app): AppConfig => ({
      name: app.at("name").text ?? "",
      path: reader.directory(app.at("path")),
      namespace: app.at("namespace").text ?? "default",
      after: texts(app.at("after")),
      onFailure: app.at("onFailure").text === "rollback" ? "rollback" : "keep",
      ignore: app.at("ignore").items.map((rule) => ignoreRule(reader, rule)),
    }),
  );
  checkApps(reader, apps);
  const images = root.at("images");
  const kubernetesVersion = versionOf(root) ?? operator.kubernetesVersion;
  checkFloor(reader, operator);
  const allowed = root.at("allowUnknownKinds");
  return reader.result({
    apps,
    schemas: root.at("schemas").items.map((path) => reader.directory(path)),
    allowUnknownKinds: allowed.items.length > 0 ? texts(allowed) : allowed.value === true,
    ...(kubernetesVersion !== undefined && { kubernetesVersion }),
    validation: readValidation(reader, root.at("validation"), operator.validation),
    images: {
      allowedRepositories: texts(images.at("allowedRepositories")),
      requireDigest: images.at("requireDigest").value === true,
    },
  });
}

/** What the operator says of Kubernetes' version and of kinds without a schema, a repository may not say otherwise. */
function checkFloor(reader: ConfigReader, operator: OperatorFloor): void {
  const { root } = reader;
  const version = versionOf(root);
  const { kubernetesVersion: theirs = version, allowUnknownKinds: most = true } = operator;
  if (version !== undefined && version !== theirs) {
    const message = `Cannot check for Kubernetes ${version} as it must be the version that the operator names: that is ${theirs}`;
    reader.say(["kubernetesVersion"], message, "Remove it here.");
  }
  const field = root.at("allowUnknownKinds");
  if (most === true || !field.isGiven || field.value === false) return;
  const patterns = most === false ? [] : most;
  const what = patterns.length === 0 ? "none" : `only ${patterns.join(", ")}`;
  const tooMuch = Array.isArray(field.value)
    ? field.items.filter(({ text = "" }) => !patterns.some((pattern) => covers(pattern, text)))
    : [field];
  for (const each of tooMuch) {
    reader.say(each.path, `Cannot let ${String(each.value)} pass without a schema as the operator allows ${what}`);
  }
}

/** What makes an object the one that it is cannot be left to others. */
const IDENTITY = /^(?:apiVersion|kind|metadata(?:\.(?:name|namespace|uid))?)$/;

function ignoreRule(reader: ConfigReader, rule: Field): IgnoreRule {
  const fields = rule.at("fields").items.flatMap((field): FieldPattern[] => {
    const { text } = field;
    if (text === undefined) return [];
    const pattern = parseFieldPattern(text);
    if (pattern !== null && !IDENTITY.test(text)) return [pattern];
    reader.say(
      field.path,
      `Cannot ignore ${quote(text)} as it must be the path of a field that others may set: it is ${pattern === null ? "no path" : "what names the object"}`,
      "Write it as plans show it, such as spec.replicas.",
    );
    return [];
  });
  return { kind: rule.at("kind").text ?? "*", name: rule.at("name").text ?? "*", fields };
}

function checkApps(reader: ConfigReader, apps: readonly AppConfig[]): void {
  const names = new Map<string, number>();
  for (const [at, app] of apps.entries()) {
    if (app.name !== "" && names.has(app.name)) {
      reader.say(
        ["apps", at, "name"],
        `Cannot name an app ${app.name} as names must be unique: another app has it too`,
        "Rename one of the two.",
      );
    } else names.set(app.name, at);
  }
  for (const [at, app] of apps.entries()) {
    for (const [index, before] of app.after.entries()) {
      if (!names.has(before))
        reader.say(
          ["apps", at, "after", index],
          `Cannot deploy ${app.name} after ${before} as it must be an app of this file: there is none`,
        );
    }
    const circle = circleFrom(app.name, apps);
    if (circle !== undefined)
      reader.say(
        ["apps", at, "after"],
        `Cannot order the apps as none may wait for itself: ${circle.join(" waits for ")}`,
      );
  }
}

/** The way from an app back to itself through `after`, if there is one. */
function circleFrom(name: string, apps: readonly AppConfig[]): string[] | undefined {
  const after = new Map(apps.map((app) => [app.name, app.after]));
  const visited = new Set<string>();
  const visit = (at: string, way: readonly string[]): string[] | undefined => {
    for (const next of after.get(at) ?? []) {
      if (next === name) return [...way, next];
      if (visited.has(next)) continue;
      visited.add(next);
      const found = visit(next, [...way, next]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(name, [name]);
}
