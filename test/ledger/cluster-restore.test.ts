/** Backup and restore of a ledger in the cluster: from either ledger, through kills, and never over one that is there. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { restoreClusterLedger } from "../../src/ledger/cluster-restore.ts";
import { readClusterLedger } from "../../src/ledger/cluster-verify.ts";
import { SqliteLedger } from "../../src/ledger/sqlite-ledger.ts";
import type { LedgerEntry } from "../../src/model/ledger.ts";
import { unreachable } from "../support/scripted-kube-api.ts";
import { ClusterHome } from "./cluster-home.ts";
import { opening, playHistory } from "./facts.ts";
import { entriesOf, expectSameRows } from "./ledger.suite.ts";

const LIMITS = { bytes: 60_000, entries: 2 };
const NOW = Date.UTC(2030, 0, 1);

let home: ClusterHome;
let folder: string;
let sqlite: SqliteLedger;
let entries: LedgerEntry[];

beforeEach(async () => {
  home = new ClusterHome();
  folder = mkdtempSync(join(tmpdir(), "trueup-restore-"));
  sqlite = new SqliteLedger({ path: join(folder, "ledger.db") });
  await playHistory(sqlite);
  await sqlite.retain({ keepAttempts: 1 }, NOW, 10);
  entries = await entriesOf(sqlite);
});
afterEach(async () => {
  await sqlite.close();
  await home.leave();
  rmSync(folder, { recursive: true, force: true });
});

describe("a restored ledger", () => {
  it("is the one in the file: a daemon may move into the cluster with its history", async () => {
    expect(await restoreClusterLedger(home.place, entries, LIMITS)).toEqual(await sqlite.prove());
    const ledger = await home.open();
    await expectSameRows(ledger, sqlite);
    for (const each of [ledger, sqlite]) await each.open(opening("e", 9));
    expect(await entriesOf(ledger)).toEqual(await entriesOf(sqlite));
    expect(await readClusterLedger(home.place)).toEqual(await entriesOf(sqlite));
  });

  it("is not opened before it is whole, and is finished by restoring it again", async () => {
    for (let requests = 1; ; requests++) {
      const place = new ClusterHome();
      let left = requests;
      place.api.luck = () => {
        if (left-- <= 0) throw unreachable();
        return "fine";
      };
      const isDone = await restoreClusterLedger(place.place, entries, LIMITS).then(
        () => true,
        () => false,
      );
      place.api.luck = () => "fine";
      if (isDone) break;
      if (place.api.secrets.size > 0) await expect(place.open()).rejects.toMatchObject({ code: "invalid" });
      await restoreClusterLedger(place.place, entries, LIMITS);
      await expectSameRows(await place.open(), sqlite);
      await place.leave();
    }
  });

  it("takes the place of none that is there, also of one that is empty", async () => {
    await home.open();
    await expect(restoreClusterLedger(home.place, entries)).rejects.toMatchObject({ code: "conflict" });
    expect(await (await home.open()).attempts({})).toEqual([]);
  });

  it.each<[string, (all: LedgerEntry[]) => LedgerEntry[]]>([
    ["a changed fact", (all) => all.map((entry) => (entry.seq === 2 ? { ...entry, content: "{}" } : entry))],
    ["a missing entry", (all) => all.filter(({ seq }) => seq !== 2)],
    ["a missing fact", (all) => all.map((entry) => (entry.seq === 2 ? { ...entry, content: null } : entry))],
    ["a line that was no entry", (all) => [...all, { seq: 11, kind: "x", digest: "", hash: "", content: "no" }]],
  ])("is not made of entries that are not intact: %s", async (_name, change) => {
    await expect(restoreClusterLedger(home.place, change(entries))).rejects.toMatchObject({ code: "invalid" });
    expect(home.api.names()).toEqual([]);
  });

  it("may be empty", async () => {
    expect(await restoreClusterLedger(home.place, [])).toMatchObject({ intact: true, entries: 0 });
  });
});
