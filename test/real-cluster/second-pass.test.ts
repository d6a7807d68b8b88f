/** Real repositories, applied by a real daemon to a real API server; then nothing is left to do, and nothing is asked for. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectToCluster } from "../../src/daemon/connect-kubernetes.ts";
import { type RunningDaemon, startDaemon } from "../../src/daemon/daemon.ts";
import type { AppStatus, DaemonStatus } from "../../src/model/status.ts";
import { commitAll, initRepository } from "../git/support.ts";
import type { AuditedRequest } from "../support/kubernetes/audit.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";
import { type Home, makeHome } from "../support/processes.ts";
import { ENDS, LEFT_OUT, layOut, REAL_APPS } from "../support/real-repositories.ts";

const cluster = clusterForTests();
/** Namespaces that manifests name and that none of them makes; those that some make are removed with them. */
const NAMED = ["foo", "bar", "prod", "flux-system", "cert-manager", "argocd-e2e", "test-multi-ns-hook-second"];
const MADE = ["sock-shop", "monitoring", "jaeger", "loadtest", "webapp", "secure", "wardle"];
/** Of apps that are applied and cannot get healthy here: why. All others must be Synced. */
const NOT_HEALTHY: Readonly<Record<string, RegExp>> = {
  // No metrics server is here.
  "podinfo-database": /HPA was unable to compute the replica count|claim|PersistentVolumeClaim/,
  "podinfo-frontend": /HPA was unable to compute the replica count/,
  "podinfo-backend": /HPA was unable to compute the replica count/,
  "sock-shop": /HPA was unable to compute the replica count|given it an address/,
  podinfo: /HPA was unable to compute the replica count/,
  "podinfo-secure": /HPA was unable to compute the replica count/,
  "podinfo-webapp": /HPA was unable to compute the replica count/,
  // No controller of gateways is here.
  gateway: /Waiting for controller/,
  // Its Service selects pods that no file brings.
  "sock-shop-jaeger": /given it an address yet/,
  "argo-networking": /given it an address yet/,
  // Nobody serves that API.
  "argo-aggregated-apiserver-server": /apiservice/,
};

let home: Home;
let repository: string;
let alone: Map<string, string>;
let daemon: RunningDaemon | null = null;

async function start(): Promise<RunningDaemon> {
  const started = await startDaemon({
    version: "9.9.9",
    repository,
    ref: "main",
    stateDir: join(home.dir, "state"),
    env: home.env,
    imagePaths: [],
    kubeletArgv: () => [process.execPath, "-e", "process.exit(9)"],
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    target: {
      kind: "kubernetes",
      name: "test",
      kubeconfig: cluster.kubeconfigFor("trueup"),
      inCluster: false,
      namespace: "trueup-system",
      ledger: "local",
    },
    connectKubernetes: connectToCluster,
  });
  daemon = started;
  return started;
}

/** Resolves as soon as all apps are as wanted; at the deadline, throws with those that are not. */
async function until(running: RunningDaemon, wanted: (app: AppStatus) => boolean): Promise<DaemonStatus> {
  const done = Promise.withResolvers<DaemonStatus>();
  const look = (): void => {
    const status = running.service.status();
    if (status.apps.length >= REAL_APPS.length && status.apps.every(wanted)) done.resolve(status);
  };
  const stop = running.service.onChange(look);
  const deadline = setTimeout(() => {
    const late = running.service.status().apps.filter((app) => !wanted(app));
    done.reject(new Error(late.map(({ app, phase, reason }) => `${app} ${phase}: ${reason}`).join("\n")));
  }, 120_000);
  look();
  try {
    return await done.promise;
  } finally {
    clearTimeout(deadline);
    stop();
  }
}

