/** Programs that hand out credentials, as they should and as they should not. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Credentials } from "../../../src/backend/kubernetes/credentials.ts";
import type { KubeUser } from "../../../src/backend/kubernetes/plug-in.ts";
import { askPlugIn } from "../../../src/backend/kubernetes/plug-in.ts";
import { TrueupError } from "../../../src/model/errors.ts";
import { SystemClock, settle, VirtualClock } from "../../../src/util/clock.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "trueup-plug-in-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const API = "client.authentication.k8s.io/v1";
const NEVER = new AbortController().signal;
let count = 0;

function user(script: string, more: Record<string, unknown> = {}): KubeUser {
  const command = join(directory, `plug-in-${++count}`);
  writeFileSync(command, `#!/bin/sh\n${script}\n`);
  chmodSync(command, 0o755);
  return { name: "ann", server: "https://prod.test", settings: { exec: { command, apiVersion: API, ...more } } };
}

const answer = (status: object, more: object = {}): string =>
  `cat <<'END'\n${JSON.stringify({ kind: "ExecCredential", apiVersion: API, status, ...more })}\nEND`;

async function failure(work: Promise<unknown>): Promise<TrueupError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof TrueupError) return error;
  throw new Error(`no refusal: ${String(error)}`);
}

describe("what a plug-in answers", () => {
  it.each<[what: string, script: string, expected: object]>([
    ["a token", answer({ token: "t" }), { token: "t", expiresAt: Number.POSITIVE_INFINITY }],
    [
      "a token for a while",
      answer({ token: "t", expirationTimestamp: "2030-01-01T00:00:00Z" }),
      { token: "t", expiresAt: Date.UTC(2030, 0, 1) },
    ],
    [
      "a certificate",
      answer({ clientCertificateData: "C", clientKeyData: "K", expirationTimestamp: null }),
      { token: "", cert: "C", key: "K", expiresAt: Number.POSITIVE_INFINITY },
    ],
  ])("is %s", async (_what, script, expected) => {
    expect(await askPlugIn(user(script), new SystemClock(), NEVER)).toEqual(expected);
  });

  it.each<[what: string, script: string, why: RegExp, more?: Record<string, unknown>]>([
    ["nothing", "true", /its answer is no ExecCredential/],
    ["null, which is no leave to go without", "echo null", /its answer is no ExecCredential/],
    ["no status", answer({}, { status: null }), /its answer is no ExecCredential/],
    ["neither token nor certificate", answer({}), /its answer is no ExecCredential/],
    ["a certificate without its key", answer({ clientCertificateData: "C" }), /its answer is no ExecCredential/],
    ["a time that is none", answer({ token: "t", expirationTimestamp: "soon" }), /its answer is no ExecCredential/],
    ["another version", answer({ token: "t" }, { apiVersion: "v9" }), /its answer is no ExecCredential/],
    ["something else", answer({ token: "t" }, { kind: "Secret" }), /its answer is no ExecCredential/],
    ["more than can be", "yes s3cret | head -c 3000000", /it printed more than 1 MiB/],
    ["that it failed", "echo 'log in first' >&2; exit 3", /must hand out credentials: log in first\.$/],
    ["that it failed, and no more", "exit 3", /it failed and said nothing/],
    ["by being killed", "kill -9 $$", /it failed and said nothing/],
    ["to a person alone", "exit 1", /asks for a person to talk to/, { interactiveMode: "Always" }],
  ])("is refused: %s", async (_what, script, why, more) => {
    const error = await failure(askPlugIn(user(script, more), new SystemClock(), NEVER));
    expect([error.code, error.message]).toEqual(["forbidden", expect.stringMatching(why)]);
    expect(`${error.message}${String(error.cause)}${error.stack}`).not.toContain("s3cret");
  });

  it("is quoted without what looks like a token, and without what the kubeconfig gives it", async () => {
    const jwt = `${"eyJhbGciOiJSUzI1NiIsImtpZCI6"}.${"eyJzdWIiOiJhbm4ifQ-and-more-of-it"}.sig_nature`;
    const script = `echo "cannot refresh ${jwt} for $WHO at login.example.org: see /home/ann/.kube/cache" >&2; exit 1`;
    const { message } = await failure(
      askPlugIn(user(script, { env: [{ name: "WHO", value: "pass-w0rd" }] }), new SystemClock(), NEVER),
    );
    expect(message).toMatch(
      /cannot refresh \*\*\* for \*\*\* at login\.example\.org: see \/home\/ann\/\.kube\/cache\.$/,
    );
  });

  it("is asked for with no input to wait for", async () => {
    const script = `read -r line; echo "read: $?" > "${directory}/input"; ${answer({ token: "t" })}`;
    await askPlugIn(user(script), new SystemClock(), NEVER);
    expect(readFileSync(join(directory, "input"), "utf8")).toBe("read: 1\n");
  });

  it("tells how to install one that is not there", async () => {
    const exec = { command: join(directory, "none"), installHint: "Get it from the shelf." };
    const error = await failure(
      askPlugIn({ name: "a", server: "https://s", settings: { exec } }, new SystemClock(), NEVER),
    );
    expect([error.message, error.hint]).toEqual([
      expect.stringMatching(/there is no such program/),
      "Get it from the shelf.",
    ]);
    const odd = { command: "a\0b" };
    expect(
      (await failure(askPlugIn({ name: "a", server: "https://s", settings: { exec: odd } }, new SystemClock(), NEVER)))
        .code,
    ).toBe("forbidden");
  });
});

/** Waits for a file that a script writes, as told by looking; each look waits for the next turn. */
async function written(path: string): Promise<string> {
  await expect
    .poll(() => existsSync(path) && readFileSync(path, "utf8").endsWith("\n"), { timeout: 20_000 })
    .toBe(true);
  return readFileSync(path, "utf8").trim();
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
};

