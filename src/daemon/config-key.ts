/** The key of the configuration digests: made once for a state directory, and readable by its user alone. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, TrueupError } from "../model/errors.ts";
import { writePrivateFile } from "./private-file.ts";

/** In the state directory. */
export const CONFIG_KEY_FILE = "config.key";
const BYTES = 32;

/**
 * Reads the key, or makes it when there is none. The caller holds the state directory's lock.
 *
 * A key that was lost is made anew, and then every workload that watches its configuration restarts once: its digests are
 * others. One that is there and cannot be a key is never replaced by itself.
 *
 * @param random Gives so many unpredictable bytes
 * @throws {TrueupError} `io` when it cannot be read or written, or is no key
 */
export async function readConfigKey(stateDir: string, random: (bytes: number) => Uint8Array): Promise<Uint8Array> {
  const path = join(stateDir, CONFIG_KEY_FILE);
  try {
    return checked(path, await readFile(path));
  } catch (error) {
    if (error instanceof TrueupError) throw error;
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw failure("read", path, error);
  }
  const key = random(BYTES);
  try {
    await writePrivateFile(path, key);
  } catch (error) {
    throw failure("write", path, error);
  }
  return key;
}

function checked(path: string, content: Buffer): Uint8Array {
  if (content.length === BYTES) return content;
  throw new TrueupError("io", `Cannot use ${path} as it must hold ${BYTES} bytes: it holds ${content.length}.`, {
    hint: "Restore it from a backup; or remove it, and workloads that watch their configuration restart once.",
  });
}

function failure(doing: string, path: string, cause: unknown): TrueupError {
  return new TrueupError("io", `Cannot ${doing} ${path}: ${messageOf(cause)}`, { cause });
}
