/** As whom requests are made: tokens and certificates of a kubeconfig's user, renewed as they run out. Never in an error. */
import { readFile } from "node:fs/promises";
import type { RequestOptions } from "node:https";
import type { User } from "@kubernetes/client-node/dist/config_types.js";
import { messageOf, TrueupError } from "../../model/errors.ts";
import type { Clock } from "../../util/clock.ts";
import { askPlugIn, type KubeUser, type PlugInCredential } from "./plug-in.ts";

/** Tokens in files are read again after this, as client-go does: a pod's is replaced long before it runs out. */
const TOKEN_FILE_MS = 60_000;
/** What an identity provider says is shown up to here. */
const SHOWN = 500;
/** What a plug-in hands out is good for at least so long, whatever it says: a clock that is off would run it for each request. */
const SHORTEST_MS = 10_000;
/** So much before a token runs out another is asked for: a request takes its time. */
const EARLY_MS = 10_000;
/** Who fails is asked again after this, and who was refused after that, whoever asks meanwhile. */
const FAILED_MS = 5_000;
const RENEWED_MS = 10_000;

export interface Identity {
  headers: Readonly<Record<string, string | string[]>>;
  /** PEM. The same instance as long as they are the same. */
  cert?: Buffer | string;
  key?: Buffer | string;
  /** How often credentials were renewed before. */
  generation: number;
}

/** The part of client-node's authenticators that is used here. */
interface Authenticator {
  applyAuthentication(user: User, options: RequestOptions): Promise<void>;
}

export class Credentials {
  readonly #user: KubeUser;
  readonly #clock: Clock;
  #asking: Promise<Identity> | null = null;
  #authenticator: Authenticator | null = null;
  #files: Pick<Identity, "cert" | "key"> | null = null;
  #handedOut: { credential: PlugInCredential; until: number } | null = null;
  #failed: { error: unknown; at: number } | null = null;
  #generation = 0;
  #renewedAt = Number.NEGATIVE_INFINITY;
  readonly #end = new AbortController();
  #token: { text: string; readAt: number } | null = null;

  constructor(user: KubeUser, clock: Clock) {
    this.#user = user;
    this.#clock = clock;
  }

