/** The kubelet's promises to the daemon, in one process: orders are idempotent, reports are complete, secrets stay secret. */
import { describe, expect, it } from "vitest";
import type { KubeletReport } from "../../src/model/kubelet.ts";
import type { Container } from "../../src/model/workload.ts";
import { pod, world } from "./harness.ts";

const web: Container = { name: "web", image: "web:v1", ports: [{ name: "http", containerPort: 8080 }] };
const quick = { containers: [{ image: "*", startMs: 0 }] };

async function take(reports: AsyncIterable<KubeletReport>, count: number): Promise<KubeletReport[]> {
  const taken: KubeletReport[] = [];
  for await (const report of reports) {
    taken.push(report);
    if (taken.length === count) break;
  }
  return taken;
}

describe("orders", () => {
  it("given twice, even at once, make one pod and no further report", async () => {
    const w = world(quick);
    const assignment = w.assignment(pod("a", { containers: [web] }));
    await Promise.all([w.kubelet.assign(assignment), w.kubelet.assign(assignment)]);
    await w.clock.advance(1_000);
    const before = w.reports().length;
    await w.kubelet.assign(assignment);
    await w.clock.advance(1_000);
    expect(w.reports().length).toBe(before);
    expect(await w.kubelet.pods()).toEqual([{ uid: "uid-a", namespace: "default", name: "a", terminating: false }]);
  });

  it("to stop a pod that is just being created are kept", async () => {
    const w = world(quick);
    const assigned = w.kubelet.assign(w.assignment(pod("a", { containers: [web] })));
    await w.kubelet.stop("uid-a", 30);
    await assigned;
    await w.clock.advance(1_000);
    expect(w.reports().at(-1)).toMatchObject({ type: "pod-gone", uid: "uid-a" });
  });

  it("without a uid are refused", async () => {
    const w = world(quick);
    const nameless = pod("a", { containers: [web] });
    delete nameless.metadata.uid;
    await expect(w.kubelet.assign(w.assignment(nameless))).rejects.toMatchObject({ code: "invalid" });
  });

  it("after it was closed are refused, and its pods do nothing more", async () => {
    const w = world({ containers: [{ image: "*", startMs: 0, exit: { afterMs: 5_000 } }] });
    await w.kubelet.assign(w.assignment(pod("a", { containers: [web] })));
    await w.clock.advance(1_000);
    const before = w.reports().length;
    await w.kubelet.close();
    await w.clock.advance(60_000);
    expect(w.reports().length).toBe(before);
    await expect(w.kubelet.stop("uid-a", 1)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("to stop everything end each pod within its own grace period, and admit no other meanwhile", async () => {
    const w = world({ containers: [{ image: "*", startMs: 0, drainMs: null }] });
    for (const seconds of [3, 7]) {
      const spec = { containers: [web], terminationGracePeriodSeconds: seconds };
      await w.kubelet.assign(w.assignment(pod(`p${seconds}`, spec)));
    }
    await w.clock.advance(0);
    let done = false;
    void w.kubelet.stopAll().then(() => {
      done = true;
    });
    await w.clock.advance(6_900);
    expect(done).toBe(false);
    const late = w.assignment(pod("late", { containers: [web] }));
    await expect(w.kubelet.assign(late)).rejects.toMatchObject({
      code: "conflict",
      message: "Cannot run pod late as the kubelet must not be ending: it is.",
    });
    await w.clock.advance(200);
    expect(done).toBe(true);
  });
});

describe("reports", () => {
  it("start after the number that is asked for", async () => {
    const w = world(quick);
    await w.kubelet.assign(w.assignment(pod("a", { containers: [web] })));
    await w.clock.advance(1_000);
    const all = w.reports();
    expect(await take(w.kubelet.reports(3, new AbortController().signal), 2)).toEqual(all.slice(3, 5));
  });

  it("go on above a number that the reader knows and the journal lost, with what holds now", async () => {
    const w = world(quick);
    await w.kubelet.assign(w.assignment(pod("a", { containers: [web] })));
    await w.clock.advance(1_000);
    const [report] = await take(w.kubelet.reports(500, new AbortController().signal), 1);
    expect(report).toMatchObject({ seq: 501, type: "pod-status", uid: "uid-a", hostPorts: { 8080: 10_000 } });
    expect(report?.type === "pod-status" && report.status.phase).toBe("Running");
  });

  it("are not changed by what happens after them", async () => {
    const w = world({
      containers: [{ image: "*", startMs: 0, readyMs: 0, exit: { afterMs: 1_000 }, flap: { upMs: 100, downMs: 100 } }],
    });
    await w.kubelet.assign(w.assignment(pod("a", { containers: [web] })));
    const copies: string[] = [];
    for (let i = 0; i < 50; i++) {
      await w.clock.advance(700);
      for (const report of w.reports().slice(copies.length)) copies.push(JSON.stringify(report));
    }
    expect(w.reports().map((report) => JSON.stringify(report))).toEqual(copies);
  });

  it("carry no secret value, wherever it turns up", async () => {
    const secret = "correct-horse-battery";
    const w = world({
      containers: [{ image: "*", startMs: 0, exit: { afterMs: 100 }, logs: [`token is ${secret}!`] }],
    });
    const container: Container = {
      ...web,
      env: [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: "keys", key: "token" } } }],
    };
    const assignment = w.assignment(pod("a", { containers: [container] }));
    await w.kubelet.assign({ ...assignment, secrets: { keys: { token: secret, part: "horse" } } });
    await w.clock.advance(60_000);
    expect(JSON.stringify(w.reports())).not.toContain("horse");
    expect(w.container("uid-a").lastState.terminated?.message).toBe("token is ***!");
  });

  it("warn of a port that two containers declare, and give it to the first", async () => {
    const w = world(quick);
    const two = pod("a", { containers: [web, { ...web, name: "other" }] });
    await w.kubelet.assign(w.assignment(two));
    await w.clock.advance(1_000);
    expect(w.events("uid-a")).toContain(
      "PortConflict: Containers web and other both declare containerPort 8080: Services send to web",
    );
    const last = w.reports().findLast((report) => report.type === "pod-status");
    expect(last?.type === "pod-status" && last.hostPorts).toEqual({ 8080: 10_000 });
  });
});

describe("logs", () => {
  it.each([
    { query: { uid: "none" }, message: "pod none must be running here" },
    { query: { uid: "uid-a", container: "x" }, message: 'no container "x"' },
    { query: { uid: "uid-a", previous: true }, message: "no earlier run" },
    { query: { uid: "uid-b" }, message: "must have started" },
  ])("for $query are refused", async ({ query, message }) => {
    const w = world({
      containers: [
        { image: "web:missing", missing: true },
        { image: "*", startMs: 0 },
      ],
    });
    await w.kubelet.assign(w.assignment(pod("a", { containers: [web] })));
    await w.kubelet.assign(w.assignment(pod("b", { containers: [{ ...web, image: "web:missing" }] })));
    await w.clock.advance(1_000);
    await expect(w.kubelet.logs(query, new AbortController().signal).next()).rejects.toThrow(message);
  });
});
