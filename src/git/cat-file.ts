/** One long-lived `git cat-file --batch`: requests are pipelined, answers are framed by their length, a dead child is replaced. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { TrueupError } from "../model/errors.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";
import { type GitPlace, gitEnvironment, HARDENING, lastLine, placeEnvironment } from "./command.ts";

export interface ObjectHeader {
  hash: string;
  type: "blob" | "tree" | "commit" | "tag";
  size: number;
}

export interface GitObject extends ObjectHeader {
  content: Buffer;
}

/** Takes one object as it comes. What it throws fails the request; the rest of the object is then passed over. */
export interface ObjectSink {
  /** Called once, or again from the start when git had to be restarted. */
  begin(header: ObjectHeader): void;
  /** While a promise is pending, git waits. The bytes are only lent: copy what is kept. */
  chunk(bytes: Buffer): undefined | Promise<void>;
}

interface Request {
  name: string;
  sink: ObjectSink;
  resolve: (header: ObjectHeader) => void;
  reject: (error: unknown) => void;
}

interface Body {
  header: ObjectHeader;
  /** Bytes still to come, the line feed after the content included. */
  left: number;
  failure: { error: unknown } | null;
}

export interface CatFileOptions extends GitPlace {
  /** How errors name the repository. */
  label: string;
  clock: Clock;
  /** Longest wait for git while it owes an answer, milliseconds. */
  timeoutMs: number;
}

const NONE = Buffer.alloc(0);
const STDERR_KEPT = 4096;
const CLOSE_GRACE_MS = 2000;

