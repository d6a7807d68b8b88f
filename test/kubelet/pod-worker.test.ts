/** A pod's life on the virtual clock: every waiting reason, back-offs, probes, restarts, and its end. */
import { describe, expect, it } from "vitest";
import type { ImageResolution } from "../../src/model/image.ts";
import type { Container, Probe } from "../../src/model/workload.ts";
import { pod, world } from "./harness.ts";

const probe: Probe = { httpGet: { path: "/", port: 8080 }, periodSeconds: 5 };
const web: Container = { name: "web", image: "web:v1", ports: [{ containerPort: 8080 }] };

describe("a pod that starts", () => {
  it("is Pending, Running, and Ready when its readiness probe says so", async () => {
    const w = world({ containers: [{ image: "*", startMs: 300, readyMs: 1000 }] });
    await w.kubelet.assign(w.assignment(pod("a", { containers: [{ ...web, readinessProbe: probe }] })));
    await w.clock.advance(20_000);
    // Looks after the start: 0, 50, 150, 350, 750, 1550 ms.
    expect(w.timeline("uid-a")).toEqual(["0 ContainerCreating", "0.3 Running", "0.3 Started", "1.85 Ready"]);
    expect(w.events("uid-a")).toEqual([
      'Pulled: Container image "web:v1" already present on machine',
      "Created: Created container: web",
      "Started: Started container web",
    ]);
    const status = w.status("uid-a");
    expect(status.phase).toBe("Running");
    expect(status.conditions).toEqual([
      { type: "Initialized", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" },
      { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:01Z" },
      { type: "ContainersReady", status: "True", lastTransitionTime: "2026-01-01T00:00:01Z" },
      { type: "PodScheduled", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" },
    ]);
    expect(w.container("uid-a")).toMatchObject({
      image: "web:v1",
      imageID: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      containerID: "simulated://1",
      restartCount: 0,
      lastState: {},
    });
  });

  it("is ready as soon as it runs when it has no readiness probe", async () => {
    const w = world({ containers: [{ image: "*", startMs: 200 }] });
    await w.kubelet.assign(w.assignment(pod("a", { containers: [web] })));
    await w.clock.advance(1_000);
    expect(w.timeline("uid-a")).toEqual(["0 ContainerCreating", "0.2 Running", "0.2 Started", "0.2 Ready"]);
  });
});

describe("an image that is missing", () => {
  it("gives ErrImagePull, then ImagePullBackOff, 10 s doubling to 300 s", async () => {
    const w = world({ containers: [{ image: "*", missing: true }] });
    await w.kubelet.assign(w.assignment(pod("a", { containers: [web] })));
    await w.clock.advance(1_200_000);
    expect(w.timeline("uid-a").slice(0, 15)).toEqual([
      "0 ContainerCreating",
      "0 ErrImagePull",
      "1 ImagePullBackOff",
      "10 ErrImagePull",
      "11 ImagePullBackOff",
      "30 ErrImagePull",
      "31 ImagePullBackOff",
      "70 ErrImagePull",
      "71 ImagePullBackOff",
      "150 ErrImagePull",
      "151 ImagePullBackOff",
      "310 ErrImagePull",
      "311 ImagePullBackOff",
      "610 ErrImagePull",
      "611 ImagePullBackOff",
    ]);
    expect(w.container("uid-a").state.waiting?.message).toBe(
      'Back-off pulling image "web:v1": ErrImagePull: the scenario has no image web:v1',
    );
    expect(w.events("uid-a").slice(0, 4)).toEqual([
      'Failed: Failed to pull image "web:v1": the scenario has no image web:v1',
      "Failed: Error: ErrImagePull",
      'BackOff: Back-off pulling image "web:v1"',
      "Failed: Error: ImagePullBackOff",
    ]);
    expect(w.status("uid-a").phase).toBe("Pending");
  });

  it("is tried again at once when an assignment brings it", async () => {
    const w = world({ containers: [{ image: "*", startMs: 0 }] });
    const good = w.assignment(pod("a", { containers: [web] }));
    const missing: ImageResolution = { found: false, reference: "web:v1", message: "gone", reason: "ErrImagePull" };
    await w.kubelet.assign({ ...good, images: { web: missing } });
    await w.clock.advance(15_000);
    await w.kubelet.assign({ ...good, images: { web: missing } });
    await w.clock.advance(1_000);
    expect(w.container("uid-a").state.waiting?.reason).toBe("ImagePullBackOff");
    await w.kubelet.assign(good);
    await w.clock.advance(0);
    expect(w.timeline("uid-a").at(-1)).toBe("16 Ready");
  });

  it("that has no proper name gives InvalidImageName and is not tried again", async () => {
    const w = world({});
    await w.kubelet.assign(w.assignment(pod("a", { containers: [{ ...web, image: "Not An Image" }] })));
    await w.clock.advance(600_000);
    expect(w.timeline("uid-a")).toEqual(["0 ContainerCreating", "0 InvalidImageName"]);
  });
});

describe("configuration that is missing", () => {
  it("gives CreateContainerConfigError with the name, until an assignment brings it", async () => {
    const w = world({ containers: [{ image: "*", startMs: 0 }] });
    const container: Container = {
      ...web,
      env: [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: "keys", key: "token" } } }],
    };
    const assignment = w.assignment(pod("a", { containers: [container] }));
    await w.kubelet.assign({ ...assignment, secrets: { keys: null } });
    await w.clock.advance(1_000);
    expect(w.container("uid-a").state).toEqual({
      waiting: { reason: "CreateContainerConfigError", message: 'secret "keys" not found' },
    });
    await w.kubelet.assign({ ...assignment, secrets: { keys: { other: "x" } } });
    await w.clock.advance(1_000);
    expect(w.container("uid-a").state.waiting?.message).toBe("couldn't find key token in Secret default/keys");
    await w.kubelet.assign({ ...assignment, secrets: { keys: { token: "hunter2hunter2" } } });
    await w.clock.advance(1_000);
    expect(w.container("uid-a").ready).toBe(true);
    expect(JSON.stringify(w.reports())).not.toContain("hunter2");
  });
});

