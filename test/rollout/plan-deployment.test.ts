import { describe, expect, it } from "vitest";
import type { Deployment, DeploymentSpec, DeploymentStatus, Pod, ReplicaSet } from "../../src/model/workload.ts";
import {
  type DeploymentPlan,
  planCreateError,
  planDeployment,
  planNameTaken,
} from "../../src/rollout/plan-deployment.ts";
import { templateHash } from "../../src/rollout/template.ts";
import { deployment, NOW, pod, replicaSet, rolling, template } from "./objects.ts";

const QUARTER = rolling("25%", "25%");

/** What a plan does, one line an action. */
function lines({ actions, status, requeueAfterMs }: DeploymentPlan): string[] {
  const said = actions.map((action) => {
    switch (action.kind) {
      case "event":
        return `${action.type} ${action.reason}: ${action.message}`;
      case "update-deployment":
        return `deployment: ${JSON.stringify(action.annotations)}`;
      case "update-replica-set": {
        const { replicas, annotations = {} } = action;
        const bookkeeping = ["desired-replicas", "max-replicas"].map(
          (key) => annotations[`deployment.kubernetes.io/${key}`],
        );
        return `${action.replicaSet.metadata.name}: ${replicas ?? "same size"}, of ${bookkeeping.join("/")}`;
      }
      default:
        return `${action.kind} ${action.replicaSet.metadata.name}`;
    }
  });
  const progress = status?.conditions?.find(({ type }) => type === "Progressing")?.reason;
  if (status !== undefined) said.push(`status: ${progress ?? "no progress condition"}`);
  if (requeueAfterMs !== undefined) said.push(`again after ${requeueAfterMs}`);
  return said;
}

function plan(
  spec: Partial<DeploymentSpec>,
  replicaSets: ReplicaSet[],
  more: { pods?: Pod[]; status?: DeploymentStatus; metadata?: Partial<Deployment["metadata"]> } = {},
): string[] {
  const of = {
    ...deployment({ strategy: QUARTER, ...spec }, more.metadata),
    ...(more.status === undefined ? {} : { status: more.status }),
  };
  return lines(planDeployment({ deployment: of, replicaSets, pods: more.pods ?? [], now: NOW }));
}

/** Bookkeeping as it stands after scaling at this size. */
function at(desired: number, max: number, revision = 1): { revision: number; annotations: Record<string, string> } {
  return {
    revision,
    annotations: {
      "deployment.kubernetes.io/desired-replicas": String(desired),
      "deployment.kubernetes.io/max-replicas": String(max),
    },
  };
}

const REVISION_1 = { annotations: { "deployment.kubernetes.io/revision": "1" } };
const hash = (image: string): string => templateHash(template(image));

