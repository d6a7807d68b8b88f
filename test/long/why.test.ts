/** `trueup why` against a real daemon: from a value to its line and commit or to who changed it by hand, and from a pod that cannot start to who brought that. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SqliteObjectStore } from "../../src/cluster/store.ts";
import type { Attempt } from "../../src/model/ledger.ts";
import type { ObjectKey } from "../../src/model/object.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { systemRandom } from "../../src/util/random.ts";
import type { WhyAnswer } from "../../src/why/types.ts";
import { daemonRecords, endHome, synced, until } from "../support/daemon.ts";
import { Child, type Home, MAIN, makeHome, ROOT, run, trueup } from "../support/processes.ts";

const DEPLOYMENT = "deployment/hello-deployment";
const MANIFEST = "hello-deployment.yaml";

let home: Home;
let repository: string;
const children: Child[] = [];

async function git(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(["git", ...args], { cwd: repository, env: home.env });
  expect(code, stderr).toBe(0);
  return stdout.trim();
}

async function ok(args: readonly string[]): Promise<void> {
  const { code, stderr } = await trueup(args, home, repository);
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
}

async function why(object: string, ...rest: string[]): Promise<WhyAnswer> {
  const { code, stdout, stderr } = await trueup(["why", object, ...rest, "-o", "json"], home, repository);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as WhyAnswer;
}

async function startDaemon(says = /runs: what is in git is what runs/): Promise<Child> {
  const daemon = new Child([process.execPath, MAIN, "run"], { cwd: repository, env: home.env });
  children.push(daemon);
  await daemon.waitFor(says);
  return daemon;
}

/** Of the newest attempt: how often something of that kind happened. */
async function count(type: string): Promise<number> {
  const { code, stdout, stderr } = await trueup(["log", "-o", "json"], home, repository);
  expect(code, stderr).toBe(0);
  const [newest] = JSON.parse(stdout) as Attempt[];
  return newest?.events.filter((event) => event.type === type).length ?? 0;
}

/** Changes a live ConfigMap as somebody would whose name the API server writes down; no daemon may have the state open. */
function editByHand(stateDir: string, name: string, data: Record<string, string>): void {
  const store = new SqliteObjectStore(join(stateDir, "cluster.db"), {
    clock: new SystemClock(),
    random: systemRandom,
  });
  try {
    const live = store.get(`/ConfigMap/default/${name}` as ObjectKey);
    if (live === undefined) throw new Error(`${name} is there`);
    const fields = Object.fromEntries(Object.keys(data).map((key) => [`f:${key}`, {}]));
    const time = new Date().toISOString();
    const entry = { manager: "kubectl-edit", operation: "Update", time, fieldsV1: { "f:data": fields } };
    const metadata = { ...live.metadata, managedFields: [entry] };
    store.update({ ...live, metadata, data });
  } finally {
    store.close();
  }
}

beforeEach(async () => {
  home = makeHome();
  repository = join(home.dir, "hello");
  cpSync(join(ROOT, "sample-repo"), repository, { recursive: true });
  const image = join(repository, "images/hello-server/v3");
  mkdirSync(image);
  const script = "console.error('cannot reach the database'); process.exit(41)";
  writeFileSync(join(image, "config.json"), JSON.stringify({ config: { Entrypoint: ["node", "-e", script] } }));
  await git("init", "-q", "-b", "main");
  await git("config", "user.name", "Ada");
  await git("config", "user.email", "x@example.org");
  await git("add", "-A");
  await git("commit", "-q", "-m", "Version 1");
});
afterEach(() => endHome(home, children.splice(0)));

