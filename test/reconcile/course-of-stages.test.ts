/** Which stage is due, as a table: from the plan, from what the ledger has of the attempt, and from what was seen to be well. */
import { describe, expect, it } from "vitest";
import type { Attempt, AttemptEvent, Ledger } from "../../src/model/ledger.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { Observed } from "../../src/model/plan.ts";
import { asCommitId } from "../../src/model/source.ts";
import type { HookRuns } from "../../src/plan/hooks.ts";
import { planApp } from "../../src/plan/plan.ts";
import { END, type Position } from "../../src/plan/stages.ts";
import { AttemptRecord } from "../../src/reconcile/record.ts";
import { courseOf, wholeCourse } from "../../src/reconcile/stages.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { configMap, declaredOf, observedOf, plain } from "../plan/declared.ts";

const COMMIT = asCommitId("1".repeat(40));
const HOOK = "argocd.argoproj.io/hook";
const WAVE = "argocd.argoproj.io/sync-wave";

const definition: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.example.com" },
  spec: { group: "example.com", names: { kind: "Widget" } },
};
const widget: KubeObject = {
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name: "w", namespace: "default" },
};
const pre = plain("Pod", "pre");
pre.metadata.annotations = { [HOOK]: "PreSync" };
const post = plain("Pod", "post");
post.metadata.annotations = { [HOOK]: "PostSync" };
const fail = plain("Pod", "fail");
fail.metadata.annotations = { [HOOK]: "SyncFail" };
const config = configMap("c");
const later = configMap("later", {}, { annotations: { [WAVE]: "1" } });

type Event = Pick<AttemptEvent, "type"> & Partial<AttemptEvent>;
const PLANNED: Event = { type: "planned", detail: { digest: "", changes: {}, due: 1, hooks: true } };
const APPLIED: Event = { type: "applied" };
const FAILING: Event = { type: "failing", detail: { reason: "it crashed" } };
const begun = (name: string): Event => ({ type: "hook", detail: { hook: name, state: "begun" } });
const succeeded = (name: string): Event => ({ type: "hook", detail: { hook: name, state: "succeeded" } });
const reached = (at: Position): Event => ({ type: "stage", detail: { ...at } });

function recordOf(events: readonly Event[], hasFailed: boolean): AttemptRecord {
  const attempt = {
    ...{ row: 1, app: "shop", target: "local", commit: COMMIT, ordinal: 1, openedAt: "", ref: "" },
    ...{ authorName: "", authorEmail: "", subject: "" },
    events: events.map((event) => ({ at: "", message: "", ...event })),
    ...(hasFailed && { ending: { endedAt: "", outcome: "failed" as const, reason: "it crashed" } }),
  } satisfies Attempt;
  // Nothing is written here.
  return new AttemptRecord(attempt, {} as Ledger, new VirtualClock());
}

interface Row {
  name: string;
  declared: KubeObject[];
  live?: KubeObject[];
  events?: Event[];
  hasFailed?: boolean;
  through?: Position | null;
  due: string[];
  /** What is waited for; null: for everything. */
  waitsFor: string[] | null;
  isLast: boolean;
}

const at = (phase: Position["phase"], wave = 0, step = 0): Position => ({ phase, wave, step });

