/** Checks one file by itself, with a result that can leave its thread: what the file's objects are, and what is wrong with each. */
import { type ManifestFile, parseManifestFile } from "../manifest/parse.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared, FieldPath } from "../model/manifest.ts";
import { groupOf, type KubeObject, type ObjectId } from "../model/object.ts";
import type { Location, ObjectHash } from "../model/source.ts";
import { type ValidateOptions, validateDeclared } from "./object.ts";
import { isBuiltInGroup } from "./schemas/index.ts";

/** An object of a file, as far as rules that compare objects need it. */
export interface CheckedObject {
  /** Which one of the file's objects it is, from 0. */
  index: number;
  id: ObjectId;
  document: number;
  /** Without what ConfigMaps and Secrets hold: their keys are there, each with an empty value. */
  object: KubeObject;
  /** What `validateDeclared` says; `undefined` where it takes more than this file to say it. */
  diagnostics?: Diagnostic[];
}

/** Plain data: survives JSON. */
export interface FileCheck {
  /** Of the file's form. */
  diagnostics: Diagnostic[];
  objects: CheckedObject[];
}

/**
 * Parses a file, and checks those of its objects that can be checked without any other file. Never throws for what it
 * holds. Where schemas alone count, objects that are done with are left out: nothing compares them.
 */
export function checkFile(file: ManifestFile, options: ValidateOptions): FileCheck {
  const { declared, diagnostics } = parseManifestFile(file);
  const check: FileCheck = { diagnostics, objects: [] };
  for (const [index, each] of declared.entries()) {
    const { id, document, object } = each;
    if (!isSelfContained(object)) {
      check.objects.push({ index, id, document, object: withoutContents(object) });
      continue;
    }
    const said = validateDeclared(each, options);
    if (options.schemasOnly === true) check.diagnostics.push(...said);
    else check.objects.push({ index, id, document, object: withoutContents(object), diagnostics: said });
  }
  return check;
}

/** Whether the schema is known here: that of somebody's own kind may be declared by another file. */
function isSelfContained({ apiVersion, kind }: KubeObject): boolean {
  return isBuiltInGroup(groupOf(apiVersion)) && kind !== "CustomResourceDefinition";
}

const CONTENTS = ["data", "stringData", "binaryData"];

/** Secrets stay in the thread that read them, and no rule compares contents of two files. */
function withoutContents(object: KubeObject): KubeObject {
  if (object.kind !== "ConfigMap" && object.kind !== "Secret") return object;
  const bare: Record<string, unknown> = { ...object };
  for (const field of CONTENTS) {
    const held = bare[field];
    if (typeof held !== "object" || held === null) continue;
    bare[field] = Array.isArray(held) ? [] : Object.fromEntries(Object.keys(held).map((key) => [key, ""]));
  }
  return bare as KubeObject;
}

/** An object that was checked elsewhere. Its file is parsed again only when somebody asks for a place in it. */
export class CarriedObject implements Declared {
  readonly object: KubeObject;
  readonly id: ObjectId;
  readonly document: number;
  readonly #source: ManifestFile;
  readonly #index: number;
  #whole: Declared | undefined;

  constructor({ object, id, document, index }: CheckedObject, source: ManifestFile) {
    this.object = object;
    this.id = id;
    this.document = document;
    this.#source = source;
    this.#index = index;
  }

  get file(): string {
    return this.#source.file;
  }

  get blob(): ObjectHash {
    return this.#source.blob;
  }

  /** The object as its file declares it. @throws {Error} When the file was changed meanwhile and declares it no more */
  get whole(): Declared {
    this.#whole ??= parseManifestFile(this.#source).declared[this.#index];
    if (this.#whole === undefined) throw new Error(`${this.file} was changed while it was checked`);
    return this.#whole;
  }

  locate(path: FieldPath): Location {
    return this.whole.locate(path);
  }

  locateValue(path: FieldPath): Location {
    return this.whole.locateValue(path);
  }
}