describe("planDeployment", () => {
  it("creates the first ReplicaSet at full size", () => {
    expect(plan({ replicas: 3 }, [])).toEqual([
      `create-replica-set web-${hash("web:v1")}`,
      `Normal ScalingReplicaSet: Scaled up replica set web-${hash("web:v1")} from 0 to 3`,
      'deployment: {"deployment.kubernetes.io/revision":"1"}',
      "status: NewReplicaSetCreated",
      "again after 601000",
    ]);
  });

  it("says nothing of scaling when there is nothing to run", () => {
    expect(plan({ replicas: 0 }, [])).toEqual([
      `create-replica-set web-${hash("web:v1")}`,
      'deployment: {"deployment.kubernetes.io/revision":"1"}',
      "status: NewReplicaSetAvailable",
    ]);
  });

  it("creates a second ReplicaSet with the room that there is, and shrinks the old one in the same sync where it may", () => {
    const old = replicaSet("web-1", { replicas: 4, ...at(4, 5) });
    expect(plan({ replicas: 4, template: template("web:v2") }, [old], { metadata: REVISION_1 })).toEqual([
      `create-replica-set web-${hash("web:v2")}`,
      `Normal ScalingReplicaSet: Scaled up replica set web-${hash("web:v2")} from 0 to 1`,
      'deployment: {"deployment.kubernetes.io/revision":"2"}',
      "web-1: 3, of 4/5",
      "Normal ScalingReplicaSet: Scaled down replica set web-1 from 4 to 3",
      "status: ReplicaSetUpdated",
      "again after 601000",
    ]);
  });

  it("starts a third template at none while the first two fill the room", () => {
    const replicaSets = [
      replicaSet("web-1", { replicas: 3, ...at(3, 4) }),
      replicaSet("web-2", { replicas: 1, available: 0, actual: 1, image: "web:v2", created: 1, ...at(3, 4, 2) }),
    ];
    expect(plan({ replicas: 3, template: template("web:v3") }, replicaSets)).toEqual([
      `create-replica-set web-${hash("web:v3")}`,
      'deployment: {"deployment.kubernetes.io/revision":"3"}',
      "web-2: 0, of 3/4",
      "Normal ScalingReplicaSet: Scaled down replica set web-2 from 1 to 0",
      "status: ReplicaSetUpdated",
      "again after 601000",
    ]);
  });

  it("waits with growing until pods that are to go are gone", () => {
    const shrinking = replicaSet("web-1", { replicas: 2, actual: 3, available: 3, ...at(3, 4) });
    const current = replicaSet("web-2", { replicas: 1, image: "web:v2", created: 1, ...at(3, 4, 2) });
    const spec = { replicas: 3, template: template("web:v2") };
    const metadata = { annotations: { "deployment.kubernetes.io/revision": "2" } };
    expect(plan(spec, [shrinking, current], { metadata })).toEqual(["status: ReplicaSetUpdated", "again after 601000"]);
    const shrunk = replicaSet("web-1", { replicas: 2, ...at(3, 4) });
    expect(plan(spec, [shrunk, current], { metadata })).toContain("web-2: 2, of 3/4");
  });

  it("numbers a ReplicaSet anew that becomes current again", () => {
    const replicaSets = [
      replicaSet("web-1", { replicas: 0, ...at(3, 4, 1) }),
      replicaSet("web-2", { replicas: 0, image: "web:v2", created: 1, ...at(3, 4, 2) }),
      replicaSet("web-3", { replicas: 3, image: "web:v3", created: 2, ...at(3, 4, 3) }),
    ];
    const made = planDeployment({
      deployment: deployment(
        { replicas: 3, strategy: QUARTER },
        { annotations: { "deployment.kubernetes.io/revision": "3" } },
      ),
      replicaSets,
      pods: [],
      now: NOW,
    });
    expect(made.actions[0]).toMatchObject({
      kind: "update-replica-set",
      annotations: { "deployment.kubernetes.io/revision": "4", "deployment.kubernetes.io/revision-history": "1" },
    });
    expect(made.actions[1]).toEqual({
      kind: "update-deployment",
      annotations: { "deployment.kubernetes.io/revision": "4" },
    });
  });

  it("copies minReadySeconds to the current ReplicaSet", () => {
    const current = replicaSet("web-1", { replicas: 1, ...at(1, 2) });
    const made = planDeployment({
      deployment: deployment({ minReadySeconds: 7 }),
      replicaSets: [current],
      pods: [],
      now: NOW,
    });
    expect(made.actions[0]).toMatchObject({ kind: "update-replica-set", minReadySeconds: 7 });
  });

  it("adopts what matches, releases what no longer does, and leaves what others own", () => {
    const orphan = replicaSet("orphan", { owner: null, replicas: 1, ...at(1, 2) });
    const gone = replicaSet("gone", { image: "web:v0" });
    gone.metadata.labels = { app: "other" };
    const foreign = replicaSet("foreign", { owner: "someone", replicas: 9 });
    const said = plan({ replicas: 1 }, [orphan, gone, foreign]);
    expect(said.slice(0, 2)).toEqual(["adopt orphan", "release gone"]);
    expect(said.join()).not.toContain("foreign");
    const going = plan({ replicas: 1 }, [orphan, gone], { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } });
    expect(going).toEqual(["status: no progress condition"]);
  });

  it("does not adopt what is being deleted", () => {
    const orphan = replicaSet("orphan", { owner: null, image: "web:v0" });
    orphan.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    expect(plan({}, [orphan]).join()).not.toContain("adopt");
  });

  it("refuses to select all pods, and says so once for each generation", () => {
    const selecting = { selector: {} };
    const event = "Warning SelectingAll: This deployment is selecting all pods. A non-empty selector is required.";
    expect(plan(selecting, [])).toEqual([event, "status: no progress condition"]);
    expect(plan(selecting, [], { status: { observedGeneration: 1 } })).toEqual([]);
  });

  it("shrinks the new ReplicaSet to size where it has more", () => {
    const current = replicaSet("web-1", { replicas: 5, ...at(3, 4) });
    expect(plan({ replicas: 3 }, [current], { metadata: REVISION_1 })).toContain(
      "Normal ScalingReplicaSet: Scaled down replica set web-1 from 5 to 3",
    );
  });

  it("deletes the oldest revisions once the rollout is complete", () => {
    const olds = [1, 2, 3].map((n) => replicaSet(`old-${n}`, { image: `web:v0.${n}`, ...at(1, 2, n) }));
    const current = replicaSet("web-1", { replicas: 1, created: 9, ...at(1, 2, 4) });
    const metadata = { annotations: { "deployment.kubernetes.io/revision": "4" } };
    expect(plan({ revisionHistoryLimit: 1 }, [...olds, current], { metadata })).toEqual([
      "delete-replica-set old-1",
      "delete-replica-set old-2",
      "status: NewReplicaSetAvailable",
    ]);
    const starting = { ...current, status: { ...current.status, replicas: 1, availableReplicas: 0 } };
    expect(plan({ revisionHistoryLimit: 1 }, [...olds, starting], { metadata }).join()).not.toContain("delete");
  });

  it("has nothing to do the second time", () => {
    const current = replicaSet("web-1", { replicas: 3, ...at(3, 4) });
    const of = deployment({ replicas: 3, strategy: QUARTER }, REVISION_1);
    const first = planDeployment({ deployment: of, replicaSets: [current], pods: [], now: NOW });
    const again = { ...of, ...(first.status === undefined ? {} : { status: first.status }) };
    expect(planDeployment({ deployment: again, replicaSets: [current], pods: [], now: NOW + 5000 })).toEqual({
      actions: [],
    });
  });
});

