/** Checks what a source holds: what is named as one app, or each app that `trueup.yaml` names by itself. */
import { parseApps, REPOSITORY_CONFIG } from "../../daemon/apps.ts";
import type { Diagnostic } from "../../model/diagnostic.ts";
import { TrueupError } from "../../model/errors.ts";
import type { Declared } from "../../model/manifest.ts";
import type { ObjectId } from "../../model/object.ts";
import type { Location } from "../../model/source.ts";
import { declaredTwice, RepositoryClaims } from "../../reconcile/claims.ts";
import { imageUses } from "../../reconcile/images.ts";
import {
  CustomKinds,
  checkImageRules,
  hasImageRules,
  type ImageRules,
  inScope,
  isDefinition,
  judge,
  NO_OPERATOR,
  type OperatorFloor,
  type ValidationSettings,
} from "../../validation/index.ts";
import { checkFilesOnDisk } from "../check/app-on-disk.ts";
import type { CheckCache } from "../check/cache.ts";
import { Unreadable } from "../check/pool.ts";
import { type CheckContext, checkApp, type LoadedApp, parseFiles, type SourceFile } from "../manifests.ts";
import { LateFile, type ManifestSource, readable } from "./sources.ts";

export interface Checked {
  files: SourceFile[];
  diagnostics: Diagnostic[];
}

export interface CheckRequest {
  /** Files and directories; none: the directory that the command stands in, or its apps. `-` is standard input. */
  paths: readonly string[];
  /** Namespace of objects that name none, when one was asked for. */
  namespace: string | undefined;
  /** Schemas to check with, when a version was asked for. */
  kubernetesVersion: string | undefined;
  /** Definitions of custom kinds, beside those that the apps declare or `trueup.yaml` names. */
  definitions?: readonly Declared[];
  /** Whether kinds may go without a schema, whatever `trueup.yaml` says. */
  allowUnknownKinds?: boolean;
  /** Schemas alone, and no other rule. */
  schemasOnly?: boolean;
  /** What the operator asks of every repository; nothing when absent. */
  operator?: OperatorFloor;
  /** For which exceptions count, `2026-11-26`. */
  day: string;
  /** Where results of unchanged files are kept, when they are. */
  cacheFor?: ((identity: string) => CheckCache) | undefined;
  /** What stands for `-`. */
  stdin: SourceFile | undefined;
}

/** @throws {TrueupError} `usage` when something cannot be read, or there is nothing to read */
export async function checkSource(source: ManifestSource, request: CheckRequest): Promise<Checked> {
  const { paths, namespace } = request;
  const config = paths.length === 0 && namespace === undefined ? await source.config() : null;
  return config === null ? checkOne(source, request) : checkApps(source, config, request);
}

async function checkOne(source: ManifestSource, request: CheckRequest): Promise<Checked> {
  const { paths, namespace = "default", cacheFor, stdin, operator = NO_OPERATOR, day, ...asked } = request;
  const named = paths.length === 0 ? ["."] : paths;
  const files = await readAll(source, named, stdin);
  if (files.length === 0) {
    throw new TrueupError("usage", `Cannot find a manifest in ${named.join(", ")}.`, {
      hint: "Manifests are files that end in .yaml, .yml or .json.",
    });
  }
  const kubernetesVersion = request.kubernetesVersion ?? operator.kubernetesVersion;
  const check = { ...asked, kubernetesVersion, defaultNamespace: namespace, checks: operator.validation };
  const app = await loadAndCheck(files, check, cacheFor);
  const found = checkApp(app, check);
  const judging = { settings: operator.validation, day, objects: () => app.declared.map(({ id }) => id) };
  return { files, diagnostics: asked.schemasOnly === true ? found : judge(found, judging) };
}

