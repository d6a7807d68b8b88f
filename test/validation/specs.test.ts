/** Agreement with Kubernetes' own validation on what pods, claims and volumes may say: one small spec for each rule. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { diagnose, lines } from "./declare.ts";

interface Verdict {
  kind: "Pod" | "PersistentVolumeClaim" | "PersistentVolume";
  spec: string;
  why: string[];
}

const FILE = join(import.meta.dirname, "../fixtures/validation/specs/verdicts.json");
const VERDICTS = JSON.parse(readFileSync(FILE, "utf8")) as Verdict[];

/** Stricter than Kubernetes by design. */
const disabledRules = ["image-tag-missing", "image-tag-latest"];

function errorsOf({ kind, spec }: Verdict): string[] {
  const given = load(spec) as Record<string, unknown>;
  const whole = kind === "Pod" && given.containers === undefined ? withContainer(given) : given;
  const text = JSON.stringify({ apiVersion: "v1", kind, metadata: { name: "x" }, spec: whole });
  return lines(diagnose(text, "a.json", { disabledRules }).filter(({ severity }) => severity === "error"));
}

function withContainer(spec: Record<string, unknown>): Record<string, unknown> {
  return { ...spec, containers: [{ name: "c", image: "a" }] };
}

describe("verdicts on specs", () => {
  it.each(VERDICTS)("$kind $spec", (verdict) => {
    const errors = errorsOf(verdict);
    expect(errors.length === 0, `server: ${verdict.why.join("; ") || "valid"}\nours: ${errors.join("\n")}`).toBe(
      verdict.why.length === 0,
    );
  });

  it("are about all three kinds, both ways", () => {
    const counted = Object.groupBy(VERDICTS, ({ kind, why }) => `${kind} ${why.length === 0}`);
    const counts = Object.fromEntries(Object.entries(counted).map(([key, rows]) => [key, rows?.length]));
    expect(counts).toEqual({
      "Pod true": 19,
      "Pod false": 65,
      "PersistentVolumeClaim true": 3,
      "PersistentVolumeClaim false": 6,
      "PersistentVolume true": 2,
      "PersistentVolume false": 15,
    });
  });
});
