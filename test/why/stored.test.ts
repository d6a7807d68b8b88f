/** What an API server made of a manifest is nobody's drift: pairs of real manifests, and one object of each kind. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { applyDefaults } from "../../src/defaulting/defaults.ts";
import type { KubeObject } from "../../src/model/object.ts";
import { ownFrame } from "../../src/why/frame.ts";
import { originsOf } from "../../src/why/origins.ts";

interface Pair {
  file?: string;
  desired: KubeObject;
  live: KubeObject;
}

/** Dropped when the request is decoded, and so missing: an unknown field, an annotation that Kubernetes 1.8 read. */
const DROPPED = ["sync-options-validate-false/invalid-cm.yaml", "23-grafana-import-dash-batch.yaml"];

const FIXTURES = join(import.meta.dirname, "../fixtures");
const files = [...globSync("diff/pairs/*.jsonl", { cwd: FIXTURES }), "defaulting/kinds.jsonl"].sort();

function pairsIn(file: string): Pair[] {
  const lines = readFileSync(join(FIXTURES, file), "utf8").trimEnd().split("\n");
  const pairs = lines.map((line) => JSON.parse(line) as Pair);
  return pairs.filter((pair) => !DROPPED.some((name) => pair.file?.endsWith(name)));
}

describe("an object as the API server stores it", () => {
  it.each(files)("has no value that somebody changed: %s", (file) => {
    const pairs = pairsIn(file);
    expect(pairs.length).toBeGreaterThan(0);
    for (const { desired, live } of pairs) {
      const frame = ownFrame(desired, null);
      const found = originsOf({ object: live, frame, defaults: applyDefaults, drift: [] });
      const drifted = found.filter(({ origin }) => origin.origin === "drift").map(({ origin }) => origin.path);
      expect(drifted, `${desired.kind} ${desired.metadata.name}`).toEqual([]);
    }
  });
});
