/** Check of the images that were laid down: each is what its digest says, and the index knows it. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DiskPlace } from "../../image/disk-source.ts";
import { loadIndex } from "../../image/index-file.ts";
import { readImage } from "../../image/materialise.ts";
import { messageOf } from "../../model/errors.ts";
import { type DoctorWorld, type Finding, ok, problem, warning } from "./check.ts";

const DIGEST_NAME = /^[0-9a-f]{64}$/;

export async function checkImages({ stateDir }: Pick<DoctorWorld, "stateDir">): Promise<Finding[]> {
  const directory = join(stateDir, "images");
  if (!existsSync(directory)) return [ok("images", "none yet")];
  const names = readdirSync(directory).filter((name) => DIGEST_NAME.test(name));
  const findings: Finding[] = [];
  const place = new DiskPlace(stateDir);
  for (const name of names) {
    const fault = await faultOf(place, name);
    if (fault === null) continue;
    const hint = `Remove ${join(directory, name)} while no daemon runs: it is laid down anew from git.`;
    findings.push(problem("images", `image ${name.slice(0, 12)}: ${fault}`, hint));
  }
  try {
    const { images } = await loadIndex(join(directory, "index.json"));
    const missing = [...images.keys()].filter((digest) => !names.includes(digest.replace("sha256:", "")));
    if (missing.length > 0) {
      const message = `the index names ${missing.length} images that are not there`;
      findings.push(warning("images", message, "The next daemon finds them again from git."));
    }
  } catch (error) {
    const hint = `Remove ${join(directory, "index.json")}: images are then found again from git.`;
    findings.push(problem("images", messageOf(error), hint));
  }
  return findings.length > 0 ? findings : [ok("images", `${names.length} laid down, each as its digest says`)];
}

async function faultOf(place: DiskPlace, name: string): Promise<string | null> {
  try {
    const source = await place.find("images", name);
    if (source === null) return "it is no directory";
    const { digest } = await readImage(source);
    return digest === `sha256:${name}` ? null : `its content is that of ${digest}`;
  } catch (error) {
    return messageOf(error);
  }
}
