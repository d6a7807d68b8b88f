import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { timestamp } from "../../src/model/object.ts";
import {
  ANNOTATION,
  type Condition,
  type Deployment,
  type DeploymentStatus,
  type ReplicaSet,
} from "../../src/model/workload.ts";
import { planHistoryCleanup } from "../../src/rollout/cleanup.ts";
import { getCondition, makeCondition, removeCondition, setCondition } from "../../src/rollout/conditions.ts";
import {
  isComplete,
  isProgressing,
  isTimedOut,
  newTemplateCondition,
  pauseCondition,
  progressRequeueMs,
  REASON,
  rolloutStatusOf,
} from "../../src/rollout/progress.ts";
import { deployment, NOW, replicaSet, rolling, table } from "./objects.ts";

interface WithConditions {
  conditions?: Condition[];
}

describe("conditions agree with the upstream tables", () => {
  it.each(table<{ status: WithConditions; type: string }, { found: boolean }>("condition-get"))(
    "$name",
    ({ in: { status, type }, expect: want }) => {
      expect(getCondition(status.conditions, type) !== undefined).toBe(want.found);
    },
  );

  it.each(table<{ status: WithConditions; condition: Condition }, { status: WithConditions }>("condition-set"))(
    "$name",
    ({ in: { status, condition }, expect: want }) => {
      expect(setCondition(status.conditions, condition)).toEqual(want.status.conditions);
    },
  );

  it.each(table<{ status: WithConditions; type: string }, { status: WithConditions }>("condition-remove"))(
    "$name",
    ({ in: { status, type }, expect: want }) => {
      expect(removeCondition(status.conditions, type)).toEqual(want.status.conditions ?? []);
    },
  );
});

