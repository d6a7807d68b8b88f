/** The apps of one repository: what `trueup.yaml` names at each commit, and what becomes of them when it is wrong or changes. */
import { afterEach, describe, expect, it } from "vitest";
import { Fleet, type FleetOptions } from "../../src/daemon/fleet.ts";
import type { Diagnostic } from "../../src/model/diagnostic.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { CommitId } from "../../src/model/source.ts";
import { configMap, deployment, image, until, WatchedBackend, World } from "../reconcile/world.ts";

const TWO_APPS = "apps:\n- {name: one, path: a}\n- {name: two, path: b}\n";
const FILES = { "a/c.json": configMap("ca"), "b/c.json": configMap("cb") };
const SIGNAL = new AbortController().signal;

let world: World;
let fleets: Fleet[] = [];

afterEach(async () => {
  for (const fleet of fleets) await fleet.close();
  fleets = [];
  await world.close();
});

async function start(rest: Partial<FleetOptions> = {}): Promise<Fleet> {
  const note = (message: string): void => {
    world.logged.push(message);
  };
  const fleet = new Fleet({
    target: "local",
    repository: world.repository,
    ref: "main",
    backend: world.backend,
    ledger: world.ledger,
    images: world.images,
    imagePaths: [],
    clock: world.clock,
    configKey: new Uint8Array(32),
    log: { info: note, warn: note, error: note },
    onImages: () => world.cluster.node.imagesChanged(),
    ...rest,
  });
  fleets.push(fleet);
  await fleet.start();
  await fleet.settled();
  return fleet;
}

/** Commits, and waits until each of the fleet's apps has ended its attempt at the commit. */
async function push(fleet: Fleet, files: Record<string, string | null>, message: string): Promise<void> {
  const commit = world.commit(files, message);
  await until(async () => fleet.statuses().every(({ head }) => head?.commit === commit));
  await fleet.settled();
}

function phases(fleet: Fleet): Record<string, string> {
  return Object.fromEntries(fleet.statuses().map(({ app, phase, reason }) => [app, `${phase} ${reason}`.trim()]));
}

async function rows(): Promise<string[]> {
  const attempts = await world.ledger.attempts({});
  return attempts.map(({ app, subject, ending }) => `${app} ${subject}: ${ending?.outcome ?? "open"}`).sort();
}

