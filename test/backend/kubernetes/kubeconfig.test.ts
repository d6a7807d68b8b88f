import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Credentials } from "../../../src/backend/kubernetes/credentials.ts";
import { readAccess } from "../../../src/backend/kubernetes/kubeconfig.ts";
import type { KubeUser } from "../../../src/backend/kubernetes/plug-in.ts";
import { TrueupError } from "../../../src/model/errors.ts";
import { VirtualClock } from "../../../src/util/clock.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trueup-kubeconfig-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
}

async function failure(work: Promise<unknown>): Promise<TrueupError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof TrueupError) return error;
    throw error;
  }
  throw new Error("It did not fail");
}

const PROD = `
apiVersion: v1
kind: Config
current-context: prod
clusters:
- name: prod
  cluster: {server: "https://prod.test:6443", certificate-authority: pki/ca.crt, tls-server-name: kubernetes}
contexts:
- name: prod
  context: {cluster: prod, user: ann, namespace: shop}
users:
- name: ann
  user: {token: t0ken}
`;
const DEV = `
apiVersion: v1
kind: Config
current-context: dev
clusters:
- name: dev
  cluster: {server: "http://127.0.0.1:8080", proxy-url: "http://proxy.test:3128", insecure-skip-tls-verify: true}
- name: prod
  cluster: {server: "https://other.test"}
contexts:
- name: dev
  context: {cluster: dev, user: bob}
- name: lost
  context: {cluster: nowhere, user: bob}
users:
- name: bob
  user: {exec: {command: bin/login, apiVersion: client.authentication.k8s.io/v1}, client-certificate: c.crt, client-key: /abs/c.key}
`;