describe("a condition", () => {
  const first = makeCondition("Progressing", "True", "First", "one", NOW);

  it("stays untouched when status and reason are the same", () => {
    expect(setCondition([first], makeCondition("Progressing", "True", "First", "two", NOW + 5000))).toEqual([first]);
  });

  it("keeps the time of its last transition when only the reason changes", () => {
    expect(setCondition([first], makeCondition("Progressing", "True", "Second", "two", NOW + 5000))).toEqual([
      {
        type: "Progressing",
        status: "True",
        reason: "Second",
        message: "two",
        lastUpdateTime: "2026-01-01T00:00:05Z",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ]);
  });

  it("has a new time of transition when the status changes", () => {
    const [changed] = setCondition([first], makeCondition("Progressing", "False", "First", "two", NOW + 5000));
    expect(changed?.lastTransitionTime).toBe("2026-01-01T00:00:05Z");
  });
});

describe("completeness, progress and time-out agree with the upstream tables", () => {
  interface Complete {
    specReplicas: number;
    replicas: number;
    updatedReplicas: number;
    availableReplicas: number;
    maxSurge: number;
    maxUnavailable: number;
  }
  it.each(table<Complete, { complete: boolean }>("deployment-complete"))("$name", ({ in: given, expect: want }) => {
    const { specReplicas, maxSurge, maxUnavailable, ...status } = given;
    const of = deployment({ replicas: specReplicas, strategy: rolling(maxSurge, maxUnavailable) });
    expect(isComplete(of, { ...status, observedGeneration: 1 })).toBe(want.complete);
    expect(isComplete(of, { ...status, observedGeneration: 0 })).toBe(false);
  });

  it.each(
    table<{ before: DeploymentStatus; after: DeploymentStatus }, { progressing: boolean }>("deployment-progressing"),
  )("$name", ({ in: { before, after }, expect: want }) => {
    expect(isProgressing(before, after)).toBe(want.progressing);
  });

  interface TimedOut {
    progressDeadlineSeconds: number | null;
    progressingCondition: { status: "True"; reason: string; lastUpdateTime: string | null };
    now: string | null;
  }
  it.each(table<TimedOut, { timedOut: boolean }>("deployment-timed-out"))("$name", ({ in: given, expect: want }) => {
    const { lastUpdateTime, ...rest } = given.progressingCondition;
    const condition = { type: "Progressing", ...rest, ...(lastUpdateTime === null ? {} : { lastUpdateTime }) };
    const of = deployment({ progressDeadlineSeconds: given.progressDeadlineSeconds });
    expect(isTimedOut(of, [condition], given.now === null ? NOW : Date.parse(given.now))).toBe(want.timedOut);
  });

  it("never times out what was complete, though a deadline is set (which the upstream case does not reach)", () => {
    const condition = makeCondition("Progressing", "True", REASON.complete, "", 0);
    expect(isTimedOut(deployment({ progressDeadlineSeconds: 10 }), [condition], NOW)).toBe(false);
  });

  it.each([
    [{ updated: 0, heard: 0, now: 10_000 }, false],
    [{ updated: 0, heard: 0, now: 10_001 }, true],
    [{ updated: 0, heard: 5_000, now: 15_000 }, false],
    [{ updated: 0, heard: 5_000, now: 15_001 }, true],
    [{ updated: 8_000, heard: 5_000, now: 18_000 }, false],
    [{ updated: 8_000, heard: 5_000, now: 18_001 }, true],
    [{ updated: 0, heard: Number.POSITIVE_INFINITY, now: NOW }, false],
  ])("begins no deadline before somebody hears how the pods do: %o", ({ updated, heard, now }, timedOut) => {
    const condition = makeCondition("Progressing", "True", REASON.updated, "", updated);
    expect(isTimedOut(deployment({ progressDeadlineSeconds: 10 }), [condition], now, heard)).toBe(timedOut);
  });

  it("stays timed out until there is progress", () => {
    const condition = makeCondition("Progressing", "False", REASON.timedOut, "", NOW);
    expect(isTimedOut(deployment({ progressDeadlineSeconds: 10 }), [condition], NOW)).toBe(true);
  });
});

describe("history cleanup agrees with the upstream table", () => {
  interface Given {
    revisionHistoryLimit: number;
    oldReplicaSets: { name: string; specReplicas: number; statusReplicas: number; beingDeleted?: boolean }[];
  }
  it.each(table<Given, { deletions: number }>("history-cleanup-count"))("$name", ({ in: given, expect: want }) => {
    const old = given.oldReplicaSets.map((row, index) => {
      const made = replicaSet(row.name, {
        replicas: row.specReplicas,
        actual: row.statusReplicas,
        revision: index + 1,
      });
      const gone = row.beingDeleted === true ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {};
      return { ...made, metadata: { ...made.metadata, ...gone } };
    });
    const of = deployment({ revisionHistoryLimit: given.revisionHistoryLimit });
    expect(planHistoryCleanup(of, old)).toHaveLength(want.deletions);
  });

  it("takes the lowest revisions, of equal ones the oldest, and none that its controller has not looked at", () => {
    const old = [
      replicaSet("c", { revision: 3 }),
      replicaSet("b", { revision: 2, created: 2 }),
      replicaSet("a", { revision: 2, created: 1 }),
    ];
    const of = deployment({ revisionHistoryLimit: 1 });
    expect(planHistoryCleanup(of, old).map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
    const unseen = old.map((one) => ({ ...one, metadata: { ...one.metadata, generation: 2 } }));
    expect(planHistoryCleanup(of, unseen)).toEqual([]);
  });

  it("deletes nothing where there is no limit", () => {
    expect(planHistoryCleanup(deployment({ revisionHistoryLimit: null }), [replicaSet("a", { revision: 1 })])).toEqual(
      [],
    );
  });
});

describe("events and reasons", () => {
  it("are those that upstream lists, and so are the annotations", () => {
    const path = resolve(import.meta.dirname, "../fixtures/deployment/events-and-reasons.json");
    const { conditionReasons, annotations } = JSON.parse(readFileSync(path, "utf8")) as {
      conditionReasons: { Progressing: string[]; Available: string[] };
      annotations: string[];
    };
    expect(Object.values(REASON).sort()).toEqual(
      [...conditionReasons.Progressing, ...conditionReasons.Available].sort(),
    );
    const own: string[] = Object.values(ANNOTATION);
    expect(annotations.filter((annotation) => !own.includes(annotation))).toEqual([]);
  });
});

describe("the status of a rollout", () => {
  const from = (status: DeploymentStatus, spec: Partial<Deployment["spec"]> = {}): Deployment => ({
    ...deployment({ replicas: 3, strategy: rolling("25%", "25%"), ...spec }),
    status,
  });
  const current = replicaSet("web-2", { replicas: 1, available: 1, image: "web:v2" });
  const old = replicaSet("web-1", { replicas: 3 });
  const before = makeCondition("Progressing", "True", REASON.updated, "", NOW - 60_000);

  it("counts, and says that it gets on, with a new time each time", () => {
    const status = rolloutStatusOf(from({ replicas: 4, conditions: [before] }), [old, current], current, NOW);
    expect(status).toEqual({
      observedGeneration: 1,
      replicas: 4,
      updatedReplicas: 1,
      readyReplicas: 4,
      availableReplicas: 4,
      unavailableReplicas: 0,
      conditions: [
        makeCondition("Available", "True", REASON.available, "Deployment has minimum availability.", NOW),
        {
          ...makeCondition("Progressing", "True", REASON.updated, 'ReplicaSet "web-2" is progressing.', NOW),
          lastTransitionTime: before.lastTransitionTime,
        },
      ],
    });
  });

  it("says that it does not have minimum availability", () => {
    const status = rolloutStatusOf(from({}), [replicaSet("web-1", { replicas: 3, available: 2 })], undefined, NOW);
    expect(getCondition(status.conditions, "Available")).toMatchObject({
      status: "False",
      reason: "MinimumReplicasUnavailable",
      message: "Deployment does not have minimum availability.",
    });
    expect(status.unavailableReplicas).toBe(1);
    expect(getCondition(status.conditions, "Progressing")?.message).toBe('Deployment "web" is progressing.');
  });

  it("says once that it is complete, and then stays as it is when pods fail", () => {
    const done = replicaSet("web-2", { replicas: 3 });
    const complete = rolloutStatusOf(from({ conditions: [before] }), [done], done, NOW);
    const said = getCondition(complete.conditions, "Progressing");
    expect(said).toMatchObject({
      status: "True",
      reason: "NewReplicaSetAvailable",
      message: 'ReplicaSet "web-2" has successfully progressed.',
    });
    const broken = replicaSet("web-2", { replicas: 3, available: 0, actual: 3 });
    const later = rolloutStatusOf(from(complete), [broken], broken, NOW + 10_000_000);
    expect(getCondition(later.conditions, "Progressing")).toEqual(said);
    expect(getCondition(later.conditions, "Available")?.status).toBe("False");
  });

  it("says that it timed out, and that it recovered", () => {
    const stuck = replicaSet("web-2", { replicas: 1, available: 0, actual: 1 });
    const counts = { replicas: 4, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 3 };
    const late = rolloutStatusOf(from({ ...counts, conditions: [before] }), [old, stuck], stuck, NOW + 600_000);
    expect(getCondition(late.conditions, "Progressing")).toMatchObject({
      status: "False",
      reason: "ProgressDeadlineExceeded",
      message: 'ReplicaSet "web-2" has timed out progressing.',
      lastTransitionTime: "2026-01-01T00:10:00Z",
    });
    const done = replicaSet("web-2", { replicas: 3 });
    const recovered = rolloutStatusOf(from(late), [done], done, NOW + 700_000);
    expect(getCondition(recovered.conditions, "Progressing")).toMatchObject({
      status: "True",
      reason: REASON.complete,
    });
  });

  it("has no condition Progressing where there is no deadline", () => {
    const status = rolloutStatusOf(
      from({ conditions: [before] }, { progressDeadlineSeconds: null }),
      [old],
      undefined,
      NOW,
    );
    expect(status.conditions?.map(({ type }) => type)).toEqual(["Available"]);
  });

  it("lifts a failure from the new ReplicaSet first, and drops it when it is gone", () => {
    const failing = (name: string, message: string) => {
      const made = replicaSet(name, { replicas: 1 });
      const failure: Condition = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message };
      return { ...made, status: { replicas: 0, conditions: [failure] } };
    };
    const both = [failing("web-1", "old"), failing("web-2", "new")];
    const status = rolloutStatusOf(from({}), both, both[1], NOW);
    expect(getCondition(status.conditions, "ReplicaFailure")?.message).toBe("new");
    expect(getCondition(rolloutStatusOf(from(status), [old], old, NOW).conditions, "ReplicaFailure")).toBeUndefined();
  });

  it("asks for a look one second after the deadline, until the deadline has no more to say", () => {
    const under = from({}, { progressDeadlineSeconds: 100 });
    expect(progressRequeueMs(under, { conditions: [before] }, NOW)).toBe(41_000);
    expect(progressRequeueMs(under, { conditions: [before] }, NOW + 90_000)).toBe(1000);
    for (const reason of [REASON.complete, REASON.timedOut]) {
      expect(progressRequeueMs(under, { conditions: [{ ...before, reason }] }, NOW)).toBeUndefined();
    }
    expect(progressRequeueMs(from({}, { paused: true }), { conditions: [before] }, NOW)).toBeUndefined();
    expect(
      progressRequeueMs(from({}, { progressDeadlineSeconds: 2147483647 }), { conditions: [before] }, NOW),
    ).toBeUndefined();
    expect(progressRequeueMs(under, {}, NOW)).toBeUndefined();
  });
});

describe("pausing", () => {
  const at = (paused: boolean, reason: string | undefined, deadline: number | null = 600): Condition | undefined => {
    const conditions = reason === undefined ? [] : [makeCondition("Progressing", "Unknown", reason, "", NOW)];
    return pauseCondition(
      { ...deployment({ paused, progressDeadlineSeconds: deadline }), status: { conditions } },
      NOW,
    );
  };

  it("stops the deadline's clock, and resuming starts it anew", () => {
    expect(at(true, REASON.updated)).toEqual(
      makeCondition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", NOW),
    );
    expect(at(false, REASON.paused)).toEqual(
      makeCondition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", NOW),
    );
  });

  it("says so once, never over a missed deadline, and not at all without a deadline", () => {
    expect(at(true, REASON.paused)).toBeUndefined();
    expect(at(false, REASON.updated)).toBeUndefined();
    expect(at(true, REASON.timedOut)).toBeUndefined();
    expect(at(true, undefined, null)).toBeUndefined();
  });
});

describe("another template after one that ran out of time", () => {
  const late = makeCondition("Progressing", "False", REASON.timedOut, "", NOW - 1_000);
  const numbered = (name: string, revision: number): ReplicaSet =>
    ({ metadata: { name, annotations: { [ANNOTATION.revision]: String(revision) } } }) as unknown as ReplicaSet;
  const [first, second] = [numbered("web-1", 1), numbered("web-2", 2)];
  const of = (observedGeneration: number, condition: Condition): Deployment => ({
    ...deployment({ progressDeadlineSeconds: 10 }),
    metadata: { name: "web", generation: 2 },
    status: { observedGeneration, conditions: [condition] },
  });

  it.each([
    ["is new", 1, late, [first, second], undefined, true],
    ["is an older one again", 1, late, [first, second], first, true],
    ["was seen before", 2, late, [first, second], undefined, false],
    ["is the same", 1, late, [first, second], second, false],
    [
      "comes after one that is under way",
      1,
      makeCondition("Progressing", "True", REASON.updated, "", 0),
      [first],
      undefined,
      false,
    ],
  ] as const)("begins its own deadline where it %s", (_case, observed, condition, replicaSets, current, isFresh) => {
    const fresh = newTemplateCondition(of(observed, condition), replicaSets, current, NOW);
    expect(fresh?.reason).toBe(isFresh ? REASON.updated : undefined);
    expect(fresh?.lastUpdateTime).toBe(isFresh ? timestamp(NOW) : undefined);
  });
});
