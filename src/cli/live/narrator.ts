/** Writes a running daemon's story to an output, line by line, as `demo` and `run` show it. */
import { TrueupError } from "../../model/errors.ts";
import type { KubeObject } from "../../model/object.ts";
import { keyOf } from "../../model/object.ts";
import type { AppStatus } from "../../model/status.ts";
import type { DaemonService } from "../../server/service.ts";
import type { Clock } from "../../util/clock.ts";
import type { Output, Style } from "../output.ts";
import { printableLine } from "../print/escape.ts";
import { type Line, narrateApp, narrateObject, type Tone } from "./narrate.ts";

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
      pending = pending.then(() => out.line(text));
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
    await narrateObjects(service, say, signal);
  } finally {
    stop();
    await pending;
  }
}

async function narrateObjects(
  service: DaemonService,
  say: (lines: readonly Line[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const objects = new Map<string, KubeObject>();
  try {
    const list = await service.backend.list({}, signal);
    for (const { object } of list.items) if (isTold(object)) objects.set(keyOf(object), object);
    for await (const event of service.backend.watch({}, list.version, signal)) {
      if (event.type === "bookmark" || !isTold(event.observed.object)) continue;
      const key = keyOf(event.observed.object);
      const current = event.type === "deleted" ? undefined : event.observed.object;
      const line = narrateObject(objects.get(key), current);
      if (current === undefined) objects.delete(key);
      else objects.set(key, current);
      if (line !== null) say([line]);
    }
  } catch (error) {
    // A daemon that ends closes its backend, by which the story is over too.
    const isOver = error instanceof TrueupError && error.code === "unavailable";
    if (!signal.aborted && !isOver) throw error;
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
