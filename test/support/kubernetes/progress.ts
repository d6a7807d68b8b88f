/** How far a long build is: one line that is rewritten on a terminal, and a line every half minute elsewhere. */
import type { WriteStream } from "node:tty";

const TERMINAL_EVERY_MS = 200;
const ELSEWHERE_EVERY_MS = 30_000;

/** What it writes to; `process.stderr` is one. */
export type ProgressStream = Pick<NodeJS.WritableStream, "write"> & Partial<Pick<WriteStream, "isTTY">>;

export class BuildProgress {
  readonly #stream: ProgressStream;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #expected = 0;
  #compiled = 0;
  #downloaded = 0;
  #waiting = "";

  /** @param now Milliseconds since any start */
  constructor(stream: ProgressStream, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
  }

  /** Says what begins, and from then on how far it is. */
  begin(what: string): void {
    this.#startedAt = this.#now();
    this.#stream.write(`${what}\n`);
    const every = this.#stream.isTTY === true ? TERMINAL_EVERY_MS : ELSEWHERE_EVERY_MS;
    this.#timer ??= setInterval(() => this.tell(), every);
  }

  /** @param packages How many there are at most: those that Go still has from before are not told one by one */
  expect(packages: number): void {
    this.#expected = packages;
  }

  /** Whether a line that Go wrote told of progress; what did not is a message for people. */
  hear(line: string): boolean {
    if (line.startsWith("go: downloading ")) this.#downloaded++;
    // With -v, Go writes the path of each package that it compiles.
    else if (/^[\w.~/-]+$/.test(line)) this.#compiled++;
    else return false;
    return true;
  }

  /** Says once who is being waited for. */
  waitingFor(holder: string): void {
    if (this.#waiting === holder) return;
    this.#waiting = holder;
    this.#stream.write(`Kubernetes for the tests is being built by ${holder || "another process"}: waiting for it\n`);
  }

  tell(): void {
    const seconds = Math.round((this.#now() - this.#startedAt) / 1000);
    const of = this.#expected === 0 ? "" : ` of at most ${this.#expected}`;
    const line = `  ${this.#downloaded} modules downloaded, ${this.#compiled}${of} packages compiled, ${seconds} s`;
    this.#stream.write(this.#stream.isTTY === true ? `\r\u001b[K${line}` : `${line}\n`);
  }

  done(path: string): void {
    this.tell();
    this.#stream.write(`${this.#stream.isTTY === true ? "\n" : ""}  kept in ${path}\n`);
  }

  /** Stops telling. */
  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