describe("a kubeconfig", () => {
  it("is found as kubectl finds it: named, in KUBECONFIG, at home", async () => {
    const prod = write("home/.kube/config", PROD);
    const dev = write("dev.yaml", DEV);
    const rows: [Parameters<typeof readAccess>[0], string][] = [
      [{ kubeconfig: dev, env: { KUBECONFIG: prod } }, "dev"],
      [{ env: { KUBECONFIG: dev, HOME: join(directory, "home") } }, "dev"],
      [{ env: { HOME: join(directory, "home") } }, "prod"],
      [{ env: { KUBECONFIG: `${join(directory, "none.yaml")}:${prod}` } }, "prod"],
    ];
    for (const [options, expected] of rows) expect((await readAccess(options)).context).toBe(expected);
  });

  it("says server, identity and namespace; its paths are meant from where it is", async () => {
    const prod = write("a/prod.yaml", PROD);
    expect(await readAccess({ kubeconfig: prod, env: {} })).toEqual({
      context: "prod",
      server: "https://prod.test:6443",
      tls: { caFile: join(directory, "a/pki/ca.crt"), servername: "kubernetes" },
      user: { name: "ann", server: "https://prod.test:6443", settings: { token: "t0ken" } },
      namespace: "shop",
    });
    const dev = write("b/dev.yaml", DEV);
    const access = await readAccess({ kubeconfig: dev, env: {} });
    expect([access.tls, access.namespace, access.user.settings]).toEqual([
      { rejectUnauthorized: false, proxyUrl: "http://proxy.test:3128/" },
      "default",
      {
        exec: { command: join(directory, "b/bin/login"), apiVersion: "client.authentication.k8s.io/v1" },
        "client-certificate": join(directory, "b/c.crt"),
        "client-key": "/abs/c.key",
      },
    ]);
  });

  it("names a proxy before the environment does", async () => {
    const env = { HTTPS_PROXY: "http://other.test", HTTP_PROXY: "http://other.test" };
    const [prod, dev] = [write("prod.yaml", PROD), write("dev.yaml", DEV)];
    expect((await readAccess({ kubeconfig: dev, env })).tls.proxyUrl).toBe("http://proxy.test:3128/");
    expect((await readAccess({ kubeconfig: prod, env })).tls.proxyUrl).toBe("http://other.test/");
    expect(
      (await readAccess({ kubeconfig: prod, env: { ...env, NO_PROXY: "prod.test" } })).tls.proxyUrl,
    ).toBeUndefined();
    const wrong = await failure(
      readAccess({ kubeconfig: write("w.yaml", DEV.replace("http://proxy", "ftp://me:hunter2@proxy")), env }),
    );
    expect(wrong.message).toBe(
      "Cannot use the proxy of the kubeconfig as it must be an address of http://, https://, socks5://: it is not.",
    );
  });

  it("of several files takes from each what the ones before do not say", async () => {
    const env = { KUBECONFIG: `${write("1.yaml", PROD)}:${write("2.yaml", DEV)}` };
    const rows: [string | undefined, string, string][] = [
      [undefined, "prod", "https://prod.test:6443"],
      ["dev", "dev", "http://127.0.0.1:8080"],
    ];
    for (const [context, name, server] of rows) {
      expect(await readAccess({ env, ...(context !== undefined && { context }) })).toMatchObject({
        context: name,
        server,
      });
    }
  });

  it("that does not say enough is refused with what is missing, never with what is in it", async () => {
    const dev = write("dev.yaml", DEV);
    const rows: [Parameters<typeof readAccess>[0], RegExp][] = [
      [{ kubeconfig: join(directory, "none"), env: {} }, /must be a readable file: ENOENT/],
      [{ kubeconfig: directory, env: {} }, /must be a readable file: EISDIR/],
      [{ env: {} }, /KUBECONFIG and HOME are not set/],
      [{ env: { HOME: directory } }, /a kubeconfig must be there: .*\.kube\/config is not/],
      [{ kubeconfig: dev, context: "none", env: {} }, /context "none" as it must be in .*dev.yaml: it is not/],
      [{ kubeconfig: dev, context: "lost", env: {} }, /cluster "nowhere"/],
      [{ kubeconfig: write("empty", ""), env: {} }, /must have a current one/],
      [{ kubeconfig: write("bad", "token: s3cret\n  x: [s3cret"), env: {} }, /must be YAML: .* in line \d/],
      [
        { kubeconfig: write("odd", DEV.replace("http://127.0.0.1:8080", "127.0.0.1")), env: {} },
        /must be an http\(s\) address/,
      ],
    ];
    for (const [options, expected] of rows) {
      const error = await failure(readAccess(options));
      expect([error.code, error.message]).toEqual(["usage", expect.stringMatching(expected)]);
      expect(`${error.message}${error.hint}${error.stack}`).not.toContain("s3cret");
    }
  });

  it("is not needed in a pod: its service account is taken", async () => {
    const serviceAccount = join(directory, "sa");
    write("sa/namespace", "trueup-system\n");
    const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
    const expected = {
      server: "https://[fd00::1]:443",
      namespace: "trueup-system",
      tls: { caFile: join(serviceAccount, "ca.crt") },
      user: { settings: { tokenFile: join(serviceAccount, "token") } },
    };
    expect(await readAccess({ env, serviceAccount })).toMatchObject(expected);
    const kubeconfig = write("prod.yaml", PROD);
    expect(await readAccess({ env, serviceAccount, kubeconfig, inCluster: true })).toMatchObject(expected);
    expect((await failure(readAccess({ env: {}, inCluster: true }))).message).toMatch(
      /KUBERNETES_SERVICE_HOST is not set/,
    );
    const missing = readAccess({ env, serviceAccount: join(directory, "none"), inCluster: true });
    expect((await failure(missing)).message).toMatch(/must be readable: ENOENT/);
  });
});

