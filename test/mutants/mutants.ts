/** Promises of the design, each broken on purpose: which text of which file is replaced, and what the simulation then says. */
import { join } from "node:path";

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
  /** A history that catches it; when it does no more, others are tried. */
  seed: number;
  /** What the violation says. */
  says: RegExp;
}

const one = (file: string, from: string, to: string): Edit[] => [{ file, from, to }];

export const MUTANTS: readonly Mutant[] = [
  {
    name: "faults of manifests are passed over",
    promise: 1,
    edits: one(
      "reconcile/source.ts",
      "diagnostics: [...parsed.diagnostics, ...own, ",
      "diagnostics: [...own.slice(0, 0), ",
    ),
    seed: 1,
    says: /was applied for app \S+ from commit \w+, which is invalid/,
  },
  {
    name: "a broken trueup.yaml is passed over",
    promise: 1,
    edits: one("reconcile/pass.ts", "    ...(settings?.diagnostics ?? []),\n", ""),
    seed: 1,
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
    seed: 1,
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
    seed: 1,
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
    seed: 1,
    says: /is to recreate, and starts new pods beside old ones/,
  },
  {
    name: "an endpoint leaves after the signal",
    promise: 2,
    edits: one("kubelet/pod-worker.ts", "    this.#options.changed(this);\n    const drainMs", "    const drainMs"),
    seed: 1,
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
    seed: 1,
    says: /./,
  },
  {
    name: "a manifest that cannot be read is taken for an empty one",
    promise: 3,
    edits: one(
      "reconcile/source.ts",
      `      if (!(error instanceof TrueupError && error.code === "invalid")) throw error;\n      const { message, hint } = error;`,
      `      if (!(error instanceof TrueupError)) throw error;
      if (error.code !== "invalid") return { blob, declared: [], diagnostics: [], images: [], isPartial: false };
      const { message, hint } = error;`,
    ),
    seed: 1,
    says: /though commit \w+ declares it/,
  },
  {
    name: "another app's unreadable manifest may declare nothing",
    promise: 3,
    edits: one("plan/prune-guard.ts", "if (unread !== undefined) return", "if (unread === null) return"),
    seed: 1,
    says: /though another app declares it, or may do so/,
  },
  {
    name: "the prune budget's share is ignored",
    promise: 4,
    edits: one("plan/prune-guard.ts", "if (count * 100 > total * budget.maxPercent) {", "if (count < 0) {"),
    seed: 1,
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
    seed: 1,
    says: /which never applied it/,
  },
  {
    name: "an object that moves is deleted where it was",
    promise: 4,
    edits: one("plan/plan.ts", " || declaredElsewhere?.has(key) === true", ""),
    seed: 1,
    says: /though another app declares it, or may do so/,
  },
  {
    name: "an approval counts for whatever is planned",
    promise: 4,
    edits: one("reconcile/orders.ts", "if (prepared.plan.digest !== digest) {", "if (digest === '') {"),
    seed: 1,
    says: /was approved/,
  },
  {
    name: "a rollout never runs out of time",
    promise: 5,
    edits: one("rollout/progress.ts", "return lastUpdateOf(condition) + deadline * 1000 < now;", "return false;"),
    seed: 1,
    says: /no rest after/,
  },
  {
    name: "what has no deadline of its own has none",
    promise: 5,
    edits: one(
      "reconcile/health-watch.ts",
      "const left = this.#since + DEADLINE_MS -",
      "const left = this.#since + DEADLINE_MS * 1_000 -",
    ),
    seed: 1,
    says: /no rest after/,
  },
  {
    name: "a Deployment that was complete is waited for without end",
    promise: 5,
    edits: one(
      "reconcile/workloads.ts",
      `  if (getCondition(status?.conditions, "Progressing")?.reason === REASON.complete) return false;\n`,
      "",
    ),
    seed: 7,
    says: /no rest after/,
  },
  {
    name: "a log that never comes is waited for without end",
    promise: 5,
    edits: one("reconcile/last-words.ts", `limit.abort(new Error("it took too long"))`, "undefined"),
    seed: 1,
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
    seed: 1,
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
    seed: 63,
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
    seed: 1,
    says: /ended as (?:failed|rolled back): ""/,
  },
  {
    name: "commits passed over have no rows",
    promise: 6,
    edits: one(
      "reconcile/attempts.ts",
      "for (const commit of commits) await open(context, commit);",
      "await open(context, head);",
    ),
    seed: 1,
    says: /commits of \S+ between \w+ and \w+ have no rows/,
  },
  {
    name: "each look at a head opens an attempt",
    promise: 6,
    edits: one("reconcile/attempts.ts", "if (newest?.commit !== head) {", "if (newest !== null) {"),
    seed: 1,
    says: /was opened again at the same head/,
  },
  {
    name: "a row is written again",
    promise: 6,
    edits: [
      { file: "ledger/database.ts", from: `["UPDATE", "DELETE"]`, to: "[] as string[]" },
      {
        file: "ledger/sqlite-ledger.ts",
        from: "      const { endedAt, outcome, reason, planDigest, changes } = ending;\n",
        to: `      const { endedAt, outcome, reason, planDigest, changes } = ending;\n      this.#run("UPDATE attempt_endings SET ended_at = ?", [endedAt]);\n`,
      },
    ],
    seed: 1,
    says: /was rewritten/,
  },
  {
    name: "a revision's number is used again",
    promise: 6,
    edits: one(
      "rollout/revisions.ts",
      "Math.max(highest, revisionOf(replicaSet)), 0) + 1;",
      "Math.max(highest, revisionOf(replicaSet)), 0);",
    ),
    seed: 1,
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
    seed: 1,
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
    seed: 1,
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
    seed: 1,
    says: /tells a secret/,
  },
  {
    name: "a Secret is told by a log's last lines",
    promise: 8,
    edits: one("reconcile/last-words.ts", "shortened(withoutSecrets(line, secrets, MASK))", "shortened(line)"),
    seed: 1,
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
