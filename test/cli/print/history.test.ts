/** Revisions as kubectl lists them (its own test's cases), and what the ledger adds. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatHistory, formatRevision, formatWideHistory, historyEntries } from "../../../src/cli/print/history.ts";
import type { RevisionRecord } from "../../../src/model/ledger.ts";
import { asCommitId } from "../../../src/model/source.ts";
import type { ReplicaSet } from "../../../src/model/workload.ts";

interface Golden {
  deployment: { replicaSets: { name: string; revision: number; image: string; changeCause: string | null }[] };
  expect: Record<string, string>;
}

const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../fixtures/cli/rollout-history.json"), "utf8"),
) as Golden;

function replicaSet({ name, revision, image, changeCause }: Golden["deployment"]["replicaSets"][number]): ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name,
      annotations: {
        "deployment.kubernetes.io/revision": String(revision),
        ...(changeCause !== null && { "kubernetes.io/change-cause": changeCause }),
      },
    },
    spec: {
      selector: { matchLabels: { foo: "bar" } },
      template: { metadata: { labels: { foo: "bar" } }, spec: { containers: [{ name: "test", image }] } },
    },
  };
}

function record(revision: number, rest: Partial<RevisionRecord> = {}): RevisionRecord {
  return {
    app: "shop",
    target: "local",
    workload: "apps/Deployment/default/moons",
    uid: "u",
    revision,
    commit: asCommitId(String(revision).repeat(40)),
    authorName: "Ann",
    authorEmail: "ann@example.org",
    subject: `Set image to v${revision}`,
    file: "moons.yaml",
    template: { spec: { containers: [{ name: "test", image: `foo:${revision}` }] } },
    templateHash: `hash${revision}`,
    images: { [`foo:${revision}`]: `sha256:${"ab".repeat(32)}` },
    planDigest: "sha256:0",
    startedAt: "2026-11-23T12:00:00.000Z",
    ...rest,
  };
}

describe("rollout history", () => {
  const sets = golden.deployment.replicaSets.map(replicaSet);

  it("prints kubectl's table for ReplicaSets alone", () => {
    expect(formatHistory(historyEntries([], sets.toReversed()))).toBe(golden.expect.list);
  });

  it("prints kubectl's pod template of one revision", () => {
    const entry = historyEntries([], sets).find(({ revision }) => revision === 3);
    expect(entry === undefined ? "" : formatRevision(entry)).toBe(golden.expect["revision 3"]);
  });

  it("says so when there is none", () => {
    expect(formatHistory([])).toBe(`${golden.expect["no ReplicaSets"]}\n`);
    expect(formatWideHistory([])).toBe(`${golden.expect["no ReplicaSets"]}\n`);
  });

  it("gives the commit as the cause, unless the ReplicaSet names one", () => {
    const entries = historyEntries([record(1), record(3), record(5)], sets);
    expect(formatHistory(entries)).toBe(
      "REVISION  CHANGE-CAUSE\n" +
        "1         1111111 Set image to v1 (Ann)\n" +
        "2         <none>\n" +
        "3         foo change cause\n" +
        "4         bar change cause\n" +
        "5         5555555 Set image to v5 (Ann)\n",
    );
  });

  it("shows wide what the ledger knows beyond kubectl", () => {
    const ended = { endedAt: "2026-11-23T12:00:04.200Z", outcome: "deployed" as const, reason: "" };
    const entries = historyEntries([record(1, { ending: ended }), record(2)], [sets[2] as ReplicaSet]);
    expect(formatWideHistory(entries)).toBe(
      "REVISION   COMMIT    OUTCOME     TOOK   IMAGES               CHANGE-CAUSE\n" +
        "1          1111111   deployed    4.2s   foo:1@abababababab   1111111 Set image to v1 (Ann)\n" +
        "2          2222222   under way          foo:2@abababababab   2222222 Set image to v2 (Ann)\n" +
        "3          <none>    <none>             foo:3                foo change cause\n",
    );
  });

  it("takes no control character from a subject to the terminal", () => {
    expect(formatHistory(historyEntries([record(1, { subject: "a\u001b[2Jb" })], []))).toContain("a^[[2Jb");
  });
});
