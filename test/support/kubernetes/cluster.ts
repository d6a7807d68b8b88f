/**
 * What a test file of `npm run test:cluster` starts from: a real API server, namespaces of its own, and pods that do as told.
 *
 *     const cluster = clusterForTests();
 *
 *     it("fails fast", async () => {
 *       const namespace = await cluster.namespace("fails-fast");
 *       const player = cluster.play([namespace], { "web:v1": { does: "run", readyAfterMs: 100 } });
 *       player.script("web:v2", { does: "crash", exitCode: 3 });
 *       const before = await cluster.audit.mark();
 *       // ... trueup with cluster.kubeconfigFor("trueup") ...
 *       expect(await cluster.audit.since(before, { user: "trueup", verb: "patch" })).toHaveLength(1);
 *       expect((await cluster.kubectl(["rollout", "status", "deploy/web", "-n", namespace])).code).toBe(0);
 *     });
 *
 * Whatever it took is given back after the file's last test, also when one fails.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, inject } from "vitest";
import { randomSuffix, systemRandom } from "../../../src/util/random.ts";
import { run } from "../processes.ts";
import { readKubeconfig, writeKubeconfig } from "./access.ts";
import { Api } from "./api.ts";
import { AuditLog } from "./audit.ts";
import "./global-setup.ts";
import { kubeconfigName, USERS, type User } from "./parts.ts";
import type { Play } from "./play.ts";
import { Player } from "./player.ts";
import type { SharedCluster } from "./running.ts";

/** Call it at the top of a file. */
export function clusterForTests(): TestCluster {
  const cluster = new TestCluster(inject("cluster"));
  afterAll(() => cluster.end());
  return cluster;
}

export class TestCluster {
  readonly shared: SharedCluster;
  /** With every right. */
  readonly api: Api;
  /** For files of this test file. */
  readonly directory = mkdtempSync(join(tmpdir(), "trueup-cluster-test-"));
  readonly #playerApi: Api;
  readonly #namespaces: string[] = [];
  readonly #players: Player[] = [];
  readonly #audit: AuditLog | null;

  constructor(shared: SharedCluster) {
    this.shared = shared;
    this.api = new Api(readKubeconfig(shared.kubeconfig));
    this.#playerApi = new Api(readKubeconfig(this.kubeconfigFor("player")));
    this.#audit = shared.own === null ? null : new AuditLog(shared.own.auditLog, this.api);
  }

  /**
   * The requests that the API server answered.
   *
   * @throws On a cluster that is not ours: its audit log cannot be read. Say `it.skipIf(!cluster.isOwn)` then
   */
  get audit(): AuditLog {
    if (this.#audit !== null) return this.#audit;
    throw new Error("Cannot count requests as the control plane must be our own: TRUEUP_TEST_KUBECONFIG names another");
  }

  /** Whether it is the control plane that was built here, not one that TRUEUP_TEST_KUBECONFIG names. */
  get isOwn(): boolean {
    return this.shared.own !== null;
  }

  /** Path of a kubeconfig of this user; `parts.ts` lists them. Another's cluster has no such users, so there they are impersonated. */
  kubeconfigFor(user: User): string {
    if (this.shared.own !== null) return join(this.shared.own.directory, kubeconfigName(user));
    if ((USERS[user] as readonly string[]).includes("system:masters")) return this.shared.kubeconfig;
    const path = join(this.directory, kubeconfigName(user));
    writeKubeconfig(path, { ...readKubeconfig(this.shared.kubeconfig), impersonate: user });
    return path;
  }

  /** Makes a namespace that nobody else has, ready for pods. @param prefix What it is for */
  async namespace(prefix = "test"): Promise<string> {
    const name = `${prefix}-${randomSuffix(systemRandom)}`;
    await this.api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    this.#namespaces.push(name);
    // No pod is admitted before the controller manager has made the account it runs as.
    await this.api.until(`/api/v1/namespaces/${name}/serviceaccounts/default`, (account) => account !== null);
    return name;
  }

  /**
   * Plays the pods of these namespaces from now on.
   *
   * @param plays What containers do, by image; others run and are ready at once
   * @throws On a cluster whose nodes run pods themselves
   */
  play(namespaces: readonly string[], plays: Readonly<Record<string, Play>> = {}): Player {
    if (!this.shared.played) throw new Error("Cannot play pods as all nodes must be played: the cluster has others");
    const player = new Player(this.#playerApi, namespaces, plays);
    this.#players.push(player);
    return player;
  }

  /**
   * Runs the kubectl of the same release, or the one in PATH for another's cluster.
   *
   * @param more Variables of its environment
   */
  kubectl(
    args: readonly string[],
    user: User = "admin",
    more: Readonly<Record<string, string>> = {},
  ): ReturnType<typeof run> {
    const { own } = this.shared;
    const argv = own === null ? ["kubectl", ...args] : [own.program, "kubectl", ...args];
    const home = own === null ? homedir() : this.directory;
    const env = { PATH: process.env.PATH ?? "", HOME: home, KUBECONFIG: this.kubeconfigFor(user), TZ: "UTC", ...more };
    return run(argv, { cwd: this.directory, env });
  }

  /** Gives back what was taken. */
  async end(): Promise<void> {
    const results = await Promise.allSettled([
      ...this.#players.map((player) => player.stop()),
      ...this.#namespaces.map((name) => this.#removeNamespace(name)),
    ]);
    await Promise.all([this.api.close(), this.#playerApi.close()]);
    rmSync(this.directory, { recursive: true, force: true });
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  /** The controller manager does the rest, but nobody would end the pods: no kubelet is there. */
  async #removeNamespace(name: string): Promise<void> {
    await this.api.remove(`/api/v1/namespaces/${name}`);
    if (this.shared.played) await this.api.remove(`/api/v1/namespaces/${name}/pods`, { gracePeriodSeconds: 0 });
  }
}
