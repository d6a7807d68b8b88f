/** Promises that the simulation does not play, each broken on purpose: what is replaced, and the test of the suite that fails. */
import type { Edit } from "./mutants.ts";

export interface SuiteMutant {
  name: string;
  /** Number in the design. */
  promise: 5 | 8 | 9 | 10;
  edits: readonly Edit[];
  /** Below `test/`. */
  file: string;
  /** Occurs in the name of the test, or names its describe block. */
  test: string;
  /** What its failure says. */
  says: RegExp;
}

export const SUITE_MUTANTS: readonly SuiteMutant[] = [
  {
    name: "what cannot succeed is waited for",
    promise: 5,
    edits: [{ file: "rollout/cannot-succeed.ts", from: "if (kind !== undefined && (", to: "if (kind === null && (" }],
    file: "incidents/stuck-rollout.test.ts",
    // One of its table: each would wait for the deadline.
    test: "a missing image fails at once, says why",
    says: /AssertionError/,
  },
  {
    name: "a pod's last words are told as they are",
    promise: 8,
    edits: [
      {
        file: "reconcile/workloads.ts",
        from: `    if (text === "") return text;\n`,
        to: `    if (text !== "" || namespace !== "") return text;\n`,
      },
    ],
    file: "incidents/stuck-rollout.test.ts",
    test: "whose last words are a Secret",
    says: /AssertionError/,
  },
  {
    name: "hooks of the repository run",
    promise: 9,
    edits: [{ file: "git/command.ts", from: `  "core.hooksPath=/dev/null",\n`, to: "" }],
    file: "git/commit.test.ts",
    test: "runs no hook of the repository",
    says: /ref updates aborted by hook/,
  },
  {
    name: "a pod gets the environment of the daemon",
    promise: 9,
    edits: [
      {
        file: "kubelet/process-runtime.ts",
        from: "        env: launch.env,\n",
        to: "        env: { ...process.env, ...launch.env },\n",
      },
    ],
    file: "kubelet/process-runtime.test.ts",
    test: "has exactly the environment it was given",
    says: /AssertionError/,
  },
  {
    name: "a link in an image may lead outside",
    promise: 9,
    edits: [
      {
        file: "image/content.ts",
        from: "&& !leavesWhenFollowed(path, links, directories))",
        to: "&& links.has(path))",
      },
    ],
    file: "image/content.test.ts",
    test: "takes circles and links to nothing inside as harmless",
    says: /AssertionError/,
  },
  {
    name: "every object is compared in every pass",
    promise: 10,
    edits: [
      {
        file: "plan/planner.ts",
        from: "if (known !== undefined && isSame(",
        to: "if (known !== undefined && !isSame(",
      },
    ],
    file: "plan/plan.test.ts",
    test: "compares only what changed",
    says: /AssertionError: expected \d+ to be 1000/,
  },
  {
    name: "every file is read for every commit",
    promise: 10,
    edits: [
      {
        file: "reconcile/manifest-files.ts",
        from: "const entry = known ?? (await",
        to: "const entry = (known?.blob === '') ? known : (await",
      },
      {
        file: "reconcile/source.ts",
        from: "changedFiles(base?.tree ?? null, tree, path)",
        to: "changedFiles(null, tree, path)",
      },
    ],
    file: "reconcile/source.test.ts",
    test: "reads, checks and parses what changed, and nothing else",
    says: /AssertionError/,
  },
];

export function suiteMutantNamed(name: string): SuiteMutant {
  const found = SUITE_MUTANTS.find((mutant) => mutant.name === name);
  if (found === undefined) throw new Error(`there is no mutant "${name}"`);
  return found;
}
