/** Durations as people type them: `90`, `30s`, `5m`, `1h30m`. */
import { TrueupError } from "../model/errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * Milliseconds of a duration; a bare number counts seconds.
 *
 * @throws {TrueupError} `usage` when it is none
 */
export function readDuration(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const parts = [...text.matchAll(/(\d{1,9}(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    throw new TrueupError(
      "usage",
      `Cannot use --${option} as it must be a duration such as 30s or 5m: it is "${text}".`,
    );
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ""] ?? 0), 0);
}
