/** Facts for the tests of the ledger's chain, and a little history of all kinds. */
import type { AttemptOpening, Ledger, Outcome, Revision } from "../../src/model/ledger.ts";
import { asCommitId, type CommitId } from "../../src/model/source.ts";

export const commit = (digit: string): CommitId => asCommitId(digit.repeat(40));
export const minute = (number: number): string => new Date(Date.UTC(2026, 2, 1, 10, number)).toISOString();

export function opening(digit: string, at = 0, rest: Partial<AttemptOpening> = {}): AttemptOpening {
  return {
    ...{
      app: "shop",
      target: "local",
      commit: commit(digit),
      ordinal: 1,
      openedAt: minute(at),
      ref: "refs/heads/main",
    },
    ...{ authorName: "Ada", authorEmail: "ada@example.org", committerName: "Bob", committerEmail: "bob@example.org" },
    subject: `change ${digit}`,
    ...rest,
  };
}

export function revision(number: number, digit: string, at = 0): Revision {
  return {
    ...{ app: "shop", target: "local", workload: "apps/Deployment/default/web", uid: "uid-1", revision: number },
    ...{ commit: commit(digit), authorName: "Ada", authorEmail: "ada@example.org", subject: `change ${digit}` },
    ...{ file: "web.yaml", template: { spec: { containers: [{ name: "web", image: `web:v${number}` }] } } },
    ...{ templateHash: `hash${number}`, images: { [`web:v${number}`]: `sha256:${number}` } },
    ...{ planDigest: "sha256:plan", startedAt: minute(at) },
  };
}

export const ending = (
  outcome: Outcome,
  at: number,
  reason = "",
): { endedAt: string; outcome: Outcome; reason: string } => ({
  endedAt: minute(at),
  outcome,
  reason,
});

/** Nine entries: attempt a (1), its event (2), revision 1 (3) and its ending (4), the attempt's (5), b (6) to (8), c (9). */
export async function playHistory(ledger: Ledger): Promise<void> {
  await ledger.open(opening("a", 0));
  await ledger.event(opening("a"), { at: minute(1), type: "planned", message: "1 to create", detail: { due: 1 } });
  await ledger.startRevision(revision(1, "a", 2));
  await ledger.endRevision(revision(1, "a"), { endedAt: minute(3), outcome: "deployed", reason: "" });
  await ledger.end(opening("a"), { ...ending("deployed", 3), planDigest: "sha256:plan", changes: { create: 1 } });
  await ledger.open(opening("b", 4));
  await ledger.event(opening("b"), { at: minute(5), type: "held", message: "deployment/web: its last object" });
  await ledger.end(opening("b"), ending("failed", 6, "it crashed"));
  await ledger.open(opening("c", 7));
}
