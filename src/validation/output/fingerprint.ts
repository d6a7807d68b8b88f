/** Names a finding so that it is known again after its line has moved: what code scanners compare between runs. */
import { createHash } from "node:crypto";
import type { Diagnostic } from "../../model/diagnostic.ts";
import { keyOfId } from "../../model/object.ts";

/**
 * A fingerprint for each diagnostic, in order: of the rule, the file, the object and the field. Neither the line nor the
 * message is in it; equal ones in one file are counted.
 *
 * @param fileOf The file's path as it is reported
 */
export function fingerprints(diagnostics: readonly Diagnostic[], fileOf: (file: string) => string): string[] {
  const seen = new Map<string, number>();
  return diagnostics.map(({ rule, location, object, field }) => {
    const parts = [rule, fileOf(location.file), object === undefined ? "" : keyOfId(object), field ?? ""];
    const name = JSON.stringify(parts);
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return createHash("sha256").update(`${name}#${count}`).digest("hex").slice(0, 40);
  });
}
