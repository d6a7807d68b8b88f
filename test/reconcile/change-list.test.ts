/** The changes that the ledger keeps of a plan: which fields of them, how many, and never a value. */
import { describe, expect, it } from "vitest";
import type { Declared } from "../../src/model/manifest.ts";
import type { Change } from "../../src/model/plan.ts";
import { listChanges } from "../../src/reconcile/change-list.ts";

function change(rest: Partial<Change> = {}): Change {
  const id = { group: "", kind: "Secret", namespace: "default", name: "s" };
  return { action: "update", id, fields: [], restartsPods: false, ...rest };
}

const declared = {
  file: "apps/s.yaml",
  locate: () => ({ file: "apps/s.yaml", line: 7, column: 1 }),
} as unknown as Declared;

describe("listChanges", () => {
  it("names action, object, fields and place, and no value", () => {
    const field = { path: "data.password", kind: "change" as const, before: "old-secret", after: "new-secret" };
    const { list, more } = listChanges([
      change({ declared, fields: [field] }),
      change({ action: "delete", held: "the app's last object" }),
    ]);
    expect({ list, more }).toEqual({
      list: [
        { action: "update", object: "secret/s", fields: ["data.password"], source: "apps/s.yaml:7" },
        { action: "delete", object: "secret/s", fields: [], held: "the app's last object" },
      ],
      more: undefined,
    });
    expect(JSON.stringify(list)).not.toMatch(/old-secret|new-secret/);
  });

  it("stays small for a first apply of 10,000 objects, and counts what it leaves out", () => {
    const path = `data.${"k".repeat(1_000)}`;
    const fields = Array.from({ length: 1_000 }, () => ({ path, kind: "add" as const }));
    const detail = listChanges(Array.from({ length: 10_000 }, () => change({ declared, fields })));
    expect({ named: detail.list.length, more: detail.more }).toEqual({ named: 200, more: 9_800 });
    expect(detail.list[0]).toMatchObject({ moreFields: 980 });
    expect(JSON.stringify(detail).length).toBeLessThan(1024 * 1024);
  });
});
