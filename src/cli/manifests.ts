/** Loads an app's manifests, from a commit or from files on disk, and checks them the way the daemon does. */
import { APPLIED_KINDS } from "../cluster/admission.ts";
import type { Repository } from "../git/repository.ts";
import { type Chart, findCharts } from "../manifest/foreign.ts";
import { isManifestPath, parseManifestFile } from "../manifest/parse.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import type { CommitId, ObjectHash } from "../model/source.ts";
import {
  CustomKinds,
  inScope,
  isDefinition,
  type Target,
  validateApp,
  validateDeclared,
  warnOfKindsNotRunHere,
} from "../validation/index.ts";

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
  const parsed = read.map((source) => parseManifestFile({ ...source, defaultNamespace: namespace }));
  return {
    files,
    declared: parsed.flatMap(({ declared }) => declared),
    diagnostics: [...charts.map(chartDiagnostic), ...parsed.flatMap(({ diagnostics }) => diagnostics)],
  };
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
}

/**
 * Everything that is wrong with an app: its files' form, each object by itself, and the objects together. Kinds that
 * `trueup run` does not run are warned of.
 */
export function checkApp(app: LoadedApp, context: CheckContext): Diagnostic[] {
  const { defaultNamespace, kubernetesVersion, definitions = [], allowUnknownKinds = false } = context;
  const own = app.declared.filter(({ object }) => isDefinition(object));
  const customKinds = new CustomKinds([...own, ...definitions].map(({ object }) => object));
  const options = {
    customKinds,
    allowUnknownKinds,
    ...(kubernetesVersion !== undefined && { kubernetesVersion }),
  };
  const declared = app.declared.map((each) => inScope(each, customKinds));
  return [
    ...app.diagnostics,
    ...declared.flatMap((each) => validateDeclared(each, options)),
    ...validateApp(declared, { defaultNamespace, ...options }),
    ...warnOfKindsNotRunHere(declared, EMBEDDED),
  ];
}
