import { describe, expect, it } from "vitest";
import { Reflector } from "../../../src/backend/kubernetes/reflector.ts";
import type { KubeResource } from "../../../src/backend/kubernetes/resource.ts";
import type { TrueupError } from "../../../src/model/errors.ts";
import type { JsonObject } from "../../../src/model/object.ts";
import { settle, VirtualClock } from "../../../src/util/clock.ts";
import { configMap, connectionLost, GONE, listOf, refused, ScriptedApi } from "./scripted-api.ts";

const PATH = "/api/v1/configmaps";
const CONFIG_MAPS: KubeResource = {
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  namespaced: true,
  verbs: ["list", "watch"],
};
const WATCH = `GET ${PATH}?watch=true&allowWatchBookmarks=true&resourceVersion=`;
const LIST = `GET ${PATH}?limit=250`;

/** One reflector and what it told: `replace a b @10`, `added c`, `in step`, `failed forbidden`. */
class World {
  readonly api = new ScriptedApi();
  readonly clock = new VirtualClock();
  readonly told: string[] = [];
  readonly end = new AbortController();
  readonly reflector: Reflector<string>;
  outcome = "runs";

  constructor() {
    const { api, clock, told } = this;
    const sink = {
      keep: ({ kind, metadata }: { kind: string; metadata: { name: string } }) =>
        `${kind.slice(0, 1)}:${metadata.name}`,
      replace: (kept: readonly string[], version: string | null) => told.push(`replace ${kept.join(" ")} @${version}`),
      event: (type: string, { metadata }: { metadata: { name: string } }) => told.push(`${type} ${metadata.name}`),
      inStep: () => told.push("in step"),
      failed: (error: TrueupError) => told.push(`failed ${error.code}`),
    };
    // 0 for the jitter of rests and of the watch's time: 240 s.
    const random = { next: () => 0 };
    this.reflector = new Reflector({ api, clock, random, resource: CONFIG_MAPS, namespace: "", sink });
  }

  /** Begins, and lets it run until it waits. */
  async start(): Promise<this> {
    this.reflector.run(this.end.signal).then(
      () => {
        this.outcome = "ended";
      },
      (error) => {
        this.outcome = String(error);
      },
    );
    await settle();
    return this;
  }

  /** What was told since the last call, once all that is ready has happened. */
  async takeTold(): Promise<string[]> {
    await settle();
    return this.told.splice(0);
  }
}

async function following(): Promise<World> {
  const world = new World();
  world.api.on(PATH, listOf("ConfigMap", 10, [configMap("a", 3), configMap("b", 7)]));
  await world.start();
  expect(await world.takeTold()).toEqual(["replace C:a C:b @10", "in step"]);
  expect(world.api.takeAsked()).toEqual([LIST, `${WATCH}10`]);
  return world;
}

