/** Takes the output of one `git cat-file --batch` apart: header line, as many bytes as it says, line feed. */
import type { Readable } from "node:stream";

export interface ObjectHeader {
  hash: string;
  type: "blob" | "tree" | "commit" | "tag";
  size: number;
}

/** Takes one object as it comes. What it throws fails the request; the rest of the object is then passed over. */
export interface ObjectSink {
  /** Called once, or again from the start when git had to be restarted. */
  begin(header: ObjectHeader): void;
  /** While a promise is pending, git waits. The bytes are only lent: copy what is kept. */
  chunk(bytes: Buffer): undefined | Promise<void>;
}

/** How one answer ended: the object was given, the sink failed, or git said something else in one line. */
export type Answer = { header: ObjectHeader } | { error: unknown } | { line: string };

export interface BatchListener {
  /** Whose answer comes next. */
  sink(): ObjectSink | undefined;
  answered(answer: Answer): void;
  /** Git has said something, or waits no longer for a sink. */
  heard(): void;
}

interface Body {
  header: ObjectHeader;
  sink: ObjectSink | undefined;
  /** Bytes still to come, the line feed after the content included. */
  left: number;
  failure: { error: unknown } | null;
}

const NONE = Buffer.alloc(0);

/** Reads one child's output. It belongs to that child alone, so nothing of a dead one reaches the next one's requests. */
export class BatchReader {
  readonly #output: Readable;
  readonly #listener: BatchListener;
  #buffered: Buffer = NONE;
  #body: Body | null = null;
  #isPaused = false;
  #isDropped = false;

  constructor(output: Readable, listener: BatchListener) {
    this.#output = output;
    this.#listener = listener;
    output.on("data", (bytes: Buffer) => this.#hear(bytes));
  }

  /** Whether a sink is busy, so that git's silence is not its own. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Answers nothing from now on; output still flows, so that the child can end. */
  drop(): void {
    this.#isDropped = true;
    this.#output.resume();
  }

  #hear(bytes: Buffer): void {
    if (this.#isDropped) return;
    this.#listener.heard();
    this.#buffered = this.#buffered.length === 0 ? bytes : Buffer.concat([this.#buffered, bytes]);
    if (!this.#isPaused) this.#consume();
  }

  /** Takes as much as there is: a header line, a piece of a body, and so on; stops while a sink is busy. */
  #consume(): void {
    while (this.#buffered.length > 0 && !this.#isDropped) {
      const body = this.#body;
      if (body === null) {
        const end = this.#buffered.indexOf(0x0a);
        if (end < 0) return;
        const line = this.#buffered.toString("utf8", 0, end);
        this.#buffered = this.#buffered.subarray(end + 1);
        this.#begin(line);
        continue;
      }
      const busy = this.#piece(body);
      if (busy !== undefined) {
        this.#waitFor(busy, body);
        return;
      }
      this.#finish(body);
    }
  }

  #begin(line: string): void {
    const match = /^(?<hash>[0-9a-f]{40,64}) (?<type>blob|tree|commit|tag) (?<size>\d+)$/.exec(line);
    const { hash, type, size } = match?.groups ?? {};
    if (hash === undefined || type === undefined || size === undefined) {
      this.#listener.answered({ line });
      return;
    }
    const header: ObjectHeader = { hash, type: type as ObjectHeader["type"], size: Number(size) };
    const body: Body = { header, sink: this.#listener.sink(), left: header.size + 1, failure: null };
    this.#body = body;
    try {
      body.sink?.begin(header);
    } catch (error) {
      body.failure = { error };
    }
  }

  /** Gives a piece of the body to the sink. @returns A promise when the sink needs time */
  #piece(body: Body): undefined | Promise<void> {
    const taken = this.#buffered.subarray(0, body.left);
    this.#buffered = this.#buffered.subarray(taken.length);
    // The last byte is the line feed that ends the body.
    const content = taken.length === body.left ? taken.subarray(0, -1) : taken;
    body.left -= taken.length;
    if (content.length === 0 || body.failure !== null) return undefined;
    try {
      return body.sink?.chunk(content);
    } catch (error) {
      body.failure = { error };
      return undefined;
    }
  }

  #waitFor(busy: Promise<void>, body: Body): void {
    this.#isPaused = true;
    this.#output.pause();
    const resume = (): void => {
      this.#isPaused = false;
      if (this.#isDropped) return;
      this.#listener.heard();
      this.#finish(body);
      this.#consume();
      if (!this.#isPaused) this.#output.resume();
    };
    busy.then(resume, (error: unknown) => {
      body.failure ??= { error };
      resume();
    });
  }

  #finish(body: Body): void {
    if (body.left > 0) return;
    this.#body = null;
    this.#listener.answered(body.failure ?? { header: body.header });
  }
}