export class CatFile {
  readonly #options: CatFileOptions;
  #child: ChildProcessWithoutNullStreams | null = null;
  /** Requests in the order they were asked; those before `#head` are answered. */
  #requests: Request[] = [];
  #head = 0;
  #unsent: string[] = [];
  #buffered: Buffer = NONE;
  #body: Body | null = null;
  #paused = false;
  #stderr = "";
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
    return this.#child?.pid ?? null;
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
      this.#requests.push({ name, sink, resolve, reject });
      this.#send(name);
      this.#watch();
    });
  }

  /** Ends the child, so that the next request sees the repository afresh; what is under way is asked again. */
  reset(): void {
    this.#child?.kill("SIGKILL");
  }

  /** Ends the child and fails what is under way with code `aborted`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#failAll(() => this.#closedError());
    const child = this.#child;
    if (child === null) return;
    const { clock } = this.#options;
    const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
    child.stdout.resume();
    child.stdin.end();
    const cancel = clock.setTimer(CLOSE_GRACE_MS, () => child.kill("SIGKILL"));
    await gone;
    cancel();
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
      else child.stdin.write(`${names.join("\n")}\n`);
    });
  }

  #start(): void {
    const { cwd } = this.#options;
    this.#started++;
    this.#buffered = NONE;
    this.#body = null;
    this.#paused = false;
    this.#stderr = "";
    const config = HARDENING.flatMap((setting) => ["-c", setting]);
    const child = spawn("git", [...config, "cat-file", "--batch"], {
      cwd,
      env: gitEnvironment(placeEnvironment(this.#options)),
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    this.#lastHeard = this.#options.clock.monotonic();
    let failure: Error | null = null;
    child.on("error", (error) => {
      failure = error;
    });
    // A broken pipe means that the child ended, and "close" tells that with its last words.
    child.stdin.on("error", () => {});
    child.stderr.on("data", (bytes: Buffer) => {
      this.#stderr = (this.#stderr + bytes.toString("utf8")).slice(-STDERR_KEPT);
    });
    child.stdout.on("data", (bytes: Buffer) => {
      if (this.#child === child) this.#hear(bytes);
    });
    child.on("close", () => {
      if (this.#child === child) this.#ended(failure);
    });
    const open = this.#requests.slice(this.#head).map(({ name }) => name);
    this.#unsent = [];
    if (open.length > 0) child.stdin.write(`${open.join("\n")}\n`);
  }

  #ended(failure: Error | null): void {
    this.#child = null;
    this.#deaths++;
    if (this.#closed || this.#head === this.#requests.length) return;
    if (this.#deaths < 2 && failure === null) {
      this.#start();
      return;
    }
    const why = failure === null ? lastLine(this.#stderr) : failure.message;
    this.#deaths = 0;
    this.#failAll(
      () =>
        new TrueupError(
          "unavailable",
          `Cannot read objects of ${this.#options.label} as git must keep running: it ended: ${why}`,
        ),
    );
  }

  #failAll(error: () => TrueupError): void {
    const open = this.#requests.slice(this.#head);
    this.#requests = [];
    this.#head = 0;
    this.#unsent = [];
    for (const request of open) request.reject(error());
  }

  #hear(bytes: Buffer): void {
    this.#lastHeard = this.#options.clock.monotonic();
    this.#buffered = this.#buffered.length === 0 ? bytes : Buffer.concat([this.#buffered, bytes]);
    if (!this.#paused) this.#consume();
  }

  /** Takes as much as there is: a header line, a piece of a body, and so on; stops while a sink is busy. */
  #consume(): void {
    while (this.#buffered.length > 0) {
      if (this.#body === null) {
        const end = this.#buffered.indexOf(0x0a);
        if (end < 0) return;
        const line = this.#buffered.toString("utf8", 0, end);
        this.#buffered = this.#buffered.subarray(end + 1);
        this.#header(line);
        continue;
      }
      const busy = this.#piece(this.#body);
      if (busy === null) continue;
      this.#pauseFor(busy, this.#body);
      return;
    }
  }

  #pauseFor(busy: Promise<void>, body: Body): void {
    const child = this.#child;
    this.#paused = true;
    child?.stdout.pause();
    const resume = (): void => {
      if (this.#child !== child || child === null) return;
      this.#paused = false;
      this.#lastHeard = this.#options.clock.monotonic();
      this.#finish(body);
      this.#consume();
      if (!this.#paused) child.stdout.resume();
    };
    busy.then(resume, (error: unknown) => {
      body.failure ??= { error };
      resume();
    });
  }

  #header(line: string): void {
    const request = this.#requests[this.#head];
    const match = /^(?<hash>[0-9a-f]{40,64}) (?<type>blob|tree|commit|tag) (?<size>\d+)$/.exec(line);
    const { hash, type, size } = match?.groups ?? {};
    if (hash === undefined || type === undefined || size === undefined) {
      this.#answer()?.reject(this.#refusal(line));
      return;
    }
    const header: ObjectHeader = { hash, type: type as ObjectHeader["type"], size: Number(size) };
    const body: Body = { header, left: header.size + 1, failure: null };
    this.#body = body;
    try {
      request?.sink.begin(header);
    } catch (error) {
      body.failure = { error };
    }
  }

  #refusal(line: string): TrueupError {
    const name = this.#requests[this.#head - 1]?.name ?? "";
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

  /** Gives a piece of the body to the sink. @returns A promise when the sink needs time */
  #piece(body: Body): Promise<void> | null {
    const taken = this.#buffered.subarray(0, body.left);
    this.#buffered = this.#buffered.subarray(taken.length);
    // The last byte is the line feed that ends the body.
    const content = taken.length === body.left ? taken.subarray(0, -1) : taken;
    body.left -= taken.length;
    const busy = content.length > 0 && body.failure === null ? this.#offer(body, content) : undefined;
    if (busy !== undefined) return busy;
    this.#finish(body);
    return null;
  }

  #offer(body: Body, content: Buffer): undefined | Promise<void> {
    try {
      return this.#requests[this.#head]?.sink.chunk(content) ?? undefined;
    } catch (error) {
      body.failure = { error };
      return undefined;
    }
  }

  #finish(body: Body): void {
    if (body.left > 0) return;
    this.#body = null;
    const request = this.#answer();
    if (body.failure === null) request?.resolve(body.header);
    else request?.reject(body.failure.error);
  }

  #answer(): Request | undefined {
    const request = this.#requests[this.#head];
    this.#head++;
    this.#deaths = 0;
    if (this.#head > 1024 && this.#head * 2 > this.#requests.length) {
      this.#requests = this.#requests.slice(this.#head - 1);
      this.#head = 1;
    }
    return request;
  }

  /** Ends a child that owes an answer and has said nothing for the whole time allowed. */
  #watch(): void {
    if (this.#cancelTimer !== null) return;
    const { clock, timeoutMs } = this.#options;
    const check = (): void => {
      this.#cancelTimer = null;
      if (this.#head === this.#requests.length) return;
      const silent = clock.monotonic() - this.#lastHeard;
      if (silent < timeoutMs || this.#paused) {
        this.#cancelTimer = clock.setTimer(this.#paused ? timeoutMs : timeoutMs - silent, check);
        return;
      }
      const { label } = this.#options;
      this.#failAll(
        () =>
          new TrueupError(
            "timeout",
            `Cannot read objects of ${label} as git must answer within ${timeoutMs / 1000} s: it did not.`,
          ),
      );
      this.#child?.kill("SIGKILL");
    };
    if (this.#head === this.#requests.length - 1) this.#lastHeard = clock.monotonic();
    this.#cancelTimer = clock.setTimer(timeoutMs, check);
  }
}