describe("list", () => {
  it("reads page by page, tells all of it at once, and watches from the version of the list", async () => {
    const world = new World();
    world.api.on(
      PATH,
      listOf("ConfigMap", 10, [configMap("a", 3)], "page-2"),
      listOf("ConfigMap", 10, [configMap("b", 7)], "page-3"),
      listOf("ConfigMap", 10, [configMap("c", 9)]),
    );
    await world.start();
    expect(await world.takeTold()).toEqual(["replace C:a C:b C:c @10", "in step"]);
    expect(world.api.takeAsked()).toEqual([LIST, `${LIST}&continue=page-2`, `${LIST}&continue=page-3`, `${WATCH}10`]);
  });

  it("begins anew when the token of the next page is too old, and tells nothing of the parts", async () => {
    const world = new World();
    world.api.on(
      PATH,
      listOf("ConfigMap", 10, [configMap("gone", 3)], "page-2"),
      (call) => {
        throw refused(410, "Expired")(call);
      },
      listOf("ConfigMap", 20, [configMap("a", 15)]),
    );
    await world.start();
    expect(await world.takeTold()).toEqual(["replace C:a @20", "in step"]);
    expect(world.api.takeAsked()).toEqual([LIST, `${LIST}&continue=page-2`, LIST, `${WATCH}20`]);
  });

  it("asks for all in one piece when pages ran out twice", async () => {
    const world = new World();
    const page = listOf("ConfigMap", 10, [configMap("gone", 3)], "page-2");
    const expired = (call: Parameters<ReturnType<typeof refused>>[0]): never => {
      throw refused(410, "Expired")(call);
    };
    world.api.on(PATH, page, expired, page, expired, listOf("ConfigMap", 20, [configMap("a", 15)]));
    await world.start();
    expect(await world.takeTold()).toEqual(["replace C:a @20", "in step"]);
    expect(world.api.takeAsked()).toEqual([
      LIST,
      `${LIST}&continue=page-2`,
      LIST,
      `${LIST}&continue=page-2`,
      `GET ${PATH}`,
      `${WATCH}20`,
    ]);
  });

  it("says that it failed when it is refused, tries again ever later, and at once when woken", async () => {
    const world = new World();
    world.api.on(PATH, (call) => {
      throw refused(403, "Forbidden", 'configmaps is forbidden: User "a" cannot list resource "configmaps"')(call);
    });
    await world.start();
    for (const ms of [250, 500, 1_000]) {
      expect(await world.takeTold()).toEqual(["failed forbidden"]);
      await world.clock.advance(ms - 1);
      expect(await world.takeTold()).toEqual([]);
      await world.clock.advance(1);
    }
    await world.takeTold();
    world.api.takeAsked();
    world.reflector.wake();
    expect(await world.takeTold()).toEqual(["failed forbidden"]);
    expect(world.api.takeAsked()).toEqual([LIST]);
  });

  it("ends when the server does not serve the kind any more", async () => {
    const world = await new World().start();
    await settle();
    expect([world.outcome, world.told]).toEqual(["ended", []]);
  });

  it("takes an answer without items, or without a version, for a failure and not for an empty list", async () => {
    const broken: JsonObject[] = [{ kind: "ConfigMapList" }, { kind: "ConfigMapList", items: [], metadata: {} }];
    for (const answer of broken) {
      const world = new World();
      world.api.on(PATH, answer);
      await world.start();
      expect(await world.takeTold()).toEqual(["failed unavailable"]);
    }
  });

  it("says so when the server's history went back: a restored one counts from an older version", async () => {
    const world = await following();
    world.api.on(PATH, listOf("ConfigMap", 4, [configMap("a", 3)]));
    world.api.watch().event("ERROR", { ...GONE, code: 504, reason: "Timeout", message: "Too large resource version" });
    await world.takeTold();
    await world.clock.advance(1_000);
    expect(await world.takeTold()).toEqual(["replace C:a @null", "in step"]);
  });
});

