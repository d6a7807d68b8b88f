/** An app whose files are on disk: each is checked by itself, and its objects are made only when somebody asks for them. */
import { findCharts } from "../../manifest/foreign.ts";
import type { ManifestFile } from "../../manifest/parse.ts";
import type { Diagnostic } from "../../model/diagnostic.ts";
import type { Declared } from "../../model/manifest.ts";
import type { ObjectHash } from "../../model/source.ts";
import type { ImageUse } from "../../reconcile/images.ts";
import { CarriedObject } from "../../validation/index.ts";
import {
  type CheckContext,
  chartDiagnostic,
  type LoadedApp,
  optionsOf,
  type SourceFile,
  setsApart,
} from "../manifests.ts";
import type { CheckCache } from "./cache.ts";
import { type CheckedFiles, type CheckFilesOptions, checkFiles } from "./pool.ts";

/** A file that is read when somebody asks for its text. */
export interface FileOnDisk extends SourceFile {
  /** Absolute. */
  path: string;
}

/** As `parseFiles`, and each object that can be is checked by itself at once: of many files, on two threads. */
export async function checkFilesOnDisk(
  files: readonly FileOnDisk[],
  context: CheckContext,
  cacheFor?: (identity: string) => CheckCache,
  options: Pick<CheckFilesOptions, "worthACache" | "now"> = {},
): Promise<LoadedApp> {
  const { defaultNamespace } = context;
  const charts = findCharts(files);
  const read = files.filter(({ file }) => !charts.some((chart) => chart.files.has(file)));
  const work = { files: read.map(({ path, file }) => ({ path, file })), defaultNamespace, options: optionsOf(context) };
  const place = sharedDirectory(read.map(({ file }) => file));
  const cache = cacheFor?.(JSON.stringify([place, defaultNamespace, work.options]));
  const checked = await checkFiles(work, { ...options, cache, setsApart });
  return new AppOnDisk([...files], charts.map(chartDiagnostic), read, checked, defaultNamespace);
}

/** The directory that all files are in: apps of one repository each have a cache of their own. */
function sharedDirectory(files: readonly string[]): string {
  const [first = "", ...others] = files;
  let shared = first.slice(0, first.lastIndexOf("/") + 1);
  for (const file of others) {
    // Without its last slash, or "/" would be left of itself for ever: names may be absolute and relative ones.
    while (!file.startsWith(shared)) shared = shared.slice(0, shared.slice(0, -1).lastIndexOf("/") + 1);
  }
  return shared;
}

class AppOnDisk implements LoadedApp {
  readonly files: SourceFile[];
  readonly diagnostics: Diagnostic[];
  readonly together?: readonly Diagnostic[];
  readonly #checked: CheckedFiles;
  readonly #read: readonly FileOnDisk[];
  readonly #defaultNamespace: string;
  #objects: CarriedObject[][] | undefined;
  #declared: Declared[] | undefined;

  /** @param read The files that were checked: all but those of charts */
  constructor(
    files: SourceFile[],
    ofCharts: readonly Diagnostic[],
    read: readonly FileOnDisk[],
    checked: CheckedFiles,
    defaultNamespace: string,
  ) {
    this.files = files;
    this.diagnostics = [...ofCharts];
    for (const check of checked.checks) for (const each of check.diagnostics) this.diagnostics.push(each);
    if (checked.together !== undefined) this.together = checked.together;
    this.#checked = checked;
    this.#read = read;
    this.#defaultNamespace = defaultNamespace;
  }

  get declared(): Declared[] {
    this.#declared ??= this.#byFile().flat();
    return this.#declared;
  }

  isChecked(declared: Declared): boolean {
    return declared instanceof CarriedObject && !declared.isOpen;
  }

  images(): ImageUse[] {
    return this.#checked.checks.flatMap((check, at) =>
      check.images.flatMap(({ index, ...place }) => {
        const declared = this.#byFile()[at]?.find((object) => object.index === index);
        return declared === undefined ? [] : [{ ...place, declared }];
      }),
    );
  }

  compared(found: readonly Diagnostic[]): void {
    // What open objects are compared with may be declared elsewhere, so that it counts for this run only.
    const isOpen = this.#byFile().some((objects) => objects.some((object) => object.isOpen));
    this.#checked.keep(isOpen ? undefined : found);
  }

  #byFile(): CarriedObject[][] {
    this.#objects ??= this.#checked.checks.map(({ objects }, at) => {
      const source = new LateSource(this.#read[at] as FileOnDisk, this.#defaultNamespace);
      return objects.map((object) => new CarriedObject(object, source));
    });
    return this.#objects;
  }
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
