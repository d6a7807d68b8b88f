/** What simulated containers do: per image, how long they take, how they fail, what they print. */
import { TrueupError } from "../model/errors.ts";
import { type ImageCatalog, type ImageResolution, parseImageReference } from "../model/image.ts";
import type { Random } from "../util/random.ts";

/** Milliseconds: a number, or the two ends of a range from which each run draws. */
export type Duration = number | readonly [number, number];

export interface ContainerScript {
  /** Glob over image references: `*` matches any characters, `?` one. The first entry that matches counts. */
  image: string;
  /** From the decision to start until the container runs. */
  startMs: Duration;
  /** From running until probes succeed; `null`: never. */
  readyMs: Duration | null;
  /** From SIGTERM until the end; `null`: SIGTERM is ignored. */
  drainMs: Duration | null;
  /** How a run ends by itself, from when it runs; `null`: it does not. */
  exit: { afterMs: Duration; code: number } | null;
  /** Only runs below this number end by `exit`: a crash loop that heals. `null`: all of them. */
  exitUntilRun: number | null;
  /** Liveness fails from this long after running; `null`: never. */
  hangMs: Duration | null;
  /** Readiness comes and goes: after each `upMs` ready come `downMs` not ready. */
  flap: { upMs: number; downMs: number } | null;
  /** No such image: its containers get ErrImagePull. */
  missing: boolean;
  /** Printed at the start of each run; `{pod}`, `{container}`, `{run}` are replaced. */
  logs: readonly string[];
}

export interface Scenario {
  /** For documentation and for whoever makes the generator; the runtime is handed its randomness. */
  seed: number;
  containers: readonly ContainerScript[];
}

/** What a container does that no entry of the scenario matches. */
export const DEFAULT_SCRIPT: ContainerScript = {
  image: "*",
  startMs: 300,
  readyMs: 500,
  drainMs: 200,
  exit: null,
  exitUntilRun: null,
  hangMs: null,
  flap: null,
  missing: false,
  logs: ["{pod}: started"],
};

/** Draws one value, milliseconds. */
export function drawMs(duration: Duration, random: Random): number {
  if (typeof duration === "number") return duration;
  const [from, to] = duration;
  return Math.round(from + (to - from) * random.next());
}

/** The script of an image reference: the first that matches, else the default one. */
export function scriptFor(scenario: Scenario, image: string): ContainerScript {
  return scenario.containers.find((script) => matchesGlob(script.image, image)) ?? DEFAULT_SCRIPT;
}

function matchesGlob(glob: string, text: string): boolean {
  const pattern = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${pattern}$`).test(text);
}

/** A catalog in which every image is there but those that the scenario calls missing. */
export function scenarioCatalog(scenario: Scenario): ImageCatalog {
  const known = new Map<string, ImageResolution>();
  return {
    resolve: (reference) => {
      const resolution = known.get(reference) ?? resolveSimulated(scenario, reference);
      known.set(reference, resolution);
      return resolution;
    },
  };
}

function resolveSimulated(scenario: Scenario, reference: string): ImageResolution {
  if (parseImageReference(reference) === null) {
    const message = `couldn't parse image name "${reference}": invalid reference format`;
    return { found: false, reference, message, reason: "InvalidImageName" };
  }
  if (scriptFor(scenario, reference).missing) {
    return { found: false, reference, message: `the scenario has no image ${reference}`, reason: "ErrImagePull" };
  }
  // FNV-1a over the reference, repeated to the length of a digest: equal references, equal digests.
  let hash = 0x811c9dc5;
  for (const char of reference) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  const digest = `sha256:${hash.toString(16).padStart(8, "0").repeat(8)}`;
  return { found: true, reference, digest, directory: "/", config: { Entrypoint: ["simulated"] } };
}

/**
 * Reads a scenario from parsed YAML or JSON; what is absent gets the default.
 *
 * @throws {TrueupError} `invalid` naming the field that is wrong or unknown
 */
export function parseScenario(input: unknown): Scenario {
  const root = fields(input ?? {}, "scenario", ["seed", "containers"]);
  const seed = root.seed === undefined ? 1 : number(root.seed, "seed", Number.MIN_SAFE_INTEGER);
  const list = root.containers ?? [];
  if (!Array.isArray(list)) throw wrong("containers", "a list", list);
  return { seed, containers: list.map((entry, index) => parseScript(entry, `containers[${index}]`)) };
}

function parseScript(input: unknown, at: string): ContainerScript {
  const script = fields(input, at, Object.keys(DEFAULT_SCRIPT));
  const optional = <T>(key: keyof ContainerScript, read: (value: unknown, at: string) => T): T | null => {
    const value = script[key] === undefined ? DEFAULT_SCRIPT[key] : script[key];
    return value === null ? null : read(value, `${at}.${key}`);
  };
  const required = <T>(key: keyof ContainerScript, read: (value: unknown, at: string) => T): T =>
    read(script[key] === undefined ? DEFAULT_SCRIPT[key] : script[key], `${at}.${key}`);
  return {
    image: required("image", text),
    startMs: required("startMs", duration),
    readyMs: optional("readyMs", duration),
    drainMs: optional("drainMs", duration),
    exit: optional("exit", (value, where) => {
      const exit = fields(value, where, ["afterMs", "code"]);
      return {
        afterMs: duration(exit.afterMs ?? 0, `${where}.afterMs`),
        code: exit.code === undefined ? 1 : number(exit.code, `${where}.code`, 0),
      };
    }),
    exitUntilRun: optional("exitUntilRun", (value, where) => number(value, where, 0)),
    hangMs: optional("hangMs", duration),
    flap: optional("flap", (value, where) => {
      const flap = fields(value, where, ["upMs", "downMs"]);
      return { upMs: number(flap.upMs, `${where}.upMs`, 1), downMs: number(flap.downMs, `${where}.downMs`, 1) };
    }),
    missing: required("missing", (value, where) => {
      if (typeof value !== "boolean") throw wrong(where, "true or false", value);
      return value;
    }),
    logs: required("logs", (value, where) => {
      if (!Array.isArray(value)) throw wrong(where, "a list", value);
      return value.map((line, index) => text(line, `${where}[${index}]`));
    }),
  };
}

function fields(value: unknown, at: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(at, "a mapping", value);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw wrong(`${at}.${unknown}`, `one of ${known.join(", ")}`, unknown);
  return value as Record<string, unknown>;
}

function text(value: unknown, at: string): string {
  if (typeof value !== "string") throw wrong(at, "text", value);
  return value;
}

function number(value: unknown, at: string, least: number): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < least) {
    throw wrong(at, `a number of at least ${least}`, value);
  }
  return value;
}

function duration(value: unknown, at: string): Duration {
  if (!Array.isArray(value)) return number(value, at, 0);
  const from = number(value[0], `${at}[0]`, 0);
  const to = number(value[1], `${at}[1]`, from);
  if (value.length !== 2) throw wrong(at, "a number or two of them", value);
  return [from, to];
}

function wrong(at: string, must: string, value: unknown): TrueupError {
  return new TrueupError(
    "invalid",
    `Cannot use the scenario as ${at} must be ${must}: it is ${JSON.stringify(value)}.`,
  );
}