/** `trueup.yaml` itself, and each app that it names by itself, as the daemon would at a commit. */
async function checkApps(source: ManifestSource, config: SourceFile, request: CheckRequest): Promise<Checked> {
  const { schemasOnly, cacheFor, operator, day } = request;
  const { apps, diagnostics, placeOf } = parseApps(config.text, operator);
  const files = [config];
  const found = [...diagnostics];
  let settings: ValidationSettings | undefined;
  const loaded: { name: string; app: LoadedApp; check: CheckContext; images: ImageRules }[] = [];
  for (const [at, app] of apps.entries()) {
    const { name, path, namespace, images, kubernetesVersion, schemas, allowUnknownKinds, validation } = app;
    settings = validation;
    if (!(await source.hasDirectory(path))) {
      found.push(noDirectory(path, placeOf(at)));
      continue;
    }
    const own = await readAll(source, [path === "" ? "." : path], undefined);
    const check: CheckContext = {
      defaultNamespace: namespace,
      kubernetesVersion: request.kubernetesVersion ?? kubernetesVersion,
      schemasOnly,
      definitions: [...(request.definitions ?? []), ...(await readDefinitions(source, schemas))],
      allowUnknownKinds: request.allowUnknownKinds === true || allowUnknownKinds,
      checks: validation,
    };
    loaded.push({ name, app: await loadAndCheck(own, check, cacheFor), check, images });
    files.push(...own);
  }
  const shared = loaded.flatMap(({ app }) => definitionsIn(app));
  for (const { app, check, images } of loaded) {
    // What the app declares itself counts first, then what it names, then what others have.
    found.push(...checkApp(app, { ...check, definitions: [...(check.definitions ?? []), ...shared] }));
    if (schemasOnly !== true && hasImageRules(images)) {
      found.push(...checkImageRules(app.images?.() ?? app.declared.flatMap(imageUses), images));
    }
  }
  if (settings === undefined || schemasOnly === true) return { files, diagnostics: found };
  found.push(...declaredByTwo(loaded, shared));
  // Together: an exception may be for any of the apps.
  const objects = (): ObjectId[] => loaded.flatMap(({ app }) => app.declared.map(({ id }) => id));
  return { files, diagnostics: judge(found, { settings, day, objects, wholeOf: REPOSITORY_CONFIG }) };
}

/** As the daemon rejects it: what it declared would look removed. */
function noDirectory(path: string, location: Location): Diagnostic {
  return {
    severity: "error",
    rule: "app-path",
    message: `Cannot read the app as "${path}" must be a directory: there is none`,
    location,
    hint: "Bring the directory back, or change the app's path.",
  };
}

/** What the daemon rejects in each of the apps: objects that another one declares, too. */
function declaredByTwo(
  loaded: readonly { name: string; app: LoadedApp; check: CheckContext }[],
  shared: readonly Declared[],
): Diagnostic[] {
  if (loaded.length < 2) return [];
  const claims = loaded.map(({ name, app, check: { definitions = [] } }) => {
    const kinds = new CustomKinds([...shared, ...definitions].map(({ object }) => object));
    return { app: name, declared: app.declared.map((each) => inScope(each, kinds)), isPartial: false, isOwn: false };
  });
  const all = new RepositoryClaims(claims, () => true);
  return claims.flatMap(({ app, declared }) => declaredTwice(declared, all.besides(app)));
}

/** What an app defines. One that is known from before defines nothing: who does is compared each time. */
function definitionsIn(app: LoadedApp): Declared[] {
  if (app.together !== undefined) return [];
  // By kind first: asking for an object has its file parsed.
  return app.declared.filter((each) => each.id.kind === "CustomResourceDefinition" && isDefinition(each.object));
}

/** What files and folders define; whatever else they hold is none of this check's business. */
export async function readDefinitions(source: ManifestSource, paths: readonly string[]): Promise<Declared[]> {
  if (paths.length === 0) return [];
  const { declared } = parseFiles(await readAll(source, paths, undefined), "default");
  return declared.filter(({ object }) => isDefinition(object));
}

/** Parses the files; where all of them are on disk, they are checked on the way. */
async function loadAndCheck(
  files: SourceFile[],
  check: CheckContext,
  cacheFor: CheckRequest["cacheFor"],
): Promise<LoadedApp> {
  const onDisk = files.filter((file): file is LateFile => file instanceof LateFile);
  if (onDisk.length < files.length) return parseFiles(files, check.defaultNamespace);
  try {
    return await checkFilesOnDisk(onDisk, check, cacheFor);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return readable(error.file, () => {
      throw error;
    });
  }
}

async function readAll(
  source: ManifestSource,
  paths: readonly string[],
  stdin: SourceFile | undefined,
): Promise<SourceFile[]> {
  const files = new Map<string, SourceFile>();
  for (const path of paths.filter((each) => each !== "-")) {
    for (const file of await source.read(path)) files.set(file.file, file);
  }
  // Last, as an editor's buffer counts instead of the file that it will become.
  if (stdin !== undefined) files.set(stdin.file, stdin);
  return [...files.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
}
