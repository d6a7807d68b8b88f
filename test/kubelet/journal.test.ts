/** The journal: numbers without gaps over restarts, collapses and acknowledgements; durable before visible. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Journal } from "../../src/kubelet/journal.ts";
import type { KubeletReport, KubeletReportBody } from "../../src/model/kubelet.ts";

const AT = "2026-01-01T00:00:00.000Z";
let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trueup-journal-"));
  path = join(directory, "journal.ndjson");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function status(uid: string, version: number): KubeletReportBody {
  return {
    type: "pod-status",
    uid,
    namespace: "default",
    name: uid,
    status: { phase: "Running", message: String(version) },
    hostPorts: {},
  };
}

function note(uid: string, version: number): KubeletReportBody {
  return {
    type: "pod-event",
    uid,
    namespace: "default",
    name: uid,
    eventType: "Normal",
    reason: "R",
    message: `${version}`,
  };
}

type Step =
  | { do: "status" | "event"; uid: string }
  | { do: "read" | "reopen" | "crash" }
  | { do: "acknowledge"; share: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("status" as const), uid: fc.constantFrom("a", "b", "c") }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("event" as const), uid: fc.constantFrom("a", "b", "c") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("read" as const, "reopen" as const, "crash" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("acknowledge" as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
);

describe("the journal", () => {
  it("shows a reader every number once, in order, with one meaning, and ends with the newest status of each pod", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        rmSync(path, { force: true });
        let journal = Journal.open(path, { collapseAbove: 5 });
        const seen: KubeletReport[] = [];
        const newest = new Map<string, number>();
        const events: number[] = [];
        let version = 0;
        const read = (): void => {
          for (const report of journal.after(seen.length)) {
            expect(report.seq).toBe(seen.length + 1);
            seen.push(report);
          }
        };
        for (const each of steps) {
          if (each.do === "status") {
            journal.append(status(each.uid, ++version), AT);
            newest.set(each.uid, version);
          } else if (each.do === "event") {
            journal.append(note(each.uid, ++version), AT);
            events.push(version);
          } else if (each.do === "read") read();
          else if (each.do === "acknowledge") journal.acknowledge(Math.floor(each.share * seen.length));
          else {
            if (each.do === "reopen") journal.close();
            // A crash may leave half a line, of a report that nobody has seen.
            else appendFileSync(path, '{"type":"pod-st');
            journal = Journal.open(path, { collapseAbove: 5 });
          }
          // A number that was seen keeps its meaning for as long as it is kept.
          for (const kept of journal.unacknowledged()) {
            const before = seen[kept.seq - 1];
            if (before !== undefined) expect(kept).toEqual(before);
          }
        }
        read();
        for (const [uid, last] of newest) {
          const found = seen.filter((report) => report.type === "pod-status" && report.uid === uid).at(-1);
          expect(found?.type === "pod-status" && found.status.message).toBe(String(last));
        }
        const told = seen.flatMap((report) => (report.type === "pod-event" ? [Number(report.message)] : []));
        expect(told).toEqual(events);
        journal.close();
      }),
      { numRuns: 60 },
    );
  });

  it("drops acknowledged reports from its file, and goes on with its numbers", () => {
    const first = Journal.open(path);
    for (let i = 0; i < 2_000; i++) first.append(note("a", i), AT);
    const size = statSync(path).size;
    first.acknowledge(2_000);
    expect(statSync(path).size).toBeLessThan(size / 10);
    first.close();
    const second = Journal.open(path);
    expect(second.append(note("a", 1), AT).seq).toBe(2_001);
    expect(second.after(0).map(({ seq }) => seq)).toEqual([2_001]);
    second.close();
    expect((statSync(path).mode & 0o777).toString(8)).toBe("600");
  });

  it("keeps the newest of very many events that nobody has read, and everything else", () => {
    const journal = Journal.inMemory();
    journal.append({ type: "pod-gone", uid: "g", namespace: "default", name: "g" }, AT);
    for (let i = 0; i < 50_000; i++) journal.append(note("a", i), AT);
    journal.append(status("a", 1), AT);
    const reports = journal.after(0);
    expect(reports.length).toBeLessThan(35_000);
    expect(reports.map(({ seq }) => seq)).toEqual(reports.map((_, index) => index + 1));
    expect(reports[0]).toMatchObject({ type: "pod-gone", uid: "g" });
    const told = reports.flatMap((report) => (report.type === "pod-event" ? [Number(report.message)] : []));
    expect(told).toEqual(told.map((_, index) => 50_000 - told.length + index));
    expect(told.length).toBeGreaterThanOrEqual(10_000);
    expect(reports.at(-1)?.type).toBe("pod-status");
  });

  it("has a report in its file before append returns", () => {
    const journal = Journal.open(path);
    journal.append(note("a", 7), AT);
    expect(readFileSync(path, "utf8").trim().split("\n").at(-1)).toContain('"message":"7"');
    journal.close();
  });

  it("refuses a file whose numbers do not follow each other", () => {
    const journal = Journal.open(path);
    for (let i = 0; i < 3; i++) journal.append(note("a", i), AT);
    journal.close();
    const lines = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, [lines[0], lines[1], lines[3], ""].join("\n"));
    expect(() => Journal.open(path)).toThrow("Cannot read the kubelet's journal as line 3");
  });

  it("wakes a follower at each report, and lets it go at its signal", async () => {
    const journal = Journal.inMemory();
    const done = new AbortController();
    const seen: number[] = [];
    journal.append(note("a", 1), AT);
    const follower = (async () => {
      for await (const { seq } of journal.follow(0, done.signal)) seen.push(seq);
    })();
    await Promise.resolve();
    journal.append(note("a", 2), AT);
    journal.append(note("a", 3), AT);
    await expect.poll(() => seen).toEqual([1, 2, 3]);
    done.abort();
    await follower;
  });

  it("goes on above what a reader knows", () => {
    const journal = Journal.open(path);
    journal.append(note("a", 1), AT);
    journal.skipTo(40);
    expect(journal.append(note("a", 2), AT).seq).toBe(41);
    journal.close();
    const again = Journal.open(path);
    expect(again.after(40).map(({ seq }) => seq)).toEqual([41]);
    again.close();
  });
});
