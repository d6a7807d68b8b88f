/** Makes a random history from a seed: an app, commits to it, and what goes wrong meanwhile. All of it is plain data. */
import { type Random, seededRandom } from "../../src/util/random.ts";
import type { App, BEHAVIOURS, SimulatedService, Workload } from "./app.ts";
import { LASTING, type LastingFault } from "./weather.ts";

/** What a read finds only at a commit that declares something new is to come upon such a commit. */
const LONG: ReadonlySet<LastingFault> = new Set(["reads fail half-way", "logs hang"]);
const FAULTS = [...(Object.keys(LASTING) as LastingFault[]), ...LONG];
/** After so long without faults, every app has taken the head up, milliseconds. */
export const CALM_MS = 65_000;

/** One edit of a commit; about an object that is not there it does nothing. */
export type Edit =
  | { set: Partial<Omit<Workload, "name">>; on: string }
  /** The workload's image and note as they were so many commits ago. */
  | { undo: number; on: string }
  | { remove: string }
  /** All but the Secret: more than may go without approval. */
  | { removeAll: true }
  | { add: Workload }
  | { addService: SimulatedService };

export type Step =
  | {
      do: "commit";
      /** Key of the app. */
      on: string;
      edits: Edit[];
      /** `invalid`: a manifest of the app is. `notes`: no manifest changes. `tag`: an image in use gets other content. */
      kind: "valid" | "invalid" | "notes" | "tag";
      /** So many more commits before anybody looks. */
      more: number;
      /** The daemon is killed at the so manieth step from then; `null`: it is not. */
      dieAt: number | null;
      /** Whether the news of it gets through. */
      isHeard: boolean;
    }
  /** The branch goes back so many of its commits, or its last commit is replaced, or a side branch is merged. */
  | { do: "ref"; how: "reset" | "amend" | "merge"; back: number; on: string; edits: Edit[] }
  /** `trueup.yaml` names an app no more (or again), calls it otherwise (or as before), or is broken (or mended). */
  | { do: "apps"; how: "remove" | "rename" | "break"; on: string }
  /** An object that every app may have goes to this one. */
  | { do: "move"; name: string; to: string }
  /** Somebody approves what an app holds: what its status shows, what it showed before, or something else. */
  | { do: "approve"; on: string; digest: "shown" | "earlier" | "other" }
  | { do: "discard"; on: string }
  | { do: "retry"; on: string }
  /** Somebody changes the same field again and again. */
  | { do: "fight"; on: string; times: number }
  | { do: "wait"; ms: number }
  | { do: "fault"; fault: LastingFault; forMs: number }
  /** `share` of the pods, by name. */
  | { do: "delete pods"; share: number; graceSeconds: number | null }
  | { do: "edit by hand"; on: string; what: "replicas" | "image" | "delete" }
  /** Killed at the so manieth step from now, or closed; then nothing for a while. */
  | { do: "restart"; how: "kill" | "close"; afterSteps: number; downMs: number }
  | { do: "kill kubelet"; downMs: number }
  | { do: "jump"; ms: number };

export interface History {
  seed: number;
  /** The repository is one app, without a `trueup.yaml`. */
  isWhole: boolean;
  isStaged: boolean;
  apps: App[];
  steps: Step[];
}

class Dice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.#random.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)] as T;
  }

  /** One of the keys, as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let left = this.#random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    return (entries[0] as [K, number])[0];
  }
}

/**
 * The history of a seed: always the same one.
 *
 * @param isStaged Whether the apps' objects are in waves; nothing else is another one for that
 */
export function makeHistory(seed: number, isStaged = false): History {
  const dice = new Dice(seededRandom(seed));
  const isWhole = dice.chance(0.25);
  const keys = isWhole ? ["s"] : ["a", "b", "c"].slice(0, dice.pick([1, 2, 2, 3]));
  const apps = keys.map((key) => app(dice, key, keys.length === 1 ? [1, 1, 2, 3] : [1, 1, 1, 2], isWhole));
  const steps: Step[] = [];
  const count = dice.int(4, 10);
  for (let index = 0; index < count; index++) {
    const next = step(dice, apps, index, isWhole);
    steps.push(next);
    if (isHeldBy(next) && dice.chance(0.7)) steps.push({ do: "wait", ms: dice.int(0, 5_000) }, order(dice, next.on));
    if (dice.chance(0.55)) steps.push({ do: "wait", ms: waitMs(dice) });
  }
  return { seed, isWhole, isStaged, apps: isStaged ? apps.map((each) => ({ ...each, isStaged })) : apps, steps };
}

