/** `trueup demo`: a real repository, real processes, and a Service in front of them, until Ctrl-C. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { RunningDaemon } from "../../daemon/daemon.ts";
import { createRepository } from "../../git/init.ts";
import { TrueupError } from "../../model/errors.ts";
import { ANNOTATION, type Service } from "../../model/workload.ts";
import { sleep } from "../../util/clock.ts";
import { get } from "../../util/http.ts";
import type { Command, CommandContext } from "../command.ts";
import { launchDaemon } from "../launch.ts";
import { narrateDaemon } from "../live/narrator.ts";
import { packageRoot, readVersion } from "../version.ts";

const SERVICE = "hello-deployment-svc";
const DEPLOYMENT = "deployment/hello-deployment";
const HIGHEST_PORT = 65_535;
/** How often the Service is asked whether it answers yet. */
const ASK_EVERY_MS = 50;

export const command: Command = {
  options: [
    { flags: "--dir <dir>", summary: "where the repository is made (default: .trueup/demo)", completes: "directory" },
    { flags: "--port <port>", summary: "local port to answer on, or the next free one (default: 8080)" },
  ],
  examples: [
    { line: "trueup demo", does: "make .trueup/demo and run it" },
    { line: "trueup demo --dir /tmp/hello --port 9000", does: "the same elsewhere, on another port" },
  ],
  async run(context, { text, count }) {
    const port = count("port");
    if (port !== undefined && (port < 1 || port > HIGHEST_PORT)) {
      throw new TrueupError("usage", `Cannot answer on port ${port} as it must be between 1 and ${HIGHEST_PORT}.`);
    }
    const dir = resolve(context.cwd, text("dir") ?? join(".trueup", "demo"));
    const isNew = await makeRepository(dir);
    await introduce(context, dir, isNew);
    const daemon = await launchDaemon({
      repository: dir,
      ref: "HEAD",
      imagePaths: [],
      stateDir: context.stateDir ?? `${dir}.state`,
      env: context.env,
      port,
    });
    try {
      await showUntilInterrupted(context, daemon);
    } finally {
      await context.err.line("\nTaking everything down: pods first finish what they accepted.");
      await daemon.stop({ stopPods: true });
    }
    await context.err.line("Done. The repository and its history are kept; trueup demo goes on with them.");
    return 0;
  },
};

/** @returns Whether it was made; `false` when it was there already */
async function makeRepository(dir: string): Promise<boolean> {
  const there = statSync(dir, { throwIfNoEntry: false });
  if (there !== undefined && readdirSync(dir).length > 0) {
    if (statSync(join(dir, ".git"), { throwIfNoEntry: false }) !== undefined) return false;
    throw new TrueupError("usage", `Cannot make the demo's repository in ${dir} as it must be empty: it is not.`, {
      hint: "Choose another directory with --dir.",
    });
  }
  const sample = join(packageRoot(), "sample-repo");
  const files = readdirSync(sample, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path: relative(sample, path), content: readFileSync(path) }));
  const repository = await createRepository(dir, {
    files,
    message: "Run version 1 of the hello server",
    fallbackIdentity: { name: "trueup demo", email: "demo@trueup.invalid" },
  });
  await repository.close();
  return true;
}

async function introduce({ out, cwd }: CommandContext, dir: string, isNew: boolean): Promise<void> {
  const place = relative(cwd, dir);
  const shown = place === "" || place.startsWith("..") ? dir : place;
  await out.line(out.style.bold(`trueup ${readVersion()} demo`));
  await out.line();
  await out.line(
    isNew
      ? `  ${shown} is a git repository now, made from sample-repo; what it declares runs on this machine.`
      : `  Going on with the git repository ${shown}. (Remove it and ${shown}.state to begin anew.)`,
  );
  await out.line();
}

/** Tells what happens until the person has seen enough or the daemon ends. */
async function showUntilInterrupted(context: CommandContext, daemon: RunningDaemon): Promise<void> {
  const { out, clock, signal } = context;
  const story = new AbortController();
  const stop = (): void => story.abort();
  signal.addEventListener("abort", stop, { once: true });
  void daemon.ended.then(stop, stop);
  const narration = narrateDaemon(daemon.service, out, clock, story.signal);
  try {
    const url = await firstAnswer(context, daemon, story.signal);
    await suggest(context, url.url, url.body);
    await new Promise<void>((done) => {
      if (story.signal.aborted) done();
      else story.signal.addEventListener("abort", () => done(), { once: true });
    });
  } catch (error) {
    if (!story.signal.aborted) throw error;
  } finally {
    story.abort();
    signal.removeEventListener("abort", stop);
    await narration;
  }
}

/** Waits until the Service has a local port and answers on it. */
async function firstAnswer(
  { clock }: CommandContext,
  daemon: RunningDaemon,
  signal: AbortSignal,
): Promise<{ url: string; body: string }> {
  for (;;) {
    const { items } = await daemon.service.backend.list({ kind: "Service", name: SERVICE }, signal);
    const port = localPort(items[0]?.object as Service | undefined);
    const url = `http://localhost:${port}`;
    const body = port === undefined ? null : await ask(port);
    if (body !== null) return { url, body };
    await sleep(clock, ASK_EVERY_MS, signal);
  }
}

function localPort(service: Service | undefined): number | undefined {
  const ports = service?.metadata.annotations?.[ANNOTATION.localPorts];
  if (ports === undefined) return undefined;
  return Object.values(JSON.parse(ports) as Record<string, number>)[0];
}

/** The body of a 200 answer; `null` for anything else: not yet. */
function ask(port: number): Promise<string | null> {
  return new Promise((done) => {
    const request = get({ host: "127.0.0.1", port, agent: false, timeout: 1_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.once("error", () => done(null));
      response.once("end", () => done(response.statusCode === 200 ? body.trim() : null));
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => done(null));
  });
}

async function suggest({ out, env }: CommandContext, url: string, body: string): Promise<void> {
  const trueup = env.npm_execpath === undefined ? "trueup" : "npx trueup";
  const { bold, cyan, green } = out.style;
  const lines = [
    "",
    `  ${bold(cyan(url))} answers: ${green(body)}`,
    "",
    "  Three things to try, from a second terminal in this directory:",
    "",
    "  1. Ask a few times, and see the pods take turns:",
    `       ${bold(`curl ${url}`)}`,
    "  2. Roll out version 2 by a commit, and watch the pods being replaced here, one at a time:",
    `       ${bold(`${trueup} set image ${DEPLOYMENT} hello-deployment=hello-server:v2`)}`,
    "  3. See which commit each revision came from, and go back, which is a commit too:",
    `       ${bold(`${trueup} rollout history ${DEPLOYMENT}`)}`,
    `       ${bold(`${trueup} rollout undo ${DEPLOYMENT}`)}`,
    "",
    "  Use a new image tag for every build: never a used one again, never latest, never none.",
    "  Change files and commit rather than edit live: a live edit leaves no history.",
    "",
    "  Ctrl-C takes everything down.",
    "",
  ];
  await out.write(`${lines.join("\n")}\n`);
}
