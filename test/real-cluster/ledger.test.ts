/** The ledger in a real cluster: the suite of all ledgers, rights, what kubectl shows, two daemons, and what it costs. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { connectApi } from "../../src/backend/kubernetes/connect.ts";
import { openClusterLedger } from "../../src/ledger/cluster-ledger.ts";
import { restoreClusterLedger } from "../../src/ledger/cluster-restore.ts";
import { readClusterLedger, verifyClusterLedger } from "../../src/ledger/cluster-verify.ts";
import type { SegmentStoreOptions } from "../../src/ledger/segment-store.ts";
import type { KubeApi } from "../../src/model/kube-api.ts";
import type { DurableLedger } from "../../src/model/ledger.ts";
import { SystemClock } from "../../src/util/clock.ts";
import { randomSuffix, systemRandom } from "../../src/util/random.ts";
import { ending, minute, opening, playHistory, revision } from "../ledger/facts.ts";
import { ledgerSuite } from "../ledger/ledger.suite.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";

const cluster = clusterForTests();
const clock = new SystemClock();
let api: KubeApi;
let namespace: string;

beforeAll(async () => {
  const access = { kubeconfig: cluster.kubeconfigFor("alice"), env: {}, clock, random: systemRandom };
  ({ api } = await connectApi(access));
  namespace = await cluster.namespace("ledger");
  const meta = { name: "ledger", namespace };
  // All that it needs, and as a user who may do nothing else.
  await cluster.api.create({
    ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: meta },
    rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "list", "create", "patch", "delete"] }],
  });
  await cluster.api.create({
    ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata: meta },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "ledger" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "alice" }],
  });
  // The authorizer hears of a binding a moment later.
  await vi.waitFor(() => verifyClusterLedger(place("none")), { timeout: 20_000 });
});
afterAll(() => api.close());

function place(name = `ledger-${randomSuffix(systemRandom)}`): SegmentStoreOptions {
  return { api, namespace, name, clock };
}

const open = (at: SegmentStoreOptions, limits?: { bytes: number; entries: number }): Promise<DurableLedger> =>
  openClusterLedger({ ...at, holder: "test", random: systemRandom, ...(limits && { limits, keptOfApp: 1 }) });

ledgerSuite("in a real cluster", {
  newHome: async () => {
    const at = place();
    const ledgers: DurableLedger[] = [];
    return {
      async open() {
        const ledger = await open(at, { bytes: 60_000, entries: 3 });
        ledgers.push(ledger);
        return ledger;
      },
      async leave() {
        for (const ledger of ledgers) await ledger.close();
      },
    };
  },
  runs: 5,
});

describe("a real server", () => {
  it("lets the daemon that came last write, and no other, also when both want to at once", async () => {
    const at = place();
    const one = await open(at);
    await one.open(opening("a"));
    const two = await open(at);
    const said = await Promise.allSettled([one.open(opening("b")), two.open(opening("c"))]);
    expect(said.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    const three = await Promise.all([open(at), open(at), open(at)]);
    const told = await Promise.allSettled(
      three.map((ledger, index) => ledger.open(opening("d", 0, { ordinal: index + 1 }))),
    );
    expect(told.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await verifyClusterLedger(at)).toMatchObject({ intact: true, entries: 3 });
  });

  it("keeps full segments as they are, whoever asks", async () => {
    const at = place();
    const ledger = await open(at, { bytes: 60_000, entries: 3 });
    await playHistory(ledger);
    const path = `/api/v1/namespaces/${namespace}/secrets/${at.name}-000000001`;
    const change = cluster.api.patch(path, "merge", { data: { "000000002": "" } });
    await expect(change).rejects.toMatchObject({ status: 422 });
  });

  it("lists pages of many segments, and takes facts as large as a Secret can be", async () => {
    const at = place();
    const ledger = await open(at, { bytes: 1, entries: 1 });
    for (let ordinal = 1; ordinal <= 105; ordinal++) await ledger.open(opening("a", 0, { ordinal }));
    const noise = (bytes: number): string => randomBytes(bytes).toString("hex");
    await ledger.startRevision({ ...revision(1, "a"), template: { noise: noise(860_000) } });
    const more = { ...revision(2, "a"), template: { noise: noise(1_100_000) } };
    await expect(ledger.startRevision(more)).rejects.toMatchObject({ code: "invalid" });
    await ledger.end(opening("a"), ending("deployed", 1));
    const next = await open(at);
    expect(await next.attempts({ onlyOpen: true })).toHaveLength(104);
    expect(await next.prove()).toMatchObject({ intact: true, entries: 107 });
  });

  it("is told from one that does not answer", async () => {
    await expect(open({ ...place(), namespace: "none" })).rejects.toMatchObject({ code: "forbidden" });
  });

  it("shows people by kubectl what there is", async () => {
    const at = place();
    await playHistory(await open(at, { bytes: 60_000, entries: 5 }));
    const get = ["get", "secrets", "-n", namespace, "-l", `trueup/ledger=${at.name}`];
    const listed = await cluster.kubectl([...get, "--no-headers"]);
    expect(listed.stdout.replaceAll(/ +/g, " ").replaceAll(/ \S+$/gm, "")).toBe(
      `${at.name}-000000001 trueup/ledger 5\n${at.name}-000000006 trueup/ledger 4\n`,
    );
    const columns = `custom-columns=ENTRIES:.metadata.annotations.trueup/ledger-entries,LAST:.metadata.annotations.trueup/ledger-last`;
    const told = await cluster.kubectl([...get, "-o", columns]);
    expect(
      told.stdout
        .split("\n")
        .slice(1, -1)
        .map((line) => line.replaceAll(/ {2,}/g, " | ")),
    ).toEqual([`1-5 | ${minute(3)} ending deployed shop aaaaaaa`, `6-9 | ${minute(7)} attempt shop ccccccc`]);
    const template = `{{range $entry, $fact := .data}}{{$entry}} {{$fact | base64decode}}{{"\\n"}}{{end}}`;
    const facts = await cluster.kubectl([
      "get",
      "secret",
      `${at.name}-000000006`,
      "-n",
      namespace,
      "-o",
      `go-template=${template}`,
    ]);
    expect(facts.stderr).toBe("");
    expect(facts.stdout).toContain(`"message":"deployment/web: its last object"`);
  });

  it("gives a backup back, under another name", async () => {
    const at = place();
    const ledger = await open(at, { bytes: 60_000, entries: 3 });
    await playHistory(ledger);
    await ledger.retain({ keepAttempts: 1 }, Date.UTC(2030, 0, 1), 10);
    const entries = await readClusterLedger(at);
    const other = place();
    const proof = await restoreClusterLedger(other, entries);
    expect(proof).toEqual(await ledger.prove());
    expect(await (await open(other)).attempts({})).toEqual(await ledger.attempts({}));
    await expect(restoreClusterLedger(other, entries)).rejects.toMatchObject({ code: "conflict" });
  });
});

/** Median of so many patches of a Secret with one short value, by the same client, in milliseconds. */
async function floorOf(count: number): Promise<number> {
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  const signal = new AbortController().signal;
  const metadata = { name: `floor-${randomSuffix(systemRandom)}` };
  await api.request({ method: "POST", path, body: { apiVersion: "v1", kind: "Secret", metadata } }, signal);
  const waits: number[] = [];
  for (let turn = 0; turn < count; turn++) {
    const from = performance.now();
    const body = { data: { turn: Buffer.from(String(turn)).toString("base64") } };
    const contentType = "application/merge-patch+json";
    await api.request({ method: "PATCH", path: `${path}/${metadata.name}`, body, contentType }, signal);
    waits.push(performance.now() - from);
  }
  return waits.sort((a, b) => a - b)[Math.floor(count / 2)] ?? 0;
}

