/** As whom requests are made: tokens and certificates of a kubeconfig's user, renewed as they run out. Never in an error. */
import { readFile } from "node:fs/promises";
import type { RequestOptions } from "node:https";
import type { User } from "@kubernetes/client-node/dist/config_types.js";
import { messageOf, TrueupError } from "../../model/errors.ts";
import type { Clock } from "../../util/clock.ts";

/** Tokens in files are read again after this, as client-go does: a pod's is replaced long before it runs out. */
const TOKEN_FILE_MS = 60_000;
/** What a plug-in writes to its error output is shown up to here. */
const SHOWN = 500;

export interface KubeUser {
  name: string;
  server: string;
  /** Base64, of the cluster, for plug-ins that ask for it. */
  ca?: string;
  /** `user` of the kubeconfig's entry, with absolute paths. */
  settings: Readonly<Record<string, unknown>>;
}

export interface Identity {
  headers: Readonly<Record<string, string | string[]>>;
  /** PEM. The same instance as long as they are the same. */
  cert?: Buffer | string;
  key?: Buffer | string;
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
  #files: Identity | null = null;
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

  /** Forgets what was handed out, as the server refused it. @returns Whether the next may be another */
  renew(): boolean {
    const { exec, tokenFile, "auth-provider": provider, "client-certificate": certificate } = this.#user.settings;
    this.#authenticator = null;
    this.#token = null;
    this.#files = null;
    return [exec, tokenFile, provider, certificate].some((source) => source !== undefined && source !== null);
  }

  async #ask(): Promise<Identity> {
    const { settings } = this.#user;
    this.#files ??= await certificates(settings);
    const { exec, "auth-provider": provider } = settings;
    const own = exec || provider ? await this.#delegate() : {};
    const authorization = text(own.headers?.Authorization) || (await this.#authorization());
    const { cert = this.#files.cert, key = this.#files.key } = own;
    return {
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

  /** What client-node is good at: programs and identity providers that hand out tokens. */
  async #delegate(): Promise<{ headers?: Record<string, unknown>; cert?: string; key?: string }> {
    const { name, settings } = this.#user;
    const options: RequestOptions & { headers: Record<string, string>; cert?: string; key?: string } = { headers: {} };
    try {
      this.#authenticator ??= await authenticatorOf(settings);
      await this.#authenticator.applyAuthentication(asUser(this.#user), options);
    } catch (error) {
      if (error instanceof TrueupError) throw error;
      throw new TrueupError(
        "forbidden",
        `Cannot sign in as "${name}" as ${sourceOf(settings)} must hand out credentials: ${reasonOf(error)}.`,
        { hint: "`kubectl get namespaces` with the same context shows whether the plug-in works." },
      );
    }
    return options;
  }
}

/** Only the modules that are needed: the package's index loads every kind there is, 84 MB and 0.4 s (measured, 2.0.1). */
async function authenticatorOf(settings: KubeUser["settings"]): Promise<Authenticator> {
  if (settings.exec) {
    const { ExecAuth } = await import("@kubernetes/client-node/dist/exec_auth.js");
    return new ExecAuth();
  }
  const provider = text((settings["auth-provider"] as { name?: unknown } | null)?.name);
  if (provider !== "oidc") {
    throw new TrueupError("usage", `Cannot sign in by the auth-provider "${provider}" as it must be oidc.`, {
      hint: "kubectl has dropped the others; their clouds have plug-ins (exec) instead.",
    });
  }
  const { OpenIDConnectAuth } = await import("@kubernetes/client-node/dist/oidc_auth.js");
  return new OpenIDConnectAuth();
}

/** The user as client-node has it, told what plug-ins expect: who asks, for which cluster, and that nobody can answer. */
function asUser({ name, server, ca, settings }: KubeUser): User {
  const { exec, "auth-provider": authProvider } = settings;
  if (!exec) return { name, authProvider };
  const { apiVersion, env = [], provideClusterInfo } = exec as Record<string, unknown> & { env?: unknown[] | null };
  const cluster =
    provideClusterInfo === true ? { server, ...(ca !== undefined && { "certificate-authority-data": ca }) } : undefined;
  const info = { kind: "ExecCredential", apiVersion, spec: { interactive: false, ...(cluster && { cluster }) } };
  const told = [...(env ?? []), { name: "KUBERNETES_EXEC_INFO", value: JSON.stringify(info) }];
  return { name, exec: { ...exec, env: told } };
}

async function certificates(settings: KubeUser["settings"]): Promise<Identity> {
  const read = async (key: string): Promise<Buffer | undefined> => {
    const data = text(settings[`${key}-data`]);
    if (data !== "") return Buffer.from(data, "base64");
    const path = text(settings[key]);
    return path === "" ? undefined : await readCredential(path);
  };
  const [cert, key] = await Promise.all([read("client-certificate"), read("client-key")]);
  return { headers: {}, ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
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

function sourceOf(settings: KubeUser["settings"]): string {
  const exec = settings.exec as { command?: unknown } | null | undefined;
  return exec ? `the plug-in ${text(exec.command)}` : "the identity provider";
}

/** What went wrong, without what a plug-in may have printed as a token: that is on its standard output. */
function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError || error instanceof TypeError) return "its answer is no ExecCredential";
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such program";
  return messageOf(error).trim().slice(0, SHOWN) || "it failed and said nothing";
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
