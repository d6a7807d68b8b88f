/** Approvals: what a digest sets free, what it never does, and what is left to wait. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change, Plan } from "../../src/model/plan.ts";
import { asCommitId } from "../../src/model/source.ts";
import {
  type Approvals,
  deletionName,
  heldChanges,
  joinApprovals,
  NO_APPROVALS,
  release,
} from "../../src/plan/approval.ts";
import { planApp } from "../../src/plan/plan.ts";
import { isKept } from "../../src/plan/prune-guard.ts";
import { configMap, declaredOf, observedOf } from "./declared.ts";

const COMMIT = asCommitId("1".repeat(40));
const KEEP = { annotations: { "trueup/prune": "disabled" } };

/** Deletes these, all held, and creates `new`; a name that begins with k asks to be kept. */
function pruning(names: readonly string[]): Plan {
  const observed = names.map((name) => observedOf(configMap(name, {}, name.startsWith("k") ? KEEP : {}), "shop"));
  const prune = { maxObjects: 0, maxPercent: 0 };
  return planApp({ app: "shop", commit: COMMIT, declared: [declaredOf(configMap("new"))], observed, prune });
}

const approvals = (digests: string[], begun: string[] = []): Approvals => ({
  digests: new Set(digests),
  begun: new Set(begun),
});

function free({ changes }: Plan): string[] {
  return changes.filter(({ action, held }) => action === "delete" && held === undefined).map(({ id }) => id.name);
}

const waiting = (plan: Plan): string[] => heldChanges(plan).map(({ id }) => id.name);

describe("an approval", () => {
  const plan = pruning(["a", "b", "k"]);
  const nameOf = (name: string): string => deletionName(plan.changes.find(({ id }) => id.name === name) as Change);
  const rows: { name: string; given: Approvals; free: string[]; waiting: string[] }[] = [
    { name: "that nobody gave frees nothing", given: NO_APPROVALS, free: [], waiting: ["b", "a"] },
    { name: "of another digest frees nothing", given: approvals(["sha256:other"]), free: [], waiting: ["b", "a"] },
    {
      name: "of the digest frees all but what is kept",
      given: approvals([plan.digest]),
      free: ["b", "a"],
      waiting: [],
    },
    { name: "that was begun frees its rest", given: approvals([], [nameOf("a")]), free: ["a"], waiting: ["b"] },
    {
      name: "of a kept object's deletion frees nothing",
      given: approvals([], [nameOf("k")]),
      free: [],
      waiting: ["b", "a"],
    },
    { name: "of another uid frees nothing", given: approvals([], [`${nameOf("a")}-2`]), free: [], waiting: ["b", "a"] },
  ];
  it.each(rows)("$name", ({ given, free: wanted, waiting: left }) => {
    const released = release(plan, given);
    expect(free(released)).toEqual(wanted);
    expect(waiting(released)).toEqual(left);
    expect(released.digest).toBe(plan.digest);
    expect(released.changes.map(({ id, action }) => [id.name, action])).toEqual(
      plan.changes.map(({ id, action }) => [id.name, action]),
    );
  });

  it("names an object by key and uid", () => {
    expect(nameOf("a")).toBe("/ConfigMap/default/a uid-a");
  });

  it("joins with another", () => {
    expect(joinApprovals(approvals(["x"], ["1"]), approvals(["y"], ["2"]))).toEqual(approvals(["x", "y"], ["1", "2"]));
  });

  it("never frees a kept object, nor one whose digest and deletion were not approved", () => {
    const names = fc.uniqueArray(fc.constantFrom("a", "b", "c", "ka", "kb"), { minLength: 1 });
    fc.assert(
      fc.property(names, fc.boolean(), fc.array(fc.nat(4)), (held, digest, begun) => {
        const given = pruning(held);
        const all = given.changes.filter(({ action }) => action === "delete");
        const started = begun.flatMap((index) => all[index] ?? []).map(deletionName);
        const released = release(given, approvals(digest ? [given.digest] : ["sha256:other"], started));
        for (const change of released.changes.filter(({ action, held: why }) => action === "delete" && !why)) {
          expect(isKept(change)).toBe(false);
          expect(digest || started.includes(deletionName(change))).toBe(true);
        }
      }),
    );
  });
});
