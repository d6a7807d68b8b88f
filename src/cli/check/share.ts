/** How threads share the files of one check: each takes the next few until none is left. */
import { readFileSync } from "node:fs";
import { asObjectHash } from "../../model/source.ts";
import { checkFile, type FileCheck, type ValidateOptions } from "../../validation/index.ts";
import { keyOf } from "./cache.ts";

/** What all threads work on. */
export interface Work {
  /** Absolute path, and the name under which it is shown. */
  files: readonly { path: string; file: string }[];
  defaultNamespace: string;
  options: ValidateOptions;
  /** Whether each result comes with its file's key in the cache, of the content that was checked. */
  withKeys: boolean;
  /** One number: the first file that nobody has taken. */
  next: SharedArrayBuffer;
}

/** What a thread found, by the number of the file. `unreadable` ends the check. */
export interface Share {
  found: [number, FileCheck, key: string][];
  unreadable?: { file: string; code: string | undefined; message: string };
}

/** Files that a thread takes at a time: few, so that both end together. */
const BATCH = 16;

/** Not asked for by any check, and costly to make for every file. */
const NO_BLOB = asObjectHash("0".repeat(40));

/** Checks files until none is left. */
export function workOn({ files, defaultNamespace, options, withKeys, next }: Work): Share {
  const counter = new Int32Array(next);
  const share: Share = { found: [] };
  for (;;) {
    const first = Atomics.add(counter, 0, BATCH);
    if (first >= files.length) return share;
    for (let at = first; at < Math.min(first + BATCH, files.length); at++) {
      const { path, file } = files[at] as Work["files"][number];
      let text: string;
      try {
        text = readFileSync(path, "utf8");
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        // The others have nothing to do any more either.
        Atomics.store(counter, 0, files.length);
        return { ...share, unreadable: { file, code, message } };
      }
      const check = checkFile({ file, blob: NO_BLOB, text, defaultNamespace }, options);
      share.found.push([at, check, withKeys ? keyOf(file, text) : ""]);
    }
  }
}
