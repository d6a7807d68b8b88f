/** Reads a manifest file into declared objects and the diagnostics that keep it from being applied. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared, FieldPath } from "../model/manifest.ts";
import {
  groupOf,
  idOf,
  isClusterScoped,
  type Json,
  type JsonObject,
  type KubeObject,
  type ObjectId,
} from "../model/object.ts";
import type { Location, ObjectHash } from "../model/source.ts";
import { positionAt, readDocuments, type YamlDocument } from "./documents.ts";
import { isUtf16, TEMPLATE_HINT } from "./explain.ts";
import { type Fault, LIMITS } from "./faults.ts";
import { nameForeign } from "./foreign.ts";
import { positionOf } from "./lines.ts";
import { locateField, type ObjectPlace, positionsIn, treeOf } from "./locate.ts";
import { findSurprises } from "./surprises.ts";

export interface ManifestFile {
  /** Relative to the repository's root, with `/`. */
  file: string;
  blob: ObjectHash;
  text: string;
  /** Namespace of objects that name none; "default" when absent. */
  defaultNamespace?: string;
}

export interface ParsedManifest {
  declared: Declared[];
  diagnostics: Diagnostic[];
}

/** Files that tools keep beside manifests. */
const OTHER_FILES = new Set([
  "trueup.yaml",
  "trueup.config.yaml",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
]);

/**
 * Whether a file of a repository is read as a manifest, by its path alone: YAML and JSON, but nothing hidden, nothing
 * under a directory `images` (those are images' contents) or `node_modules`, and not trueup's own configuration.
 */
export function isManifestPath(path: string): boolean {
  if (!/\.(?:ya?ml|json)$/.test(path)) return false;
  const parts = path.split("/");
  const name = parts.at(-1) ?? "";
  if (OTHER_FILES.has(name)) return false;
  if (parts.some((part) => part.startsWith("."))) return false;
  return !parts.slice(0, -1).some((part) => part === "images" || part === "node_modules");
}

/** Parses one file. Never throws for what the text holds: every fault becomes a diagnostic. */
export function parseManifestFile(input: ManifestFile): ParsedManifest {
  return new ManifestReader(input).read();
}

class DeclaredObject implements Declared {
  readonly object: KubeObject;
  readonly id: ObjectId;
  readonly file: string;
  readonly blob: ObjectHash;
  readonly document: number;
  readonly place: ObjectPlace;
  readonly #offset: number;

  constructor(object: KubeObject, id: ObjectId, input: ManifestFile, document: YamlDocument, place: ObjectPlace) {
    this.object = object;
    this.id = id;
    this.file = input.file;
    this.blob = input.blob;
    this.document = document.index;
    this.place = place;
    this.#offset = place.within.length === 0 ? document.offset : -1;
  }

