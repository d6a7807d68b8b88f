/** Loaded before all else (`node --import`): replaces the texts of the mutant that the environment names as modules are loaded. */
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { MUTANT_VARIABLE, mutantNamed, mutated, pathOf } from "./mutants.ts";

const name = process.env[MUTANT_VARIABLE];
if (name !== undefined) {
  const { edits } = mutantNamed(name);
  const paths = new Set(edits.map(({ file }) => pathOf(file)));
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const path = url.startsWith("file:") ? fileURLToPath(url) : "";
      if (!paths.has(path)) return loaded;
      const own = edits.filter(({ file }) => pathOf(file) === path);
      return { ...loaded, source: mutated(String(loaded.source), own) };
    },
  });
}
