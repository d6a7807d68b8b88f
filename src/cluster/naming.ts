/** Names and uids for new objects, none of them taken. */
import { TrueupError } from "../model/errors.ts";
import type { KubeObject } from "../model/object.ts";
import { type Random, randomSuffix, randomUuid } from "../util/random.ts";
import { withMetadata } from "./object-fields.ts";

/** A seeded source says the same again after a restart: names that it gave before have to be passed over. */
const ATTEMPTS = 10_000;

/**
 * The object with a name: its own, or one made from `generateName`.
 *
 * @throws {TrueupError} `conflict` when no free name was found
 */
export function named(object: KubeObject, random: Random, isTaken: (object: KubeObject) => boolean): KubeObject {
  const { name, generateName } = object.metadata;
  if (name || generateName === undefined) return object;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const candidate = withMetadata(object, { name: generateName + randomSuffix(random) });
    if (!isTaken(candidate)) return candidate;
  }
  throw new TrueupError(
    "conflict",
    `Cannot create a ${object.kind} as a free name must be found after ${generateName}: ${ATTEMPTS} were taken.`,
  );
}

/** A uid that no object has. */
export function freshUid(random: Random, isTaken: (uid: string) => boolean): string {
  for (;;) {
    const uid = randomUuid(random);
    if (!isTaken(uid)) return uid;
  }
}
