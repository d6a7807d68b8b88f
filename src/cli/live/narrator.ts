/** Writes a running daemon's story to an output, line by line, as `demo` and `run` show it. */
import { ERROR_CLASSES, TrueupError } from "../../model/errors.ts";
import { type KubeObject, keyOf, type ObjectKey } from "../../model/object.ts";
import type { AppStatus } from "../../model/status.ts";
import type { DaemonService } from "../../server/service.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import type { Output, Style } from "../output.ts";
import { printableLine } from "../print/escape.ts";
import { type Line, narrateApp, narrateObject, narrateWaiting, type Tone } from "./narrate.ts";

/** How long after a failed read the story is taken up again, milliseconds. */
const RETRY_MS = 1_000;
/** The same after a refusal: a right that is missing is not given within the second. */
const REFUSED_MS = 10_000;
/** After this long without a line, what is waited for is told, milliseconds. */
const SILENCE_MS = 30_000;

/**
 * Tells the story until the signal ends it: objects that cannot be read meanwhile are read again later. A server that is
 * away, or a right that was taken, must not end the daemon whose story this is; the apps' states tell of both.
 */
export async function narrateDaemon(
  service: DaemonService,
  out: Output,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const seen = new Map<string, AppStatus>();
  let pending: Promise<void> = Promise.resolve();
  let toldAt = clock.monotonic();
  const say = (lines: readonly Line[]): void => {
    if (lines.length > 0) toldAt = clock.monotonic();
    for (const line of lines) {
      const text = `${out.style.dim(timeOfDay(clock.now()))}  ${paint(out.style, line.tone)(printableLine(line.text))}`;
      pending = pending.then(() => tellOrLose(out, text));
    }
  };
  const tellApps = (): void => {
    const { apps } = service.status();
    for (const app of apps) {
      say(narrateApp(seen.get(app.app), app, apps.length > 1));
      seen.set(app.app, app);
    }
  };
  /** Speaks when it is time to, and says after how many milliseconds it may be again. */
  const breakSilence = (): number => {
    const left = toldAt + SILENCE_MS - clock.monotonic();
    if (left > 0) return left;
    toldAt = clock.monotonic();
    const { apps } = service.status();
    say(apps.map((app) => narrateWaiting(app, apps.length > 1)).filter((line) => line !== null));
    return SILENCE_MS;
  };
  const stop = service.onChange(tellApps);
  tellApps();
  const over = new AbortController();
  const reminders = remind(clock, breakSilence, AbortSignal.any([signal, over.signal]));
  try {
    const objects = new Map<string, KubeObject>();
    for (;;) {
      const retryMs = await narrateObjects(service, objects, say, signal);
      if (retryMs === null) break;
      await waitOrAborted(clock, retryMs, signal);
    }
  } finally {
    stop();
    over.abort();
    await reminders;
    await pending;
  }
}

async function remind(clock: Clock, breakSilence: () => number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await waitOrAborted(clock, breakSilence(), signal);
}

/** @returns After how many milliseconds the story, which broke off, is to be taken up again; `null` when it is over */
async function narrateObjects(
  service: DaemonService,
  objects: Map<string, KubeObject>,
  say: (lines: readonly Line[]) => void,
  signal: AbortSignal,
): Promise<number | null> {
  const isFirst = objects.size === 0;
  const hear = (key: string, current: KubeObject | undefined): void => {
    const line = narrateObject(objects.get(key), current);
    if (current === undefined) objects.delete(key);
    else objects.set(key, current);
    if (line !== null && !isQuiet) say([line]);
  };
  let isQuiet = isFirst;
  try {
    const list = await service.backend.list({}, signal);
    const there = new Map(
      list.items.filter(({ object }) => isTold(object)).map(({ object }) => [keyOf(object), object]),
    );
    for (const key of [...objects.keys()]) if (!there.has(key as ObjectKey)) hear(key, undefined);
    for (const [key, object] of there) hear(key, object);
    isQuiet = false;
    for await (const event of service.backend.watch({}, list.version, signal)) {
      if (event.type === "bookmark" || !isTold(event.observed.object)) continue;
      hear(keyOf(event.observed.object), event.type === "deleted" ? undefined : event.observed.object);
    }
  } catch (error) {
    if (signal.aborted) return null;
    // A fault of ours must be seen; all else passes, or somebody mends it.
    if (!(error instanceof TrueupError) || error.code === "internal") throw error;
    return ERROR_CLASSES[error.code].retryable ? RETRY_MS : REFUSED_MS;
  }
  return null;
}

/** Writes a line. One that does not fit on a full disk is lost: whoever wants it finds it by `trueup events`. */
async function tellOrLose(out: Output, text: string): Promise<void> {
  try {
    await out.line(text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOSPC" && code !== "EDQUOT") throw error;
  }
}

/** Ends early, and without an error, when the story is over. */
async function waitOrAborted(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(clock, ms, signal);
  } catch (reason) {
    if (reason !== signal.reason) throw reason;
  }
}

function isTold(object: KubeObject): boolean {
  return object.kind === "Pod" || object.kind === "Event";
}

function paint(style: Style, tone: Tone): (text: string) => string {
  const plain = (text: string): string => text;
  return { plain, headline: style.bold, good: style.green, bad: style.red, dim: style.dim }[tone];
}

/** `17:42:02`, in the machine's time zone. */
function timeOfDay(ms: number): string {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