  /**
   * Headers and certificate for the next request. Whoever asks at the same time shares the answer: a plug-in runs once.
   *
   * @throws {TrueupError} `forbidden` when a plug-in or an identity provider hands out nothing, `io` for unreadable files
   */
  async identity(signal: AbortSignal): Promise<Identity> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([this.#asking, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Ends a plug-in that runs. */
  close(): void {
    this.#end.abort(new TrueupError("aborted", "Cannot sign in as the connection to the cluster was closed."));
  }

  /**
   * Forgets what was handed out, as the server refused it, unless that was done since: of many requests that are refused at once,
   * one renews it for all.
   *
   * @returns Whether the next may be another
   */
  renew(refused: Pick<Identity, "generation">): boolean {
    if (refused.generation !== this.#generation) return true;
    const now = this.#clock.monotonic();
    if (now - this.#renewedAt < RENEWED_MS) return false;
    const { exec, tokenFile, "auth-provider": provider, "client-certificate": certificate } = this.#user.settings;
    this.#renewedAt = now;
    this.#generation++;
    this.#authenticator = null;
    this.#handedOut = null;
    this.#token = null;
    this.#files = null;
    return [exec, tokenFile, provider, certificate].some((source) => source !== undefined && source !== null);
  }

  async #ask(): Promise<Identity> {
    const { settings } = this.#user;
    const generation = this.#generation;
    this.#files ??= await certificates(settings);
    const files = this.#files;
    const { exec, "auth-provider": provider } = settings;
    const own: Partial<PlugInCredential> = exec ? await this.#plugIn() : {};
    const authorization =
      (own.token ? `Bearer ${own.token}` : provider ? await this.#delegate() : "") || (await this.#authorization());
    const { cert = files.cert, key = files.key } = own;
    return {
      generation,
      headers: { ...impersonation(settings), ...(authorization !== "" && { authorization }) },
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    };
  }

  async #authorization(): Promise<string> {
    const { token, tokenFile, username, password } = this.#user.settings;
    if (text(tokenFile) !== "") return `Bearer ${await this.#fileToken(text(tokenFile))}`;
    if (text(token) !== "") return `Bearer ${text(token).trim()}`;
    if (text(username) === "") return "";
    return `Basic ${Buffer.from(`${text(username)}:${text(password)}`).toString("base64")}`;
  }

  async #fileToken(path: string): Promise<string> {
    const now = this.#clock.monotonic();
    if (this.#token === null || now - this.#token.readAt >= TOKEN_FILE_MS) {
      this.#token = { text: (await readCredential(path)).toString("utf8").trim(), readAt: now };
    }
    return this.#token.text;
  }

  /** What the plug-in handed out, as long as that is good. One that fails is not run again for each request. */
  async #plugIn(): Promise<PlugInCredential> {
    const now = this.#clock.now();
    if (this.#handedOut !== null && now < this.#handedOut.until) return this.#handedOut.credential;
    if (this.#failed !== null && this.#clock.monotonic() - this.#failed.at < FAILED_MS) throw this.#failed.error;
    try {
      const credential = await askPlugIn(this.#user, this.#clock, this.#end.signal);
      const until = Math.max(credential.expiresAt - EARLY_MS, this.#clock.now() + SHORTEST_MS);
      this.#handedOut = { credential, until };
      this.#failed = null;
      return credential;
    } catch (error) {
      this.#failed = { error, at: this.#clock.monotonic() };
      throw error;
    }
  }

  /** What client-node is good at: identity providers that hand out tokens. @returns The value of the header, "" for none */
  async #delegate(): Promise<string> {
    const { name, settings } = this.#user;
    const options: RequestOptions & { headers: Record<string, string> } = { headers: {} };
    try {
      this.#authenticator ??= await authenticatorOf(settings);
      await this.#authenticator.applyAuthentication({ name, authProvider: settings["auth-provider"] }, options);
    } catch (error) {
      if (error instanceof TrueupError) throw error;
      throw new TrueupError(
        "forbidden",
        `Cannot sign in as "${name}" as the identity provider must hand out credentials: ${reasonOf(error)}.`,
        { hint: "`kubectl get namespaces` with the same context shows whether it does." },
      );
    }
    return text(options.headers.Authorization);
  }
}

/** Only the module that is needed: the package's index loads every kind there is, 84 MB and 0.4 s (measured, 2.0.1). */
async function authenticatorOf(settings: KubeUser["settings"]): Promise<Authenticator> {
  const provider = text((settings["auth-provider"] as { name?: unknown } | null)?.name);
  if (provider !== "oidc") {
    throw new TrueupError("usage", `Cannot sign in by the auth-provider "${provider}" as it must be oidc.`, {
      hint: "kubectl has dropped the others; their clouds have plug-ins (exec) instead.",
    });
  }
  const { OpenIDConnectAuth } = await import("@kubernetes/client-node/dist/oidc_auth.js");
  return new OpenIDConnectAuth();
}

async function certificates(settings: KubeUser["settings"]): Promise<Pick<Identity, "cert" | "key">> {
  const read = async (key: string): Promise<Buffer | undefined> => {
    const data = text(settings[`${key}-data`]);
    if (data !== "") return Buffer.from(data, "base64");
    const path = text(settings[key]);
    return path === "" ? undefined : await readCredential(path);
  };
  const [cert, key] = await Promise.all([read("client-certificate"), read("client-key")]);
  return { ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
}

/** A file of a kubeconfig. @throws {TrueupError} `io`, with the path alone */
export async function readCredential(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TrueupError("io", `Cannot read the credentials in ${path} as it must be a readable file: ${code}.`);
  }
}

function impersonation(settings: KubeUser["settings"]): Record<string, string | string[]> {
  const groups = settings["as-groups"];
  const extra = settings["as-user-extra"];
  const values = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
  return {
    ...(text(settings.as) !== "" && { "impersonate-user": text(settings.as) }),
    ...(text(settings["as-uid"]) !== "" && { "impersonate-uid": text(settings["as-uid"]) }),
    ...(values(groups).length > 0 && { "impersonate-group": values(groups) }),
    ...Object.fromEntries(
      Object.entries(typeof extra === "object" && extra !== null ? extra : {}).map(([key, value]) => [
        `impersonate-extra-${encodeURIComponent(key).toLowerCase()}`,
        values(value),
      ]),
    ),
  };
}

/** A text that cannot be read is not shown: it may hold the token. */
function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError || error instanceof TypeError) return "its answer cannot be read";
  return messageOf(error).trim().slice(0, SHOWN) || "it failed and said nothing";
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
