/** Randomness as an argument: the system's, and a seeded one that replays exactly. */
import { randomBytes } from "node:crypto";

/** All that code below `cli/` may know of chance. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/** Unpredictable numbers, 48 bits each. */
export const systemRandom: Random = {
  next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};

/**
 * A generator that gives the same numbers for the same seed: mulberry32 (public domain, Tommy Ettinger), 32 bits of
 * state, more than enough for a simulation and never for secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}

/** Kubernetes' alphabet for generated names: no vowels, hence no words; no 0, 1 and 3, hence no look-alikes. */
const NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** A random name suffix as Kubernetes makes them, `length` characters (pods use 5). */
export function randomSuffix(random: Random, length = 5): string {
  let suffix = "";
  for (let i = 0; i < length; i++) suffix += NAME_ALPHABET[Math.floor(random.next() * NAME_ALPHABET.length)];
  return suffix;
}

/** A random version 4 UUID (RFC 9562) from the given source, so that a seeded world has the same uids each time. */
export function randomUuid(random: Random): string {
  const hex = (digits: number): string =>
    Math.floor(random.next() * 16 ** digits)
      .toString(16)
      .padStart(digits, "0");
  const variant = (8 + Math.floor(random.next() * 4)).toString(16);
  return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(8)}${hex(4)}`;
}
