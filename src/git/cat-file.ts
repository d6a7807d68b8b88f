/** One long-lived `git cat-file --batch`: requests are pipelined, answers are framed by their length, a dead child is replaced. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { TrueupError } from "../model/errors.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";
import { requireDescriptors } from "../util/descriptors-left.ts";
import { type Answer, BatchReader, type ObjectHeader, type ObjectSink } from "./batch-reader.ts";
import { type GitPlace, gitEnvironment, HARDENING, lastLine, placeEnvironment } from "./command.ts";

export type { ObjectHeader, ObjectSink } from "./batch-reader.ts";

export interface GitObject extends ObjectHeader {
  content: Buffer;
}

interface Request {
  name: string;
  sink: ObjectSink;
  resolve: (header: ObjectHeader) => void;
  reject: (error: unknown) => void;
}

/** Where a repository's objects come from: a `git cat-file` child, or, in simulations, memory. */
export interface ObjectDatabase {
  /** How many objects were asked for so far. */
  readonly asked: number;
  /** Process id of the child that answers; null when there is none. */
  readonly pid: number | null;
  /** @see CatFile.read */
  read(name: string, maxBytes?: number): Promise<GitObject>;
  /** @see CatFile.stream */
  stream(name: string, sink: ObjectSink): Promise<ObjectHeader>;
  reset(): void;
  close(): Promise<void>;
}

export interface CatFileOptions extends GitPlace {
  /** How errors name the repository. */
  label: string;
  clock: Clock;
  /** Longest wait for git while it owes an answer, milliseconds. */
  timeoutMs: number;
}

const STDERR_KEPT = 4096;
const CLOSE_GRACE_MS = 2000;

interface Child {
  process: ChildProcessWithoutNullStreams;
  reader: BatchReader;
}

export class CatFile implements ObjectDatabase {
  readonly #options: CatFileOptions;
  #child: Child | null = null;
  /** Requests in the order they were asked; those before `#head` are answered. */
  #requests: Request[] = [];
  #head = 0;
  #unsent: string[] = [];
  /** Children that ended since the last answer. */
  #deaths = 0;
  #closed = false;
  #cancelTimer: CancelTimer | null = null;
  #lastHeard = 0;
  #asked = 0;
  #started = 0;

  constructor(options: CatFileOptions) {
    this.#options = options;
  }

  /** How many objects were asked for so far. */
  get asked(): number {
    return this.#asked;
  }

  /** How many children were started so far. */
  get started(): number {
    return this.#started;
  }

  /** Process id of the running child; null when there is none. */
  get pid(): number | null {
    return this.#child?.process.pid ?? null;
  }

