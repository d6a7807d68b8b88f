/** Writes small files of the state directory: whole or not at all, and readable by their user alone. */
import { open, rename, rm } from "node:fs/promises";

/** On disk as a whole or not at all, whenever the process or the machine ends. The caller holds the state directory's lock. */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