describe("a container that ends", () => {
  it("is restarted at once, then after 10 s doubling to 300 s, with CrashLoopBackOff", async () => {
    const w = world({
      containers: [{ image: "*", startMs: 0, exit: { afterMs: 1000, code: 3 }, logs: ["boom {run}"] }],
    });
    await w.kubelet.assign(w.assignment(pod("a", { containers: [web] })));
    await w.clock.advance(1_500_000);
    const starts = w.timeline("uid-a").filter((line) => line.endsWith("Running"));
    // Each run lasts a second; waits are 0, 10, 20, 40, 80, 160, 300, 300 …
    expect(starts.slice(0, 9).map((line) => Number(line.split(" ")[0]))).toEqual([
      0, 1, 12, 33, 74, 155, 316, 617, 918,
    ]);
    expect(w.timeline("uid-a").slice(0, 8)).toEqual([
      "0 ContainerCreating",
      "0 Running",
      "0 Started",
      "0 Ready",
      "1 Error(3)",
      "1 Running",
      "1 Started",
      "1 Ready",
    ]);
    const status = w.container("uid-a");
    expect(status.state.waiting?.reason).toBe("CrashLoopBackOff");
    expect(status.state.waiting?.message).toBe("back-off 5m0s restarting failed container=web pod=a_default(uid-a)");
    expect(status.lastState.terminated).toMatchObject({ exitCode: 3, reason: "Error" });
    expect(status.lastState.terminated?.message).toMatch(/^boom \d+$/);
    expect(w.events("uid-a")).toContain("BackOff: Back-off restarting failed container web in pod a_default(uid-a)");
    expect(w.status("uid-a").phase).toBe("Running");
  });

  it("starts the back-off anew after ten minutes of running", async () => {
    const w = world({ containers: [{ image: "*", startMs: 0, exit: { afterMs: 601_000, code: 1 } }] });
    await w.kubelet.assign(w.assignment(pod("a", { containers: [web] })));
    await w.clock.advance(601_000 * 4);
    expect(w.timeline("uid-a").filter((line) => line.includes("CrashLoop"))).toEqual([]);
    expect(w.container("uid-a").restartCount).toBe(4);
  });

  it.each([
    { policy: "Always", code: 0, phase: "Running", restarts: true },
    { policy: "Always", code: 1, phase: "Running", restarts: true },
    { policy: "OnFailure", code: 0, phase: "Succeeded", restarts: false },
    { policy: "OnFailure", code: 1, phase: "Running", restarts: true },
    { policy: "Never", code: 0, phase: "Succeeded", restarts: false },
    { policy: "Never", code: 1, phase: "Failed", restarts: false },
  ] as const)(
    "with code $code under $policy: $phase, restarts $restarts",
    async ({ policy, code, phase, restarts }) => {
      const w = world({ containers: [{ image: "*", startMs: 0, exit: { afterMs: 1000, code } }] });
      await w.kubelet.assign(w.assignment(pod("a", { containers: [web], restartPolicy: policy })));
      await w.clock.advance(5_000);
      expect(w.status("uid-a").phase).toBe(phase);
      expect(w.container("uid-a").restartCount > 0).toBe(restarts);
      const ready = w.status("uid-a").conditions?.find((condition) => condition.type === "Ready");
      expect(ready?.status).toBe("False");
      expect(ready?.reason).toBe(
        { Running: "ContainersNotReady", Succeeded: "PodCompleted", Failed: "PodFailed" }[phase],
      );
    },
  );

  it("heals when the scenario lets it", async () => {
    const w = world({ containers: [{ image: "*", startMs: 0, exit: { afterMs: 100 }, exitUntilRun: 2 }] });
    await w.kubelet.assign(w.assignment(pod("a", { containers: [web] })));
    await w.clock.advance(60_000);
    expect(w.container("uid-a")).toMatchObject({ ready: true, restartCount: 2 });
  });
});

