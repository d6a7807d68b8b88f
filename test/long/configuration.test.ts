/** A real daemon and real processes: a changed ConfigMap, an undo that brings it back, and the revert of one that crashes. */
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CONFIG_KEY_FILE } from "../../src/daemon/config-key.ts";
import type { DaemonStatus } from "../../src/model/status.ts";
import type { Pod } from "../../src/model/workload.ts";
import { commitAll, gitIn, initRepository } from "../git/support.ts";
import { endHome } from "../support/daemon.ts";
import { Child, type Home, MAIN, makeHome, trueup } from "../support/processes.ts";

const WEB = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: { trueup/restart-on: configmap }
spec:
  replicas: 2
  minReadySeconds: 1
  progressDeadlineSeconds: 4
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: teller:v1
          envFrom: [{ configMapRef: { name: web-config } }]
`;
const config = (colour: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web-config }\ndata:\n  COLOUR: ${colour} # as agreed\n`;
const SCRIPT = '[ "$COLOUR" = broken ] && exit 3; echo "colour is $COLOUR"; exec sleep 1000';
const IMAGE = JSON.stringify({ config: { Entrypoint: ["/bin/sh", "-c", SCRIPT] } });

let home: Home;
let path: string;
let daemon: Child;

beforeEach(() => {
  home = makeHome();
  path = join(home.dir, "shop");
  mkdirSync(path);
  initRepository(path);
});
afterEach(() => endHome(home, [daemon]));

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await trueup(args, home, path);
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

/** What the running pods printed first. */
async function colours(): Promise<string[]> {
  const { items } = JSON.parse(await ok("get", "pods", "-o", "json")) as { items: Pod[] };
  const running = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return Promise.all(running.map(({ metadata }) => ok("logs", metadata.name)));
}
const all = (colour: string): string[] => new Array(2).fill(`colour is ${colour}\n`);

it("reaches the processes, and comes back with undo and revert", async () => {
  commitAll(path, { "web.yaml": WEB, "config.yaml": config("blue"), "images/teller/v1/config.json": IMAGE }, "First");
  daemon = new Child([process.execPath, MAIN, "run"], { cwd: path, env: home.env });
  await daemon.waitFor(/runs: what is in git is what runs/);
  expect(await colours()).toEqual(all("blue"));
  const { stateDir } = JSON.parse(await ok("status", "-o", "json")) as DaemonStatus;
  expect(statSync(join(stateDir, CONFIG_KEY_FILE)).mode & 0o777).toBe(0o600);

  commitAll(path, { "config.yaml": config("red") }, "Red");
  await ok("rollout", "status", "deployment/web");
  expect(await colours()).toEqual(all("red"));

  expect(await ok("rollout", "undo", "deployment/web", "--wait")).toContain(
    "configmap/web-config restored as at revision 1\n",
  );
  expect(await colours()).toEqual(all("blue"));
  expect(gitIn(path, ["show", "HEAD:config.yaml"])).toBe(config("blue").trimEnd());

  writeFileSync(join(path, "config.yaml"), config("broken"));
  expect((await trueup(["plan"], home, path)).code).toBe(0);
  const broken = commitAll(path, { "config.yaml": config("broken") }, "Broken");
  expect((await trueup(["rollout", "status", "deployment/web"], home, path)).code).toBe(1);
  const reverted = await ok("revert", "--wait");
  expect(reverted).toContain(`reverted ${broken.slice(0, 7)} "Broken"\n`);
  expect(reverted).toMatch(/: Synced\n$/);
  expect(gitIn(path, ["log", "-1", "--format=%B"])).toMatch(
    /^Revert "Broken"\n\nThis reverts commit \w+\.\n\nIt failed: .*exit code 3/,
  );
  expect(await colours()).toEqual(all("blue"));
  expect(await ok("rollout", "history", "deployment/web")).toContain("Broken");
}, 60_000);