  /**
   * Reads a whole object.
   *
   * @param name Object id, or a revision that git resolves (`refs/heads/main^{commit}`)
   * @param maxBytes A larger object is an `invalid` error; it is not kept in memory
   * @throws {TrueupError} `not-found` when there is no such object, `invalid`, `unavailable`, `timeout`, `aborted`
   */
  async read(name: string, maxBytes = Number.MAX_SAFE_INTEGER): Promise<GitObject> {
    let parts: Buffer[] = [];
    const header = await this.stream(name, {
      begin: ({ size, type }) => {
        parts = [];
        if (size <= maxBytes) return;
        throw new TrueupError(
          "invalid",
          `Cannot read ${type} ${name} of ${this.#options.label} as it must have at most ${maxBytes} bytes: it has ${size}.`,
        );
      },
      chunk: (bytes) => {
        parts.push(Buffer.from(bytes));
        return undefined;
      },
    });
    const [only] = parts;
    return { ...header, content: parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, header.size) };
  }

  /** Reads an object piece by piece; errors as `read`, and what the sink throws. */
  stream(name: string, sink: ObjectSink): Promise<ObjectHeader> {
    if (/[\n\0]/.test(name) || name === "") {
      const error = new TrueupError(
        "invalid",
        `Cannot read an object as its name must be one line: ${JSON.stringify(name)}.`,
      );
      return Promise.reject(error);
    }
    if (this.#closed) return Promise.reject(this.#closedError());
    this.#asked++;
    return new Promise((resolve, reject) => {
      // Git owes nothing before this: its silence counts from here.
      if (this.#isIdle()) this.#lastHeard = this.#options.clock.monotonic();
      this.#requests.push({ name, sink, resolve, reject });
      this.#send(name);
      this.#watch();
    });
  }

  /** Ends the child, so that the next request sees the repository afresh; what is under way is asked again. */
  reset(): void {
    this.#abandon();
    if (!this.#isIdle() && !this.#closed) this.#start();
  }

  /** Ends the child and fails what is under way with code `aborted`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#failAll(() => this.#closedError());
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    child.reader.drop();
    const gone = new Promise<void>((resolve) => child.process.once("close", () => resolve()));
    child.process.stdin.end();
    const cancel = this.#options.clock.setTimer(CLOSE_GRACE_MS, () => child.process.kill("SIGKILL"));
    await gone;
    cancel();
  }

  #isIdle(): boolean {
    return this.#head === this.#requests.length;
  }

  /** Nothing that the child still says is taken for an answer. */
  #abandon(): void {
    this.#child?.reader.drop();
    this.#child?.process.kill("SIGKILL");
    this.#child = null;
  }

  #closedError(): TrueupError {
    return new TrueupError(
      "aborted",
      `Cannot read objects of ${this.#options.label} as it must be open: it was closed.`,
    );
  }

  /** Names asked in one turn of the event loop are written together: 10,000 requests are a few writes. */
  #send(name: string): void {
    this.#unsent.push(name);
    if (this.#unsent.length > 1) return;
    queueMicrotask(() => {
      const names = this.#unsent;
      this.#unsent = [];
      if (this.#closed || names.length === 0) return;
      const child = this.#child;
      // A new child is sent all that is open, the names at hand included.
      if (child === null) this.#start();
      else child.process.stdin.write(`${names.join("\n")}\n`);
    });
  }

  #start(): void {
    const { cwd } = this.#options;
    this.#started++;
    try {
      requireDescriptors();
    } catch (error) {
      // Not in this very turn: what follows may start the next one.
      queueMicrotask(() => this.#ended(error as Error, ""));
      return;
    }
    const config = HARDENING.flatMap((setting) => ["-c", setting]);
    const started = spawn("git", [...config, "cat-file", "--batch"], {
      cwd,
      env: gitEnvironment(placeEnvironment(this.#options)),
      stdio: ["pipe", "pipe", "pipe"],
    });
    const reader = new BatchReader(started.stdout, {
      sink: () => this.#requests[this.#head]?.sink,
      answered: (answer) => this.#settle(answer),
      heard: () => this.#hear(),
    });
    const child: Child = { process: started, reader };
    this.#child = child;
    this.#hear();
    let failure: Error | null = null;
    let stderr = "";
    started.on("error", (error) => {
      failure = error;
    });
    // A broken pipe means that the child ended, and "close" tells that with its last words.
    started.stdin.on("error", () => {});
    started.stderr.on("data", (bytes: Buffer) => {
      stderr = (stderr + bytes.toString("utf8")).slice(-STDERR_KEPT);
    });
    started.on("close", () => {
      if (this.#child === child) this.#ended(failure, stderr);
    });
    const open = this.#requests.slice(this.#head).map(({ name }) => name);
    this.#unsent = [];
    if (open.length > 0) started.stdin.write(`${open.join("\n")}\n`);
  }

  #hear(): void {
    this.#lastHeard = this.#options.clock.monotonic();
  }

  #ended(failure: Error | null, stderr: string): void {
    this.#child?.reader.drop();
    this.#child = null;
    this.#deaths++;
    if (this.#isIdle()) return;
    if (this.#deaths < 2 && failure === null) {
      this.#start();
      return;
    }
    const why = failure === null ? lastLine(stderr) : failure.message;
    const { label } = this.#options;
    this.#deaths = 0;
    const message = `Cannot read objects of ${label} as git must keep running: it ended: ${why}`;
    this.#failAll(() => new TrueupError("unavailable", message));
  }

  #failAll(error: () => TrueupError): void {
    const open = this.#requests.slice(this.#head);
    this.#requests = [];
    this.#head = 0;
    this.#unsent = [];
    for (const request of open) request.reject(error());
  }

  #settle(answer: Answer): void {
    const request = this.#requests[this.#head];
    this.#head++;
    this.#deaths = 0;
    if (this.#head > 1024 && this.#head * 2 > this.#requests.length) {
      this.#requests = this.#requests.slice(this.#head);
      this.#head = 0;
    }
    if (request === undefined) return;
    if ("header" in answer) request.resolve(answer.header);
    else request.reject("line" in answer ? this.#refusal(request.name, answer.line) : answer.error);
  }

  #refusal(name: string, line: string): TrueupError {
    const where = this.#options.label;
    if (line === `${name} ambiguous`) {
      return new TrueupError(
        "invalid",
        `Cannot read ${name} of ${where} as it must name one object: it names several.`,
      );
    }
    if (line === `${name} missing`) {
      return new TrueupError("not-found", `Cannot read ${name} of ${where} as it must exist: there is no such object.`);
    }
    return new TrueupError("io", `Cannot read ${name} of ${where}: git says: ${line}`);
  }

  /** Ends a child that owes an answer and has said nothing for the whole time allowed. */
  #watch(): void {
    if (this.#cancelTimer !== null) return;
    const { clock, timeoutMs, label } = this.#options;
    const check = (): void => {
      this.#cancelTimer = null;
      if (this.#isIdle()) return;
      const isPaused = this.#child?.reader.isPaused === true;
      const silent = clock.monotonic() - this.#lastHeard;
      if (silent < timeoutMs || isPaused) {
        this.#cancelTimer = clock.setTimer(isPaused ? timeoutMs : timeoutMs - silent, check);
        return;
      }
      this.#abandon();
      const message = `Cannot read objects of ${label} as git must answer within ${timeoutMs / 1000} s: it did not.`;
      this.#failAll(() => new TrueupError("timeout", message));
    };
    this.#cancelTimer = clock.setTimer(timeoutMs, check);
  }
}
