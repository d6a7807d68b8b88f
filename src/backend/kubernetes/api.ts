/** Requests to one Kubernetes API server over undici: credentials, what is tried again, and errors that people can read. */
import { messageOf, TrueupError } from "../../model/errors.ts";
import type { KubeApi, KubeCall } from "../../model/kube-api.ts";
import type { JsonObject } from "../../model/object.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import type { Random } from "../../util/random.ts";
import type { Credentials, Identity } from "./credentials.ts";
import { linesOf } from "./lines.ts";
import { withoutCredentials } from "./proxy.ts";
import { networkCode, retryMs } from "./retry.ts";
import { errorOfStatus, isAboutSecrets, readStatus, statusOf } from "./status.ts";
import { openTransport, type TlsSettings, type Transport, type WireAnswer, type WireRequest } from "./transport.ts";

/** Client certificates with connections of their own: the present one, and the one before, whose requests may be under way. */
const KEPT = 2;

export interface ServerAccess {
  /** `https://host:port`, with the path below which the API is served, if any. */
  server: string;
  tls: TlsSettings;
  credentials: Credentials;
}

export interface ApiOptions extends ServerAccess {
  clock: Clock;
  random: Random;
  /** Says who asks in the server's audit log. */
  userAgent: string;
}

export class UndiciKubeApi implements KubeApi {
  readonly server: string;
  readonly #options: ApiOptions;
  readonly #url: URL;
  /** The last one is used. One for each client certificate: a plug-in may hand out another while requests are under way. */
  #open: { identity: Identity; transport: Promise<Transport> }[] = [];
  #isClosed = false;
  #heardAt: number | null = null;

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#url = new URL(options.server);
    // Whoever writes credentials into the address does not want them in messages.
    this.#url.username = "";
    this.#url.password = "";
    this.server = this.#url.href.replace(/\/$/, "");
  }

  /** When the server last said anything, be it a refusal: milliseconds since the epoch, `null` when it never has. */
  get heardAt(): number | null {
    return this.#heardAt;
  }

  async request(call: KubeCall, signal: AbortSignal): Promise<JsonObject> {
    const { clock, random } = this.#options;
    let failures = 0;
    for (;;) {
      try {
        return await this.#renewing(signal, async (identity) => {
          const answer = await this.#send(call, identity, (transport, request) => transport.exchange(request, signal));
          return this.#read(await textOf(answer.chunks));
        });
      } catch (thrown) {
        signal.throwIfAborted();
        const error = this.#explain(thrown);
        const wait = this.#isClosed ? null : retryMs(call, error, failures++, random);
        if (wait === null) throw error;
        await sleep(clock, wait, signal);
      }
    }
  }

  async *lines(call: KubeCall, signal: AbortSignal, opened?: () => void): AsyncGenerator<string> {
    try {
      const answer = await this.#renewing(signal, (identity) =>
        this.#send(call, identity, (transport, request) => transport.stream(request, signal)),
      );
      opened?.();
      for await (const line of linesOf(answer.chunks)) {
        this.#heardAt = this.#options.clock.now();
        yield line;
      }
    } catch (thrown) {
      signal.throwIfAborted();
      throw this.#explain(thrown);
    }
    signal.throwIfAborted();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#options.credentials.close();
    const opened = await Promise.allSettled(this.#open.splice(0).map(({ transport }) => transport));
    await Promise.all(opened.map((each) => each.status === "fulfilled" && each.value.close()));
  }

  /** Once more with new credentials, when the server does not know who asks. */
  async #renewing<T>(signal: AbortSignal, work: (identity: Identity) => Promise<T>): Promise<T> {
    const { credentials } = this.#options;
    signal.throwIfAborted();
    const identity = await credentials.identity(signal);
    try {
      return await work(identity);
    } catch (error) {
      if (statusOf(error)?.code !== 401 || !credentials.renew(identity)) throw error;
      signal.throwIfAborted();
      return await work(await credentials.identity(signal));
    }
  }

  /** @throws {TrueupError} When the answer is no success */
  async #send(
    call: KubeCall,
    identity: Identity,
    carry: (transport: Transport, request: WireRequest) => Promise<WireAnswer>,
  ): Promise<WireAnswer> {
    const answer = await carry(await this.#transport(identity), this.#wire(call, identity));
    this.#heardAt = this.#options.clock.now();
    if (answer.status >= 200 && answer.status < 300) return answer;
    const status = readStatus(answer.status, parsed(await textOf(answer.chunks)), isAboutSecrets(call.path));
    const seconds = Number(answer.retryAfter ?? Number.NaN);
    if (Number.isFinite(seconds)) status.details.retryAfterSeconds ??= seconds;
    throw errorOfStatus(call, status);
  }

  #wire({ method, path, query, body, contentType, accept, isSilent }: KubeCall, identity: Identity): WireRequest {
    const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
    return {
      method,
      path: `${this.#url.pathname.replace(/\/$/, "")}${path}${search === "" ? "" : `?${search}`}`,
      headers: {
        ...identity.headers,
        accept: accept ?? "application/json",
        "user-agent": this.#options.userAgent,
        ...(body !== undefined && { "content-type": contentType ?? "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      ...(isSilent === true && { isSilent }),
    };
  }

  async #transport(identity: Identity): Promise<Transport> {
    if (this.#isClosed) throw new TrueupError("unavailable", this.#unreachable("it is closed"));
    const { cert, key } = identity;
    const last = this.#open.at(-1);
    if (last !== undefined && last.identity.cert === cert && last.identity.key === key) return last.transport;
    const own = { ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
    const opening = { identity, transport: openTransport(this.#url.origin, { ...this.#options.tls, ...own }) };
    this.#open.push(opening);
    this.#closeOld();
    try {
      return await opening.transport;
    } catch (error) {
      // The file of the authority could not be read: whoever comes next tries again.
      this.#open = this.#open.filter((each) => each !== opening);
      throw error;
    }
  }

  /** What is under way as who one was before last has had its time: watches go on elsewhere, where they were. */
  #closeOld(): void {
    for (const { transport } of this.#open.splice(0, this.#open.length - KEPT)) {
      // One that could not be opened was an error then, of whoever asked for it.
      void transport.then(
        (opened) => opened.close(),
        () => undefined,
      );
    }
  }

  #read(text: string): JsonObject {
    const value = parsed(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
    throw new TrueupError("unavailable", this.#unreachable("its answer is no JSON object"), {
      hint: "Something else may answer at this address, as a proxy or a page to sign in.",
    });
  }

  #explain(thrown: unknown): TrueupError {
    if (thrown instanceof TrueupError) return thrown;
    const code = networkCode(thrown);
    const hint = TLS_HINT.test(code)
      ? "Look at certificate-authority and server of the kubeconfig's cluster."
      : undefined;
    const why = code === "" || messageOf(thrown).includes(code) ? messageOf(thrown) : `${messageOf(thrown)} (${code})`;
    return new TrueupError("unavailable", this.#unreachable(why.trim() || "no reason is known"), {
      ...(hint !== undefined && { hint }),
      cause: thrown,
    });
  }

  #unreachable(why: string): string {
    const { proxyUrl } = this.#options.tls;
    const by = proxyUrl === undefined ? "" : ` through the proxy ${withoutCredentials(proxyUrl)}`;
    return `Cannot reach the API server ${this.server}${by} as it must answer: ${why}.`;
  }
}

/** How OpenSSL and Node name what is wrong with a certificate. */
const TLS_HINT = /CERT|SIGNED|SIGNATURE|ISSUER|ALTNAME|_SSL_/;

async function textOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString("utf8");
}

/** The value of a JSON text, or the text itself when it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
