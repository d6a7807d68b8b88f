/** Checks one file by itself, with a result that can leave its thread: what the file's objects are, and what is wrong with each. */
import { type ManifestFile, parseManifestFile } from "../manifest/parse.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared, FieldPath } from "../model/manifest.ts";
import { groupOf, type KubeObject, type ObjectId } from "../model/object.ts";
import type { Location, ObjectHash } from "../model/source.ts";
import { findFacts, type ObjectFacts, type WithFacts } from "./facts.ts";
import { type ImagePlace, imagePlaces } from "./image-uses.ts";
import { type ValidateOptions, validateDeclared } from "./object.ts";
import { isBuiltInGroup } from "./schemas/index.ts";

/** What is known of an object of a file: its facts, for the rules that compare objects, and what is wrong with it. */
export interface CheckedObject {
  /** Which one of the file's objects it is, from 0. */
  index: number;
  id: ObjectId;
  document: number;
  /** What a Secret holds stays in the thread that read it: facts name keys, never values. */
  facts: ObjectFacts;
  /** Whether it takes more than this file to say what is wrong with it by itself. */
  isOpen?: boolean;
}

/** Plain data: survives JSON. */
export interface FileCheck {
  /** Of the file's form, and of its objects by themselves, but for the open ones. */
  diagnostics: Diagnostic[];
  objects: CheckedObject[];
  /** Images that its objects name. */
  images: (ImagePlace & { index: number })[];
}

/**
 * Parses a file, and checks those of its objects that can be checked without any other file. Never throws for what it
 * holds. Where schemas alone count, objects that are done with are left out: nothing compares them.
 */
export function checkFile(file: ManifestFile, options: ValidateOptions): FileCheck {
  const { declared, diagnostics } = parseManifestFile(file);
  const check: FileCheck = { diagnostics: [...diagnostics], objects: [], images: [] };
  for (const [index, each] of declared.entries()) {
    const { id, document, object } = each;
    const isOpen = !isSelfContained(object);
    if (!isOpen) check.diagnostics.push(...validateDeclared(each, options));
    if (!isOpen && options.schemasOnly === true) continue;
    check.objects.push({ index, id, document, facts: findFacts(id, object), ...(isOpen && { isOpen }) });
    for (const place of imagePlaces(object)) check.images.push({ index, ...place });
  }
  return check;
}

/** Whether the schema is known here: that of somebody's own kind may be declared by another file. */
function isSelfContained({ apiVersion, kind }: KubeObject): boolean {
  return isBuiltInGroup(groupOf(apiVersion)) && kind !== "CustomResourceDefinition";
}

/** An object that was checked elsewhere. Its file is parsed again only when somebody asks for it, or for a place in it. */
export class CarriedObject implements WithFacts {
  readonly facts: ObjectFacts;
  readonly id: ObjectId;
  readonly document: number;
  readonly index: number;
  readonly isOpen: boolean;
  readonly #source: ManifestFile;
  #whole: Declared | undefined;

  constructor({ facts, id, document, index, isOpen = false }: CheckedObject, source: ManifestFile) {
    this.facts = facts;
    this.id = id;
    this.document = document;
    this.#source = source;
    this.index = index;
    this.isOpen = isOpen;
  }

  get object(): KubeObject {
    return this.whole.object;
  }

  get file(): string {
    return this.#source.file;
  }

  get blob(): ObjectHash {
    return this.#source.blob;
  }

  /** The object as its file declares it. @throws {Error} When the file was changed meanwhile and declares it no more */
  get whole(): Declared {
    this.#whole ??= parseManifestFile(this.#source).declared[this.index];
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