describe("a plug-in that hangs", () => {
  it("is ended at the deadline, with all that it started", async () => {
    const clock = new VirtualClock();
    const pids = join(directory, "hung");
    const asked = failure(askPlugIn(user(`sleep 600 & echo "$$ $!" > "${pids}"; wait`), clock, NEVER));
    const started = (await written(pids)).split(" ").map(Number);
    await clock.advance(59_999);
    expect(started.map(isAlive)).toEqual([true, true]);
    await clock.advance(1);
    expect((await asked).message).toMatch(/it did not answer within 60 s/);
    await expect.poll(() => started.map(isAlive), { timeout: 20_000 }).toEqual([false, false]);
  });

  it("is ended when the connection is closed", async () => {
    const credentials = new Credentials(user(`echo $$ > "${directory}/closed"; sleep 600`), new SystemClock());
    const asked = failure(credentials.identity(NEVER));
    const pid = Number(await written(join(directory, "closed")));
    credentials.close();
    expect((await asked).code).toBe("aborted");
    await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
  });

  it("only by what it left behind has answered all the same", async () => {
    const clock = new VirtualClock();
    const asked = askPlugIn(user(`sleep 600 & echo $! > "${directory}/left"; ${answer({ token: "t" })}`), clock, NEVER);
    const pid = Number(await written(join(directory, "left")));
    const done = asked.then(({ token }) => token);
    // Its end is heard of some time later, and a second after that its output counts as complete.
    let token: string | null = null;
    void done.then((found) => {
      token = found;
    });
    await expect
      .poll(
        async () => {
          await clock.advance(1_000);
          await settle();
          return token;
        },
        { timeout: 20_000 },
      )
      .toBe("t");
    await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
  });
});

describe("what is handed out", () => {
  const runs = (path: string): number => (existsSync(path) ? readFileSync(path, "utf8").length / 2 : 0);

  it("is kept until shortly before it runs out, and for a while whatever it says", async () => {
    const clock = new VirtualClock();
    const path = join(directory, "kept");
    const until = (ms: number): string => new Date(clock.now() + ms).toISOString();
    const credentials = new Credentials(
      user(`echo x >> "${path}"; ${answer({ token: "t", expirationTimestamp: until(60_000) })}`),
      clock,
    );
    const ask = async (): Promise<number> => {
      await credentials.identity(NEVER);
      return runs(path);
    };
    expect([await ask(), await ask()]).toEqual([1, 1]);
    await clock.advance(49_000);
    expect(await ask()).toBe(1);
    await clock.advance(1_000);
    // It says the same again, though that time is about to pass: not each request runs it.
    expect([await ask(), await ask()]).toEqual([2, 2]);
    await clock.advance(10_000);
    expect([await ask(), await ask()]).toEqual([3, 3]);
  });

  it("by one that fails is not asked for again with each request", async () => {
    const clock = new VirtualClock();
    const path = join(directory, "failing");
    const credentials = new Credentials(user(`echo x >> "${path}"; exit 1`), clock);
    const ask = async (): Promise<number> => {
      await failure(credentials.identity(NEVER));
      return runs(path);
    };
    expect([await ask(), await ask()]).toEqual([1, 1]);
    await clock.advance(5_000);
    expect(await ask()).toBe(2);
  });
});