const rows: Row[] = [
  { name: "a plain app is made at once", declared: [config], due: ["c"], waitsFor: null, isLast: true },
  {
    name: "a definition comes first, and is waited for",
    declared: [widget, definition, config],
    due: ["widgets.example.com", "c"],
    waitsFor: ["widgets.example.com", "c"],
    isLast: false,
  },
  {
    name: "its objects wait until it was seen to be well",
    declared: [widget, definition],
    live: [definition],
    due: [],
    waitsFor: ["widgets.example.com"],
    isLast: false,
  },
  {
    name: "its objects are made then",
    declared: [widget, definition],
    live: [definition],
    through: at("Sync", 0, 1),
    due: ["w"],
    waitsFor: null,
    isLast: true,
  },
  {
    name: "a hook comes before all else, and is waited for",
    declared: [pre, config],
    due: ["pre"],
    waitsFor: ["pre"],
    isLast: false,
  },
  {
    name: "a hook that runs is waited for after a restart, too",
    declared: [pre, config],
    events: [PLANNED, begun("PreSync pod/pre")],
    due: [],
    waitsFor: ["pre"],
    isLast: false,
  },
  {
    name: "what follows a hook is made once it has succeeded",
    declared: [pre, config],
    events: [PLANNED, begun("PreSync pod/pre"), succeeded("PreSync pod/pre")],
    through: at("Sync"),
    due: ["c"],
    waitsFor: null,
    isLast: true,
  },
  {
    name: "the last hook is waited for before the commit counts as carried out",
    declared: [config, post],
    live: [config],
    events: [PLANNED, begun("PostSync pod/post")],
    through: at("PostSync"),
    due: [],
    waitsFor: ["c", "post"],
    isLast: false,
  },
  {
    name: "drift is mended at once, without hooks",
    declared: [pre, config, later],
    live: [config],
    events: [PLANNED, APPLIED],
    due: ["later"],
    waitsFor: null,
    isLast: true,
  },
  {
    name: "of a failed attempt only what it had come to is kept",
    declared: [pre, config, later],
    events: [PLANNED, reached(at("Sync"))],
    hasFailed: true,
    due: ["c"],
    waitsFor: ["c"],
    isLast: false,
  },
  {
    name: "of an attempt that failed with its first hook, nothing is",
    declared: [pre, config],
    events: [PLANNED, reached(at("PreSync"))],
    hasFailed: true,
    due: [],
    waitsFor: [],
    isLast: false,
  },
  {
    name: "once something has failed, only the hooks for that run",
    declared: [pre, config, fail],
    events: [PLANNED, begun("PreSync pod/pre"), FAILING],
    due: ["fail"],
    waitsFor: ["fail"],
    isLast: false,
  },
  {
    name: "and nothing follows them",
    declared: [pre, config, fail],
    events: [PLANNED, begun("PreSync pod/pre"), FAILING, begun("SyncFail pod/fail"), succeeded("SyncFail pod/fail")],
    through: END,
    due: [],
    waitsFor: [],
    isLast: true,
  },
];

function observed(live: readonly KubeObject[]): Observed[] {
  return live.map((object) => observedOf(object, "shop"));
}

/** As the reconciler works it out of the ledger. */
function runsOf(record: AttemptRecord): HookRuns | undefined {
  if (record.applied || record.ended) return undefined;
  const { isBegun, begun: names } = record.hooks;
  return { attempt: record.name, isBegun, isFailing: record.failing !== undefined, begun: names };
}

describe("the stage that is due", () => {
  it.each(rows)("$name", ({ declared, live = [], events = [], hasFailed = false, through = null, ...row }) => {
    const record = recordOf(events, hasFailed);
    const all = declared.map((object) => declaredOf(object));
    const hooks = runsOf(record);
    const input = { app: "shop", commit: COMMIT, declared: all, observed: observed(live) };
    const plan = planApp(hooks === undefined ? input : { ...input, hooks });
    const course = courseOf(plan, all, record, through);
    const names =
      course.scope === null ? null : [...course.scope.keys].map((key) => key.slice(key.lastIndexOf("/") + 1));
    expect({
      due: course.due.map(({ id }) => id.name),
      waitsFor: names?.sort() ?? null,
      isLast: course.isLast,
    }).toEqual({
      due: row.due,
      waitsFor: row.waitsFor?.sort() ?? null,
      isLast: row.isLast,
    });
  });

  it("of what comes back all at once waits for a kind that is gone itself", () => {
    const all = [widget, definition, later, config].map((object) => declaredOf(object));
    const plan = planApp({ app: "shop", commit: COMMIT, declared: all, observed: [] });
    const first = wholeCourse(plan);
    expect(first.due.map(({ id }) => id.name)).toEqual(["widgets.example.com", "c"]);
    expect([...(first.scope?.keys ?? [])]).toEqual([
      "apiextensions.k8s.io/CustomResourceDefinition//widgets.example.com",
    ]);
    const rest = planApp({ app: "shop", commit: COMMIT, declared: all, observed: observed([definition, config]) });
    expect(wholeCourse(rest)).toMatchObject({ scope: null, isLast: true });
    expect(wholeCourse(rest).due.map(({ id }) => id.name)).toEqual(["w", "later"]);
  });
});
