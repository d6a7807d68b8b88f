/** Two daemons that share what only one of them may have, on a real cluster. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { clusterForTests } from "../support/kubernetes/cluster.ts";
import { CONTEXT, Shop } from "../support/kubernetes/shop.ts";

const cluster = clusterForTests();

let shop: Shop;

beforeEach(() => {
  shop = new Shop();
});
afterEach(() => shop.end());

const configMap = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { value: "${value}" }\n`;

it("on one ledger: the one that was there ends with the next thing it wants to record, and names the other", async () => {
  const [own, shared] = [await cluster.namespace("own"), await cluster.namespace("shared")];
  const target = { name: "cluster", kind: "kubernetes", kubeconfig: cluster.kubeconfigFor("trueup"), context: CONTEXT };
  const config = {
    repositories: [{ path: shop.repository, ref: "main" }],
    targets: [{ ...target, namespace: own, ledger: "cluster", owner: `two-${own}` }],
  };
  const file = join(shop.home.dir, "trueup.config.yaml");
  writeFileSync(file, JSON.stringify(config));
  const apps = { "trueup.yaml": `apps: [{ name: web, path: web, namespace: ${shared} }]\n` };
  const first = shop.commit("First", { ...apps, "web/all.yaml": configMap("1") });
  const one = shop.run("--config", file);
  await shop.synced(first);
  const second = shop.run("--config", file, "--state", join(shop.home.dir, "elsewhere"));
  await second.waitFor(/runs: what is in git is what runs/);
  const next = shop.commit("Second", { "web/all.yaml": configMap("2") });
  expect(await one.exited, one.output).toEqual({ code: 1, signal: null });
  expect(one.output).toMatch(
    /trueup: Cannot go on with the ledger .* as .* must be its only writer: .* took it over\.\n.*only one of them is started/,
  );
  // The other one is left alone with it.
  await shop.synced(next);
  second.kill("SIGTERM");
  expect((await second.exited).code).toBe(0);
});

it("is not begun on a state directory that is about another cluster, until somebody says that it is the same", async () => {
  const namespace = await cluster.namespace("moved");
  shop.commit("First", {
    "trueup.yaml": `apps: [{ name: web, path: web, namespace: ${namespace} }]\n`,
    "web/all.yaml": configMap("1"),
  });
  const state = join(shop.home.dir, "moved");
  const args = [
    shop.repository,
    "--kubeconfig",
    cluster.kubeconfigFor("trueup"),
    "--context",
    CONTEXT,
    "--state",
    state,
  ];
  expect((await shop.run(...args, "--once").exited).code).toBe(0);
  const path = join(state, "target.json");
  const record = JSON.parse(readFileSync(path, "utf8")) as { clusterId?: string };
  expect(record.clusterId).toMatch(/^[0-9a-f-]{36}$/);
  const moved = JSON.stringify({ ...record, clusterId: "00000000-0000-0000-0000-000000000000" });
  writeFileSync(path, moved);
  const refused = shop.run(...args, "--once");
  expect(await refused.exited).toEqual({ code: 1, signal: null });
  expect(refused.output).toMatch(/must be about the same cluster: https:.* is another one than when it was last used/);
  expect(readFileSync(path, "utf8")).toBe(moved);
  rmSync(path);
  expect((await shop.run(...args, "--once").exited).code).toBe(0);
});
