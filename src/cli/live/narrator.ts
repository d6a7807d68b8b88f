/** Writes a running daemon's story to an output, line by line, as `demo` and `run` show it. */
import { ERROR_CLASSES, TrueupError } from "../../model/errors.ts";
import { type KubeObject, keyOf, type ObjectKey } from "../../model/object.ts";
import type { AppStatus } from "../../model/status.ts";
import type { DaemonService } from "../../server/service.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import type { Output, Style } from "../output.ts";
import { printableLine } from "../print/escape.ts";
import { type Line, narrateApp, narrateObject, type Tone } from "./narrate.ts";

/** How long after a failed read the story is taken up again, milliseconds. */
const RETRY_MS = 1_000;

/** Tells the story until the signal ends it. */
export async function narrateDaemon(
  service: DaemonService,
  out: Output,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const seen = new Map<string, AppStatus>();
  let pending: Promise<void> = Promise.resolve();
  const say = (lines: readonly Line[]): void => {
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
  const stop = service.onChange(tellApps);
  tellApps();
  try {
    const objects = new Map<string, KubeObject>();
    while (await narrateObjects(service, objects, say, signal)) {
      // The disk is full, say: that the state cannot be kept is told by the apps, and is no reason to end the daemon.
      await waitOrAborted(clock, signal);
    }
  } finally {
    stop();
    await pending;
  }
}

/** @returns Whether the story broke off and is to be taken up again */
async function narrateObjects(
  service: DaemonService,
  objects: Map<string, KubeObject>,
  say: (lines: readonly Line[]) => void,
  signal: AbortSignal,
): Promise<boolean> {
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
    // A daemon that ends closes its backend, by which the story is over too.
    if (signal.aborted || (error instanceof TrueupError && error.code === "unavailable")) return false;
    if (!(error instanceof TrueupError) || !ERROR_CLASSES[error.code].retryable) throw error;
    return true;
  }
  return false;
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
async function waitOrAborted(clock: Clock, signal: AbortSignal): Promise<void> {
  try {
    await sleep(clock, RETRY_MS, signal);
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
