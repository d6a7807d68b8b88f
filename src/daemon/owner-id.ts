/** The id under which a state directory's daemon owns objects on a cluster, so that two daemons never fight over one. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, TrueupError } from "../model/errors.ts";
import { type Random, randomUuid } from "../util/random.ts";
import { writePrivateFile } from "./private-file.ts";

/** In the state directory, and in its backups: who lost it would find all that it applied to be somebody else's. */
export const OWNER_ID_FILE = "owner.id";
/** A part of names of objects. */
export const OWNER_ID = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Reads the id, or makes it when there is none. The caller holds the state directory's lock.
 *
 * @throws {TrueupError} `io` when it cannot be read or written, or is no id
 */
export async function readOwnerId(stateDir: string, random: Random): Promise<string> {
  const path = join(stateDir, OWNER_ID_FILE);
  try {
    return checked(path, (await readFile(path, "utf8")).trim());
  } catch (error) {
    if (error instanceof TrueupError) throw error;
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw failure("read", path, error);
  }
  const id = randomUuid(random);
  try {
    await writePrivateFile(path, `${id}\n`);
  } catch (error) {
    throw failure("write", path, error);
  }
  return id;
}

function checked(path: string, text: string): string {
  if (OWNER_ID.test(text)) return text;
  throw new TrueupError("io", `Cannot use ${path} as it must hold an id of letters, digits and dashes: it does not.`, {
    hint: "Restore it from a backup, or name the id in the configuration: owner of the target.",
  });
}

function failure(doing: string, path: string, cause: unknown): TrueupError {
  return new TrueupError("io", `Cannot ${doing} ${path}: ${messageOf(cause)}`, { cause });
}
