/** What `examples/kubernetes/rbac.yaml` allows is enough for trueup, and it asks for no more. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { KubeObject } from "../../src/model/object.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";
import { CONTEXT, Shop } from "../support/kubernetes/shop.ts";
import { ROOT, trueup } from "../support/processes.ts";

const cluster = clusterForTests();

let shop: Shop;

beforeEach(() => {
  shop = new Shop();
});
/** Paths of objects outside of the tests' own namespaces. */
const lent: string[] = [];
afterEach(async () => {
  await shop.end();
  for (const path of lent.splice(0)) await cluster.api.remove(path);
});

const SECRET = `---
apiVersion: v1
kind: Secret
metadata: { name: web }
stringData: { password: hunter22 }
`;

const manifest = (replicas: number): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: "web:v1" }] }
${SECRET}${[1, 2, 3].map((index) => `---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: web-${index} }\n`).join("")}`;

/**
 * The example's roles for these namespaces, given to a user who has no other right.
 *
 * @param without A resource of the apps' namespace that is left out
 */
async function allow(user: string, own: string, shared: string, without = ""): Promise<void> {
  const text = readFileSync(join(ROOT, "examples/kubernetes/rbac.yaml"), "utf8");
  for (const object of loadAll(text.replaceAll("trueup-system", own).replaceAll("shop", shared)) as KubeObject[]) {
    if (object.kind === "RoleBinding") {
      object.subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }];
    }
    if (object.kind === "Role" && object.metadata.namespace === shared) {
      for (const rule of object.rules as { resources: string[] }[]) {
        rule.resources = rule.resources.filter((resource) => resource !== without);
      }
    }
    if (!object.kind.startsWith("Role")) continue;
    // Everybody's namespace: under a name of this test's own, and only for as long as it takes.
    if (object.metadata.namespace === "kube-system") {
      object.metadata.name += `-${own}`;
      if (object.kind === "RoleBinding") (object.roleRef as { name: string }).name = object.metadata.name;
      const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/${object.kind.toLowerCase()}s`;
      lent.push(`${path}/${object.metadata.name}`);
    }
    await cluster.api.create(object);
  }
}

it.skipIf(!cluster.isOwn)("applies, watches, explains and removes with the rights of the example alone", async () => {
  const [own, shared] = [await cluster.namespace("own"), await cluster.namespace("shared")];
  await allow("alice", own, shared);
  cluster.play([shared]);
  const target = { name: "cluster", kind: "kubernetes", kubeconfig: cluster.kubeconfigFor("alice"), context: CONTEXT };
  const config = {
    repositories: [{ path: shop.repository, ref: "main" }],
    targets: [{ ...target, namespace: own, namespaces: [shared], ledger: "cluster", owner: "us" }],
  };
  const file = join(shop.home.dir, "trueup.config.yaml");
  writeFileSync(file, JSON.stringify(config));
  const apps = { "trueup.yaml": `apps: [{ name: web, path: web, namespace: ${shared} }]\n` };
  const mark = await cluster.audit.mark();
  const first = shop.commit("First", { ...apps, "web/all.yaml": manifest(2) });
  shop.run("--config", file);
  await shop.synced(first);
  const second = shop.commit("Second", { "web/all.yaml": manifest(3).replace(SECRET, "") });
  await shop.synced(second);
  expect(await cluster.api.list(`/api/v1/namespaces/${shared}/secrets`)).toEqual([]);
  expect(await shop.ok("why", "deployment/web", "-n", shared)).toContain("Healthy");
  expect(await shop.ok("get", "pods,events", "-n", shared)).toContain("Running");
  expect(await shop.ok("doctor")).toMatch(
    /ok +target: cluster: kubernetes v1\..* as alice, .*\nok +rights: all \d+ that it needs\n/,
  );
  await shop.ok("down");

  // As on another machine: with the repository and the configuration alone, the history and the objects are its own.
  shop.run("--config", file, "--state", join(shop.home.dir, "elsewhere"));
  await shop.synced(second);
  const log = await shop.json<{ subject: string; ending: { outcome: string } }[]>("log");
  expect(log.map(({ subject, ending }) => [subject, ending.outcome])).toEqual([
    ["Second", "deployed"],
    ["First", "deployed"],
  ]);
  expect(await shop.ok("log", "--verify")).toMatch(/^Intact: \d+ entries.*\nKept: 2 attempts, 1 revision\n/);
  const asked = await cluster.audit.since(mark, { user: "alice" });
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.filter(({ status }) => status === 403).map(({ verb, uri }) => `${verb} ${uri}`)).toEqual([]);
});

it.skipIf(!cluster.isOwn)(
  "ends --once with the reason when a right is missing, instead of waiting for it",
  async () => {
    const [own, shared] = [await cluster.namespace("own"), await cluster.namespace("shared")];
    await allow("bob", own, shared, "configmaps");
    const target = { name: "cluster", kind: "kubernetes", kubeconfig: cluster.kubeconfigFor("bob"), context: CONTEXT };
    const config = {
      repositories: [{ path: shop.repository, ref: "main" }],
      targets: [{ ...target, namespace: own, namespaces: [shared] }],
    };
    const file = join(shop.home.dir, "trueup.config.yaml");
    writeFileSync(file, JSON.stringify(config));
    shop.commit("First", {
      "trueup.yaml": `apps: [{ name: web, path: web, namespace: ${shared} }]\n`,
      "web/all.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\n",
    });
    const child = shop.run("--config", file, "--once");
    expect(await child.exited, child.output).toEqual({ code: 1, signal: null });
    expect(child.output).toMatch(/web is Unreadable: .*configmaps.*forbidden/);
    const { code, stdout } = await trueup(["doctor"], shop.home, shop.repository);
    expect(code, stdout).toBe(1);
    const missing = "get, list, watch, create, patch, delete configmaps";
    expect(stdout).toContain(`problem  rights: it may not ${missing} in namespace ${shared}\n`);
    expect(child.output).toMatch(/Waited no longer: web was refused for 10 s\.\n$/);
  },
);
