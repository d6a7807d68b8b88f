/** Reads an image's `config.json`: an OCI image config, whole or only its inner `config`. Pure. */
import { TrueupError } from "../model/errors.ts";
import type { ImageConfig } from "../model/image.ts";

export const CONFIG_FILE = "config.json";
export const MAX_CONFIG_BYTES = 1024 * 1024;

const LISTS = ["Entrypoint", "Cmd", "Env"] as const;

/**
 * @param bytes The file's content; null when the image has none, which is an empty config
 * @throws {TrueupError} `invalid`, saying which field must be what
 * @see OCI image-spec v1.1, config.md
 */
export function parseImageConfig(bytes: Buffer | null): ImageConfig {
  if (bytes === null) return {};
  const document = asRecord(parseJson(bytes), "the document");
  const inner = document.config === undefined ? document : asRecord(document.config ?? {}, "config");
  const config: ImageConfig = {};
  for (const field of LISTS) {
    const value = inner[field] ?? undefined;
    if (value === undefined) continue;
    if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
      throw problem(`${field} must be a list of strings`);
    }
    if (value.some((item) => item.includes("\0"))) throw problem(`${field} must hold no NUL`);
    config[field] = value;
  }
  // The value stays out of the message: it may be a secret.
  const unnamed = config.Env?.findIndex((pair) => pair.indexOf("=") < 1) ?? -1;
  if (unnamed >= 0) throw problem(`Env[${unnamed}] must have the form NAME=value`);
  const directory = inner.WorkingDir ?? undefined;
  if (directory === undefined || directory === "") return config;
  if (typeof directory !== "string" || directory.includes("\0")) throw problem("WorkingDir must be a string");
  return { ...config, WorkingDir: directory };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The parser's own words quote the file, which may hold a secret.
    throw problem("it must be JSON in UTF-8");
  }
}

function asRecord(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw problem(`${what} must be an object`);
}

function problem(why: string): TrueupError {
  return new TrueupError("invalid", `Cannot use ${CONFIG_FILE} as ${why}: it is not so.`, {
    hint: "It is an OCI image config: Entrypoint, Cmd, Env, WorkingDir.",
  });
}
