import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventLog } from "../../src/cluster/events.ts";
import { SqliteObjectStore } from "../../src/cluster/store.ts";
import { type KubeObject, keyOf } from "../../src/model/object.ts";
import type { KubeEvent } from "../../src/model/workload.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";

const HOUR_MS = 3_600_000;
let clock: VirtualClock;
let store: SqliteObjectStore;
let events: EventLog;
let web: KubeObject;

beforeEach(() => {
  clock = new VirtualClock();
  store = new SqliteObjectStore(":memory:", { clock, random: seededRandom(1) });
  events = new EventLog({ store, clock, limits: { perNamespace: 5, maxAgeMs: HOUR_MS } });
  web = store.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "web" } });
});

afterEach(() => {
  events.close();
  store.close();
});

function shown(): string[] {
  const stored = store.list({ kind: "Event" }) as KubeEvent[];
  return stored.map(({ type, reason, message, count }) => `${type} ${reason} ${message} x${count}`).sort();
}

describe("events", () => {
  it("say what happened to what, when, and who says so", () => {
    events.record(web, "Normal", "Scaled", "up", "deployment-controller");
    const [event] = store.list({ kind: "Event" }) as KubeEvent[];
    expect(event).toMatchObject({
      apiVersion: "v1",
      kind: "Event",
      metadata: { namespace: "default", name: expect.stringMatching(/^web\.[a-z0-9]{5}$/) },
      type: "Normal",
      reason: "Scaled",
      message: "up",
      count: 1,
      firstTimestamp: "2026-01-01T00:00:00Z",
      lastTimestamp: "2026-01-01T00:00:00Z",
      source: { component: "deployment-controller" },
      involvedObject: { apiVersion: "v1", kind: "ConfigMap", namespace: "default", name: "web", uid: web.metadata.uid },
    });
  });

  it("are counted when they are equal, and only then", async () => {
    const record = (message: string, component = "c", type: "Normal" | "Warning" = "Normal"): void =>
      events.record(web, type, "R", message, component);
    record("a");
    await clock.advance(60_000);
    record("a");
    record("b");
    record("a", "other");
    record("a", "c", "Warning");
    expect(shown()).toEqual(["Normal R a x1", "Normal R a x2", "Normal R b x1", "Warning R a x1"]);
    const counted = (store.list({ kind: "Event" }) as KubeEvent[]).find(({ count }) => count === 2);
    expect([counted?.firstTimestamp, counted?.lastTimestamp]).toEqual(["2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"]);
  });

  it("go an hour after they were last repeated", async () => {
    events.record(web, "Normal", "R", "once", "c");
    events.record(web, "Normal", "R", "again", "c");
    await clock.advance(HOUR_MS / 2);
    events.record(web, "Normal", "R", "again", "c");
    await clock.advance(HOUR_MS / 2);
    expect(shown()).toEqual(["Normal R again x2"]);
    await clock.advance(HOUR_MS / 2);
    expect(shown()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it("are at most so many in a namespace; the longest unrepeated goes first", () => {
    const record = (message: string): void => events.record(web, "Normal", "R", message, "c");
    for (const message of ["a", "b", "c", "d", "e", "a", "f"]) record(message);
    expect(shown()).toEqual(["a x2", "c x1", "d x1", "e x1", "f x1"].map((text) => `Normal R ${text}`));
    store.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    const other = store.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m", namespace: "shop" } });
    events.record(other, "Normal", "R", "elsewhere", "c");
    expect(store.list({ kind: "Event" })).toHaveLength(6);
  });

  it("are counted on, and age, after a restart", async () => {
    events.record(web, "Normal", "R", "a", "c");
    events.close();
    await clock.advance(HOUR_MS / 2);
    events = new EventLog({ store, clock, limits: { perNamespace: 5, maxAgeMs: HOUR_MS } });
    events.record(web, "Normal", "R", "a", "c");
    expect(shown()).toEqual(["Normal R a x2"]);
    events.close();
    await clock.advance(2 * HOUR_MS);
    events = new EventLog({ store, clock, limits: { perNamespace: 5, maxAgeMs: HOUR_MS } });
    expect(shown()).toEqual([]);
  });

  it("about a Namespace are in the default one, and about a vanishing namespace's objects are dropped", () => {
    const namespace = store.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    const object = store.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m", namespace: "shop" } });
    store.delete(keyOf(namespace));
    events.record(namespace, "Normal", "R", "about it", "c");
    events.record(object, "Normal", "R", "inside", "c");
    expect(shown()).toEqual(["Normal R about it x1"]);
  });

  it("that somebody deleted start over", () => {
    events.record(web, "Normal", "R", "a", "c");
    for (const event of store.list({ kind: "Event" })) store.delete(keyOf(event));
    events.record(web, "Normal", "R", "a", "c");
    expect(shown()).toEqual(["Normal R a x1"]);
  });
});
