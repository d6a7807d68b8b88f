/** A test of the suite with a mutant loaded, which the environment names: only `test/mutants` runs it. */
import { fileURLToPath } from "node:url";
import { defineConfig, mergeConfig } from "vitest/config";
import { MUTANT_VARIABLE, mutated, pathOf } from "./test/mutants/mutants.ts";
import { suiteMutantNamed } from "./test/mutants/suite-mutants.ts";
import base from "./vitest.config.ts";

const { edits } = suiteMutantNamed(process.env[MUTANT_VARIABLE] ?? "");

export default mergeConfig(
  base,
  defineConfig({
    root: fileURLToPath(new URL(".", import.meta.url)),
    plugins: [
      {
        name: "mutant",
        enforce: "pre",
        transform(code, id) {
          const own = edits.filter(({ file }) => pathOf(file) === id);
          return own.length === 0 ? undefined : mutated(code, own);
        },
      },
    ],
  }),
);