describe("a change of size", () => {
  it("goes to the only active ReplicaSet, and rewrites what it remembers", () => {
    expect(
      plan({ replicas: 5 }, [replicaSet("web-1", { replicas: 3, ...at(3, 4) })], { metadata: REVISION_1 }),
    ).toEqual([
      "web-1: 5, of 5/7",
      "Normal ScalingReplicaSet: Scaled up replica set web-1 from 3 to 5",
      "status: FoundNewReplicaSet",
    ]);
  });

  it("gives the only active ReplicaSet no more than the room beside pods that are not gone yet", () => {
    const gone = replicaSet("web-0", { replicas: 0, actual: 4, image: "web:0", ...at(4, 5, 1) });
    const current = replicaSet("web-1", { replicas: 1, ...at(4, 5, 2) });
    const metadata = { annotations: { "deployment.kubernetes.io/revision": "2" } };
    expect(plan({ replicas: 6 }, [gone, current], { metadata })[0]).toBe("web-1: 4, of 6/8");
  });

  it("ends also where the size is right already: Kubernetes would take it for a change of size for ever", () => {
    expect(
      plan({ replicas: 3 }, [replicaSet("web-1", { replicas: 3, ...at(5, 7) })], { metadata: REVISION_1 }),
    ).toEqual(["web-1: same size, of 3/4", "status: FoundNewReplicaSet"]);
  });

  it("is shared out in the middle of a rollout", () => {
    const replicaSets = [
      replicaSet("web-1", { replicas: 8, image: "web:v0", ...at(10, 13) }),
      replicaSet("web-2", { replicas: 5, available: 0, actual: 5, created: 1, ...at(10, 13, 2) }),
    ];
    expect(
      plan({ replicas: 20 }, replicaSets, { metadata: { annotations: { "deployment.kubernetes.io/revision": "2" } } }),
    ).toEqual([
      "web-1: 15, of 20/25",
      "Normal ScalingReplicaSet: Scaled up replica set web-1 from 8 to 15",
      "web-2: 10, of 20/25",
      "Normal ScalingReplicaSet: Scaled up replica set web-2 from 5 to 10",
      "status: FoundNewReplicaSet",
    ]);
  });

  const surplus = replicaSet("web-1", { replicas: 2, image: "web:v0", ...at(3, 4) });

  it("ends old ReplicaSets when the new one is saturated", () => {
    const full = replicaSet("web-2", { replicas: 5, created: 1, ...at(5, 7, 2) });
    expect(plan({ replicas: 5 }, [surplus, full])).toContain("web-1: 0, of 5/7");
  });

  it("does not touch old ReplicaSets when the new one is saturated but broken", () => {
    const broken = replicaSet("web-2", { replicas: 5, available: 3, actual: 5, created: 1, ...at(5, 7, 2) });
    expect(plan({ replicas: 5 }, [surplus, broken])).toContain("web-1: same size, of 5/7");
  });

  it("under Recreate only rewrites what several ReplicaSets remember", () => {
    const replicaSets = [surplus, replicaSet("web-2", { replicas: 2, created: 1, ...at(3, 3, 2) })];
    const said = plan({ replicas: 4, strategy: { type: "Recreate" } }, replicaSets);
    expect(said).toContain("web-1: same size, of 4/4");
    expect(said).toContain("web-2: same size, of 4/4");
  });
});