describe("watch", () => {
  it("tells events in order, and goes on after the last one when the server ends it", async () => {
    const world = await following();
    await world.clock.advance(240_000);
    world.api.watch().event("ADDED", configMap("c", 11)).event("MODIFIED", configMap("a", 12));
    world.api.watch().event("DELETED", configMap("b", 13)).end();
    expect(await world.takeTold()).toEqual(["added c", "modified a", "deleted b", "in step"]);
    expect(world.api.takeAsked()).toEqual([`${WATCH}13`]);
  });

  it("goes on at a bookmark without a list", async () => {
    const world = await following();
    world.api.watch().bookmark("900").end();
    expect(await world.takeTold()).toEqual(["in step"]);
    expect(world.api.takeAsked()).toEqual([`${WATCH}900`]);
  });

  it("takes half a line for a lost connection, and hears the event again, whole", async () => {
    const world = await following();
    world.api.watch().event("ADDED", configMap("c", 11)).raw('{"type":"ADDED","object":{"kind":"Confi').end();
    expect(await world.takeTold()).toEqual(["added c", "in step"]);
    expect(world.api.takeAsked()).toEqual([`${WATCH}11`]);
    world.api.watch().event("ADDED", configMap("d", 12));
    expect(await world.takeTold()).toEqual(["added d"]);
  });

  it("says that it failed when the connection breaks, and goes on where it was without a list", async () => {
    const world = await following();
    world.api.watch().event("ADDED", configMap("c", 11)).fail();
    expect(await world.takeTold()).toEqual(["added c", "failed unavailable"]);
    world.api.refuseWatch(connectionLost);
    await world.clock.advance(250);
    expect(await world.takeTold()).toEqual(["failed unavailable"]);
    await world.clock.advance(500);
    expect(await world.takeTold()).toEqual(["in step"]);
    expect(world.api.takeAsked()).toEqual([`${WATCH}11`, `${WATCH}11`]);
  });

  it("lists again when its version is too old, be it told at the start or in the middle", async () => {
    for (const tell of ["start", "middle"]) {
      const world = await following();
      world.api.on(PATH, listOf("ConfigMap", 30, [configMap("z", 25)]));
      if (tell === "middle") world.api.watch().event("ADDED", configMap("c", 11)).event("ERROR", GONE);
      else {
        world.api.refuseWatch(refused(410, "Expired"));
        world.api.watch().bookmark("11").end();
      }
      await world.takeTold();
      await world.clock.advance(1_000);
      expect(await world.takeTold()).toEqual(["replace C:z @30", "in step"]);
      expect(world.api.takeAsked().slice(tell === "middle" ? 0 : 1)).toEqual([LIST, `${WATCH}30`]);
    }
  });

  it("waits as long as a busy server asks, without a list", async () => {
    const world = await following();
    world.api.refuseWatch(refused(429, "TooManyRequests"));
    world.api.watch().bookmark("12").end();
    expect(await world.takeTold()).toEqual(["failed unavailable"]);
    await world.clock.advance(1_000);
    expect(world.api.takeAsked()).toEqual([`${WATCH}12`, `${WATCH}12`]);
  });

  it("ends when the kind is gone: its definition was deleted", async () => {
    const world = await following();
    world.api.refuseWatch(refused(404, "NotFound"));
    world.api.watch().event("DELETED", configMap("a", 11)).end();
    expect(await world.takeTold()).toEqual(["deleted a"]);
    expect(world.outcome).toBe("ended");
  });

  it("does not begin again and again when the server ends it at once", async () => {
    const world = await following();
    world.api.watch().end();
    await settle();
    for (const ms of [250, 500, 1_000]) {
      expect(await world.takeTold()).toContain("failed unavailable");
      await world.clock.advance(ms);
      world.api.watch().end();
    }
    expect(world.api.watches).toHaveLength(4);
  });

  it("gives a watch up that the server should have ended a while ago: the connection is dead", async () => {
    const world = await following();
    const dead = world.api.watch();
    await world.clock.advance(269_000);
    expect([dead.isAborted, world.api.watches.length]).toEqual([false, 1]);
    await world.clock.advance(1_000);
    expect([dead.isAborted, world.api.watches.length]).toEqual([true, 2]);
    expect(await world.takeTold()).toEqual(["in step"]);
  });

  it("gives a watch up that fell silent, once the server was heard to send bookmarks", async () => {
    const world = await following();
    const [first] = world.api.watches;
    world.api.watch().event("ADDED", configMap("c", 11));
    await world.clock.advance(60_000);
    world.api.watch().bookmark("12");
    await world.clock.advance(149_000);
    expect(first?.isAborted).toBe(false);
    world.api.watch().event("MODIFIED", configMap("c", 13));
    await settle();
    await world.clock.advance(29_000);
    expect(first?.isAborted).toBe(false);
    world.api.watch().end();
    await settle();
    world.api.watch().bookmark("14");
    await world.clock.advance(150_000);
    expect(world.api.watches.map(({ isAborted }) => isAborted)).toEqual([false, true, false]);
    expect(world.api.takeAsked()).toEqual([`${WATCH}13`, `${WATCH}14`]);
  });

  it("takes an event that it cannot read for a failure", async () => {
    const rows: [string, object][] = [
      ["ADDED", { metadata: { name: "no version" } }],
      ["RENAMED", configMap("a", 11)],
    ];
    for (const [type, object] of rows) {
      const world = await following();
      world.api.watch().raw(JSON.stringify({ type, object }));
      expect(await world.takeTold()).toEqual(["failed unavailable"]);
    }
  });

  it("ends with the signal's reason, in a watch and in a rest", async () => {
    const watching = await following();
    watching.end.abort(new Error("enough"));
    await settle();
    expect([watching.outcome, watching.api.watch().isAborted]).toEqual(["Error: enough", true]);
    const resting = await following();
    resting.api.watch().fail();
    await settle();
    resting.end.abort(new Error("enough"));
    await settle();
    expect([resting.outcome, resting.clock.pending]).toEqual(["Error: enough", 0]);
  });
});