describe("init containers", () => {
  it("run one after the other, before the containers", async () => {
    const w = world({
      containers: [
        { image: "init*", startMs: 0, exit: { afterMs: 1000, code: 0 } },
        { image: "*", startMs: 0 },
      ],
    });
    const initContainers: Container[] = [
      { name: "one", image: "init:1" },
      { name: "two", image: "init:2" },
    ];
    await w.kubelet.assign(w.assignment(pod("a", { initContainers, containers: [web] })));
    await w.clock.advance(500);
    expect(w.status("uid-a").conditions?.[0]).toMatchObject({
      type: "Initialized",
      status: "False",
      reason: "ContainersNotInitialized",
      message: "containers with incomplete status: [one two]",
    });
    await w.clock.advance(10_000);
    expect(w.timeline("uid-a", "one")).toContain("1 Completed(0)");
    expect(w.timeline("uid-a", "two")).toContain("2 Completed(0)");
    expect(w.timeline("uid-a")).toEqual(["0 PodInitializing", "2 Running", "2 Started", "2 Ready"]);
    expect(w.status("uid-a").conditions?.[0]).toMatchObject({ type: "Initialized", status: "True" });
  });

  it("that fail are run again, or fail the pod when it never restarts", async () => {
    const script = { containers: [{ image: "init*", startMs: 0, exit: { afterMs: 100, code: 2 } }] };
    const spec = { initContainers: [{ name: "one", image: "init:1" }], containers: [web] };
    const again = world(script);
    await again.kubelet.assign(again.assignment(pod("a", spec)));
    await again.clock.advance(5_000);
    expect(again.status("uid-a").phase).toBe("Pending");
    expect(again.container("uid-a", "one").state.waiting?.reason).toBe("CrashLoopBackOff");
    const never = world(script);
    await never.kubelet.assign(never.assignment(pod("a", { ...spec, restartPolicy: "Never" })));
    await never.clock.advance(5_000);
    expect(never.status("uid-a").phase).toBe("Failed");
    expect(never.container("uid-a").state.waiting?.reason).toBe("PodInitializing");
  });

  it("with restartPolicy Always run beside the containers and end after them", async () => {
    const w = world({
      containers: [
        { image: "side*", startMs: 0, drainMs: 100 },
        { image: "*", startMs: 0, drainMs: 500 },
      ],
    });
    const initContainers: Container[] = [{ name: "side", image: "side:1", restartPolicy: "Always" }];
    await w.kubelet.assign(w.assignment(pod("a", { initContainers, containers: [web] })));
    await w.clock.advance(1_000);
    expect(w.status("uid-a").phase).toBe("Running");
    expect(w.container("uid-a", "side").ready).toBe(true);
    await w.kubelet.stop("uid-a", 30);
    await w.clock.advance(10_000);
    expect(w.timeline("uid-a").at(-1)).toBe("1.5 Completed(0)");
    expect(w.timeline("uid-a", "side").at(-1)).toBe("1.6 Completed(0)");
  });
});