describe("a paused Deployment", () => {
  const old = replicaSet("web-1", { replicas: 3, ...at(3, 4) });

  it("does not roll", () => {
    expect(plan({ replicas: 3, paused: true, template: template("web:v2") }, [old])).toEqual([
      "status: DeploymentPaused",
    ]);
  });

  it("still scales", () => {
    expect(plan({ replicas: 5, paused: true, template: template("web:v2") }, [old])).toContain("web-1: 5, of 5/7");
  });

  it("under Recreate starts nothing beside old pods that end, and goes on once they are gone", () => {
    const spec = { replicas: 2, paused: true, strategy: { type: "Recreate" } as const, template: template("web:v2") };
    const gone = replicaSet("web-1", { ...at(2, 2), actual: 0 });
    const current = replicaSet("web-2", { ...at(2, 2, 2), image: "web:v2", actual: 0, created: 1 });
    const ending = pod("web-1-a", { owner: "web-1-uid", terminating: true });
    expect(plan(spec, [gone, current], { pods: [ending] }).join()).not.toContain("web-2: 2");
    expect(plan(spec, [gone, current])).toContain("web-2: 2, of 2/2");
  });

  it("goes on when resumed", () => {
    const conditions = [{ type: "Progressing", status: "Unknown" as const, reason: "DeploymentPaused" }];
    const said = plan({ replicas: 3, template: template("web:v2") }, [old], { status: { conditions } });
    expect(said[0]).toBe(`create-replica-set web-${hash("web:v2")}`);
  });
});

describe("a number of a revision", () => {
  const metadata = { annotations: { "deployment.kubernetes.io/revision": "2" } };
  const revisionOf = (replicaSets: ReplicaSet[], status?: DeploymentStatus): string | undefined => {
    const of = { ...deployment({}, metadata), ...(status !== undefined && { status }) };
    const { actions } = planDeployment({ deployment: of, replicaSets, pods: [], now: NOW });
    const made = actions.find(({ kind }) => kind === "create-replica-set");
    return made?.kind === "create-replica-set"
      ? made.replicaSet.metadata.annotations?.["deployment.kubernetes.io/revision"]
      : undefined;
  };

  it.each([
    ["is not used again when all ReplicaSets are gone", [], { observedGeneration: 1 }, "3"],
    [
      "follows the highest that is left",
      [replicaSet("web-9", { image: "web:v0", revision: 9 })],
      { observedGeneration: 1 },
      "10",
    ],
    [
      "is the same when only the newest ReplicaSet is gone",
      [replicaSet("web-1", { image: "web:v0", revision: 1 })],
      { observedGeneration: 1 },
      "2",
    ],
    ["is not taken from a manifest that was copied from elsewhere", [], undefined, "1"],
  ])("%s", (_name, replicaSets, status, revision) => {
    expect(revisionOf(replicaSets, status)).toBe(revision);
  });
});