describe("credentials", () => {
  const { signal } = new AbortController();
  const clock = new VirtualClock();
  const user = (settings: KubeUser["settings"]): Credentials =>
    new Credentials({ name: "ann", server: "https://prod.test", settings }, clock);
  const headersOf = async (settings: KubeUser["settings"]): Promise<unknown> =>
    (await user(settings).identity(signal)).headers;
  let plugIns = 0;
  /** A plug-in that counts its runs and says what it was told. */
  const plugIn = (body: string, more: Record<string, unknown> = {}): KubeUser["settings"] => {
    const command = write(`login-${plugIns++}`, `#!/bin/sh\necho run >> "${directory}/runs"\n${body}\n`);
    chmodSync(command, 0o755);
    return { exec: { command, args: ["x"], apiVersion: "client.authentication.k8s.io/v1", ...more } };
  };
  const token = (text: string): string =>
    `echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"'${text}'"}}'`;

  it("are headers: a token, a name with a password, somebody else to act as", async () => {
    const rows: [KubeUser["settings"], unknown][] = [
      [{}, {}],
      [{ token: "t0ken\n" }, { authorization: "Bearer t0ken" }],
      [{ username: "ann", password: "pass" }, { authorization: `Basic ${btoa("ann:pass")}` }],
      [
        { token: "t", as: "bob", "as-groups": ["a", "b"], "as-uid": "7", "as-user-extra": { "Scope/X": ["y"] } },
        {
          authorization: "Bearer t",
          "impersonate-user": "bob",
          "impersonate-uid": "7",
          "impersonate-group": ["a", "b"],
          "impersonate-extra-scope%2fx": ["y"],
        },
      ],
    ];
    for (const [settings, expected] of rows) expect(await headersOf(settings)).toEqual(expected);
  });

  it("in files are read again: a token each minute, a certificate when it was refused", async () => {
    const tokenFile = write("token", "one\n");
    const certificate = write("c.crt", "CERT 1");
    const credentials = user({ tokenFile, "client-certificate": certificate, "client-key-data": btoa("KEY") });
    let last = { generation: -1 };
    const read = async (): Promise<unknown> => {
      const identity = await credentials.identity(signal);
      const { headers, cert, key } = identity;
      last = identity;
      return [headers.authorization, String(cert), String(key)];
    };
    expect(await read()).toEqual(["Bearer one", "CERT 1", "KEY"]);
    writeFileSync(tokenFile, "two");
    writeFileSync(certificate, "CERT 2");
    expect(await read()).toEqual(["Bearer one", "CERT 1", "KEY"]);
    await clock.advance(60_000);
    expect(await read()).toEqual(["Bearer two", "CERT 1", "KEY"]);
    expect(credentials.renew(last)).toBe(true);
    expect(await read()).toEqual(["Bearer two", "CERT 2", "KEY"]);
  });

  it("come from a plug-in that runs once for all who ask, and is told for which cluster", async () => {
    const settings = plugIn(`echo "$KUBERNETES_EXEC_INFO $MINE" > "${directory}/told"; ${token("$1")}`, {
      env: [{ name: "MINE", value: "1" }],
      provideClusterInfo: true,
    });
    const credentials = user(settings);
    const found = await Promise.all([1, 2, 3].map(() => credentials.identity(signal)));
    expect(found.map(({ headers }) => headers.authorization)).toEqual(["Bearer x", "Bearer x", "Bearer x"]);
    expect(readFileSync(join(directory, "runs"), "utf8")).toBe("run\n");
    expect(readFileSync(join(directory, "told"), "utf8")).toBe(
      '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false,"cluster":{"server":"https://prod.test"}}} 1\n',
    );
    const refused = found[0] ?? { generation: -1 };
    // Of many that are refused at once, one renews it for all.
    expect([credentials.renew(refused), credentials.renew(refused)]).toEqual([true, true]);
    const second = await credentials.identity(signal);
    expect(credentials.renew(refused)).toBe(true);
    // One that is refused as well is not renewed again and again.
    expect(credentials.renew(second)).toBe(false);
    await credentials.identity(signal);
    expect(readFileSync(join(directory, "runs"), "utf8")).toBe("run\nrun\n");
    await clock.advance(10_000);
    expect(credentials.renew(second)).toBe(true);
  });

  it("that a plug-in does not hand out are an error that says why, without what it printed", async () => {
    const rows: [KubeUser["settings"], RegExp][] = [
      [
        plugIn("echo s3cret; echo 'please log in' >&2; exit 1"),
        /the plug-in .*login-\d+ must hand out credentials: please log in\./,
      ],
      [plugIn("echo s3cret"), /its answer is no ExecCredential/],
      [plugIn("echo '{}'"), /its answer is no ExecCredential/],
      [{ exec: { command: join(directory, "none") } }, /there is no such program/],
      [{ "auth-provider": { name: "gcp" } }, /auth-provider "gcp" as it must be oidc/],
      [{ tokenFile: join(directory, "none") }, /must be a readable file: ENOENT/],
    ];
    for (const [settings, expected] of rows) {
      const error = await failure(user(settings).identity(signal));
      expect(error.message).toMatch(expected);
      expect(`${error.message}${String(error.cause)}`).not.toContain("s3cret");
    }
  });

  it("of an identity provider are its token, as long as that is good", async () => {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const idToken = `${part({ alg: "none" })}.${part({ exp: 9_999_999_999 })}.x`;
    const provider = { name: "oidc", config: { "id-token": idToken } };
    expect(await headersOf({ "auth-provider": provider })).toEqual({ authorization: `Bearer ${idToken}` });
  });

  it("do not keep one waiting who has given up", async () => {
    const end = new AbortController();
    const asked = user(plugIn("sleep 0.2")).identity(end.signal);
    end.abort(new TrueupError("aborted", "enough"));
    expect((await failure(asked)).code).toBe("aborted");
  });
});
