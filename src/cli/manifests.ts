/** Loads an app's manifests, from a commit or from files on disk, and checks them the way the daemon does. */
import { APPLIED_KINDS } from "../cluster/admission.ts";
import type { Repository } from "../git/repository.ts";
import { type Chart, findCharts } from "../manifest/foreign.ts";
import { isManifestPath, parseManifestFile } from "../manifest/parse.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import { keyOfId } from "../model/object.ts";
import type { CommitId, ObjectHash } from "../model/source.ts";
import type { ImageUse } from "../reconcile/images.ts";
import {
  CarriedObject,
  type Checks,
  CustomKinds,
  inScope,
  isDefinition,
  type Target,
  type ValidateOptions,
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
  /** Of the files' form; `checkApp` adds what the objects say. */
  diagnostics: Diagnostic[];
  /** Whether `diagnostics` has what is wrong with an object by itself; absent: of none. */
  isChecked?(declared: Declared): boolean;
  /** Images that the objects name; absent: the objects tell. */
  images?(): ImageUse[];
  /** What comparing the objects finds, where that is known. */
  together?: readonly Diagnostic[];
  /** Told what comparing the objects found. */
  compared?(found: readonly Diagnostic[]): void;
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

/** An error: what the chart would render is missing from what is checked. */
export function chartDiagnostic({ file, directory, templates }: Chart): Diagnostic {
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
  /** Policies and rules that a configuration asks for. Its levels and exceptions are for what judges the findings. */
  checks?: Checks | undefined;
}

/** How each object is checked by itself, as plain data: also what another thread is told. */
export function optionsOf({ kubernetesVersion, schemasOnly, checks }: CheckContext): ValidateOptions {
  const { policies = [], rules = [] } = checks ?? {};
  return {
    ...(policies.length > 0 && { policies }),
    ...(rules.length > 0 && { rules }),
    ...(kubernetesVersion !== undefined && { kubernetesVersion }),
    ...(schemasOnly === true && { schemasOnly }),
  };
}

/** Errors after which nobody needs to hear that the kind is not run here either. */
const NO_KIND: ReadonlySet<string> = new Set(["unknown-kind", "schema-missing", "api-removed"]);

/** Whether what is wrong with an object by itself decides about what comparing it with others says. */
export function setsApart({ rule }: Diagnostic): boolean {
  return NO_KIND.has(rule);
}

/**
 * Everything that is wrong with an app: its files' form, each object by itself, and the objects together. Kinds that
 * `trueup run` does not run are warned of.
 */
export function checkApp(app: LoadedApp, context: CheckContext): Diagnostic[] {
  if (app.together !== undefined) return [...app.diagnostics, ...app.together];
  const { defaultNamespace, definitions = [], allowUnknownKinds = false } = context;
  const defining = app.declared.filter(
    (each) => each.id.kind === "CustomResourceDefinition" && isDefinition(each.object),
  );
  const customKinds = new CustomKinds([...defining, ...definitions].map(({ object }) => object));
  const options = { ...optionsOf(context), customKinds, allowUnknownKinds };
  const declared = app.declared.map((each) => inScope(each, customKinds));
  const said = (each: Declared, at: number): readonly Diagnostic[] =>
    app.isChecked?.(each) === true ? [] : validateDeclared(wholeOf(declared[at] ?? each), options);
  const own = [...app.diagnostics, ...app.declared.flatMap(said)];
  if (context.schemasOnly === true) {
    app.compared?.([]);
    return own;
  }
  const strange = new Set(own.flatMap((each) => (each.object && setsApart(each) ? [keyOfId(each.object)] : [])));
  const together = [
    ...validateApp(declared, { defaultNamespace, ...options }),
    ...warnOfKindsNotRunHere(
      declared.filter(({ id }) => !strange.has(keyOfId(id))),
      EMBEDDED,
    ),
  ];
  app.compared?.(together);
  return [...own, ...together];
}

/** What was checked elsewhere comes without its contents. */
function wholeOf(declared: Declared): Declared {
  return declared instanceof CarriedObject ? declared.whole : declared;
}