describe("Recreate", () => {
  const spec = { replicas: 2, strategy: { type: "Recreate" } as const, template: template("web:v2") };
  const gone = replicaSet("web-1", { replicas: 0, actual: 0, ...at(2, 2) });

  it("ends all old pods first", () => {
    const old = replicaSet("web-1", { replicas: 2, ...at(2, 2) });
    expect(plan(spec, [old], { metadata: REVISION_1 }).slice(0, 2)).toEqual([
      "web-1: 0, of 2/2",
      "Normal ScalingReplicaSet: Scaled down replica set web-1 from 2 to 0",
    ]);
  });

  it("waits while an old ReplicaSet counts pods, or an old pod has not ended", () => {
    const counting = replicaSet("web-1", { replicas: 0, actual: 1, ...at(2, 2) });
    expect(plan(spec, [counting]).join()).not.toContain("create");
    const terminating = pod("web-1-a", { owner: "web-1-uid", terminating: true, ready: true });
    expect(plan(spec, [gone], { pods: [terminating] }).join()).not.toContain("create");
  });

  it("creates the new ReplicaSet once they are gone or have ended", () => {
    const ended = pod("web-1-a", { owner: "web-1-uid", phase: "Failed", terminating: true });
    expect(plan(spec, [gone], { pods: [ended] }).slice(0, 2)).toEqual([
      `create-replica-set web-${hash("web:v2")}`,
      `Normal ScalingReplicaSet: Scaled up replica set web-${hash("web:v2")} from 0 to 2`,
    ]);
  });
});

describe("the rollback annotation of the first API", () => {
  const replicaSets = [
    replicaSet("web-1", { revision: 1, image: "web:v1", annotations: { "kubernetes.io/change-cause": "first" } }),
    replicaSet("web-2", { revision: 2, image: "web:v2", replicas: 1, created: 1 }),
  ];
  const ask = (to: string, image = "web:v2"): DeploymentPlan =>
    planDeployment({
      deployment: deployment(
        { template: template(image) },
        { annotations: { "deprecated.deployment.rollback.to": to } },
      ),
      replicaSets,
      pods: [],
      now: NOW,
    });

  it.each(["1", "0", "no number"])("puts the template of a revision back: %s", (to) => {
    expect(ask(to).actions).toEqual([
      {
        kind: "update-deployment",
        annotations: { "kubernetes.io/change-cause": "first" },
        template: template("web:v1"),
      },
      {
        kind: "event",
        type: "Normal",
        reason: "DeploymentRollback",
        message: 'Rolled back deployment "web" to revision 1',
      },
    ]);
  });

  it("says when there is no such revision", () => {
    expect(lines(ask("7")).slice(0, 2)).toEqual([
      "Warning DeploymentRollbackRevisionNotFound: Unable to find the revision to rollback to.",
      "deployment: {}",
    ]);
    const alone = deployment({}, { annotations: { "deprecated.deployment.rollback.to": "0" } });
    expect(lines(planDeployment({ deployment: alone, replicaSets: [], pods: [], now: NOW }))[0]).toBe(
      "Warning DeploymentRollbackRevisionNotFound: Unable to find last revision.",
    );
  });

  it("says when nothing would change", () => {
    expect(lines(ask("1", "web:v1"))[0]).toBe(
      'Warning DeploymentRollbackTemplateUnchanged: The rollback revision contains the same template as current deployment "web"',
    );
  });
});

describe("a ReplicaSet that cannot be created", () => {
  it("counts a collision when another has its name, so that the next one has another hash", () => {
    const theirs = replicaSet("web-x", { owner: "someone" });
    expect(planNameTaken(deployment(), theirs)).toEqual({ collisionCount: 1 });
    const again = { ...deployment(), status: { collisionCount: 1, replicas: 3 } };
    expect(planNameTaken(again, theirs)).toEqual({ collisionCount: 2, replicas: 3 });
    expect(planNameTaken(deployment(), replicaSet("web-x", { image: "web:v2" }))).toEqual({ collisionCount: 1 });
    expect(planNameTaken(deployment(), replicaSet("web-x"))).toBeUndefined();
    expect(templateHash(template(), 1)).not.toBe(templateHash(template()));
  });

  it("says why, in an event and, where there is a deadline, in a condition", () => {
    const message = 'Failed to create new replica set "web-x": no room';
    expect(planCreateError(deployment(), "web-x", "no room", NOW)).toEqual({
      message,
      status: {
        conditions: [
          {
            type: "Progressing",
            status: "False",
            reason: "ReplicaSetCreateError",
            message,
            lastUpdateTime: "2026-01-01T00:00:00Z",
            lastTransitionTime: "2026-01-01T00:00:00Z",
          },
        ],
      },
    });
    expect(planCreateError(deployment({ progressDeadlineSeconds: null }), "web-x", "no room", NOW).status).toEqual({});
  });
});
