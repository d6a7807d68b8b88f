/** Kill the reconciler between any two steps, start another: the same end, and no row of the ledger lost or doubled. */
import { afterEach, describe, expect, it } from "vitest";
import { configMap, deployment, image, World } from "./world.ts";

let world: World;

afterEach(() => world.close());

/** Starts a reconciler that dies when a step is reached for the nth time; gives whether it was reached. */
async function dieAt(step: string, nth: number): Promise<boolean> {
  let seen = 0;
  let isDead = false;
  const ended = Promise.withResolvers<boolean>();
  const reconciler = world.reconciler({
    fault: (reached) => {
      if (isDead || (reached === step && ++seen === nth)) {
        isDead = true;
        // From here on this one does nothing more: what it has not written stays unwritten.
        ended.resolve(true);
        throw new Error(`killed at ${step}`);
      }
    },
  });
  await reconciler.start();
  const settled = reconciler.settled().then(() => false);
  const died = await Promise.race([ended.promise, settled]);
  await reconciler.close();
  return died;
}

async function world4(): Promise<void> {
  world = await World.create({
    "web.json": deployment("web"),
    "c.json": configMap("c"),
    ...image("v1"),
    ...image("v2"),
  });
}

const STEPS = [
  "head",
  "opened",
  "prepared",
  "planned",
  "apply configmap/c",
  "apply deployment/web",
  "carried out",
  "applied",
  "revision",
  "judged",
  "ended",
];

describe("a reconciler that is killed", () => {
  it.each(STEPS)("on first sight, at %s", async (step) => {
    await world4();
    expect(await dieAt(step, 1)).toBe(true);
    const reconciler = await world.settledReconciler();
    expect(reconciler.status()).toMatchObject({ phase: "Synced", applied: reconciler.status().head?.commit });
    expect(await world.outcomes()).toEqual(["first #1: deployed"]);
    const { events, ending } = await world.newest();
    expect(events.map(({ type }) => type)).toEqual(["planned", "applied"]);
    expect(ending?.changes).toEqual({ create: 2 });
    await expectRevisions(["1: deployed"]);
  });

  it.each(STEPS)("with commits to take up, at %s", async (step) => {
    await world4();
    await (await world.settledReconciler()).close();
    world.commit({ "README.md": "a" }, "passed over");
    world.commit({ "README.md": "b" }, "passed over too");
    world.commit({ "web.json": deployment("web", "v2"), "c.json": configMap("c", { a: "2" }) }, "head");
    expect(await dieAt(step, 1)).toBe(true);
    const reconciler = await world.settledReconciler();
    expect(reconciler.status().phase).toBe("Synced");
    expect(await world.outcomes()).toEqual([
      "first #1: deployed",
      "passed over #1: superseded",
      "passed over too #1: superseded",
      "head #1: deployed",
    ]);
    expect((await world.newest()).ending?.changes).toEqual({ update: 2 });
    await expectRevisions(["1: deployed", "2: deployed"]);
    expect(world.backend.writes.filter((write) => write === "apply ConfigMap c")).toHaveLength(2);
  });

  it("while it opens attempts, by the ledger's own failure", async () => {
    await world4();
    const first = await world.settledReconciler();
    await first.close();
    for (const subject of ["one", "two", "three"]) world.commit({ "README.md": subject }, subject);
    // Each one opens a single attempt, and dies at the next.
    for (let life = 0; life < 2; life++) {
      let opened = 0;
      const open = world.ledger.open.bind(world.ledger);
      const dead = world.reconciler({ fault: () => undefined });
      const failed = Promise.withResolvers<void>();
      world.ledger.open = async (attempt) => {
        if (++opened === 1) return open(attempt);
        failed.resolve();
        throw new Error("killed");
      };
      await dead.start();
      await failed.promise;
      await dead.close();
      world.ledger.open = open;
    }
    await world.settledReconciler();
    expect(await world.outcomes()).toEqual([
      "first #1: deployed",
      "one #1: superseded",
      "two #1: superseded",
      "three #1: no-op",
    ]);
  });

  it("again and again gets there in the end", async () => {
    await world4();
    let deaths = 0;
    for (const step of STEPS) if (await dieAt(step, 1)) deaths++;
    await world.settledReconciler();
    expect(deaths).toBeGreaterThan(8);
    expect(await world.outcomes()).toEqual(["first #1: deployed"]);
    await expectRevisions(["1: deployed"]);
  });

  it("finds nothing to do and writes nothing when all was done", async () => {
    await world4();
    await (await world.settledReconciler()).close();
    const attempts = await world.ledger.attempts({});
    const writes = world.backend.writes.length;
    const reconciler = await world.settledReconciler();
    expect(reconciler.status()).toMatchObject({ phase: "Synced", planDigest: attempts[0]?.ending?.planDigest });
    expect(await world.ledger.attempts({})).toEqual(attempts);
    expect(world.backend.writes).toHaveLength(writes);
  });
});

async function expectRevisions(expected: string[]): Promise<void> {
  const revisions = await world.ledger.revisions({});
  expect(revisions.map(({ revision, ending }) => `${revision}: ${ending?.outcome ?? "open"}`)).toEqual(expected);
}
