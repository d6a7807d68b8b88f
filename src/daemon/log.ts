/** The daemon's own log: JSON lines in its state directory, for those who ask what happened when nobody watched. */
import { join } from "node:path";
import pino from "pino";
import { BoundedLog, type LogBounds, OWN_LOG_BOUNDS } from "../util/bounded-log.ts";

export interface DaemonLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Opens `<state>/daemon.log`, readable by its user only; it is bounded, with one older file. The state directory must exist. */
export function openDaemonLog(stateDir: string, bounds: LogBounds = OWN_LOG_BOUNDS): DaemonLog {
  const file = new BoundedLog(join(stateDir, "daemon.log"), bounds);
  const note = (count: number): string =>
    JSON.stringify({ level: 40, pid: process.pid, msg: `${count} lines before this one could not be written` });
  const destination = { write: (line: string) => file.write(line.replace(/\n$/, ""), note) };
  const logger = pino({ base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return {
    info: (message) => logger.info(message),
    warn: (message) => logger.warn(message),
    error: (message) => logger.error(message),
  };
}
