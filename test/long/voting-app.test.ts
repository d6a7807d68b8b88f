/** A repository that others wrote: checked, refused, completed, run as processes, and left alone once it runs. */
import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Attempt } from "../../src/model/ledger.ts";
import type { Deployment, Pod } from "../../src/model/workload.ts";
import { commitAll, initRepository } from "../git/support.ts";
import { endHome } from "../support/daemon.ts";
import { Child, type Home, MAIN, makeHome, ROOT, trueup } from "../support/processes.ts";

/** The manifests as Docker publishes them, Apache-2.0: SOURCE.txt beside them. */
const FIXTURE = join(ROOT, "test/fixtures/repos/example-voting-app/k8s-specifications");
const IMAGES = [
  "postgres/15-alpine",
  "redis/alpine",
  "examplevotingapp_vote/v1",
  "examplevotingapp_result/v1",
  "examplevotingapp_worker/v1",
];
/** Stands in for all five programs: it listens where it is told to, if it is, and lives until it is told to end. */
const PROGRAM = `
const { createServer } = require("node:http");
createServer((_, response) => response.end(process.env.HOSTNAME)).listen(Number(process.env.PORT ?? 0));
process.on("SIGTERM", () => process.exit(0));
`;

let home: Home;
let repository: string;
const children: Child[] = [];

beforeEach(() => {
  home = makeHome();
  repository = join(home.dir, "voting");
  mkdirSync(repository);
  initRepository(repository);
  cpSync(FIXTURE, join(repository, "k8s-specifications"), { recursive: true });
  commitAll(repository, {}, "As it is");
});
afterEach(() => endHome(home, children.splice(0)));

async function data<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await trueup([...args, "-o", "json"], home, repository);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
  return JSON.parse(stdout) as T;
}

/** Gives the images that have no tag one. */
function nameVersions(): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(join(repository, "k8s-specifications"))) {
    const path = `k8s-specifications/${name}`;
    const text = readFileSync(join(repository, path), "utf8");
    files[path] = text.replace(/^(\s+- image: \S+examplevotingapp_[a-z]+)$/m, "$1:v1");
  }
  return files;
}

it("refuses what names no version, says which image is missing, runs once all is there, and then does nothing", async () => {
  const checked = await trueup(["validate"], home, repository);
  expect(checked.code).toBe(1);
  expect(checked.stderr.match(/^\S+: error: .*$/gm)?.map((line) => line.replace(/: Cannot.*\[/, ": ["))).toEqual(
    ["result", "vote", "worker"].map(
      (name) => `k8s-specifications/${name}-deployment.yaml:18:16: error: [image-tag-missing]`,
    ),
  );
  const refused = await trueup(["run", "--once"], home, repository);
  expect({ code: refused.code, told: refused.stderr.match(/is rejected/g)?.length }).toEqual({ code: 1, told: 1 });

  commitAll(repository, nameVersions(), "Name versions");
  const daemon = new Child([process.execPath, MAIN, "run"], { cwd: repository, env: home.env });
  children.push(daemon);
  for (const image of IMAGES) {
    await daemon.waitFor(new RegExp(`Failed to pull image ".*": no directory images/${image} in commit`));
  }
  const waiting = (await data<{ items: Pod[] }>("get", "pods")).items.map(
    ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason ?? "",
  );
  expect(waiting).toHaveLength(5);
  for (const reason of waiting) expect(reason).toMatch(/^(?:ErrImagePull|ImagePullBackOff)$/);

  const files: Record<string, string> = {};
  for (const image of IMAGES) {
    files[`images/${image}/config.json`] = '{"config": {"Entrypoint": ["node", "main.cjs"], "WorkingDir": "/"}}\n';
    files[`images/${image}/main.cjs`] = PROGRAM;
  }
  commitAll(repository, files, "Add images");
  await daemon.waitFor(/runs: what is in git is what runs/);
  const { items } = await data<{ items: Deployment[] }>("get", "deployments");
  expect(items.map(({ metadata, status }) => [metadata.name, status?.availableReplicas])).toEqual([
    ["db", 1],
    ["redis", 1],
    ["result", 1],
    ["vote", 1],
    ["worker", 1],
  ]);
  const before = await data<{ items: Pod[] }>("get", "pods");
  expect((await trueup(["plan"], home, repository)).stdout).toMatch(/: nothing to do, 9 unchanged\n$/);
  const attempts = await data<Attempt[]>("log");
  expect(attempts.map(({ subject, ending }) => `${subject}: ${ending?.outcome}`)).toEqual([
    "Add images: deployed",
    "Name versions: failed",
    "As it is: rejected",
  ]);

  daemon.kill("SIGINT");
  expect((await daemon.exited).code).toBe(0);
  const again = await trueup(["run", "--once"], home, repository);
  expect({ code: again.code, stderr: again.stderr }).toMatchObject({ code: 0 });
  const last = new Child([process.execPath, MAIN, "run"], { cwd: repository, env: home.env });
  children.push(last);
  await last.waitFor(/runs: what is in git is what runs/);
  const uids = ({ items: pods }: { items: Pod[] }): unknown => pods.map(({ metadata }) => metadata.uid).sort();
  expect(uids(await data<{ items: Pod[] }>("get", "pods"))).toEqual(uids(before));
  expect(await data<Attempt[]>("log")).toEqual(attempts);
});
