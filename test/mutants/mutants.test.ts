/** Each promise is broken once on purpose, and the simulation, or a test of the suite, says so: were all blind for one, nobody would know. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Edit, MUTANT_VARIABLE, MUTANTS, mutated, pathOf } from "./mutants.ts";
import { SUITE_MUTANTS } from "./suite-mutants.ts";

/** Real time after which a child is ended, milliseconds. */
const LIMIT_MS = 100_000;

interface Said {
  code: number;
  text: string;
}

/** Plays the mutant's history, or all of them, in a process in which that mutant is loaded, or none. */
function run(mutant: string | null, names: readonly string[]): Promise<Said> {
  return runNode(mutant, [
    "--import",
    join(import.meta.dirname, "hooks.ts"),
    join(import.meta.dirname, "run.ts"),
    ...names,
  ]);
}

/** Runs one test of the suite with a mutant loaded. */
function runTest(mutant: string, file: string, test: string): Promise<Said> {
  const root = join(import.meta.dirname, "../..");
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const config = join(root, "vitest.mutant.config.ts");
  return runNode(mutant, [vitest, "run", "-c", config, join(root, "test", file), "-t", test]);
}

function runNode(mutant: string | null, argv: readonly string[]): Promise<Said> {
  const { [MUTANT_VARIABLE]: _other, ...env } = process.env;
  const options = {
    env: { ...env, ...(mutant !== null && { [MUTANT_VARIABLE]: mutant }) },
    timeout: LIMIT_MS,
    killSignal: "SIGKILL" as const,
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, argv, options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== "number") reject(error);
      else resolve({ code: Number(error?.code ?? 0), text: stdout + stderr });
    });
  });
}

const ALL: readonly { name: string; promise: number; edits: readonly Edit[] }[] = [...MUTANTS, ...SUITE_MUTANTS];

describe("a mutant", () => {
  it("breaks each promise", () => {
    const promises = [...new Set(ALL.map(({ promise }) => promise))];
    expect(promises.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(new Set(ALL.map(({ name }) => name)).size).toBe(ALL.length);
  });

  it.each(ALL.map(({ name, edits }) => [name, edits] as const))("still finds its places: %s", (_name, edits) => {
    for (const file of new Set(edits.map((edit) => edit.file))) {
      const text = readFileSync(pathOf(file), "utf8");
      expect(
        mutated(
          text,
          edits.filter((edit) => edit.file === file),
        ),
      ).not.toBe(text);
    }
  });

  it("is what breaks the promise: without one, the same histories keep it", { timeout: LIMIT_MS }, async () => {
    expect(await run(null, [])).toEqual({ code: 0, text: "" });
  });
});

describe.concurrent("the simulation catches", () => {
  it.each(MUTANTS.map(({ name, promise, says }) => [promise, name, says] as const))(
    "promise %i broken, as %s",
    { timeout: LIMIT_MS },
    async (_promise, name, says) => {
      const { code, text } = await run(name, [name]);
      expect(text).toMatch(says);
      expect(code).toBe(1);
    },
  );
});

describe.concurrent("the suite catches", () => {
  it.each(SUITE_MUTANTS.map(({ name, promise, file, test, says }) => [promise, name, { file, test, says }] as const))(
    "promise %i broken, as %s",
    { timeout: LIMIT_MS },
    async (_promise, name, { file, test, says }) => {
      const { code, text } = await runTest(name, file, test);
      expect(text).toMatch(says);
      expect(text).toMatch(/Tests +\d+ failed(?! \| \d+ passed)/);
      expect(text).toContain(test);
      expect(code).toBe(1);
    },
  );
});