describe("a repository with several apps", () => {
  it("keeps what is wrong in one app from holding up the other", async () => {
    world = await World.create({ ...FILES, "trueup.yaml": TWO_APPS });
    const fleet = await start();
    await push(fleet, { "a/c.json": '{"kind": "ConfigMap"}', "b/c.json": configMap("cb", { k: "2" }) }, "second");
    expect(phases(fleet)).toMatchObject({ one: expect.stringMatching(/^Rejected a\/c\.json:1:/), two: "Synced" });
    expect(await world.data("ca")).toEqual({ a: "1" });
    expect(await world.data("cb")).toEqual({ k: "2" });
    expect(await rows()).toEqual([
      "one first: deployed",
      "one second: rejected",
      "two first: deployed",
      "two second: deployed",
    ]);
  });

  it("lets the app that a commit changes go first, and the others soon after, even when that one does not get on", async () => {
    world = await World.create({ ...FILES, "trueup.yaml": TWO_APPS });
    const gate = Promise.withResolvers<void>();
    let isStuck = false;
    const backend = new WatchedBackend(world.backend);
    const apply = backend.apply.bind(backend);
    backend.apply = async (request, signal) => {
      if (isStuck) await gate.promise;
      return apply(request, signal);
    };
    const fleet = await start({ backend });
    const appsAt = async (commit: CommitId): Promise<string[]> =>
      (await world.ledger.attempts({ commit })).map(({ app }) => app).reverse();
    await push(fleet, { "b/c.json": configMap("cb", { k: "2" }) }, "second");
    const [second] = fleet.statuses();
    expect(await appsAt(second?.head?.commit as CommitId)).toEqual(["two", "one"]);
    isStuck = true;
    const third = world.commit({ "b/c.json": configMap("cb", { k: "3" }) }, "third");
    await until(async () => (await appsAt(third)).length === 2);
    expect(await appsAt(third)).toEqual(["two", "one"]);
    expect(await world.data("cb")).toEqual({ k: "2" });
    gate.resolve();
    await fleet.settled();
    expect(await world.data("cb")).toEqual({ k: "3" });
  });

  it("checks objects of a custom kind by the definition that another app declares, though that one is not run here", async () => {
    const schema = { openAPIV3Schema: { type: "object", properties: { size: { type: "integer" } } } };
    const definition = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "things.example.org" },
      spec: {
        group: "example.org",
        scope: "Namespaced",
        names: { plural: "things", singular: "thing", kind: "Thing", listKind: "ThingList" },
        versions: [{ name: "v1", served: true, storage: true, schema }],
      },
    };
    const thing = (size: unknown): string =>
      JSON.stringify({ apiVersion: "example.org/v1", kind: "Thing", metadata: { name: "t" }, size });
    const files = { "a/crd.json": JSON.stringify(definition), "trueup.yaml": TWO_APPS };
    world = await World.create({ ...files, "b/t.json": thing("large") });
    const [two, ...others] = (await start({ policy: { apps: ["two"] } })).statuses();
    expect(others).toEqual([]);
    const found = two?.diagnostics.map(({ rule, location }) => `${location.file} ${rule}`);
    expect(found?.filter((each) => !each.endsWith("kind-not-run-here"))).toEqual(["b/t.json schema-type"]);
  });

  it("rejects a commit with an invalid trueup.yaml for every app, with its place, and applies nothing of it", async () => {
    world = await World.create({ ...FILES, "trueup.yaml": TWO_APPS });
    const fleet = await start();
    const broken = { "trueup.yaml": "apps:\n- {name: One, path: a}\n", "b/c.json": configMap("cb", { k: "2" }) };
    await push(fleet, broken, "broken");
    const reason =
      /^Rejected trueup\.yaml:2:10: Cannot use apps\[0\]\.name as it must have the right form: it is "One"$/;
    expect(phases(fleet)).toEqual({ one: expect.stringMatching(reason), two: expect.stringMatching(reason) });
    expect(await world.data("cb")).toEqual({ a: "1" });
    expect(fleet.statuses().map(({ diagnostics }) => diagnostics.map(({ rule }) => rule))).toEqual([
      ["config-invalid"],
      ["config-invalid"],
    ]);
    expect(await fleet.plan("two", "HEAD", SIGNAL)).toMatchObject({ kind: "rejected" });
    await push(fleet, { "trueup.yaml": TWO_APPS }, "mended");
    expect(phases(fleet)).toEqual({ one: "Synced", two: "Synced" });
    expect(await world.data("cb")).toEqual({ k: "2" });
  });

  it("knows its apps after a restart on an invalid trueup.yaml, by the commit that was applied last", async () => {
    world = await World.create({ ...FILES, "trueup.yaml": TWO_APPS });
    await (await start()).close();
    world.commit({ "trueup.yaml": "apps: {}\n" }, "broken");
    const fleet = await start();
    expect(Object.keys(phases(fleet))).toEqual(["one", "two"]);
    expect(await rows()).toContain("two broken: rejected");
  });

  it("keeps an app as it was after a restart on an invalid trueup.yaml, though another one is named no more", async () => {
    world = await World.create({ ...FILES, "trueup.yaml": TWO_APPS });
    const before = await start();
    await push(before, { "trueup.yaml": TWO_APPS.split("\n").slice(0, 2).join("\n") }, "two is named no more");
    expect(phases(before)).toEqual({ one: "Synced", two: expect.stringMatching(/^Held/) });
    await before.close();
    world.commit({ "trueup.yaml": "apps: {}\n" }, "broken");
    const fleet = await start();
    expect(phases(fleet)).toEqual({ one: expect.stringMatching(/^Rejected/), two: expect.stringMatching(/^Rejected/) });
    const live = await world.object("ConfigMap", "ca");
    if (live === undefined) throw new Error("there is no ConfigMap ca");
    world.cluster.store.update({ ...live, data: { a: "by hand" } } as KubeObject);
    await until(async () => JSON.stringify(await world.data("ca")) === '{"a":"1"}');
    expect(await world.data("cb")).toEqual({ a: "1" });
  });

  it("rejects a first commit with an invalid trueup.yaml, and takes up the apps of the next one", async () => {
    world = await World.create({ ...FILES, "trueup.yaml": "apps: {}\n" });
    const fleet = await start();
    expect(phases(fleet)).toEqual({ repository: expect.stringMatching(/^Rejected trueup\.yaml:1:7: /) });
    world.commit({ "trueup.yaml": TWO_APPS }, "mended");
    await until(async () => fleet.statuses().length === 2);
    await fleet.settled();
    expect(phases(fleet)).toEqual({ one: "Synced", two: "Synced" });
  });

  it("follows an app to another directory and namespace", async () => {
    world = await World.create({ ...FILES, "trueup.yaml": TWO_APPS });
    const fleet = await start();
    const moved = { "a/c.json": null, "z/c.json": configMap("ca", { moved: "yes" }) };
    await push(fleet, { ...moved, "trueup.yaml": TWO_APPS.replace("path: a", "path: z") }, "moved");
    expect(phases(fleet)).toEqual({ one: "Synced", two: "Synced" });
    expect(fleet.statuses().map(({ path }) => path)).toEqual(["z", "b"]);
    expect(await world.data("ca")).toEqual({ moved: "yes" });
  });

  it("holds the deletions of an app that trueup.yaml names no more, though its directory is still there", async () => {
    world = await World.create({ ...FILES, "trueup.yaml": TWO_APPS });
    const fleet = await start();
    await push(fleet, { "trueup.yaml": "apps: [{name: one, path: a}]\n" }, "without two");
    const [one, two] = fleet.statuses();
    expect(one).toMatchObject({ app: "one", phase: "Synced", held: [] });
    expect(two).toMatchObject({
      app: "two",
      phase: "Held",
      held: [
        { id: { kind: "ConfigMap", name: "cb" }, reason: "it would leave nothing of the app: git declares no object" },
      ],
    });
    expect(await world.data("cb")).toEqual({ a: "1" });
  });

  it("finds, after a restart, an app that went while no daemon ran", async () => {
    world = await World.create({ ...FILES, "trueup.yaml": TWO_APPS });
    await (await start()).close();
    world.commit({ "trueup.yaml": "apps: [{name: one, path: a}]\n" }, "without two");
    expect(phases(await start())).toMatchObject({ one: "Synced", two: expect.stringMatching(/^Held /) });
  });

  it("rejects an object that two apps declare in both of them, each naming the other, and leaves it as it is", async () => {
    world = await World.create({ ...FILES, "trueup.yaml": TWO_APPS });
    const fleet = await start();
    await push(fleet, { "b/stolen.json": configMap("ca", { whose: "two" }) }, "stolen");
    const text = "Cannot apply configmap/ca as one app only may declare it";
    expect(phases(fleet)).toEqual({
      one: `Rejected a/c.json:1:1: ${text}: app two does, too (b/stolen.json:1)`,
      two: `Rejected b/stolen.json:1:1: ${text}: app one does, too (a/c.json:1)`,
    });
    expect(await world.data("ca")).toEqual({ a: "1" });
    await push(fleet, { "b/stolen.json": null }, "given back");
    expect(phases(fleet)).toEqual({ one: "Synced", two: "Synced" });
  });
});