  locate(path: FieldPath): Location {
    // Plans ask every object for its line: the document's own start is known without parsing again.
    if (path.length === 0 && this.#offset >= 0) {
      return { file: this.file, ...positionAt(this.place.source, this.#offset) };
    }
    return locateField(this.place, this.file, path, "key");
  }

  locateValue(path: FieldPath): Location {
    return locateField(this.place, this.file, path, "value");
  }
}

/** Where `parseManifestFile` found an object; `undefined` of an object from elsewhere. */
export function placeOf(declared: Declared): ObjectPlace | undefined {
  return declared instanceof DeclaredObject ? declared.place : undefined;
}

/** How the parser says that the text ends too early. */
const CUT_OFF = "unexpected end of the stream";

class ManifestReader {
  readonly #input: ManifestFile;
  readonly #declared: Declared[] = [];
  readonly #diagnostics: Diagnostic[] = [];

  constructor(input: ManifestFile) {
    this.#input = input;
  }

  read(): ParsedManifest {
    const { file, text } = this.#input;
    const json = file.endsWith(".json");
    if (text.length > LIMITS.characters) {
      this.#report(
        "yaml-limits",
        `Cannot read the file as it must have at most ${LIMITS.characters} characters: it has ${text.length}`,
        { location: { file, line: 1, column: 1 } },
      );
      return this.#result();
    }
    if (isUtf16(text)) {
      this.#report("yaml-encoding", "Cannot read the file as it must be UTF-8: it is UTF-16", {
        location: { file, line: 1, column: 1 },
        hint: "Save the file as UTF-8.",
      });
      return this.#result();
    }
    const documents = readDocuments(text, json);
    const manifestLike = documents.some(({ value }) => isRecord(value) && ("apiVersion" in value || "kind" in value));
    const faults = documents.flatMap((document) => document.faults);
    // Other tools' files are no concern, be they JSON or nearly so. One that breaks off may have been a manifest: what it
    // declared would seem to be removed.
    const isCutOff =
      faults.length > 0 && (text.endsWith("\\") || faults.some(({ message }) => message.includes(CUT_OFF)));
    const mayBeOne = isCutOff || (faults.length > 0 && /"(?:apiVersion|kind)"/.test(text));
    if (!manifestLike && json && !mayBeOne) return this.#result();
    this.#encoding();
    this.#faults(faults);
    for (const document of documents) {
      if (document.value === undefined || document.value === null || !manifestLike) continue;
      this.#object(document, document.value, []);
      if (document.surprising) this.#surprises(document);
    }
    if (!manifestLike && faults.length === 0) {
      const first = documents.find(({ value }) => value !== undefined && value !== null);
      if (first !== undefined) this.#notAManifest(first);
    }
    return this.#result();
  }

  #result(): ParsedManifest {
    return { declared: this.#declared, diagnostics: this.#diagnostics };
  }

  /** Bytes that are no UTF-8 arrive as this sign, as do those that an editor has lost already. */
  #encoding(): void {
    const { file, text } = this.#input;
    const at = text.indexOf("\uFFFD");
    if (at < 0) return;
    this.#report("yaml-encoding", "Cannot read the file as it must be UTF-8: a character here is not, or was lost", {
      location: { file, ...positionOf(text, at) },
      hint: "Save the file as UTF-8, and write this character again.",
    });
  }

  /** Of a template only the first fault is told: the others say the same. */
  #faults(faults: readonly Fault[]): void {
    const { file } = this.#input;
    const template = faults.find(({ hint }) => hint === TEMPLATE_HINT);
    if (template !== undefined) {
      this.#report("needs-rendering", "Cannot read the file as it must be rendered first: it is a template", {
        location: { file, ...template.position },
        hint: "Commit what it renders, and keep templates out of the app's directory.",
      });
      return;
    }
    for (const { position, rule, message, hint } of faults)
      this.#report(rule, message, { location: { file, ...position }, ...(hint !== undefined && { hint }) });
  }

  #surprises({ source, firstEvent }: YamlDocument): void {
    const root = treeOf({ source, firstEvent, within: [] });
    const position = positionsIn(source);
    for (const { rule, message, hint, offset } of findSurprises(source.text, root)) {
      const location = { file: this.#input.file, ...position(offset) };
      this.#diagnostics.push({ severity: "warning", rule, message, location, hint });
    }
  }

  #notAManifest(document: YamlDocument): void {
    const name = nameForeign(this.#input.file, document.value ?? null);
    this.#diagnostics.push({
      severity: "warning",
      rule: "not-a-manifest",
      message: `Nothing is applied from this file as it ${name === undefined ? "has neither apiVersion nor kind" : `is ${name}`}`,
      location: { file: this.#input.file, ...positionAt(document.source, document.offset) },
      hint: "Move it out of the app's directory if it is no manifest.",
    });
  }

  /** Declares an object, or the items of a List. */
  #object(document: YamlDocument, value: Json, within: FieldPath): void {
    const place: ObjectPlace = { source: document.source, firstEvent: document.firstEvent, within };
    const at = (path: FieldPath): Location => locateField(place, this.#input.file, path, "value");
    if (!isRecord(value)) {
      this.#report("manifest-shape", `Cannot read the object as it must be a mapping: it is ${nameType(value)}`, {
        location: at([]),
      });
      return;
    }
    const { apiVersion, kind, items } = value;
    if (typeof kind === "string" && kind.endsWith("List") && (Array.isArray(items) || kind === "List")) {
      this.#list(document, value, within);
      return;
    }
    const generator = generatorOf(this.#input.file, value);
    if (generator !== undefined) {
      this.#report("needs-rendering", `Cannot apply ${generator} as it must be rendered first: it is no object`, {
        location: at([]),
        hint: "Commit what it renders, and keep the file itself out of the app's directory.",
      });
      return;
    }
    const missing: string[] = [];
    for (const [field, content] of [
      ["apiVersion", apiVersion],
      ["kind", kind],
    ] as const) {
      if (typeof content === "string" && content !== "") continue;
      missing.push(field);
      const isThere = content !== undefined && content !== null;
      this.#report(
        `missing-${field === "kind" ? "kind" : "api-version"}`,
        `Cannot read the object as ${field} must be text: ${isThere ? `it is ${JSON.stringify(content)}` : "it is missing"}`,
        {
          location: at([field]),
          field,
          hint: field === "kind" ? "Say what it is: kind: Deployment" : "Say the API's version: apiVersion: apps/v1",
        },
      );
    }
    this.#named(document, value, place, missing.length > 0);
  }

  #named(document: YamlDocument, value: JsonObject, place: ObjectPlace, incomplete: boolean): void {
    const metadata = value.metadata;
    const name = isRecord(metadata) ? metadata.name : undefined;
    if (typeof name !== "string" || name === "") {
      const path = isRecord(metadata) && name !== undefined ? ["metadata", "name"] : ["metadata"];
      const generated = isRecord(metadata) && typeof metadata.generateName === "string";
      const was = name === undefined || name === null ? "it is missing" : `it is ${JSON.stringify(name)}`;
      this.#report("missing-name", `Cannot read the object as metadata.name must be text: ${was}`, {
        location: locateField(place, this.#input.file, path, "value"),
        field: "metadata.name",
        hint: generated
          ? "Give it a fixed name: generateName would make another object at each commit."
          : name === undefined || name === null || name === ""
            ? "Give it a name that is unique among objects of its kind."
            : "Put it in quotes: YAML 1.1 reads words such as y, on and numbers as other than text.",
      });
      return;
    }
    if (incomplete) return;
    const object = value as KubeObject;
    this.#declared.push(new DeclaredObject(object, this.#idOf(object), this.#input, document, place));
  }

  #idOf(object: KubeObject): ObjectId {
    const fallback = this.#input.defaultNamespace ?? "default";
    if (typeof (object.metadata.namespace ?? "") === "string") return idOf(object, fallback);
    const group = groupOf(object.apiVersion);
    const namespace = isClusterScoped(group, object.kind) ? "" : fallback;
    return { group, kind: object.kind, namespace, name: object.metadata.name };
  }

  #list(document: YamlDocument, list: JsonObject, within: FieldPath): void {
    const { items, kind, apiVersion } = list;
    if (!Array.isArray(items)) {
      const place: ObjectPlace = { source: document.source, firstEvent: document.firstEvent, within };
      this.#report("manifest-shape", `Cannot read the List as items must be a list: it is ${nameType(items ?? null)}`, {
        location: locateField(place, this.#input.file, ["items"], "key"),
        field: "items",
      });
      return;
    }
    for (const [at, item] of items.entries()) {
      // Items of a typed list (`DeploymentList`) need not repeat what the list says.
      const typed = isRecord(item) && typeof kind === "string" && kind !== "List" && item.kind === undefined;
      const whole = typed ? { apiVersion: apiVersion ?? null, kind: kind.slice(0, -"List".length), ...item } : item;
      this.#object(document, whole, [...within, "items", at]);
    }
  }

  #report(rule: string, message: string, rest: Pick<Diagnostic, "location" | "field" | "hint">): void {
    this.#diagnostics.push({ severity: "error", rule, message, ...rest });
  }
}

/** What the file is for, when it makes manifests and is none: a kustomization, a Helm chart. */
function generatorOf(file: string, { apiVersion, kind }: JsonObject): string | undefined {
  const name = file.slice(file.lastIndexOf("/") + 1);
  const isKustomize = typeof apiVersion === "string" && apiVersion.startsWith("kustomize.config.k8s.io/");
  if (isKustomize || /^kustomization\.ya?ml$/.test(name)) return "a kustomization";
  // What kustomize's own transformers and generators are configured by; no server has such an API version.
  if (apiVersion === "builtin") return "a kustomize transformer";
  return name === "Chart.yaml" && kind === undefined ? "a Helm chart" : undefined;
}

function isRecord(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nameType(value: Json): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  // Not quoted: beside Secrets it may be part of one.
  return typeof value === "string" ? "text" : JSON.stringify(value);
}
