/**
 * Elsewhere: a list failed, was cut short or came back empty, and everything that it did not show was deleted.
 * Here: a failed or partial read is an error of the pass; nothing is pruned until everything could be read.
 */
import { afterEach, describe, expect, it } from "vitest";
import { TrueupError } from "../../src/model/errors.ts";
import { gitIn } from "../git/support.ts";
import { configMap, untilStatus, World } from "../reconcile/world.ts";

let world: World;

afterEach(() => world.close());

const MANY = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`c-${n}.json`, configMap(`c-${n}`)]));
const unavailable = (): Error => new TrueupError("unavailable", "Cannot list: the connection broke off.");

async function deleted(): Promise<string[]> {
  return world.backend.calls.filter((call) => call.startsWith("delete "));
}

describe("a list that fails", () => {
  it("prunes nothing, though git has less than before; once it works, only what git dropped goes", async () => {
    world = await World.create(MANY);
    const reconciler = await world.settledReconciler();
    let failures = 0;
    world.backend.failure = (call) => (call === "list" && failures++ < 5 ? unavailable() : undefined);
    world.commit({ "c-0.json": null }, "one less");
    reconciler.refChanged();
    const status = await untilStatus(reconciler, ({ phase }) => phase === "Unreadable");
    expect(status.reason).toBe("Cannot list: the connection broke off.");
    expect(await deleted()).toEqual([]);
    await reconciler.settled();
    expect(failures).toBeGreaterThan(5);
    expect(await deleted()).toEqual(["delete ConfigMap c-0"]);
    expect(await world.objects("ConfigMap")).toHaveLength(11);
  });

  it("comes back empty: everything is applied once more, and nothing is deleted", async () => {
    world = await World.create(MANY);
    const reconciler = await world.settledReconciler();
    const { inner } = world.backend;
    const list = inner.list.bind(inner);
    let empty = 0;
    inner.list = async (query, signal) => {
      const answer = await list(query, signal);
      // Only the pass asks for what an app owns: that answer is the one that would be believed.
      return query.owner === undefined || empty++ > 0 ? answer : { ...answer, items: [] };
    };
    await world.push(reconciler, { "c-0.json": configMap("c-0", { a: "2" }) }, "change");
    expect(empty).toBeGreaterThan(0);
    expect(await deleted()).toEqual([]);
    expect(await world.objects("ConfigMap")).toHaveLength(12);
    expect(await world.data("c-0")).toEqual({ a: "2" });
    expect(reconciler.status().phase).toBe("Synced");
  });
});

describe("git that cannot be read", () => {
  it("prunes nothing: the ref is gone, the app says that there is no commit, and what ran runs", async () => {
    world = await World.create(MANY);
    const reconciler = await world.settledReconciler();
    const head = reconciler.status().applied;
    gitIn(world.path, ["update-ref", "-d", "refs/heads/main"]);
    reconciler.refChanged();
    await untilStatus(reconciler, ({ phase }) => phase === "Starting");
    expect(reconciler.status()).toMatchObject({ reason: "refs/heads/main has no commit yet", applied: head });
    expect(await deleted()).toEqual([]);
    expect(await world.objects("ConfigMap")).toHaveLength(12);
  });

  it("prunes nothing when every manifest was removed: that is held, by name, until somebody approves it", async () => {
    world = await World.create(MANY);
    const reconciler = await world.settledReconciler();
    const none = Object.fromEntries(Object.keys(MANY).map((file) => [file, null]));
    const status = await world.push(reconciler, { ...none, "README.md": "empty" }, "all gone");
    expect(status.phase).toBe("Held");
    expect(status.held).toHaveLength(12);
    expect(status.held[0]?.reason).toBe("it would leave nothing of the app: git declares no object");
    expect(await deleted()).toEqual([]);
  });

  it("prunes nothing because of a manifest that is no YAML any more: the commit is rejected", async () => {
    world = await World.create(MANY);
    const reconciler = await world.settledReconciler();
    const status = await world.push(
      reconciler,
      { "c-0.json": '{"apiVersion":"v1","kind":"Con', "c-1.json": null },
      "torn",
    );
    expect(status).toMatchObject({ phase: "Rejected" });
    expect(await deleted()).toEqual([]);
    expect(await world.objects("ConfigMap")).toHaveLength(12);
  });
});
