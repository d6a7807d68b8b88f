import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { backendConformance } from "../../src/conformance/suite.ts";
import { NotebookBackend } from "./third-party/notebook.ts";

it("a third party's backend is written from the package's exports alone", () => {
  const text = readFileSync(new URL("./third-party/notebook.ts", import.meta.url), "utf8");
  const imported = [...text.matchAll(/^(?:import .*|\} )from "([^"]+)"/gm)].map((match) => match[1]);
  expect(imported).toEqual(["node:crypto", "node:util", "../../../src/index.ts"]);
});

backendConformance("of a third party", async () => {
  const backend = new NotebookBackend();
  return { backend, close: async () => backend.close() };
});
