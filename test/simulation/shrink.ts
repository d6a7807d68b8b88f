/** Makes a failing history shorter: drops steps one by one as long as what is left still fails. */
import { describeStep, type History, type Step } from "./history.ts";
import { type Played, type PlayOptions, play } from "./play.ts";

/** Most replays that shrinking makes, and most real time that it takes, milliseconds. */
const MOST_TRIES = 150;
const MOST_MS = 60_000;

export interface Shrunk {
  steps: Step[];
  /** Places of those steps in the history. */
  indexes: number[];
  violations: string[];
}

export async function shrink(history: History, failed: Played, options: PlayOptions = {}): Promise<Shrunk> {
  let indexes = history.steps.map((_, index) => index);
  let { violations } = failed;
  let tries = 0;
  const started = performance.now();
  for (let shorter = true; shorter; ) {
    shorter = false;
    // From the end: what comes after the failure goes first.
    for (const index of [...indexes].reverse()) {
      if (tries++ >= MOST_TRIES || performance.now() - started > MOST_MS) break;
      const left = indexes.filter((other) => other !== index);
      const played = await play(history, { ...options, steps: stepsAt(history, left) });
      if (kindOf(played) !== kindOf(failed)) continue;
      indexes = left;
      violations = played.violations;
      shorter = true;
    }
  }
  return { steps: stepsAt(history, indexes), indexes, violations };
}

/** What broke, without times, names and numbers: another failure is another history's. */
function kindOf({ violations: [first = ""] }: Played): string {
  return first
    .replace(/^at [0-9.]+ s: /, "")
    .replaceAll(/\S*[0-9/:]\S*/g, "…")
    .slice(0, 60);
}

export function stepsAt({ steps }: History, indexes: readonly number[]): Step[] {
  return indexes.flatMap((index) => steps[index] ?? []);
}

/** A failure as a person reads it: the seed, the shortest list of steps found, what broke, and how to see it again. */
export async function explain(history: History, failed: Played, options: PlayOptions = {}): Promise<string> {
  const { steps, indexes, violations } = await shrink(history, failed, options);
  return [
    `seed ${history.seed} fails; the shortest history found has ${steps.length} of its ${history.steps.length} steps:`,
    ...history.apps.map((app) => `  app ${JSON.stringify(app)}`),
    ...steps.map((step, at) => `  ${indexes[at]}: ${describeStep(step)}`),
    "what broke:",
    ...violations.slice(0, 5).map((violation) => `  ${violation}`),
    `replay: npm run soak -- ${history.isStaged ? "--staged " : ""}1 ${history.seed} ${indexes.join(",")}`,
  ].join("\n");
}
