/** What configurations ask of manifests, commit by commit: policies, the operator's floor, exceptions and their days. */
import { afterEach, describe, expect, it } from "vitest";
import { Fleet, type FleetOptions } from "../../src/daemon/fleet.ts";
import { type CancelTimer, type Clock, SystemClock } from "../../src/util/clock.ts";
import { NO_FLOOR, type OperatorFloor } from "../../src/validation/index.ts";
import { configMap, until, World } from "../reconcile/world.ts";

/** The machine's clock, on another day. */
class DayClock extends SystemClock implements Clock {
  #ahead: number;

  constructor(day: string) {
    super();
    this.#ahead = 0;
    this.set(day);
  }

  set(day: string): void {
    this.#ahead = Date.parse(`${day}T12:00:00Z`) - super.now();
  }

  override now(): number {
    return super.now() + this.#ahead;
  }

  override setTimer(ms: number, fn: () => void): CancelTimer {
    return super.setTimer(ms, fn);
  }
}

let world: World;
let clock: DayClock;
let fleet: Fleet | undefined;

afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
  await world.close();
});

async function start(files: Record<string, string>, rest: Partial<FleetOptions> = {}): Promise<Fleet> {
  clock = new DayClock("2026-11-26");
  world = await World.create(files, { clock });
  const note = (message: string): void => {
    world.logged.push(message);
  };
  fleet = new Fleet({
    repository: world.repository,
    ref: "main",
    target: "local",
    backend: world.backend,
    ledger: world.ledger,
    images: world.images,
    imagePaths: [],
    clock,
    configKey: new Uint8Array(32),
    log: { info: note, warn: note, error: note },
    onImages: () => world.cluster.node.imagesChanged(),
    ...rest,
  });
  await fleet.start();
  await fleet.settled();
  return fleet;
}

async function push(files: Record<string, string | null>, message: string): Promise<string[]> {
  const commit = world.commit(files, message);
  await until(async () => fleet?.statuses().every(({ head }) => head?.commit === commit) === true);
  await fleet?.settled();
  return said();
}

/** The phase, and what is found: `Synced`, `Rejected error required-labels c.json:1:35`. */
function said(): string[] {
  return (fleet?.statuses() ?? []).map(({ phase, diagnostics }) => {
    const found = diagnostics.map(({ severity, rule, location: { file, line, column } }) => {
      return `${severity} ${rule} ${file}:${line}:${column}`;
    });
    return [phase, ...found].join(" ");
  });
}

const ASKS = (rest = ""): string =>
  `apps: [{name: shop}]\nvalidation:\n  policies:\n    required-labels: {labels: [owner], kinds: ["*"]}\n${rest}`;
const EXCEPTION =
  "  exceptions:\n  - {rule: required-labels, kind: ConfigMap, name: ca, reason: old, until: 2026-11-30}\n";
const MISSING = "error required-labels c.json:1:39";

describe("a repository's own rules", () => {
  it("count from the commit that asks for them, on manifests that did not change", async () => {
    await start({ "c.json": configMap("ca"), "trueup.yaml": "apps: [{name: shop}]\n" });
    expect(said()).toEqual(["Synced"]);
    expect(await push({ "trueup.yaml": ASKS() }, "asks")).toEqual([`Rejected ${MISSING}`]);
    expect(await push({ "trueup.yaml": ASKS().replace("owner], ", "owner], level: warning, ") }, "warns")).toEqual([
      `Synced warning ${MISSING.slice(6)}`,
    ]);
    const rule = '  rules:\n  - {id: few, kinds: [ConfigMap], expression: "size(object.data) < 1", field: .data}\n';
    expect(await push({ "trueup.yaml": `apps: [{name: shop}]\nvalidation:\n${rule}` }, "rule")).toEqual([
      "Rejected error few c.json:1:71",
    ]);
    expect(await push({ "trueup.yaml": "apps: [{name: shop}]\n" }, "asks no more")).toEqual(["Synced"]);
  });

  it("reject a commit whose rules are wrong, at their place", async () => {
    await start({ "c.json": configMap("ca"), "trueup.yaml": "apps: [{name: shop}]\n" });
    const text = "apps: [{name: shop}]\nvalidation:\n  rules:\n  - {id: x, expression: object.}\n";
    expect(await push({ "trueup.yaml": text }, "wrong")).toEqual(["Rejected error config-invalid trueup.yaml:4:25"]);
  });
});

describe("exceptions", () => {
  it("let a commit in until their last day; from then on no other one, while what runs is kept true", async () => {
    await start({ "c.json": configMap("ca"), "trueup.yaml": ASKS(EXCEPTION) });
    expect(said()).toEqual(["Synced"]);
    clock.set("2026-12-01");
    const [object] = await world.objects("ConfigMap");
    if (object === undefined) throw new Error("nothing was applied");
    world.cluster.store.update({ ...object, data: { a: "drifted" } });
    await until(async () => JSON.stringify(await world.data("ca")) === '{"a":"1"}');
    await fleet?.settled();
    expect(said()).toEqual(["Synced"]);

    expect(await push({ "d.json": configMap("cd").replace('"cd"', '"cd","labels":{"owner":"me"}') }, "next")).toEqual([
      `Rejected ${MISSING} warning exception-expired trueup.yaml:6:5`,
    ]);
    expect(await world.data("cd")).toBeUndefined();
    // The rejected head is no reason to leave the good one alone, which was let in while the exception counted.
    const [again] = await world.objects("ConfigMap");
    if (again === undefined) throw new Error("it is gone");
    world.cluster.store.update({ ...again, data: { a: "drifted again" } });
    await until(async () => JSON.stringify(await world.data("ca")) === '{"a":"1"}');
  });

  it("for what is mended are said to be for nothing", async () => {
    await start({ "c.json": configMap("ca"), "trueup.yaml": ASKS(EXCEPTION) });
    const labelled = configMap("ca").replace('"ca"', '"ca","labels":{"owner":"me"}');
    expect(await push({ "c.json": labelled }, "mended")).toEqual(["Synced warning exception-unused trueup.yaml:6:5"]);
  });
});

describe("an operator's floor", () => {
  const operator: OperatorFloor = {
    validation: {
      ...NO_FLOOR,
      policies: [{ rule: "required-labels", level: "error", labels: ["owner"], kinds: ["*"] }],
      noExceptions: ["required-*"],
    },
  };

  it("counts for a repository without trueup.yaml", async () => {
    await start({ "c.json": configMap("ca") }, { policy: { operator } });
    expect(said()).toEqual([`Rejected ${MISSING}`]);
    expect(world.backend.writes).toEqual([]);
  });

  it.each([
    ["says nothing of it", "apps: [{name: shop}]\n", MISSING],
    [
      "switches it off",
      "apps: [{name: shop}]\nvalidation: {policies: {required-labels: off}}\n",
      `${MISSING} error config-invalid trueup.yaml:2:42`,
    ],
    ["makes an exception", ASKS(EXCEPTION), `${MISSING} error config-invalid trueup.yaml:6:12`],
  ])("counts where trueup.yaml %s", async (_, text, expected) => {
    await start({ "c.json": configMap("ca"), "trueup.yaml": text }, { policy: { operator } });
    expect(said()).toEqual([`Rejected ${expected}`]);
    expect(world.backend.writes).toEqual([]);
  });
});
