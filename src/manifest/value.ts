/** Reads one YAML document as a plain value with places: configuration files. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { FieldPath } from "../model/manifest.ts";
import type { Json } from "../model/object.ts";
import type { Location } from "../model/source.ts";
import { readDocuments } from "./documents.ts";
import { locateField } from "./locate.ts";

export interface ParsedValue {
  /** `null` when the file is empty; absent when it cannot be read. */
  value?: Json;
  diagnostics: Diagnostic[];
  /** Place of a field's key or value; the file's beginning when nothing can be read. */
  locate(path: FieldPath, part: "key" | "value"): Location;
}

/** Parses a text of at most one document that is not empty. Never throws for what the text holds. */
export function parseValue(text: string, file: string): ParsedValue {
  const documents = readDocuments(text, file.endsWith(".json"));
  const diagnostics = documents.flatMap((document) =>
    document.faults.map(
      ({ rule, message, hint, position }): Diagnostic => ({
        severity: "error",
        rule,
        message,
        location: { file, ...position },
        ...(hint !== undefined && { hint }),
      }),
    ),
  );
  const filled = documents.filter(({ value }) => value !== undefined && value !== null);
  const [first, second] = filled;
  const place = first === undefined ? undefined : { source: first.source, firstEvent: first.firstEvent, within: [] };
  if (second !== undefined) {
    const location = locateField({ source: second.source, firstEvent: second.firstEvent, within: [] }, file, [], "key");
    const message = "Cannot read the file as it must hold one document: it holds another here";
    diagnostics.push({ severity: "error", rule: "config-invalid", message, location });
  }
  return {
    ...(diagnostics.length === 0 && { value: first?.value ?? null }),
    diagnostics,
    locate: (path, part) => (place === undefined ? { file, line: 1, column: 1 } : locateField(place, file, path, part)),
  };
}
