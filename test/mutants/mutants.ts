/** Promises of the design, each broken on purpose: which text of which file is replaced, and what the simulation then says. */
import { join } from "node:path";
import type { History } from "../simulation/history.ts";
import { commit, historyOf, wait, workload } from "./history.ts";

/** The environment variable that names the mutant to load. */
export const MUTANT_VARIABLE = "TRUEUP_MUTANT";

export interface Edit {
  /** Below `src/`. */
  file: string;
  /** Occurs exactly once in it. */
  from: string;
  to: string;
}

export interface Mutant {
  name: string;
  /** Number in the design. */
  promise: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;
  /** More than one where a second defence would make up for the first. */
  edits: readonly Edit[];
  /** What catches it: the history of a seed, or one that leads straight there. */
  history: number | History;
  /** What the violation says. */
  says: RegExp;
}

const one = (file: string, from: string, to: string): Edit[] => [{ file, from, to }];

export const MUTANTS: readonly Mutant[] = [
  {
    name: "faults of manifests are passed over",
    promise: 1,
    edits: one(
      "reconcile/manifest-files.ts",
      "      diagnostics: [...parsed.diagnostics, ...own],",
      "      diagnostics: own.slice(0, 0),",
    ),
    history: historyOf([commit("a", [{ on: "a-w0", set: { note: "x" } }], { kind: "invalid" })]),
    says: /was applied for app \S+ from commit \w+, which is invalid/,
  },
  {
    name: "a broken trueup.yaml is passed over",
    promise: 1,
    edits: one("reconcile/pass.ts", "    ...(settings?.diagnostics ?? []),\n", ""),
    history: historyOf([{ do: "apps", how: "break", on: "a" }]),
    says: /was applied for app \S+ from commit \w+, which is invalid|is invalid, and ended as/,
  },
  {
    name: "surge off by one",
    promise: 2,
    edits: one(
      "rollout/plan-deployment.ts",
      "limitsOf(deployment).maxSurge, size",
      "limitsOf(deployment).maxSurge + 1, size",
    ),
    history: historyOf([commit("a", [{ on: "a-w0", set: { image: "good:2" } }])]),
    says: /has \d+ pods that are not ending; \d+ is the most/,
  },
  {
    name: "one pod too few stays available",
    promise: 2,
    edits: [
      {
        file: "rollout/rolling.ts",
        from: "const minAvailable = desired - limits.maxUnavailable;",
        to: "const minAvailable = desired - limits.maxUnavailable - 1;",
      },
      {
        file: "rollout/rolling.ts",
        from: "available - (desired - limits.maxUnavailable));",
        to: "available - (desired - limits.maxUnavailable) + 1);",
      },
    ],
    history: historyOf([wait(5_000), commit("a", [{ on: "a-w0", set: { image: "good:2" } }])]),
    says: /was deleted: \d+ of \S+'s pods are available, not \d+/,
  },
  {
    name: "a Recreate does not wait for its old pods",
    promise: 2,
    edits: one(
      "rollout/plan-deployment.ts",
      "if (active.length > 0 || oldPodsRunning(draft.old, draft.current, pods)) return",
      "if (active.length > 0) return",
    ),
    history: historyOf([
      commit("a", [{ on: "a-w0", set: { rolling: null } }]),
      wait(5_000),
      commit("a", [{ on: "a-w0", set: { image: "slow:2" } }]),
    ]),
    says: /is to recreate, and starts new pods beside old ones/,
  },
  {
    name: "an endpoint leaves after the signal",
    promise: 2,
    edits: one("kubelet/pod-worker.ts", "    this.#options.changed(this);\n    const drainMs", "    const drainMs"),
    history: historyOf([wait(5_000), commit("a", [{ on: "a-w0", set: { image: "good:2" } }])]),
    says: /a pod got SIG(?:TERM|KILL) while \S+ still sent to it/,
  },
  {
    name: "a list that failed is taken for an empty one",
    promise: 3,
    edits: one(
      "reconcile/observe.ts",
      "await backend.list({ owner: app }, signal);",
      "await backend.list({ owner: app }, signal).catch(() => ({ items: [] }));",
    ),
    history: historyOf(
      [wait(5_000), { do: "fault", fault: "reads fail", forMs: 5_000 }, commit("a", [{ remove: "a-c0" }])],
      { seed: 3 },
    ),
    says: /is not as its commit has it: delete configmap/,
  },
  {
    name: "a manifest that cannot be read is taken for an empty one",
    promise: 3,
    edits: one(
      "reconcile/manifest-files.ts",
      `      if (!(error instanceof TrueupError && error.code === "invalid")) throw error;\n      const { message, hint } = error;`,
      `      if (!(error instanceof TrueupError)) throw error;
      if (error.code !== "invalid") return { blob, declared: [], diagnostics: [], images: [], definitions: [], customs: [], isPartial: false };
      const { message, hint } = error;`,
    ),
    history: historyOf([
      wait(5_000),
      { do: "fault", fault: "git flaky", forMs: 20_000 },
      ...Array.from({ length: 20 }, (_, at) => [
        commit("a", [{ on: "a-w0", set: { note: `${at}` } }]),
        wait(900),
      ]).flat(),
    ]),
    says: /though commit \w+ declares it/,
  },
  {
    name: "another app's unreadable manifest may declare nothing",
    promise: 3,
    edits: one("plan/prune-guard.ts", "if (unread !== undefined) return", "if (unread === null) return"),
    history: historyOf([
      wait(5_000),
      commit("b", [], { kind: "invalid" }),
      wait(1_000),
      commit("a", [{ remove: "a-c0" }]),
    ]),
    says: /though another app declares it, or may do so/,
  },
  {
    name: "the prune budget's share is ignored",
    promise: 4,
    edits: one("plan/prune-guard.ts", "if (count * 100 > total * budget.maxPercent) {", "if (count < 0) {"),
    history: historyOf([wait(5_000), commit("b", [{ remove: "b-w0" }, { remove: "b-w0-to" }])]),
    says: /are more than may go without approval|which git names no more/,
  },
  {
    name: "nobody asks whose an object is",
    promise: 4,
    edits: [
      { file: "reconcile/observe.ts", from: "backend.list({ owner: app }, signal)", to: "backend.list({}, signal)" },
      {
        file: "plan/plan.ts",
        from: "if (observed.owner !== app || declaredKeys",
        to: "if (observed.owner === null || declaredKeys",
      },
      {
        file: "backend/embedded.ts",
        from: "if (owner !== undefined && owner !== appliedBy) {",
        to: "if (owner === null) {",
      },
    ],
    history: historyOf([wait(5_000), commit("a", [{ on: "a-w0", set: { note: "x" } }])]),
    says: /which never applied it/,
  },
  {
    name: "an object that moves is deleted where it was",
    promise: 4,
    edits: one("plan/plan.ts", "    if (declaredElsewhere?.has(key) === true) continue;\n", ""),
    history: historyOf([{ do: "move", name: "m-c0", to: "a" }, wait(5_000), { do: "move", name: "m-c0", to: "b" }]),
    says: /though another app declares it, or may do so/,
  },
  {
    name: "an approval counts for whatever is planned",
    promise: 4,
    edits: one("reconcile/orders.ts", "if (prepared.plan.digest !== digest) {", "if (digest === '') {"),
    history: historyOf([
      wait(5_000),
      commit("b", [{ removeAll: true }]),
      wait(5_000),
      { do: "approve", on: "b", digest: "other" },
    ]),
    says: /was approved/,
  },
  {
    name: "a rollout never runs out of time",
    promise: 5,
    edits: one(
      "rollout/progress.ts",
      "return Math.max(lastUpdateOf(condition), heardSince) + deadline * 1000 < now;",
      "return false;",
    ),
    history: historyOf([commit("a", [{ on: "a-w0", set: { image: "never:2" } }])]),
    says: /no rest after/,
  },
  {
    name: "what happened while no daemon was there counts as late",
    promise: 5,
    edits: one("cluster/cluster.ts", "heardSince: () => this.node.heardSince,", "heardSince: () => 0,"),
    history: historyOf([{ do: "restart", how: "kill", afterSteps: 8, downMs: 70_000 }]),
    says: /does not say what is at fault/,
  },
  {
    name: "a new template is late by the deadline of the one before",
    promise: 5,
    edits: one("rollout/plan-deployment.ts", "  if (fresh !== undefined) draft.setCondition(fresh);\n", ""),
    history: historyOf(
      [
        wait(14_000),
        commit("a", [{ on: "a-w0", set: { rolling: null, image: "good:2", deadline: 60 } }, { remove: "a-c0" }]),
      ],
      { first: { image: "missing:1", deadline: 12 } },
    ),
    says: /failed, though nothing is wrong with it/,
  },
  {
    name: "what has no deadline of its own has none",
    promise: 5,
    edits: one(
      "reconcile/health-watch.ts",
      "activeDeadlineMs(object) + DEADLINE_MS;",
      "activeDeadlineMs(object) + DEADLINE_MS * 1_000;",
    ),
    history: historyOf([commit("a", [{ on: "a-w0", set: { image: "never:2", deadline: null } }])]),
    says: /no rest after/,
  },
  {
    name: "old pods that come and go put the deadline off",
    promise: 5,
    edits: one(
      "reconcile/health-watch.ts",
      "current, now) + ownMs + DEADLINE_MS;",
      "current, now) + ownMs + DEADLINE_MS * 1_000;",
    ),
    history: historyOf([
      commit("a", [{ on: "a-w0", set: { image: "flaps:1" } }]),
      wait(5_000),
      commit("a", [{ on: "a-w0", set: { image: "never:2" } }]),
    ]),
    says: /no rest after/,
  },
  {
    name: "a log that never comes is waited for without end",
    promise: 5,
    edits: one("reconcile/last-words.ts", `limit.abort(new Error("it took too long"))`, "undefined"),
    history: historyOf([
      wait(5_000),
      { do: "fault", fault: "logs hang", forMs: 600_000 },
      commit("a", [{ on: "a-w0", set: { image: "crashes:2" } }]),
      wait(60_000),
    ]),
    says: /no rest after|neither starts nor ends|is still about/,
  },
  {
    name: "a newer commit is not looked at",
    promise: 5,
    edits: one(
      "reconcile/app-reconciler.ts",
      `    this.#add("pass");\n    const pass = this.#pass;`,
      "    const pass = this.#pass;",
    ),
    history: historyOf([
      wait(5_000),
      commit("a", [{ on: "a-w0", set: { note: "x" } }]),
      wait(70_000),
      commit("a", [{ on: "a-w0", set: { note: "y" } }]),
    ]),
    says: /has not taken the head up|is still about/,
  },
  {
    name: "an app that could not start is taken for running",
    promise: 5,
    edits: one(
      "daemon/fleet.ts",
      "      await reconciler.close();\n      throw error;",
      "      this.#reconcilers.set(name, reconciler);\n      throw error;",
    ),
    history: historyOf([
      wait(5_000),
      { do: "fault", fault: "ledger fails", forMs: 8_000 },
      { do: "restart", how: "close", afterSteps: 0, downMs: 0 },
      commit("a", [{ on: "a-w0", set: { image: "good:2" } }]),
    ]),
    says: /no rest after|is still about/,
  },
  {
    name: "an attempt fails without saying why",
    promise: 5,
    edits: one(
      "reconcile/attempt-judge.ts",
      "await record.end(end.outcome, end.reason);",
      `await record.end(end.outcome, "");`,
    ),
    history: historyOf([commit("a", [{ on: "a-w0", set: { image: "missing:2" } }])]),
    says: /ended as (?:failed|rolled back): ""|does not say what is at fault/,
  },
  {
    name: "a wave does not wait until the one before it is well",
    promise: 5,
    edits: one(
      "reconcile/stages.ts",
      "const isOpen = through !== null && comparePositions(first, through) <= 0;",
      "const isOpen = through !== undefined;",
    ),
    history: historyOf(
      [
        wait(5_000),
        commit("a", [{ on: "a-w0", set: { image: "never:2" } }, { add: workload("a-w1") }]),
        wait(2_000),
        // The next pass, before the wave is well.
        { do: "restart", how: "close", afterSteps: 0, downMs: 0 },
      ],
      { isStaged: true },
    ),
    says: /deployment\/a-w1 was applied for app a before deployment\/a-w0 was well, which it cannot be/,
  },
  {
    name: "commits passed over have no rows",
    promise: 6,
    edits: one(
      "reconcile/attempts.ts",
      "for (const commit of due) current",
      "for (const commit of due.slice(-1)) current",
    ),
    history: historyOf([wait(5_000), commit("a", [{ on: "a-w0", set: { note: "x" } }], { more: 2 })]),
    says: /commits of \S+ between \w+ and \w+ have no rows/,
  },
  {
    name: "each look at a head opens an attempt",
    promise: 6,
    edits: one("reconcile/attempts.ts", "if (seen === head) return [];", "if (seen === head) return [head];"),
    history: historyOf([wait(70_000)]),
    says: /was opened again at the same head|has not taken the head up/,
  },
  {
    name: "a row is written again",
    promise: 6,
    edits: [
      {
        file: "ledger/schema.ts",
        from: `    .flatMap((table) => ["UPDATE", "DELETE"]`,
        to: `    .flatMap((table) => ["DELETE"]`,
      },
      {
        file: "ledger/sqlite-ledger.ts",
        from: "      const { endedAt, outcome, reason, planDigest, changes } = ending;\n",
        to: `      const { endedAt, outcome, reason, planDigest, changes } = ending;\n      this.#db.run("UPDATE attempt_endings SET ended_at = ?", [endedAt]);\n`,
      },
    ],
    history: historyOf([
      wait(5_000),
      { do: "restart", how: "close", afterSteps: 0, downMs: 0 },
      commit("a", [{ on: "a-w0", set: { note: "x" } }]),
    ]),
    says: /was rewritten/,
  },
  {
    name: "an ending is not chained",
    promise: 6,
    edits: one(
      "ledger/sqlite-ledger.ts",
      `      this.#db.link("ending", Number(found.row), endingContent(key, ending));\n`,
      "",
    ),
    history: historyOf([wait(5_000)]),
    says: /the ledger's chain is broken/,
  },
  {
    name: "an app that is gone leaves its attempt open",
    promise: 6,
    edits: one("daemon/fleet.ts", ", ...open.map(({ app }) => app)]", ", ...open.slice(0, 0).map(({ app }) => app)]"),
    history: historyOf([
      wait(5_000),
      { do: "apps", how: "remove", on: "b" },
      wait(2_000),
      { do: "approve", on: "b", digest: "shown" },
      wait(5_000),
      commit("a", [], { kind: "notes", dieAt: 5 }),
    ]),
    says: /has not ended/,
  },
  {
    name: "a revision's number is used again",
    promise: 6,
    edits: one(
      "rollout/revisions.ts",
      "Math.max(highest, revisionOf(replicaSet)), 0) + 1;",
      "Math.max(highest, revisionOf(replicaSet)), 0);",
    ),
    history: historyOf([wait(5_000), commit("a", [{ on: "a-w0", set: { note: "x" } }])]),
    says: /got revision \d+, though \d+ exists|from revision \d+ back to/,
  },
  {
    name: "a pod is started before it is written down",
    promise: 7,
    edits: one(
      "cluster/node.ts",
      "    this.#store.flush();\n    await this.#kubelet.assign(assignment);",
      "    await this.#kubelet.assign(assignment);",
    ),
    history: historyOf([
      wait(5_000),
      { do: "fault", fault: "store full", forMs: 60_000 },
      { do: "delete pods", share: 1, graceSeconds: 0 },
      wait(5_000),
      { do: "restart", how: "kill", afterSteps: 0, downMs: 0 },
    ]),
    says: /runs, and the next daemon knows nothing of it/,
  },
  {
    name: "another kubelet starts containers that run",
    promise: 7,
    edits: one(
      "kubelet/container-worker.ts",
      "const running = await this.#context.runtime.adopt(launch, id);",
      `const running = id === "none" ? await this.#context.runtime.adopt(launch, id) : null;`,
    ),
    history: historyOf([wait(5_000), { do: "kill kubelet", downMs: 1_000 }]),
    says: /another kubelet (?:restarted containers|changed objects)|was started twice/,
  },
  {
    name: "a Secret is told by the kubelet",
    promise: 8,
    edits: one(
      "kubelet/redact.ts",
      "return withoutSecrets(text, this.#parts, MASK);",
      "return text.replace(MASK, MASK);",
    ),
    history: historyOf([commit("a", [{ on: "a-w0", set: { image: "crashes:2" } }])]),
    says: /tells a secret/,
  },
  {
    name: "a Secret is told by a log's last lines",
    promise: 8,
    edits: one("reconcile/last-words.ts", "shortened(withoutSecrets(line, secrets, MASK))", "shortened(line)"),
    history: historyOf([commit("a", [{ on: "a-w0", set: { image: "crashes:2" } }])]),
    says: /tells a secret/,
  },
];

export function mutantNamed(name: string): Mutant {
  const found = MUTANTS.find((mutant) => mutant.name === name);
  if (found === undefined) throw new Error(`there is no mutant "${name}"`);
  return found;
}

export function pathOf(file: string): string {
  return join(import.meta.dirname, "../../src", file);
}

/** The text with the edits made; each must find its place, and no second one. */
export function mutated(text: string, edits: readonly Edit[]): string {
  return edits.reduce((changed, { file, from, to }) => {
    const places = changed.split(from).length - 1;
    if (places !== 1) throw new Error(`${file} has ${places} places with ${JSON.stringify(from)}, not 1`);
    return changed.replace(from, () => to);
  }, text);
}