const isLeftOut = ({ app }: AppStatus): boolean => alone.has(app);
const isApplied =
  (commit: string) =>
  (app: AppStatus): boolean => {
    if (isLeftOut(app)) return app.phase === "Rejected" && app.head?.commit === commit;
    return app.applied === commit && (app.phase === "Synced" || NOT_HEALTHY[app.app]?.test(app.reason) === true);
  };
const told = (requests: readonly AuditedRequest[], ...without: string[]): string[] =>
  requests.filter(({ verb }) => !without.includes(verb)).map(({ verb, uri }) => `${verb} ${uri}`);

beforeAll(async () => {
  home = makeHome();
  repository = join(home.dir, "real");
  mkdirSync(repository);
  initRepository(repository);
  alone = layOut(repository);
  const names = [...REAL_APPS.map(({ name }) => name), ...alone.keys()];
  const lines: string[] = [];
  for (const name of names) {
    const namespace = await cluster.namespace(name.slice(0, 40));
    lines.push(`  - { name: ${name}, path: ${name}, namespace: ${namespace} }`);
  }
  writeFileSync(join(repository, "trueup.yaml"), `apps:\n${lines.join("\n")}\n`);
  for (const name of NAMED) await cluster.api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  // Pods that are to end do so, as do those of hooks.
  cluster.play([], { [ENDS]: { does: "complete" } });
});

afterAll(async () => {
  await daemon?.stop({ stopPods: false });
  home.remove();
  for (const name of [...NAMED, ...MADE]) {
    await cluster.api.remove(`/api/v1/namespaces/${name}`);
    await cluster.api.remove(`/api/v1/namespaces/${name}/pods`, { gracePeriodSeconds: 0 });
  }
});

describe.skipIf(!cluster.isOwn)("the plain parts of real repositories", () => {
  it("are applied but for what is left out with a reason; then a pass asks for nothing, also of a new daemon", async () => {
    const first = await start();
    const head = commitAll(repository, {}, "all");
    const { apps } = await until(first, isApplied(head));
    const reasons = apps
      .filter(isLeftOut)
      .map(({ app, diagnostics }) => [
        alone.get(app) ?? app,
        diagnostics.filter(({ severity }) => severity === "error").map(({ rule }) => rule),
      ]);
    const expected = [...alone.values()].map((file) => [file, expect.arrayContaining([LEFT_OUT[file]])]);
    expect(Object.fromEntries(reasons)).toEqual(Object.fromEntries(expected));

    const second = await cluster.audit.mark();
    const next = commitAll(repository, { "README.md": "Nothing of an app.\n" }, "words");
    await until(first, isApplied(next));
    expect(told(await cluster.audit.since(second, { user: "trueup" }), "watch")).toEqual([]);

    await first.stop({ stopPods: false });
    const restart = await cluster.audit.mark();
    const again = await start();
    await until(again, isApplied(next));
    const asked = told(await cluster.audit.since(restart, { user: "trueup" }), "watch", "list");
    // Which cluster it is, and which kinds there are, has to be asked; nothing is written, and nothing rehearsed.
    expect(asked.filter((request) => !/^get \/(?:apis?|api\/v1\/namespaces\/kube-system)$/.test(request))).toEqual([]);
    const third = await cluster.audit.mark();
    const last = commitAll(repository, { "README.md": "Nothing of an app, again.\n" }, "more words");
    await until(again, isApplied(last));
    const later = told(await cluster.audit.since(third, { user: "trueup" }), "watch");
    expect(later).toEqual([]);

    const attempts = await again.service.ledger.attempts({});
    const outcomes = new Set(
      attempts.filter(({ subject, app }) => subject !== "all" && !alone.has(app)).map(({ ending }) => ending?.outcome),
    );
    // Open, or superseded by the next commit, are those of apps that cannot get healthy.
    for (const outcome of outcomes) expect([undefined, "no-op", "superseded"]).toContain(outcome);
    expect(attempts.flatMap(({ events }) => events).filter(({ type }) => type === "drift")).toEqual([]);
  }, 400_000);
});
