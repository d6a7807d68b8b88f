/** What the kubelet keeps in its directory, so that the next one can go on: pods, Services, local ports. */
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { TrueupError } from "../model/errors.ts";
import { effect, type Fault } from "../util/fault.ts";
import {
  makeDirectory,
  podDirectory,
  podsDirectory,
  readIfPresent,
  recordFile,
  removeDirectory,
  replaceFile,
  workDirectory,
} from "./files.ts";
import type { PodRecord } from "./pod-record.ts";
import type { TrafficState } from "./traffic.ts";

/** Where containers find programs: the running Node first, so that `node` is the one that trueup was tried with. */
const CONTAINER_PATH = [dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(":");

export class KubeletState {
  readonly #directory: string | null;
  readonly #fault: Fault | undefined;
  readonly path = CONTAINER_PATH;

  /**
   * @param directory `<state>/kubelet`; `null`: nothing is kept
   * @param fault Hears of every write
   */
  constructor(directory: string | null, fault?: Fault) {
    this.#directory = directory;
    this.#fault = fault;
    if (directory !== null) makeDirectory(podsDirectory(directory));
  }

  workDirectory(uid: string, container: string): string {
    return this.#directory === null ? "/" : workDirectory(this.#directory, uid, container);
  }

  writePod(uid: string, record: PodRecord): void {
    const directory = this.#directory;
    if (directory === null) return;
    effect(this.#fault, "pod record", `write ${uid}`, () => {
      makeDirectory(podDirectory(directory, uid));
      replaceFile(recordFile(directory, uid), JSON.stringify(record));
    });
  }

  removePod(uid: string): void {
    const directory = this.#directory;
    if (directory === null) return;
    effect(this.#fault, "pod record", `remove ${uid}`, () => removeDirectory(podDirectory(directory, uid)));
  }

  /**
   * The pods that are kept. A directory without a record is a pod that was being removed: it is.
   *
   * @throws {TrueupError} `io` when a record cannot be read: what it is about may still run
   */
  readPods(): PodRecord[] {
    const directory = this.#directory;
    if (directory === null) return [];
    return readdirSync(podsDirectory(directory)).flatMap((name) => {
      const path = join(podsDirectory(directory), name, "record.json");
      const text = readIfPresent(path);
      if (text === null) {
        removeDirectory(dirname(path));
        return [];
      }
      return [parse(text, path) as PodRecord];
    });
  }

  writeTraffic(state: TrafficState): void {
    if (this.#directory === null) return;
    const path = join(this.#directory, "services.json");
    effect(this.#fault, "services file", path, () => replaceFile(path, JSON.stringify(state)));
  }

  /** @throws {TrueupError} `io` when the file cannot be read */
  readTraffic(): TrafficState {
    const path = this.#directory === null ? null : join(this.#directory, "services.json");
    const text = path === null ? null : readIfPresent(path);
    return path === null || text === null ? { services: [], ports: {} } : (parse(text, path) as TrafficState);
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TrueupError("io", `Cannot take up the pods that run as ${path} must be JSON: it is not.`, {
      cause: error,
      hint: "It is written in one step, so something else changed it. End its processes, then remove its directory.",
    });
  }
}
