/** A steady load of HTTP requests over loopback: some on kept-alive connections, some on a fresh one each. */
import { Agent, request } from "node:http";

export interface LoadResult {
  sent: number;
  /** Answers of status 200, by body up to the pod's name. */
  bodies: Map<string, number>;
  /** What went wrong, one line a failure. */
  failures: string[];
}

/** Sends requests until `stop` is called, then finishes what is under way. */
export class Load {
  readonly #url: string;
  readonly #keepAlive = new Agent({ keepAlive: true, maxSockets: 8 });
  readonly #workers: Promise<void>[];
  readonly result: LoadResult = { sent: 0, bodies: new Map(), failures: [] };
  #stopping = false;

  /** @param workers How many requests are under way at once; odd ones use a fresh connection for each request */
  constructor(url: string, workers = 6) {
    this.#url = url;
    this.#workers = Array.from({ length: workers }, (_, index) => this.#work(index % 2 === 1));
  }

  async #work(fresh: boolean): Promise<void> {
    while (!this.#stopping) await this.#once(fresh ? false : this.#keepAlive);
  }

  #once(agent: Agent | false): Promise<void> {
    this.result.sent++;
    return new Promise((done) => {
      const fail = (why: string): void => {
        this.result.failures.push(`${new Date().toISOString()} ${agent === false ? "fresh" : "kept-alive"}: ${why}`);
        done();
      };
      const sent = request(this.#url, { agent, timeout: 15_000 }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.once("error", (error) => fail(error.message));
        response.once("end", () => {
          if (response.statusCode !== 200) {
            fail(`status ${response.statusCode}: ${body.trim()}`);
            return;
          }
          const kind = body.replace(/\. .*$/s, "");
          this.result.bodies.set(kind, (this.result.bodies.get(kind) ?? 0) + 1);
          done();
        });
      });
      sent.once("timeout", () => sent.destroy(new Error("no answer within 15 s")));
      sent.once("error", (error) => fail(error.message));
      sent.end();
    });
  }

  /** Stops sending and resolves once the last answer is in. */
  async stop(): Promise<LoadResult> {
    this.#stopping = true;
    await Promise.all(this.#workers);
    this.#keepAlive.destroy();
    return this.result;
  }
}