describe.skipIf(!cluster.isOwn)("what it costs", () => {
  it("is one request a fact, and about a hundred objects for a thousand attempts", async () => {
    const at = place();
    const ledger = await open(at);
    const env = Array.from({ length: 20 }, (_, index) => ({ name: `SETTING_${index}`, value: `value ${index}` }));
    const template = { spec: { containers: [{ name: "web", image: "web:v1", env, resources: {} }] } };
    const mark = await cluster.audit.mark();
    const waits: number[] = [];
    const timed = async (work: Promise<unknown>): Promise<void> => {
      const from = performance.now();
      await work;
      waits.push(performance.now() - from);
    };
    for (let ordinal = 1; ordinal <= 1_000; ordinal++) {
      const key = opening("a", 0, { ordinal, app: `app-${ordinal % 20}` });
      await timed(ledger.open(key));
      await timed(ledger.event(key, { at: minute(1), type: "planned", message: "1 to update" }));
      await timed(ledger.event(key, { at: minute(1), type: "applied", message: "1 updated" }));
      await timed(ledger.startRevision({ ...revision(ordinal, "a"), app: key.app, template }));
      await timed(
        ledger.endRevision(
          { ...revision(ordinal, "a"), app: key.app },
          { endedAt: minute(2), outcome: "deployed", reason: "" },
        ),
      );
      await timed(ledger.end(key, { ...ending("deployed", 2), changes: { update: 1 } }));
    }
    const requests = await cluster.audit.since(mark, { user: "alice", namespace });
    const floor = await floorOf(200);
    const secrets = await cluster.api.list(
      `/api/v1/namespaces/${namespace}/secrets?labelSelector=trueup/ledger=${at.name}`,
    );
    const bytes = secrets.reduce((sum, secret) => sum + JSON.stringify(secret).length, 0);
    const from = performance.now();
    const next = await open(at);
    const opened = performance.now() - from;
    waits.sort((a, b) => a - b);
    const quantile = (part: number): string => (waits[Math.floor(waits.length * part)] ?? 0).toFixed(1);
    console.log(
      `1000 attempts, ${waits.length} facts: ${requests.length} requests, ${secrets.length} objects, ${bytes} bytes of JSON; ` +
        `append median ${quantile(0.5)} ms (a bare patch of a small Secret: ${floor.toFixed(1)} ms), p99 ${quantile(0.99)} ms; ` +
        `opened in ${opened.toFixed(0)} ms`,
    );
    expect(requests).toHaveLength(6_000);
    expect(secrets.length).toBeLessThan(150);
    expect(await next.attempts({ limit: 1 })).toMatchObject([{ row: 1_000 }]);
    expect(await next.prove()).toMatchObject({ intact: true, entries: 6_000 });
  });
});
