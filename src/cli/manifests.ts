/** Loads an app's manifests, from a commit or from files on disk, and checks them the way the daemon does. */
import { APPLIED_KINDS } from "../cluster/admission.ts";
import type { Repository } from "../git/repository.ts";
import { type Chart, findCharts } from "../manifest/foreign.ts";
import { isManifestPath, type ManifestFile, parseManifestFile } from "../manifest/parse.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import { keyOfId } from "../model/object.ts";
import type { CommitId, ObjectHash } from "../model/source.ts";
import {
  CarriedObject,
  CustomKinds,
  inScope,
  isDefinition,
  type Target,
  type ValidateOptions,
  validateApp,
  validateDeclared,
  warnOfKindsNotRunHere,
} from "../validation/index.ts";
import type { CheckCache } from "./check/cache.ts";
import { checkFiles } from "./check/pool.ts";

export interface SourceFile {
  file: string;
  blob: ObjectHash;
  text: string;
}

export interface LoadedApp {
  files: SourceFile[];
  declared: Declared[];
  /** Of the files' form alone; `checkApp` adds what the objects say. */
  diagnostics: Diagnostic[];
  /** What is known of objects by themselves; the others are yet to be checked. */
  checked?: ReadonlyMap<Declared, readonly Diagnostic[]>;
}

/** The one target that there is so far. */
export const EMBEDDED: Target = { name: "the embedded cluster", kinds: APPLIED_KINDS };

/** How many blobs are asked for at once. */
const BATCH = 64;

/** The manifests of a directory ("" for all) at a commit. */
export async function loadAppAt(
  repository: Repository,
  commit: CommitId,
  path: string,
  namespace: string,
): Promise<LoadedApp> {
  const listed = await repository.files(commit, path, isManifestPath);
  const files: SourceFile[] = [];
  for (let at = 0; at < listed.length; at += BATCH) {
    const batch = listed.slice(at, at + BATCH).map(async ({ path: file, blob }) => {
      return { file, blob, text: await repository.text(blob) };
    });
    files.push(...(await Promise.all(batch)));
  }
  return parseFiles(files, namespace);
}

export function parseFiles(files: SourceFile[], namespace: string): LoadedApp {
  const charts = findCharts(files);
  const read = files.filter(({ file }) => !charts.some((chart) => chart.files.has(file)));
  const parsed = read.map(({ file, blob, text }) =>
    parseManifestFile({ file, blob, text, defaultNamespace: namespace }),
  );
  return {
    files,
    declared: parsed.flatMap(({ declared }) => declared),
    diagnostics: [...charts.map(chartDiagnostic), ...parsed.flatMap(({ diagnostics }) => diagnostics)],
  };
}

/** A file that is read when somebody asks for its text. */
export interface FileOnDisk extends SourceFile {
  /** Absolute. */
  path: string;
}

/** What the parser is given when somebody asks for a place: the file is read only then. */
class LateSource implements ManifestFile {
  readonly file: string;
  readonly defaultNamespace: string;
  readonly #source: FileOnDisk;

  constructor(source: FileOnDisk, defaultNamespace: string) {
    this.file = source.file;
    this.defaultNamespace = defaultNamespace;
    this.#source = source;
  }

  get text(): string {
    return this.#source.text;
  }

  get blob(): ObjectHash {
    return this.#source.blob;
  }
}

/** As `parseFiles`, and each object that can be is checked by itself at once: of many files, on two threads. */
export async function checkFilesOnDisk(
  files: readonly FileOnDisk[],
  context: CheckContext,
  cacheFor?: (identity: string) => CheckCache,
): Promise<LoadedApp> {
  const { defaultNamespace } = context;
  const charts = findCharts(files);
  const read = files.filter(({ file }) => !charts.some((chart) => chart.files.has(file)));
  const work = { files: read.map(({ path, file }) => ({ path, file })), defaultNamespace, options: optionsOf(context) };
  const cache = cacheFor?.(JSON.stringify([defaultNamespace, work.options]));
  const app: LoadedApp = { files: [...files], declared: [], diagnostics: charts.map(chartDiagnostic) };
  const checked = new Map<Declared, readonly Diagnostic[]>();
  for (const [at, { diagnostics, objects }] of (await checkFiles(work, { cache })).entries()) {
    const source = new LateSource(read[at] as FileOnDisk, defaultNamespace);
    app.diagnostics.push(...diagnostics);
    for (const object of objects) {
      const declared = new CarriedObject(object, source);
      app.declared.push(declared);
      if (object.diagnostics !== undefined) checked.set(declared, object.diagnostics);
    }
  }
  return { ...app, checked };
}

/** An error: what the chart would render is missing from what is checked. */
function chartDiagnostic({ file, directory, templates }: Chart): Diagnostic {
  const count = templates === 1 ? "1 template is" : `${templates} templates are`;
  return {
    severity: "error",
    rule: "needs-rendering",
    message: `${directory === "" ? "This directory" : directory} is a Helm chart: ${count} not read`,
    location: { file, line: 1, column: 1 },
    hint: "Render it (helm template), and check or commit what it renders.",
  };
}

/** Where objects are checked for: the namespace of those that name none, and the Kubernetes version (absent: the newest). */
export interface CheckContext {
  defaultNamespace: string;
  kubernetesVersion?: string | undefined;
  /** Definitions of custom kinds beside those that the app declares. */
  definitions?: readonly Declared[];
  /** Kinds that may go without a schema: all, or those whose `group/Kind` fits a pattern. */
  allowUnknownKinds?: boolean | readonly string[];
  /** Schemas alone: no other rule, and no comparison of objects. */
  schemasOnly?: boolean | undefined;
}

/** How each object is checked by itself, as plain data: also what another thread is told. */
export function optionsOf({ kubernetesVersion, schemasOnly }: CheckContext): ValidateOptions {
  return {
    ...(kubernetesVersion !== undefined && { kubernetesVersion }),
    ...(schemasOnly === true && { schemasOnly }),
  };
}

/** Errors after which nobody needs to hear that the kind is not run here either. */
const NO_KIND: ReadonlySet<string> = new Set(["unknown-kind", "schema-missing", "api-removed"]);

/**
 * Everything that is wrong with an app: its files' form, each object by itself, and the objects together. Kinds that
 * `trueup run` does not run are warned of.
 */
export function checkApp(app: LoadedApp, context: CheckContext): Diagnostic[] {
  const { defaultNamespace, definitions = [], allowUnknownKinds = false } = context;
  const defining = app.declared.filter(({ object }) => isDefinition(object));
  const customKinds = new CustomKinds([...defining, ...definitions].map(({ object }) => object));
  const options = { ...optionsOf(context), customKinds, allowUnknownKinds };
  const declared = app.declared.map((each) => inScope(each, customKinds));
  const said = (each: Declared, at: number): readonly Diagnostic[] =>
    app.checked?.get(each) ?? validateDeclared(wholeOf(declared[at] ?? each), options);
  const own = [...app.diagnostics, ...app.declared.flatMap(said)];
  if (context.schemasOnly === true) return own;
  const strange = new Set(own.flatMap(({ rule, object }) => (object && NO_KIND.has(rule) ? [keyOfId(object)] : [])));
  return [
    ...own,
    ...validateApp(declared, { defaultNamespace, ...options }),
    ...warnOfKindsNotRunHere(
      declared.filter(({ id }) => !strange.has(keyOfId(id))),
      EMBEDDED,
    ),
  ];
}

/** What was checked elsewhere comes without its contents. */
function wholeOf(declared: Declared): Declared {
  return declared instanceof CarriedObject ? declared.whole : declared;
}