function app(dice: Dice, key: string, sizes: readonly number[], isWhole: boolean): App {
  const workloads = Array.from({ length: dice.pick(sizes) }, (_, index) => workload(dice, `${key}-w${index}`));
  const services = workloads.filter(() => dice.chance(0.7)).map(({ name }) => service(dice, name));
  const configs = Array.from({ length: dice.pick([0, 0, 2, 4, 9]) }, (_, index) => `${key}-c${index}`);
  const onFailure = isWhole || dice.chance(0.5) ? "keep" : "rollback";
  return { key, onFailure, workloads, services, configs };
}

/** Whether deletions will wait for somebody. */
function isHeldBy(step: Step): step is Extract<Step, { do: "commit" | "apps" }> {
  if (step.do === "commit") return step.edits.some((edit) => "removeAll" in edit);
  return step.do === "apps" && step.how === "remove";
}

function waitMs(dice: Dice): number {
  const length = dice.weighted({ short: 4, middle: 4, long: 1, calm: 0.4 });
  if (length === "calm") return CALM_MS + 1_000;
  return length === "long" ? dice.int(20_000, 60_000) : dice.int(0, 12_000);
}

function step(dice: Dice, apps: readonly App[], index: number, isWhole: boolean): Step {
  const { key: on, workloads } = dice.pick(apps);
  const weights = {
    commit: 9,
    ref: 1.8,
    apps: isWhole ? 0 : 1.6,
    fault: 5.5,
    pods: 1,
    hand: 1.6,
    restart: 2,
    kubelet: 0.7,
    order: 3,
    fight: 0.4,
    move: isWhole ? 0 : 0.8,
  };
  switch (index === 0 ? "commit" : dice.weighted({ ...weights, jump: 0.6 })) {
    case "ref":
      return {
        do: "ref",
        how: dice.pick(["reset", "amend", "merge"]),
        back: dice.int(1, 3),
        on,
        edits: edits(dice, on, workloads, index),
      };
    case "apps":
      return { do: "apps", how: dice.weighted({ remove: 2, rename: 1, break: 2 }), on };
    case "fault":
      return fault(dice);
    case "pods":
      return { do: "delete pods", share: dice.pick([0.3, 0.6, 1]), graceSeconds: dice.pick([null, null, 0, 1]) };
    case "hand":
      return { do: "edit by hand", on: dice.pick(workloads).name, what: dice.pick(["replicas", "image", "delete"]) };
    case "restart":
      return {
        do: "restart",
        how: dice.weighted({ kill: 3, close: 1 }),
        afterSteps: dice.int(0, 25),
        downMs: dice.pick([0, 10, 1_000, dice.int(0, 40_000)]),
      };
    case "order":
      return order(dice, on);
    case "fight":
      return { do: "fight", on: dice.pick(workloads).name, times: dice.int(2, 4) };
    case "move":
      return { do: "move", name: dice.pick(["m-c0", "m-c1"]), to: on };
    case "kubelet":
      return { do: "kill kubelet", downMs: dice.pick([0, 1_000, dice.int(0, 20_000)]) };
    case "jump":
      return { do: "jump", ms: dice.chance(0.5) ? dice.int(1_000, 1_800_000) : -dice.int(1_000, 240_000) };
    default:
      return commit(dice, on, workloads, index);
  }
}

function order(dice: Dice, on: string): Step {
  switch (dice.weighted({ approve: 4, discard: 1, retry: 1.5 })) {
    case "approve":
      return { do: "approve", on, digest: dice.weighted({ shown: 4, earlier: 1, other: 1 }) };
    case "discard":
      return { do: "discard", on };
    default:
      return { do: "retry", on };
  }
}

function fault(dice: Dice): Step {
  const fault = dice.pick(FAULTS);
  return { do: "fault", fault, forMs: LONG.has(fault) ? 200_000 : dice.int(500, 20_000) };
}

function commit(dice: Dice, on: string, workloads: readonly Workload[], index: number): Step {
  return {
    do: "commit",
    on,
    edits: edits(dice, on, workloads, index),
    kind: dice.weighted({ valid: 10, invalid: 1.5, notes: 1, tag: 0.4 }),
    more: dice.pick([0, 0, 0, 0, 1, 2]),
    dieAt: dice.chance(0.12) ? dice.int(0, 14) : null,
    isHeard: dice.chance(0.95),
  };
}

function edits(dice: Dice, key: string, workloads: readonly Workload[], index: number): Edit[] {
  const length = dice.pick([1, 1, 1, 2, 3]);
  return Array.from({ length }, () => edit(dice, key, dice.pick(workloads).name, index));
}

