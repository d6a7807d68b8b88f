/** The daemon's own log: JSON lines in its state directory, for those who ask what happened when nobody watched. */
import { renameSync, statSync } from "node:fs";
import { join } from "node:path";
import pino from "pino";

export interface DaemonLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Bytes after which a new file is begun when a daemon starts; one old file is kept. */
const ROTATE_AT = 10 * 1024 * 1024;

/** Opens `<state>/daemon.log`, readable by its user only. The state directory must exist. */
export function openDaemonLog(stateDir: string): DaemonLog {
  const path = join(stateDir, "daemon.log");
  rotate(path);
  const destination = pino.destination({ dest: path, append: true, mkdir: false, mode: 0o600, sync: true });
  const logger = pino({ base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return {
    info: (message) => logger.info(message),
    warn: (message) => logger.warn(message),
    error: (message) => logger.error(message),
  };
}

function rotate(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && found.size > ROTATE_AT) renameSync(path, `${path}.1`);
}
