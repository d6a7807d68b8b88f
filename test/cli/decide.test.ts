/** `approve`, `discard` and `retry`, against a daemon on a real socket: what is ordered, in whose name, and what is refused. */
import { hostname, userInfo } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TrueupError } from "../../src/model/errors.ts";
import type { AppStatus } from "../../src/model/status.ts";
import { appStatus, type Running, startFake } from "./with-daemon.ts";

let fake: Running;

beforeEach(async () => {
  fake = await startFake();
});

afterEach(async () => {
  await fake.end();
});

const by = `${userInfo().username}@${hostname()}`;
const DIGEST = `sha256:${"3f2c1aa9".repeat(8)}`;
const OTHER = `sha256:${"3f2c1aa8".repeat(8)}`;

function held(app: string, planDigest: string): AppStatus {
  const id = { group: "", kind: "ConfigMap", namespace: "default", name: "old" };
  return appStatus(app, { phase: "Held", held: [{ id, reason: "4 deletions" }], planDigest });
}

const web = held("web", DIGEST);
const shop = held("shop", OTHER);
const broken = appStatus("broken", { phase: "RolledBack" });
const fine = appStatus("fine", { planDigest: `sha256:${"0".repeat(64)}` });
const all = [web, shop, broken, fine];

describe("orders", () => {
  const rows: { args: string; apps: AppStatus[]; code: number; says: string; orders: object[] }[] = [
    {
      args: "approve 3f2c1aa9",
      apps: all,
      code: 0,
      says: "approved: web deletes what was held",
      orders: [{ order: "approve", app: "web", by, digest: DIGEST }],
    },
    {
      args: `approve ${OTHER}`,
      apps: all,
      code: 0,
      says: "approved: shop",
      orders: [{ order: "approve", app: "shop", by, digest: OTHER }],
    },
    {
      args: "approve 3f2c1aa9 --app shop",
      apps: all,
      code: 1,
      says: "one plan that waits must have this digest: none has",
      orders: [],
    },
    { args: "approve 3f2c1aa9", apps: [web, held("twin", DIGEST)], code: 1, says: "2 have", orders: [] },
    { args: "approve 11111111", apps: [fine], code: 1, says: "No plan waits for approval", orders: [] },
    { args: "approve 3f2c1aa", apps: all, code: 2, says: "at least 8 hexadecimal digits", orders: [] },
    { args: "approve ../../etc", apps: all, code: 2, says: "at least 8 hexadecimal digits", orders: [] },
    {
      args: "discard",
      apps: [web, fine],
      code: 0,
      says: "discarded: web keeps what was held",
      orders: [{ order: "discard", app: "web", by }],
    },
    { args: "discard", apps: all, code: 2, says: "2 apps wait: web, shop", orders: [] },
    {
      args: "discard shop",
      apps: all,
      code: 0,
      says: "discarded: shop",
      orders: [{ order: "discard", app: "shop", by }],
    },
    { args: "discard", apps: [fine], code: 2, says: "no app waits for that", orders: [] },
    {
      args: "retry",
      apps: all,
      code: 0,
      says: "retrying the head of broken",
      orders: [{ order: "retry", app: "broken", by }],
    },
    {
      args: "retry nobody",
      apps: all,
      code: 1,
      says: "must be one of the daemon's apps: web, shop, broken, fine",
      orders: [],
    },
  ];
  it.each(rows)("$args ($says)", async ({ args, apps, code, says, orders }) => {
    fake.daemon.setApps(apps);
    const done = await fake.run(...args.split(" "));
    expect(done.stdout + done.stderr).toContain(says);
    expect([done.code, done.stdout === ""]).toEqual([code, code !== 0]);
    expect(fake.daemon.orders).toEqual(orders);
  });

  it("that the daemon refuses exit 1 with its reason and hint", async () => {
    fake.daemon.setApps([web, broken]);
    fake.daemon.orderError = new TrueupError("conflict", "Cannot do it as it waits.", { hint: "Look again." });
    for (const args of [["approve", "3f2c1aa9"], ["discard"], ["retry"]]) {
      const { code, stdout, stderr } = await fake.run(...args);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toContain("Cannot do it as it waits.");
      expect(stderr).toContain("Look again.");
    }
  });
});