describe("image rules of trueup.yaml", () => {
  const rules = (images: string): string => `apps: [{name: one, path: a}]\nimages: ${images}\n`;

  it.each([
    ["{allowedRepositories: [hello-server]}", "Synced"],
    ["{allowedRepositories: ['hello-*']}", "Synced"],
    ["{allowedRepositories: ['registry/**', '**']}", "Synced"],
    ["{allowedRepositories: ['*/*', 'registry/**']}", "Rejected"],
    ["{requireDigest: true}", "Rejected"],
  ])("%s: %s", async (images, phase) => {
    world = await World.create({ "a/web.json": deployment("web"), "trueup.yaml": rules(images), ...image("v1") });
    const fleet = await start();
    const [status] = fleet.statuses();
    expect(status?.phase).toBe(phase);
    expect(status?.diagnostics.map(({ rule, location }) => `${rule} ${location.file}`)).toEqual(
      phase === "Synced"
        ? []
        : [`${images.includes("Digest") ? "image-digest-missing" : "image-repository"} a/web.json`],
    );
  });
});

describe("what the operator allows", () => {
  const refusal: Diagnostic = {
    severity: "error",
    rule: "ref-untrusted",
    message: "Cannot run pods of refs/heads/main as processes as trust.refs must name it: it names release",
    location: { file: "trueup.config.yaml", line: 1, column: 1 },
  };

  it("runs nothing of a ref that is not trusted, and says so in the attempt", async () => {
    world = await World.create(FILES);
    const asked: string[] = [];
    const distrust = (ref: string): Diagnostic => {
      asked.push(ref);
      return refusal;
    };
    const fleet = await start({ policy: { distrust } });
    expect(asked).toContain("refs/heads/main");
    expect(phases(fleet)).toEqual({ repository: `Rejected trueup.config.yaml:1:1: ${refusal.message}` });
    expect(world.backend.writes).toEqual([]);
    expect(await rows()).toEqual(["repository first: rejected"]);
  });

  it("runs only the apps that it names", async () => {
    world = await World.create({ ...FILES, "trueup.yaml": TWO_APPS });
    expect(phases(await start({ policy: { apps: ["two", "three"] } }))).toEqual({ two: "Synced" });
    expect(world.logged.some((line) => line.startsWith('There is no app "three"'))).toBe(true);
    expect(world.backend.writes).toEqual(["apply ConfigMap cb"]);
  });

  it("keeps to its limits on manifests and deletions", async () => {
    world = await World.create({ ...FILES, "trueup.yaml": TWO_APPS });
    const limits = { manifestBytes: 1024, manifests: 1 };
    const fleet = await start({ policy: { limits, prune: { maxObjects: 0, maxPercent: 100 } } });
    await push(fleet, { "a/big.json": configMap("big", { k: "x".repeat(2000) }) }, "big");
    const [one] = fleet.statuses();
    expect(one?.diagnostics.map(({ rule }) => rule).sort()).toEqual(["manifest-unreadable", "manifests-limit"]);
    await push(fleet, { "a/big.json": null, "a/c.json": configMap("other") }, "renamed");
    expect(fleet.statuses()[0]).toMatchObject({ phase: "Held", held: [{ id: { name: "ca" } }] });
  });
});