it("tells of each value its line, commit and author, and of a failing pod the chain to the commit that broke it", async () => {
  const daemon = await startDaemon();
  await git("config", "user.name", "Grace");
  await ok(["scale", DEPLOYMENT, "--replicas=2", "-m", "Two are enough", "--wait"]);
  const scaled = await git("rev-parse", "HEAD");
  const { fields, health, app } = await why(DEPLOYMENT, "spec.replicas");
  expect({ app, health: health.status }).toEqual({ app: "hello", health: "Healthy" });
  const line =
    readFileSync(join(repository, MANIFEST), "utf8")
      .split("\n")
      .findIndex((each) => each.includes("replicas:")) + 1;
  expect(fields).toEqual([
    {
      path: "spec.replicas",
      value: 2,
      origin: "git",
      by: "git",
      place: expect.objectContaining({
        file: MANIFEST,
        line,
        commit: scaled,
        author: "Grace",
        subject: "Two are enough",
      }),
    },
  ]);
  // What nobody wrote, the API server did.
  const limit = await why(DEPLOYMENT, "spec.revisionHistoryLimit");
  expect(limit.fields).toMatchObject([{ value: 10, origin: "default", by: "default of the API (apps/v1)" }]);

  await git("config", "user.name", "Eve");
  await ok(["set", "image", DEPLOYMENT, "hello-deployment=hello-server:v3", "-m", "Use the new server"]);
  const broken = await git("rev-parse", "HEAD");
  await daemon.waitFor(/exit code 41/);
  const failing = await why(DEPLOYMENT);
  const chain = failing.chain.map(({ about, text, place }) => `${about}: ${text}${place ? ` @${place.author}` : ""}`);
  expect(chain.join("\n")).toContain("cannot reach the database");
  expect(chain.join("\n")).toMatch(/hello-server:v1.*hello-server:v3.* @Eve/);
  expect(failing.chain.some(({ place }) => place?.commit === broken && place.file === MANIFEST)).toBe(true);

  const pods = await trueup(["get", "pods", "-o", "json"], home, repository);
  const { items } = JSON.parse(pods.stdout) as {
    items: { metadata: { name: string }; spec: { containers: { image: string }[] } }[];
  };
  const pod = items.find(({ spec }) => spec.containers[0]?.image.includes("v3"))?.metadata.name ?? "";
  const ofPod = await why(`pod/${pod}`);
  expect(ofPod.chain.some(({ place }) => place?.subject === "Use the new server")).toBe(true);
  const text = await trueup(["why", DEPLOYMENT], home, repository);
  expect(text.stdout).toMatch(/← .*hello-server:v3[\s\S]*Use the new server/);
});

it("names who changed a field by hand, where git has it, and that it was repaired before", async () => {
  const settings = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  greeting: hello\n";
  writeFileSync(join(repository, "settings.yaml"), settings);
  await git("add", "-A");
  await git("commit", "-q", "-m", "Greet");
  let daemon = await startDaemon();
  await synced(home);
  const [{ stateDir } = { stateDir: "" }] = daemonRecords(home);
  // What differs is repaired at once; only a third time in ten minutes it is left alone, and can be looked at.
  for (const [value, type, times] of [
    ["one", "drift", 1],
    ["two", "drift", 2],
    ["three", "contested", 1],
  ] as const) {
    daemon.kill("SIGINT");
    await daemon.exited;
    editByHand(stateDir, "settings", { greeting: value });
    daemon = await startDaemon(/commit [0-9a-f]{7} "Greet"/);
    await until(
      () => count(type),
      (found) => found === times,
    );
  }
  const { fields, commit } = await why("configmap/settings", "greeting");
  expect(fields).toEqual([
    {
      path: "data.greeting",
      value: "three",
      origin: "drift",
      by: expect.stringMatching(/^kubectl-edit; repaired before, \d{4}-\d\d-\d\dT/),
      declared: "hello",
      place: expect.objectContaining({
        file: "settings.yaml",
        line: 6,
        column: 13,
        author: "Ada",
        subject: "Greet",
        commit,
      }),
    },
  ]);
  const { stdout } = await trueup(["why", "configmap/settings", "greeting"], home, repository);
  expect(stdout).toMatch(/kubectl-edit; repaired before[\s\S]*settings\.yaml:6/);
});