function edit(dice: Dice, key: string, on: string, index: number): Edit {
  switch (
    dice.weighted({ image: 6, note: 3, scale: 3, strategy: 2, pause: 2, undo: 2, timing: 1, remove: 1.5, add: 1 })
  ) {
    case "image":
      return { on, set: { image: image(dice) } };
    case "note":
      return { on, set: { note: `n${index}` } };
    case "scale":
      return { on, set: { replicas: dice.int(0, 6), ...(dice.chance(0.4) && { note: `s${index}` }) } };
    case "strategy":
      return { on, set: { rolling: rolling(dice) } };
    case "pause":
      return { on, set: { paused: dice.chance(0.5) } };
    case "undo":
      return { on, undo: dice.int(1, 3) };
    case "timing":
      return { on, set: { minReadySeconds: dice.int(0, 10), deadline: deadline(dice), history: dice.int(0, 3) } };
    case "remove":
      return dice.chance(0.15)
        ? { removeAll: true }
        : { remove: dice.pick([on, serviceOf(on), `${key}-c0`, `${key}-c1`, `${key}-c2`, `${key}-c3`]) };
    default:
      return dice.chance(0.5) ? { add: workload(dice, on) } : { addService: service(dice, on) };
  }
}

function image(dice: Dice): string {
  const behaviour = dice.weighted({
    good: 8,
    slow: 3,
    heals: 1.5,
    stubborn: 1,
    crashes: 1.2,
    never: 1,
    flaps: 1,
    hangs: 0.8,
    missing: 1,
  } satisfies Record<(typeof BEHAVIOURS)[number], number>);
  return `${behaviour}:${dice.int(1, 9)}`;
}

function deadline(dice: Dice): number | null {
  return dice.chance(0.15) ? null : dice.int(12, 60);
}

function rolling(dice: Dice): Workload["rolling"] {
  if (dice.chance(0.2)) return null;
  const limits = ["0%", "25%", "25%", "50%", "100%", 0, 1, 1, 2, 3];
  const maxSurge = dice.pick(limits);
  const maxUnavailable = dice.pick(limits);
  // Both 0 is refused by validation.
  return Number.parseInt(String(maxSurge), 10) + Number.parseInt(String(maxUnavailable), 10) === 0
    ? { maxSurge: 1, maxUnavailable: 0 }
    : { maxSurge, maxUnavailable };
}

function workload(dice: Dice, name: string): Workload {
  return {
    name,
    replicas: dice.int(1, 5),
    image: dice.chance(0.8) ? `good:${dice.int(1, 9)}` : image(dice),
    note: "n",
    rolling: rolling(dice),
    minReadySeconds: dice.pick([0, 0, 0, 1, dice.int(1, 10)]),
    deadline: deadline(dice),
    history: dice.pick([10, 2, 1, 0]),
    paused: dice.chance(0.05),
    readiness: dice.chance(0.8),
    liveness: dice.chance(0.3),
    graceSeconds: dice.pick([30, 5, 1, 0]),
  };
}

function service(dice: Dice, to: string): SimulatedService {
  return { name: serviceOf(to), to, http: dice.chance(0.5), includeNotReady: dice.chance(0.15) };
}

function serviceOf(workloadName: string): string {
  return `${workloadName}-to`;
}

/** The app after a commit's edits. `past` are earlier states of it, newest last. */
export function edited(app: App, edits: readonly Edit[], past: readonly App[]): App {
  let { workloads, services, configs } = app;
  for (const edit of edits) {
    if ("removeAll" in edit) [workloads, services, configs] = [[], [], []];
    else if ("remove" in edit) {
      workloads = workloads.filter(({ name }) => name !== edit.remove);
      services = services.filter(({ name }) => name !== edit.remove);
      configs = configs.filter((name) => name !== edit.remove);
    } else if ("add" in edit) {
      workloads = [...workloads.filter(({ name }) => name !== edit.add.name), edit.add];
    } else if ("addService" in edit) {
      services = [...services.filter(({ name }) => name !== edit.addService.name), edit.addService];
    } else {
      const change = "set" in edit ? edit.set : templateThen(past, edit.undo, edit.on);
      workloads = workloads.map((each) => (each.name === edit.on ? { ...each, ...change } : each));
    }
  }
  return { ...app, workloads, services, configs };
}

function templateThen(past: readonly App[], back: number, name: string): Partial<Workload> {
  const before = past.at(-1 - back)?.workloads.find((each) => each.name === name);
  return before === undefined
    ? {}
    : { image: before.image, note: before.note, readiness: before.readiness, liveness: before.liveness };
}

/** One line for a person. */
export function describeStep(step: Step): string {
  const { do: what, ...rest } = step;
  return `${what} ${JSON.stringify(rest)}`;
}
